"""The stage `samples` where requests are searches: from impressions to labelled samples, candidates and position bias."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.config import Config
from assay.errors import InputError
from assay.numerics.position_bias import Examination, effective_size, harvested, randomised, regression_em
from assay.numerics.ranking import head_items
from assay.progress import Report
from assay.runs.store import Folder, write_json, write_parquet
from assay.samples.describe import Describer
from assay.samples.encoder import LOG_PLAN, TableEncoder
from assay.samples.history import Codes, History, history
from assay.samples.match import Match, item_texts
from assay.samples.periods import Splits, check_split, hours, split_periods
from assay.samples.rows import SampleRows, returned, useful, write_rows
from assay.samples.searches import Searches
from assay.samples.shown import KINDS, SOURCES, Shown, candidates, labelled
from assay.tables import SEARCH_OUTCOMES, SPLITS
from assay.text.cache import kept_embedder
from assay.text.retrieval import Retrieval

INDEX = "samples/index"
PLAN = replace(
    LOG_PLAN,
    one_hot=(*LOG_PLAN.one_hot, "query", "query_class"),
    binned=(
        *LOG_PLAN.binned, "text_bm25", "text_words_in_name", "text_words_in_category", "text_similarity", "query_words",
        "query_searches_16", "query_click_share", "match_clicks", "match_purchases", "match_click_rate", "match_click_share",
    ),
)  # fmt: skip
_RECENT = 16  # periods that a query's class is told from
_HEAD, _TORSO = 0.5, 0.9  # of all searches


class Features:
    """Features of (user, item, query) at the start of a period: behaviour by SQL, texts by retrieval, how frequent a query is."""

    def __init__(self, config: Config, log: Folder, asked: Searches, users: pa.Table, items: pa.Table, match: Match) -> None:
        section, events = config.samples, log.read_table("clean/events.parquet")
        gone = returned(log, users)
        self.describer = Describer(
            events, gone, users, items, section.target, section.period_days, section.features, searches=asked
        )
        self.asked, self.match = asked, match

    def of(self, user: Codes, item: Codes, period: Codes, query: Codes) -> pa.Table:
        """(n,) rows; all that they say is older than the period, texts apart."""
        table = self.describer.describe(user, item, period, query)
        more = self.match.features(query, item)
        for name in more.column_names:
            table = table.append_column(name, more.column(name))
        texts = pa.DictionaryArray.from_arrays(pa.array(query, pa.int32()), self.asked.queries)
        table = table.append_column("query", texts)
        return table.append_column("query_class", frequency_class(self.asked, query, period))


def frequency_class(asked: Searches, query: Codes, period: Codes) -> pa.DictionaryArray:
    """head: the queries that made up the first half of the searches of the 16 periods before; torso: up to 90 %; tail; new."""
    names = pa.array(["head", "torso", "tail", "new"])
    code, when, of = np.full(len(query), 3, np.int32), asked.column("period"), asked.column("query_code")
    for one in np.unique(period):
        before = (when >= one - _RECENT) & (when < one)
        counts = np.bincount(of[before], minlength=len(asked.queries))
        head, torso = head_items(counts, _HEAD), head_items(counts, _TORSO)
        found = np.where(head, 0, np.where(torso, 1, np.where(counts > 0, 2, 3)))
        rows = period == one
        code[rows] = found[query[rows]]
    return pa.DictionaryArray.from_arrays(pa.array(code), names)


def build(config: Config, log: Folder, out: Folder, asked: Searches, report: Report) -> list[str]:
    """Write samples/ of `out` from the clean log of `log`: what build.build writes, without upcoming, but of searches.

    Besides: searches.parquet, queries.parquet, impressions.parquet (asked itself) and index/ (of item texts). Timestamps are
    those of searches. InputError: no search, no target event among what searches led to, or items without any text.
    """
    section, days = config.samples, config.samples.period_days
    if section.target not in SEARCH_OUTCOMES:
        raise InputError(
            f"[samples] target {section.target!r} is nothing that a search leads to; take {', '.join(SEARCH_OUTCOMES)}"
        )
    if not len(asked):
        raise InputError('the log has no search with a query; map a query column, or set [samples] request = "user"')
    if not asked.outcome(section.target).any():
        raise InputError(f"no search led to a {section.target!r} event; set [samples] target, or raise search_minutes")
    assert config.log is not None
    zone = config.log.events[0].time_zone
    events, users, items = (log.read_table(f"clean/{name}.parquet") for name in ("events", "users", "items"))
    past = history(events, users, items, section.target, days, zone)
    del events
    splits = split_periods(past.first_day, past.last_day, section)
    report("samples", 0, 4)
    retrieval = Retrieval(kept_embedder(config.text.embedder, log.cache("vectors"))).fit(item_texts(items))
    retrieval.save(out.path(INDEX))
    match = Match(asked.queries, items, retrieval)
    lists = match.lists(asked.column("query_code")[~asked.column("listed")], section.candidates_query)
    made, account = labelled(asked, past, lists, splits.begins[0], splits.end, section, config.seed)
    advice = "check [samples] target and the mapping of events"
    check_split(made.label, splits.of(_of(asked, made, "period")), advice)
    report("samples", 1, 4)
    features = Features(config, log, asked, users, items, match)
    described = _described(features, asked, made)
    keys = _keys(past, users, items, asked, made, splits)
    train = splits.of(_of(asked, made, "period")) == 0
    kept, constant = useful(described, train)
    described = described.select(kept)
    plan = replace(PLAN, binned=(*PLAN.binned, *features.describer.own))
    encoder = TableEncoder.fit(described.take(pa.array(np.flatnonzero(train))), plan, config.encode)
    keys, account["position_bias"] = _weighted(config, asked, made, train, keys, encoder, described)
    keys = keys.append_column("kind", pa.DictionaryArray.from_arrays(pa.array(made.kind), pa.array(KINDS)))
    keys = keys.append_column("hour", pa.array(hours(keys.column("timestamp"), zone)))
    names = [write_rows(out, "samples", keys, described)]
    report("samples", 2, 4)
    account |= _shape(made, splits, asked, keys) | {"searches": asked.account, "splits": splits.dates(days)}
    account |= {"features": kept, "constant_features_left_out": constant, "columns": len(encoder.names)}
    account["entries_a_row"] = len(encoder.blocks)
    del described, keys, made
    tuning, _ = splits.span("tuning")
    found = candidates(asked, past, lists, tuning, splits.end, section)
    requests = _requests(asked, section.target, splits)
    account["candidates"] = {name: _recall(asked, found, requests, splits, name) for name in ("tuning", "test")}
    keys = _keys(past, users, items, asked, found, splits).append_column("source", pa.array(found.source))
    names.append(write_rows(out, "candidates", keys, _described(features, asked, found).select(kept)))
    report("samples", 3, 4)
    write_parquet(out.path("samples/requests.parquet"), requests)
    names += ["samples/requests.parquet", *write_searches(out, asked)]
    write_json(out.path("samples/encoder.json"), encoder.to_dict())
    write_json(out.path("samples/account.json"), account)
    report("samples", 4, 4)
    index = sorted(f"{INDEX}/{path.name}" for path in out.path(INDEX).iterdir())
    return [*names, *index, "samples/encoder.json", "samples/account.json"]


def write_searches(run: Folder, asked: Searches, folder: str = "samples") -> list[str]:
    """Write the searches themselves into a folder of the run, and return the files' names."""
    parts = {"searches": asked.requests, "impressions": asked.impressions, "queries": pa.table({"query": asked.queries})}
    for name, table in parts.items():
        write_parquet(run.path(f"{folder}/{name}.parquet"), table)
    return [f"{folder}/{name}.parquet" for name in parts]


