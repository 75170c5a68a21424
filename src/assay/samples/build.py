"""The stage: from a clean log (or the user's own table) to labelled samples with features and an encoder."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assay.config import Config
from assay.errors import InputError
from assay.numerics.hashing import mix
from assay.progress import Report, silent
from assay.runs.store import Folder, missing, write_json, write_parquet
from assay.samples import labelled, queries
from assay.samples.candidates import SOURCES, Candidates, candidates, recall
from assay.samples.describe import Describer
from assay.samples.encoder import LOG_PLAN, TableEncoder
from assay.samples.history import Codes, History, history
from assay.samples.labels import KINDS, Labelled, label
from assay.samples.periods import Splits, check_split, split_periods, starts
from assay.samples.rows import SampleRows, returned, useful, write_rows
from assay.samples.searches import searches
from assay.samples.table import NOT_FEATURES, Samples
from assay.tables import SPLITS

Which = Literal["samples", "candidates", "upcoming"]
_CHUNK = 1 << 20


def request_ids(past: History, user: Codes, period: Codes) -> NDArray[np.int64]:
    """(n,) stable ids of requests: a user in a period."""
    return mix(past.user_hash[user], period).view(np.int64)


def _keys(
    past: History, users: pa.Table, items: pa.Table, user: Codes, item: Codes, period: Codes, draw: NDArray[np.int32],
    lab: NDArray[np.int8], split: NDArray[np.int64], period_days: int,
) -> pa.Table:  # fmt: skip
    """The columns of tables.SAMPLE_KEYS."""
    request, time = request_ids(past, user, period), starts(period, period_days)
    rows = SampleRows(request, user, item, period, time, split, lab, draw)
    return rows.keys(users, items, past.user_hash, past.item_hash)


def _labelled_keys(past: History, users: pa.Table, items: pa.Table, made: Labelled, splits: Splits, days: int) -> pa.Table:
    split = splits.of(made.period)
    keys = _keys(past, users, items, made.user, made.item, made.period, made.draw, made.label, split, days)
    kinds = pa.DictionaryArray.from_arrays(pa.array(made.kind, pa.int8()), pa.array(KINDS))
    return keys.append_column("kind", kinds).append_column("hour", pa.array(made.hour))


def _candidate_keys(
    past: History, users: pa.Table, items: pa.Table, found: Candidates, split: NDArray[np.int64], days: int
) -> pa.Table:
    draw = np.zeros(len(found.user), np.int32)
    keys = _keys(past, users, items, found.user, found.item, found.period, draw, found.label, split, days)
    return keys.append_column("source", pa.array(found.source))


def _requests(past: History, begin: int, end: int, splits: Splits) -> pa.Table:
    """Every request of the periods: who, when, and how many distinct items were taken."""
    rows = past.bought.between(begin, end)
    packed = past.bought.period[rows].astype(np.int64) * len(past.user_hash) + past.bought.user[rows]
    found, counts = np.unique(packed, return_counts=True)
    user, period = (found % len(past.user_hash)).astype(np.int32), (found // len(past.user_hash)).astype(np.int32)
    split = pa.array(SPLITS).take(pa.array(splits.of(period)))
    return pa.table(
        {
            "request_id": request_ids(past, user, period),
            "user_code": user,
            "period": period,
            "split": split,
            "truth_count": counts.astype(np.int32),
        }
    )


def build(config: Config, run: Folder, report: Report = silent) -> list[str]:
    """Write samples/{samples,candidates,upcoming,requests}.parquet, encoder.json, account.json; return their names.

    samples: labelled rows of all four splits, by period, user, item. candidates: what the requests of tuning and
    test are ranked over, with label. upcoming: the same for every user in the period after the log, without
    truth. Of a table of the user's own: samples, and candidates where it names requests. Where requests are queries:
    as queries.build says. SplitError: a split
    without rows or with one class. InputError: no target event.
    """
    if config.table is not None:
        return labelled.build(config, run)
    section, days = config.samples, config.samples.period_days
    events, users, items = (run.read_table(f"clean/{name}.parquet") for name in ("events", "users", "items"))
    if section.request == "query":
        run.path("samples/upcoming.parquet").unlink(missing_ok=True)  # of an earlier config: nobody's search is known yet
        return queries.build(config, run, run, searches(events, users, days, section.search_minutes), report)
    assert config.log is not None
    past = history(events, users, items, section.target, days, config.log.events[0].time_zone)
    if not len(past.bought):
        kinds = ", ".join(sorted(pc.unique(events.column("event")).to_pylist()))
        raise InputError(f"no {section.target!r} event in the log, which has {kinds}; set [samples] target to one of these")
    splits = split_periods(past.first_day, past.last_day, section)
    report("samples", 0, 4)
    made = label(past, splits.begins[0], splits.end, section, config.seed)
    advice = "check [samples] target and the mapping of events"
    check_split(made.label, splits.of(made.period), advice)
    report("samples", 1, 4)
    describer = Describer(events, returned(run, users), users, items, section.target, days, section.features)
    del events
    features = describer.describe(made.user, made.item, made.period)
    train = splits.of(made.period) == 0
    kept, constant = useful(features, train)
    features = features.select(kept)
    plan = replace(LOG_PLAN, binned=(*LOG_PLAN.binned, *describer.own))
    encoder = TableEncoder.fit(features.take(pa.array(np.flatnonzero(train))), plan, config.encode)
    names = [write_rows(run, "samples", _labelled_keys(past, users, items, made, splits, days), features)]
    account = _account(made, splits, days, encoder, kept, constant)
    del features, made
    report("samples", 2, 4)
    tuning, _ = splits.span("tuning")
    found = candidates(past, tuning, splits.end, section)
    requests = _requests(past, tuning, splits.end, splits)
    write_parquet(run.path("samples/requests.parquet"), requests)
    account["candidates"] = {name: _candidate_account(found, requests, splits.span(name), name) for name in ("tuning", "test")}
    split = splits.of(found.period)
    described = describer.describe(found.user, found.item, found.period).select(kept)
    names.append(write_rows(run, "candidates", _candidate_keys(past, users, items, found, split, days), described))
    del found, described
    report("samples", 3, 4)
    after = past.next_period(days)
    coming = candidates(past, after, after + 1, section, everyone=True)
    split = np.full(len(coming.user), len(SPLITS))
    described = describer.describe(coming.user, coming.item, coming.period).select(kept)
    names.append(write_rows(run, "upcoming", _candidate_keys(past, users, items, coming, split, days), described))
    write_json(run.path("samples/encoder.json"), encoder.to_dict())
    write_json(run.path("samples/account.json"), account)
    report("samples", 4, 4)
    return [*names, "samples/requests.parquet", "samples/encoder.json", "samples/account.json"]


def _account(
    made: Labelled, splits: Splits, days: int, encoder: TableEncoder, kept: list[str], constant: list[str]
) -> dict[str, Any]:
    split = splits.of(made.period)
    rows = {name: int((split == k).sum()) for k, name in enumerate(SPLITS)}
    positive = {name: round(float(made.label[split == k].mean()), 6) for k, name in enumerate(SPLITS)}
    return {
        **made.account,
        "rows": rows,
        "share_of_positives": positive,
        "splits": splits.dates(days),
        "features": kept,
        "constant_features_left_out": constant,
        "columns": len(encoder.names),
        "entries_a_row": len(encoder.blocks),
    }


def _candidate_account(found: Candidates, requests: pa.Table, span: tuple[int, int], name: str) -> dict[str, Any]:
    rows = (found.period >= span[0]) & (found.period < span[1])
    part = Candidates(found.user[rows], found.item[rows], found.period[rows], found.source[rows], found.label[rows])
    mine = requests.filter(pc.equal(requests.column("split"), name))
    truths = int(pc.sum(mine.column("truth_count")).as_py() or 0)
    each = round(len(part.user) / max(mine.num_rows, 1), 1)
    return {"requests": mine.num_rows, "candidates_a_request": each, "recall": recall(part, truths)}


def load(run: Folder, split: str | None = None, which: Which = "samples", names: list[str] | None = None) -> Samples:
    """Samples as the stage wrote them, with their encoder; of one split, or all. names: only these features."""
    path = run.path(f"samples/{which}.parquet")
    if not path.exists():
        raise missing(path)
    encoder = TableEncoder.from_dict(run.read_json("samples/encoder.json"))
    table = pq.read_table(path, filters=[("split", "==", split)] if split else None)
    known = [name for name in NOT_FEATURES if name in table.column_names]
    rest = [name for name in table.column_names if name not in known and (names is None or name in names)]
    return Samples(table.select(known), table.select(rest), encoder)


def truth(config: Config, run: Folder) -> tuple[NDArray[np.int64], Codes]:
    """request_id and item_code (n,) of everything that requests took, also of items that are no candidates.

    InputError: a table of the user's own that names no requests.
    """
    if config.log is None:
        if config.table is None or config.table.request is None:
            raise InputError("the table names no requests to rank; name their column in [table] request")
        table = run.read_table("samples/candidates.parquet", ["request_id", "item_code", "label"])
        table = table.filter(pc.equal(table.column("label"), 1))
        return table.column("request_id").to_numpy(), table.column("item_code").to_numpy()
    if config.samples.request == "query":
        return queries.truth(run, config.samples.target)
    events, users, items = (run.read_table(f"clean/{name}.parquet") for name in ("events", "users", "items"))
    past = history(events, users, items, config.samples.target, config.samples.period_days)
    return request_ids(past, past.bought.user, past.bought.period), past.bought.item


def sources(bits: int) -> list[str]:
    """Names of the candidate sources in a row's `source`."""
    return [name for k, name in enumerate(SOURCES) if bits >> k & 1]
