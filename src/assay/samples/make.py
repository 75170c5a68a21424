"""Make samples of any kind of request: labelled rows with features, their encoder, candidates. Only this module writes them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.config import Config
from assay.logs.clean_log import CleanLog
from assay.pages.samples import SamplesMade
from assay.progress import Report, silent
from assay.runs.store import Folder, write_json, write_parquet
from assay.samples.encoder import Encoding, TableEncoder
from assay.samples.own_table import TableRequests
from assay.samples.query_requests import QueryRequests
from assay.samples.rows import Chunk
from assay.samples.session_requests import SessionRequests
from assay.samples.splits import check_splits
from assay.samples.stored import ENCODER, INDEX, file_of, takings_of, with_label_type
from assay.samples.table import Samples
from assay.samples.user_requests import UserRequests
from assay.tables import SPLITS
from assay.task import BINARY, LabelType
from assay.text.cache import kept_embedder
from assay.text.retrieval import Retrieval

_STEPS = 4
_GROUP = 1 << 16  # rows of candidates that are read together: a request has some hundred
_DIGITS = 6


class Requests(Protocol):
    """One kind of request. What all kinds have in common, make_samples does.

    candidate_sources: names of the bits of a candidate's `source`, if candidates have one. advice: what to change when a
    split cannot serve. retrieval: an index of item texts that is kept beside the samples, if there is one.
    """

    @property
    def candidate_sources(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def advice(self) -> str: ...  # noqa: D102
    @property
    def retrieval(self) -> Retrieval | None: ...  # noqa: D102

    @property
    def encoding(self) -> Encoding:
        """How features are encoded; complete when the labelled rows were described."""
        ...

    def kept(self, features: pa.Table, train: NDArray[np.bool_]) -> list[str]:
        """Names of the features (n,) to keep; train (n,) marks the rows to tell it by."""
        ...

    def labelled(self) -> Chunk:
        """Labelled rows of all four splits."""
        ...

    def ranked(self) -> Iterator[tuple[str, Chunk]]:
        """What requests are ranked over, by name: candidates (of tuning and test) and upcoming, if there are any."""
        ...

    def tables(self, keys: pa.Table) -> dict[str, pa.Table]:
        """More tables by name: requests (of tuning and test) where they are named, and what only this kind has.

        keys: of the labelled rows.
        """
        ...

    def account(self, keys: pa.Table, encoder: TableEncoder, constant: list[str]) -> dict[str, Any]:
        """What only this kind says of the labelled rows; constant: the features that were not kept."""
        ...


def requests_of(config: Config, run: Folder) -> Requests:
    """What a config asks for: rows of a table of one's own, searches, steps of sessions, or users in a period."""
    if config.table is not None:
        return TableRequests(config.table, config.samples, config.evaluate.groups)
    log = CleanLog.read(run)
    if config.samples.request == "query":
        return QueryRequests(config.samples, config.seed, log, kept_embedder(config.text.embedder, run.cache("vectors")))
    if config.samples.request == "session":
        return SessionRequests(config.samples, config.seed, log)
    return UserRequests(config.samples, config.seed, log)