def read_searches(run: Folder, folder: str = "samples") -> Searches:
    """The searches that `write_searches` wrote; their account is not kept with them."""
    tables = (run.read_table(f"{folder}/{name}.parquet") for name in ("searches", "impressions", "queries"))
    requests, impressions, queries = tables
    return Searches(requests, queries.column("query").combine_chunks(), impressions, {})


def _of(asked: Searches, rows: Shown, name: str) -> NDArray[Any]:
    """(n,) a column of the rows' searches."""
    return np.asarray(asked.column(name)[rows.search])


def _described(features: Features, asked: Searches, rows: Shown) -> pa.Table:
    user, query, period = (_of(asked, rows, name) for name in ("user_code", "query_code", "period"))
    return features.of(user, rows.item, period, query)


def _keys(past: History, users: pa.Table, items: pa.Table, asked: Searches, rows: Shown, splits: Splits) -> pa.Table:
    period = _of(asked, rows, "period")
    time = asked.requests.column("timestamp").take(pa.array(rows.search)).combine_chunks()
    made = SampleRows(
        _of(asked, rows, "request_id"), _of(asked, rows, "user_code"), rows.item, period, time, splits.of(period), rows.label,
        rows.draw,
    )  # fmt: skip
    return made.keys(users, items, past.user_hash, past.item_hash)


