"""A benchmark: requests, what was right for each, what may be ranked for it, and by which measures systems are judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike

from assay.benchmark import inputs, readers, trec
from assay.benchmark.attributes import KEYS
from assay.benchmark.board.scoreboard import Scoreboard, refuse_names
from assay.benchmark.items import PAST, Training, catalogue
from assay.benchmark.trec import PREDICTIONS
from assay.errors import InputError
from assay.numerics.names import refuse_beyond
from assay.shown import html_table

REQUEST, PAIR = "request_id", ("request_id", "item_id")


@dataclass(frozen=True)
class Benchmark:
    """R requests, in order of id.

    requests: request_id, user_id, then attributes of the requests. truth: request_id, item_id, grade. candidates:
    request_id, item_id, or None: any item may be ranked. measures: names; the first is decided on. scores: what systems
    scored on exactly these requests, or None. about: what is known of its making, as JSON takes it. items: the catalogue as
    items.Catalogue.table, or None; then requests may have past_popularity. judgements: people's, from which truth has grades: who
    gave which and when, as judged.combined.SCHEMA, or None.

    InputError: the first measure says nothing of good or bad.
    """

    requests: pa.Table
    truth: pa.Table
    candidates: pa.Table | None
    measures: tuple[str, ...]
    scores: Scoreboard | None
    about: Mapping[str, Any]
    items: pa.Table | None = None
    judgements: pa.Table | None = None

    def __post_init__(self) -> None:
        refuse_beyond(self.measures[0])

    @classmethod
    def of(
        cls,
        truth: Any,
        *,
        requests: Any = None,
        candidates: Any = None,
        measures: Sequence[str] = readers.MEASURES,
        scores: Scoreboard | None = None,
        about: Mapping[str, Any] | None = None,
        items: Any = None,
        train: Any = None,
    ) -> Self:
        """From tables, each a path (.parquet, .csv) or anything that speaks Arrow.

        truth: request_id, item_id, grade; as in `from_tables` it may carry user_id and attributes, unless `requests` does
        (request_id, one row each; rows that truth does not name are left out). scores: on at least these requests. items,
        train: as in `from_tables`; of train only what measures need is kept, a mean for each request.

        In the names of measures, err without a scale has the highest grade of truth as its own, so that it stays one measure.

        InputError: what `from_tables` refuses; a request is there twice, has no row or no candidate; an attribute is no
        plain column.
        """
        of_truth, judged = readers.judged(truth)
        names = tuple(dict.fromkeys(_on_scale(name, judged) for name in measures))
        if requests is None:
            described = of_truth
        else:
            own = inputs.read_table(requests, "requests", (REQUEST,))
            described = _rows_of(own, of_truth.column(REQUEST), "requests")
            if "user_id" not in described.column_names:
                described = described.append_column("user_id", of_truth.column("user_id"))
        rest = [name for name in described.column_names if name not in (REQUEST, "user_id")]
        refuse_names(rest, measures)
        listed = None if candidates is None else _candidates(candidates, described.column(REQUEST))
        if listed is not None and not _reachable(judged, listed):
            raise InputError("candidates hold no relevant item of any request: no system can score above 0; compare the ids")
        kept = described.select([REQUEST, "user_id", *rest])
        training = None if train is None else Training.of(train)
        if training is not None:
            kept = kept.drop_columns([PAST] if PAST in rest else [])
            kept = kept.append_column(PAST, training.of_users(kept.column("user_id").combine_chunks()))
        known = catalogue(items, training, *(table.column("item_id") for table in (judged, listed) if table is not None))
        benchmark = cls(kept, judged, listed, names, None, dict(about or {}), None if known is None else known.table)
        return benchmark if scores is None else replace(benchmark, scores=benchmark._aligned(scores))

    def _repr_html_(self) -> str:
        """How large it is, for a notebook."""
        listed = "any item may be ranked" if self.candidates is None else f"{self.candidates.num_rows:,}"
        systems = "none" if self.scores is None else ", ".join(self.scores.systems)
        return html_table(
            [
                ("requests", f"{len(self):,}"),
                ("relevant items", f"{self.truth.num_rows:,}"),
                ("candidates", listed),
                ("measures", ", ".join(self.measures)),
                ("attributes", ", ".join(self.attributes.column_names) or "none"),
                ("systems", systems),
            ]
        )

    def __len__(self) -> int:
        return int(self.requests.num_rows)

    @property
    def attributes(self) -> pa.Table:
        """What is known of the requests besides attributes.KEYS."""
        return self.requests.drop_columns([name for name in KEYS if name in self.requests.column_names])

    def take(self, rows: ArrayLike) -> Self:
        """The benchmark of some requests: positions (n,), kept in order of id."""
        at = np.sort(np.asarray(rows, np.int64))
        requests = self.requests.take(pa.array(at))

        def of_them(table: pa.Table) -> pa.Table:
            return table.filter(pc.is_in(table.column(REQUEST), requests.column(REQUEST).combine_chunks()))

        listed = None if self.candidates is None else of_them(self.candidates)
        scores = None if self.scores is None else self.scores.take_requests(at)
        said = None if self.judgements is None else of_them(self.judgements)
        return replace(self, requests=requests, truth=of_them(self.truth), candidates=listed, scores=scores, judgements=said)

    def cut(self, predictions: Mapping[str, Any]) -> tuple[dict[str, pa.Table], dict[str, int]]:
        """Systems' predictions for these requests alone; and, of each system that has more, the number of other requests.

        Predictions for none of these requests stay whole: `score` refuses them.
        """
        own, tables, others = self.requests.column(REQUEST).combine_chunks(), {}, {}
        for name, source in predictions.items():
            table = inputs.read_table(source, f"system {name!r}", PREDICTIONS)
            answered, ids = inputs.alike(table.column(REQUEST), own)
            is_own = pc.is_in(answered, ids)
            tables[name] = table.filter(is_own) if pc.any(is_own).as_py() else table
            if tables[name].num_rows < table.num_rows:
                others[name] = len(answered.filter(pc.invert(is_own)).unique())
        return tables, others

    def score(self, predictions: Mapping[str, Any], families: Mapping[str, str] | None = None) -> Scoreboard:
        """Systems' predictions (request_id, item_id, score), each a path or a table, by all measures; see `from_tables`.

        InputError also: a system ranks an item that is no candidate of its request.
        """
        needed = trec.PREDICTIONS
        tables = {name: inputs.read_table(source, f"system {name!r}", needed) for name, source in predictions.items()}
        if self.candidates is not None:
            for name, table in tables.items():
                _only_candidates(table, self.candidates, f"system {name!r}")
        truth, row = self.truth, self._rows_of_truth()
        for name in (name for name in ("user_id", PAST) if name in self.requests.column_names):
            truth = truth.append_column(name, self.requests.column(name).take(row))
        return self._aligned(readers.from_tables(truth, tables, self.measures, families=families, items=self.items))

    def _aligned(self, board: Scoreboard) -> Scoreboard:
        """The board's scores on these requests, in their order, with their attributes."""
        scored, own = inputs.alike(pa.chunked_array([board.request]), self.requests.column(REQUEST).combine_chunks())
        at = pc.index_in(own, scored.combine_chunks())
        if at.null_count:
            first = own.filter(pc.is_null(at))[0].as_py()
            raise InputError(f"the systems were not scored on {at.null_count} of {len(own)} requests, the first {first!r}")
        attributes = {name: self.attributes.column(name) for name in self.attributes.column_names}
        taken = board.take_requests(at.to_numpy())
        return replace(taken, request=self.requests.column(REQUEST).combine_chunks(), attributes=attributes)

    def _rows_of_truth(self) -> pa.Array:
        """The row of its request (n,) for each row of truth."""
        of, ids = inputs.alike(self.truth.column(REQUEST), self.requests.column(REQUEST).combine_chunks())
        return pc.index_in(of, ids).combine_chunks()


