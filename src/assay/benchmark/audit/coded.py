"""The evidence as arrays, and what a check returns."""

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.benchmark.audit.evidence import COLUMNS, Evidence
from assay.errors import InputError
from assay.evaluation.leakage import Finding
from assay.language import english
from assay.numerics import clusters
from assay.numerics import statistics as st
from assay.numerics.hashing import Hashes, mix
from assay.numerics.measures import auc_by_user

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

EXAMPLES = 3
# A test of one thing warns below this p; tests of several are corrected by Holm at 5 %.
LEVEL = 0.01
NEVER = np.iinfo(np.int64).max
DAY = 86_400_000_000  # microseconds
LEARNT = ("train", "validation")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LackingError(Exception):
    """What a check misses, although the tables and columns that it needs are there."""


class Outcome(NamedTuple):
    """Findings of a check, and the numbers it measured, by name."""

    findings: list[Finding]
    facts: dict[str, Any]


class Mean(NamedTuple):
    """A mean with its 95 % interval, clustered by user (CR2), and the p of its being what it would be by chance."""

    value: float
    low: float
    high: float
    p: float

    def to_dict(self) -> dict[str, float]:
        """Value and interval, as JSON takes them."""
        return {"value": self.value, "low": self.low, "high": self.high}

    def __str__(self) -> str:
        ends = {"number_low": f"{self.low:.3f}", "number_high": f"{self.high:.3f}"}
        return english("{number} ({number_low} to {number_high})", number=f"{self.value:.3f}", **ends)


def mean(values: Any, user: Ints, chance: float = 0.0) -> Mean:
    """Mean of values (n,) of users (n,), tested against `chance`; LackingError with fewer than two users."""
    array = np.asarray(values, np.float64)
    code = np.unique(user, return_inverse=True)[1]
    if not len(code) or code.max() < 1:
        raise LackingError(english("rows of at least 2 users to measure on"))
    stderr = np.sqrt((clusters.deviations(code, array[None]) ** 2).sum())
    p, low, high = st.t_test(array.mean() - chance, stderr, clusters.degrees_of_freedom(code) + 1)
    return Mean(float(array.mean()), float(low + chance), float(high + chance), float(p))


def among(values: NDArray[Any], those: NDArray[Any]) -> Bools:
    """Which of values (n,) are among those (m,): np.isin by hashing, several times as fast on millions."""
    return np.asarray(pc.is_in(pa.array(values), value_set=pa.array(those)).to_numpy(zero_copy_only=False))


def iso(micro: Any) -> str:
    """Microseconds since 1970 as ISO text, UTC."""
    return (_EPOCH + timedelta(microseconds=int(micro))).isoformat()