def _weighted(
    config: Config,
    asked: Searches,
    made: Shown,
    train: NDArray[np.bool_],
    keys: pa.Table,
    encoder: TableEncoder,
    features: pa.Table,
) -> tuple[pa.Table, dict[str, Any]]:
    """Keys with the weights that undo position bias in train, and an account of it."""
    section = config.samples
    place = np.zeros(len(train), np.int64)
    shown = made.impression >= 0
    known = pc.fill_null(asked.impressions.column("position"), 0).to_numpy()
    place[shown] = known[made.impression[shown]]
    if section.position_bias == "none":
        return keys, {"method": "none"}
    rows = np.flatnonzero(train & (place > 0))
    found = _examination(config, asked, made, rows, place, encoder, features)
    weight = np.where(train, found.weights(place, made.label, section.clip), 1.0)
    at = keys.column_names.index("weight")
    page = {
        "method": found.method,
        "examination": found.examination.round(6).tolist(),
        "rows": found.rows.tolist(),
        "clip": section.clip,
        "clipped": int((train & (made.label > 0) & (place > 0) & (weight >= section.clip)).sum()),
        "positives": int((made.label[train] > 0).sum()),
        "effective_positives": round(effective_size(weight[train & (made.label > 0)]), 1),
        "effective_rows": round(effective_size(weight[train]), 1),
    }
    return keys.set_column(at, "weight", pa.array(weight)), page


def _examination(
    config: Config, asked: Searches, made: Shown, rows: NDArray[np.int64], place: NDArray[np.int64], encoder: TableEncoder,
    features: pa.Table,
) -> Examination:  # fmt: skip
    """What train says of how places are looked at."""
    at, label = place[rows], made.label[rows]
    if config.samples.position_bias == "logged":
        propensity = asked.impressions.column("propensity").to_numpy(zero_copy_only=False)
        return randomised(at, label, propensity[made.impression[rows]])
    if config.samples.position_bias == "harvested":
        query = _of(asked, made, "query_code")[rows].astype(np.int64)
        return harvested(query * (int(made.item.max()) + 1) + made.item[rows], at, label)
    return regression_em(at, label, encoder.transform(features.take(pa.array(rows))))


def _requests(asked: Searches, target: str, splits: Splits) -> pa.Table:
    """Searches of tuning and test that took something: who, when, what for, how many items."""
    taken = np.bincount(asked.of("request")[asked.outcome(target)], minlength=len(asked))
    split = splits.of(asked.column("period"))
    inside = (split >= SPLITS.index("tuning")) & (asked.column("period") < splits.end)
    rows = np.flatnonzero((taken > 0) & inside)
    names = ("request_id", "user_code", "period", "query_code", "timestamp")
    columns: dict[str, Any] = {name: asked.requests.column(name).take(pa.array(rows)) for name in names}
    columns["query"] = asked.queries.take(columns["query_code"])
    columns["split"] = pa.array(SPLITS).take(pa.array(split[rows]))
    return pa.table(columns | {"truth_count": taken[rows].astype(np.int32)})


def truth(run: Folder, target: str) -> tuple[NDArray[np.int64], Codes]:
    """request_id and item_code (n,) of everything that searches took."""
    asked = read_searches(run)
    taken = asked.outcome(target)
    return asked.column("request_id")[asked.of("request")[taken]], asked.of("item_code")[taken]


def _shape(made: Shown, splits: Splits, asked: Searches, keys: pa.Table) -> dict[str, Any]:
    split = splits.of(_of(asked, made, "period"))
    searches = keys.column("request_id").to_numpy()
    return {
        "rows": {name: int((split == k).sum()) for k, name in enumerate(SPLITS)},
        "share_of_positives": {name: round(float(made.label[split == k].mean()), 6) for k, name in enumerate(SPLITS)},
        "requests": {name: len(np.unique(searches[split == k])) for k, name in enumerate(SPLITS)},
    }


def _recall(asked: Searches, found: Shown, requests: pa.Table, splits: Splits, name: str) -> dict[str, Any]:
    rows = splits.of(_of(asked, found, "period")) == SPLITS.index(name)
    mine = requests.filter(pc.equal(requests.column("split"), name))
    truths = max(int(pc.sum(mine.column("truth_count")).as_py() or 0), 1)
    hits = {source: int(found.label[rows & ((found.source >> k) & 1 == 1)].sum()) for k, source in enumerate(SOURCES)}
    shares = {source: round(hit / truths, 6) for source, hit in (hits | {"all": int(found.label[rows].sum())}).items()}
    each = round(int(rows.sum()) / max(mine.num_rows, 1), 1)
    return {"requests": mine.num_rows, "candidates_a_request": each, "recall": shares}