def _on_scale(name: str, truth: pa.Table) -> str:
    """A measure's name; of err without a scale, with the highest grade of truth."""
    measure = readers.measure_name(name)
    if measure is None or measure.base != "err" or measure.setting is not None:
        return name
    return str(measure._replace(setting=float(pc.max(truth.column("grade")).as_py())))


def _rows_of(table: pa.Table, ids: pa.ChunkedArray, where: str) -> pa.Table:
    """The one row of each id, in their order."""
    present, wanted = inputs.alike(table.column(REQUEST), ids.combine_chunks())
    counts = present.value_counts()
    if len(counts) < len(present):
        name = next(one["values"] for one in counts.to_pylist() if one["counts"] > 1)
        raise InputError(f"{where}: request {name!r} is there twice; give each request one row")
    at = pc.index_in(wanted, present.combine_chunks())
    if at.null_count:
        missing = wanted.filter(pc.is_null(at))
        raise InputError(f"{where} has no row for {len(missing)} requests of truth, the first {missing[0].as_py()!r}; add them")
    return table.take(at).set_column(table.column_names.index(REQUEST), REQUEST, ids)


def _candidates(source: Any, ids: pa.ChunkedArray) -> pa.Table:
    table = inputs.read_table(source, "candidates", PAIR)
    present, wanted = inputs.alike(table.column(REQUEST), ids.combine_chunks())
    bare = pc.invert(pc.is_in(wanted, present.combine_chunks()))
    if pc.any(bare).as_py():
        missing = wanted.filter(bare)
        first = missing[0].as_py()
        raise InputError(f"candidates: {len(missing)} requests have none, the first {first!r}; list theirs, or leave all out")
    table = table.set_column(table.column_names.index(REQUEST), REQUEST, present)
    table = table.filter(pc.is_in(present, wanted)).select(PAIR)
    if table.group_by(list(PAIR), use_threads=False).aggregate([]).num_rows < table.num_rows:
        raise InputError("candidates: an item is listed twice for a request; list each once")
    return table.set_column(0, REQUEST, table.column(REQUEST).cast(ids.type))


def _reachable(truth: pa.Table, candidates: pa.Table) -> bool:
    """Whether any relevant item is among its request's candidates."""
    left, right = _same_types(truth.filter(pc.greater(truth.column("grade"), 0)).select(PAIR), candidates)
    return bool(left.join(right, list(PAIR), join_type="left semi").num_rows)


def _same_types(left: pa.Table, right: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Both with ids of one type: as they are, or as text."""
    for place, name in enumerate(PAIR):
        if left.column(name).type != right.column(name).type:
            left, right = (t.set_column(place, name, t.column(name).cast(pa.string())) for t in (left, right))
    return left, right


def _only_candidates(table: pa.Table, candidates: pa.Table, where: str) -> None:
    left, right = _same_types(table.select(PAIR), candidates)
    strange = left.join(right, list(PAIR), join_type="left anti")
    of_request = pc.is_in(left.column(REQUEST), right.column(REQUEST).combine_chunks())
    strange = strange.filter(pc.is_in(strange.column(REQUEST), left.column(REQUEST).filter(of_request).combine_chunks()))
    if strange.num_rows:
        request, item = (strange.column(name)[0].as_py() for name in PAIR)
        raise InputError(
            f"{where} ranks {strange.num_rows} items that are no candidates of their request, the first {item!r} for "
            f"{request!r}; rank the candidates alone"
        )
