"""Attributes of requests as a few levels each: the most frequent categories, fifths of numbers and times."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import InputError
from assay.language import english
from assay.pages.parts import OTHER

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# What is known of a request that is no attribute: ids, when it was asked, what its user took before (items.PAST), and the design
# weight of a built benchmark.
KEYS = ("request_id", "user_id", "session_id", "timestamp", "past_popularity", "weight")
MOST = 12  # categories with a level of their own
_PARTS = 5
_KINDS = {
    "text": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_dictionary, pa.types.is_boolean),
    "null": (pa.types.is_null,),
    "number": (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal),
    "time": (pa.types.is_timestamp, pa.types.is_date),
    "duration": (pa.types.is_duration,),
}  # fmt: skip
_ANY = english("any value")


class RequestAttribute(NamedTuple):
    """levels (L,): names, null as None. pool (N,), live (M,): codes of the pool's and of the traffic's requests.

    Every level occurs in the pool or in the traffic.
    """

    name: str
    levels: tuple[str | None, ...]
    pool: Ints
    live: Ints

    @property
    def shares(self) -> Floats:
        """(L,) shares of the levels in the pool."""
        return self.share(self.pool)

    @property
    def traffic(self) -> Floats:
        """(L,) shares of the levels in the traffic."""
        return self.share(self.live)

    def share(self, codes: Ints) -> Floats:
        """(L,) shares of the levels among codes (n,)."""
        return np.bincount(codes, minlength=len(self.levels)) / max(len(codes), 1)

    def label(self, level: int) -> str:
        """Attribute and level, to be read: device 'phone'."""
        return f"{self.name} null" if self.levels[level] is None else f"{self.name} {self.levels[level]!r}"


def attribute(name: str, pool: pa.ChunkedArray, traffic: pa.ChunkedArray, most: int = MOST) -> RequestAttribute:
    """The levels of a column, found in the traffic and given to both.

    Text, dictionaries and truth values: the `most` most frequent values (ties: the earlier text), the rest is "other".
    Numbers, dates, times and durations: cut where the traffic has its fifths, equal values together; a level "2 to 5" holds
    2 and not 5. null, and NaN, is a level. InputError: a column of another type, or of unlike types in the two tables.
    """
    kinds = {_kind(name, column) for column in (pool, traffic)} - {"null"}
    if len(kinds) > 1:
        raise InputError(f"{name!r} is {pool.type} in the requests and {traffic.type} in the traffic; give both one type")
    pool, traffic = (a.cast(b.type) if pa.types.is_null(a.type) else a for a, b in ((pool, traffic), (traffic, pool)))
    names, of_pool, of_traffic = _categories(pool, traffic, most) if kinds <= {"text"} else _ranges(pool, traffic)
    kept = np.unique(np.append(of_pool, of_traffic))
    return RequestAttribute(name, tuple(names[k] for k in kept), *(np.searchsorted(kept, code) for code in (of_pool, of_traffic)))


def _kind(name: str, column: pa.ChunkedArray) -> str:
    for kind, tests in _KINDS.items():
        if any(test(column.type) for test in tests):
            return kind
    raise InputError(f"{name!r} holds {column.type}; convert it to text, a truth value, a number or a time, or leave it out")


def _categories(pool: pa.ChunkedArray, traffic: pa.ChunkedArray, most: int) -> tuple[list[str | None], Ints, Ints]:
    """Names of the levels, and the codes of both columns."""
    texts = [_decoded(column).cast(pa.large_string()) for column in (pool, traffic)]
    counted = [(-one["counts"], one["values"]) for one in texts[1].drop_null().value_counts().to_pylist()]
    frequent = [value for _, value in sorted(counted)[:most]]
    names = [*(value for value in frequent if value != OTHER), OTHER, None]
    levels = pa.array(names[:-2], pa.large_string())

    def codes(column: pa.ChunkedArray) -> Ints:
        code = pc.index_in(column, levels).fill_null(len(levels)).to_numpy().astype(np.int64)
        return np.where(column.is_null().to_numpy(), len(levels) + 1, code)

    return names, codes(texts[0]), codes(texts[1])


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _ranges(pool: pa.ChunkedArray, traffic: pa.ChunkedArray) -> tuple[list[str | None], Ints, Ints]:
    """Names of the levels, and the codes of both columns."""
    columns = [_numbers(column) for column in (pool, traffic)]
    values = np.sort(columns[1].drop_null().to_numpy())
    edges = np.unique(values[np.arange(1, _PARTS) * len(values) // _PARTS]) if len(values) else values
    edges = edges[edges > values[0]] if len(values) else edges
    texts = [f"{edge:.4g}" for edge in edges] if edges.dtype.kind == "f" else [str(edge) for edge in edges]
    if len(set(texts)) < len(texts):
        texts = [str(edge) for edge in edges]
    middle = [english("{low} to {high}", low=low, high=high) for low, high in pairwise(texts)]
    names: list[str | None] = [_ANY, None]
    if texts:
        names = [english("below {number}", number=texts[0]), *middle, english("{number} or more", number=texts[-1]), None]

    def codes(column: pa.ChunkedArray) -> Ints:
        code = np.full(len(column), len(names) - 1)
        code[column.is_valid().to_numpy()] = np.searchsorted(edges, column.drop_null().to_numpy(), side="right")
        return code

    return names, codes(columns[0]), codes(columns[1])


def _numbers(column: pa.ChunkedArray) -> Any:
    """A column that NumPy can sort, NaN as null."""
    if pa.types.is_decimal(column.type) or pa.types.is_floating(column.type):
        column = column.cast(pa.float64())
        return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
    return column