def make_samples(config: Config, run: Folder, report: Report = silent) -> list[str]:
    """Write samples/ of a run and return the names of the artefacts.

    samples.parquet: labelled rows of all four splits. candidates.parquet: what the requests of tuning and test are ranked over,
    with label, and requests.parquet: these requests; neither where a table of one's own names no requests. Where requests are
    users: takings.parquet, all that users took, and upcoming.parquet, candidates of every user in the period after the log,
    without truth. Where requests are steps of sessions: these too, upcoming of the last sessions, and steps.parquet, the truth.
    Where requests are queries: searches.parquet, queries.parquet, impressions.parquet and index/ (of item texts).
    Where a table names groups of people: groups.parquet. encoder.json, account.json.
    SplitError: a split without rows or with one class, too few periods. InputError: no target event, and as each kind says.
    """
    report("samples", 0, _STEPS)
    requests = requests_of(config, run)
    part = requests.labelled()
    split, label = part.split, part.label
    kind = config.label_type
    response = label if kind.is_chance else part.keys.column("amount").to_numpy()
    check_splits(response, split, kind, requests.advice)
    report("samples", 1, _STEPS)
    features = part.describe()
    kept = requests.kept(features, split == 0)
    constant = [name for name in features.column_names if name not in kept]
    features = features.select(kept)
    encoder = TableEncoder.fit(features.take(pa.array(np.flatnonzero(split == 0))), requests.encoding, config.encode)
    keys = part.keys
    samples = Samples(keys, features, encoder, label_type=kind)
    account = {**part.account, **requests.account(part.keys, encoder, constant)}
    account |= {
        "rows": {name: int((split == k).sum()) for k, name in enumerate(SPLITS)},
        "share_of_positives": {name: round(float(label[split == k].mean()), 6) for k, name in enumerate(SPLITS)},
        "features": kept,
        "columns": len(encoder.names),
    }
    if kind.has_amounts:
        account["amounts"] = _amounts(keys, split)
    if part.weigh is not None:
        weight, more = part.weigh(samples)
        samples = samples.with_weight(weight)
        account |= more
    written = [_write(run, "samples", samples.table(), kind)]
    del part, features, samples
    report("samples", 2, _STEPS)
    tables = requests.tables(keys)
    written += [_write(run, name, table) for name, table in tables.items()]
    for done, (name, rows) in enumerate(requests.ranked(), 3):
        if name == "candidates" and requests.candidate_sources:
            account["candidates"] = _candidate_account(rows.keys, tables, requests.candidate_sources)
        written.append(_write(run, name, Samples(rows.keys, rows.describe().select(kept)).table(), kind, group=_GROUP))
        report("samples", done, _STEPS)
    if requests.retrieval is not None:
        requests.retrieval.save(run.path(INDEX))
        written += sorted(f"{INDEX}/{path.name}" for path in run.path(INDEX).iterdir())
    write_json(run.path(ENCODER), encoder.to_dict())
    write_json(run.path(SamplesMade.path), SamplesMade.model_validate(account).content())
    report("samples", _STEPS, _STEPS)
    return [*written, ENCODER, SamplesMade.path]


def _write(run: Folder, name: str, table: pa.Table, kind: LabelType = BINARY, *, group: int = 1 << 20) -> str:
    write_parquet(run.path(file_of(name)), with_label_type(table, kind), group=group)
    return file_of(name)


def _amounts(keys: pa.Table, split: NDArray[np.int64]) -> dict[str, dict[str, float]]:
    """Of each split: the mean amount of all rows, the median and the most of those above 0."""
    amount, account = keys.column("amount").to_numpy(), {}
    for k, name in enumerate(SPLITS):
        own = amount[split == k]
        above = own[own > 0]
        account[name] = {
            "mean": round(float(own.mean()), _DIGITS),
            "median_above_0": round(float(np.median(above)), _DIGITS) if len(above) else 0.0,
            "most": round(float(own.max()), _DIGITS),
        }
    return account


def _candidate_account(keys: pa.Table, tables: Mapping[str, pa.Table], sources: Sequence[str]) -> dict[str, Any]:
    """Of tuning and test: requests, candidates per request, and the share of what was taken that each source had, and all.

    Where takings are known, also the share of what was taken again, and of what was new to its user.
    """
    account: dict[str, Any] = {}
    log = takings_of(tables["takings"]) if "takings" in tables else None
    for name in ("tuning", "test"):
        rows, requests = (table.filter(pc.equal(table.column("split"), name)) for table in (keys, tables["requests"]))
        label, source = rows.column("label").to_numpy(), rows.column("source").to_numpy()
        named = {each: (source >> k) & 1 == 1 for k, each in enumerate(sources)}
        hits = {each: int(label[mine].sum()) for each, mine in named.items() if mine.any()} | {"all": int(label.sum())}
        truths = int(pc.sum(requests.column("truth_count")).as_py() or 0)
        account[name] = {
            "requests": requests.num_rows,
            "candidates_a_request": round(rows.num_rows / max(requests.num_rows, 1), 1),
            "recall": {each: round(hit / max(truths, 1), _DIGITS) for each, hit in hits.items()},
        }
        if log is not None:
            new = int(pc.sum(requests.column("new_count")).as_py() or 0)
            taken = Samples(rows.filter(pc.equal(rows.column("label"), 1)), pa.table({}))
            again = int(log.had_before(taken.user, taken.item, taken.moment).sum())
            parts = {"repeat": (again, truths - new), "new": (len(taken) - again, new)}
            account[name]["recall_of_parts"] = {
                part: round(hit / of, _DIGITS) if of else None for part, (hit, of) in parts.items()
            }
    return account