def plain(value: Any) -> Any:
    """A value as JSON takes it: instants as ISO text, NumPy's scalars as Python's."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value


def request_auc(label: Bools, score: Any, request: Ints, band: Ints | int = 0) -> tuple[Ints, Floats]:
    """Requests (m,), rising, and the AUC (m,) of a score within each; requests of one class are left out.

    label, score, request and band (n,). Only positives and negatives of one band are compared, a pair counts once.
    """
    bands = int(np.max(band)) + 1
    group = request * bands + band
    groups, each = auc_by_user(label, score, group)
    code = np.searchsorted(groups, group)
    pairs = np.bincount(code, label) * np.bincount(code, ~label)
    both = pairs > 0
    of, place = np.unique(groups[both] // bands, return_inverse=True)
    total = np.bincount(place, pairs[both], len(of))
    return of, np.bincount(place, pairs[both] * each[both], len(of)) / total


class Coded:
    """The evidence as arrays: ids as codes in order of id, over all tables; instants in microseconds since 1970.

    InputError: a request is there twice, or truth or candidates name a request that is not.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self._ids: dict[str, pa.Array] = {}
        self._codes: dict[tuple[str, str], Ints] = {}
        self._times: dict[str, Ints] = {}
        request = self.code("requests", "request_id")
        count = np.bincount(request, minlength=self.size("request_id"))
        if (count > 1).any():
            name = self.id("request_id", int(np.argmax(count > 1)))
            raise InputError(f"requests: request_id {name!r} is there {count.max()} times; give each request one row")
        for table in ("truth", "candidates"):
            self._refuse_unknown(table, count == 0)
        self.request_row = np.argsort(request)

    def _refuse_unknown(self, table: str, unknown: Bools) -> None:
        if not self.evidence.has(table):
            return
        rows = unknown[self.code(table, "request_id")]
        if rows.any():
            name = self.id("request_id", int(self.code(table, "request_id")[rows].min()))
            raise InputError(f"{table}: {int(rows.sum())} rows are of requests that requests lacks, as {name!r}; add them")

    def has(self, path: str) -> bool:
        """As Evidence.has."""
        return self.evidence.has(path)

    def _build(self, column: str) -> None:
        """One vocabulary of an id over all tables that name it."""
        tables = [name for name in COLUMNS if self.has(name) and column in self.evidence.shown(name)]
        parts = [getattr(self.evidence, name).column(column).combine_chunks() for name in tables]
        if len({part.type for part in parts}) > 1:
            parts = [part.cast(pa.large_string()) for part in parts]
        coded = pa.chunked_array(parts).dictionary_encode().unify_dictionaries()
        words = coded.chunk(0).dictionary
        order = pc.sort_indices(words).to_numpy()
        rank = np.empty(len(order) + 1, np.int64)
        rank[order], rank[-1] = np.arange(len(order)), -1
        self._ids[column] = words.take(pa.array(order))
        for name, chunk in zip(tables, coded.chunks, strict=True):
            self._codes[name, column] = rank[chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False)]

    def ids(self, column: str) -> pa.Array:
        """All ids of a kind, in order."""
        if column not in self._ids:
            self._build(column)
        return self._ids[column]

    def id(self, column: str, code: int) -> Any:
        """The id of a code."""
        return self.ids(column)[code].as_py()

    def size(self, column: str) -> int:
        """How many ids of a kind there are."""
        return len(self.ids(column))

    def code(self, table: str, column: str) -> Ints:
        """Codes (n,) of an id column, -1 where it is null."""
        self.ids(column)
        return self._codes[table, column]

    def time(self, table: str) -> Ints:
        """Instants (n,) of a table; NEVER where null."""
        if table not in self._times:
            column = getattr(self.evidence, table).column("timestamp").cast(pa.int64())
            self._times[table] = column.fill_null(NEVER).to_numpy()
        return self._times[table]

    def number(self, table: str, column: str) -> Floats:
        """A numeric column (n,), NaN where null."""
        return np.asarray(getattr(self.evidence, table).column(column).to_numpy(), np.float64)

    def kind(self, *names: str) -> Bools:
        """Which events are of one of these kinds, and of an item."""
        of_kind = pc.is_in(self.evidence.events.column("event"), value_set=pa.array(names, pa.large_string()))
        return np.asarray(of_kind.to_numpy() & (self.code("events", "item_id") >= 0))

    def pair(self, table: str) -> Ints:
        """(n,) one number for user and item of train, validation or events; of no meaning without an item."""
        return np.asarray(self.code(table, "user_id") * self.size("item_id") + self.code(table, "item_id"))

    def listed(self, table: str) -> Ints:
        """(n,) one number for request and item of truth or candidates."""
        return np.asarray(self.code(table, "request_id") * self.size("item_id") + self.code(table, "item_id"))

    def event_hash(self, table: str) -> Hashes:
        """(n,) user, item and instant of a table's rows in 64 bits: two of millions do not meet by chance."""
        if table == "truth":
            return mix(self.user_of("truth"), self.code("truth", "item_id"), self.time("truth"))
        return mix(self.code(table, "user_id"), self.code(table, "item_id"), self.time(table))

    @cached_property
    def request_time(self) -> Ints:
        """(R,) instants of requests, by code."""
        return self.time("requests")[self.request_row]

    def asked_at(self, table: str) -> Ints:
        """(n,) the request's instant, of rows of truth or candidates."""
        return self.request_time[self.code(table, "request_id")]

    @cached_property
    def request_user(self) -> Ints:
        """(R,) user codes of requests, by code."""
        return self.code("requests", "user_id")[self.request_row]

    def user_of(self, table: str) -> Ints:
        """(n,) user codes of truth's or candidates' rows."""
        return self.request_user[self.code(table, "request_id")]

    @cached_property
    def start(self) -> int:
        """The first request's instant: where the test begins."""
        return int(self.request_time.min())

    @cached_property
    def positive(self) -> Bools:
        """(n,) rows of truth that are relevant."""
        return self.number("truth", "grade") > 0

    @cached_property
    def label(self) -> Bools:
        """(n,) candidates that are relevant: by their label if they have one, else by truth."""
        if self.has("candidates.label"):
            return self.number("candidates", "label") > 0
        return among(self.listed("candidates"), self.listed("truth")[self.positive])

    @cached_property
    def first_event(self) -> Ints:
        """(I,) each item's first instant in the log; NEVER where it has none."""
        first = np.full(self.size("item_id"), NEVER)
        item = self.code("events", "item_id")
        np.minimum.at(first, item[item >= 0], self.time("events")[item >= 0])
        return first

    @cached_property
    def popularity(self) -> Ints:
        """(I,) how often each item was taken in train; without train, in the log before the first request."""
        if self.has("train"):
            item = self.code("train", "item_id")[self.number("train", "label") > 0]
        else:
            item = self.code("events", "item_id")[self.kind(self.evidence.target) & (self.time("events") < self.start)]
        return np.bincount(item, minlength=self.size("item_id"))

    def examples(self, table: str, rows: Bools | Ints, **more: Any) -> list[dict[str, Any]]:
        """The first three of a table's rows (a mask, or positions (m,)) in order of their values, whatever the rows' order.

        more: values (m,) beside them.
        """
        at = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        names = self.evidence.shown(table)
        order = np.lexsort([self._sortable(table, name)[at] for name in reversed(names)])[:EXAMPLES]
        lines = getattr(self.evidence, table).select(names).take(pa.array(at[order])).to_pylist()
        beside = [{name: plain(values[k]) for name, values in more.items()} for k in order]
        return [{k: plain(v) for k, v in row.items()} | extra for row, extra in zip(lines, beside, strict=True)]

    def _sortable(self, table: str, column: str) -> NDArray[Any]:
        if column == "timestamp":
            return self.time(table)
        if (table, column) in self._codes or column.endswith("_id"):
            return self.code(table, column)
        if column == "event":
            return np.asarray(pc.rank(getattr(self.evidence, table).column(column), tiebreaker="min").to_numpy())
        return self.number(table, column)
