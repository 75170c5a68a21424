"""Plain interactions of a log (who took what, and when) as codes and ticks, whatever their types and the order of rows."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.benchmark.inputs import read_table
from assay.errors import InputError

Ints = NDArray[np.int64]
Instant = datetime | date | int
Length = timedelta | int

COLUMNS = ("user_id", "item_id", "timestamp")
_DAY = 86_400
_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True)
class Interactions:
    """n interactions. users, items: distinct ids, rising; user, item (n,): their codes. kind: the timestamps' type.

    tick (n,): the timestamp as a number of its own units: days of a date, the integer itself where timestamps are
    integers (any unit, negative ones too). start (n,): the tick at which the interaction's session began, a session
    being one user's; an interaction without session_id is a session of its own. None: the log knows no sessions.
    """

    users: pa.Array
    items: pa.Array
    user: Ints
    item: Ints
    tick: Ints
    start: Ints | None
    kind: pa.DataType

    @classmethod
    def of(cls, events: Any) -> Self:
        """From anything that speaks Arrow with user_id, item_id, timestamp and, where known, session_id.

        InputError: a column is missing, an id or a time is null, or of a type that is none of an id or a time.
        """
        table = read_table(events, "events", COLUMNS)
        users, user = _codes(table, "user_id")
        items, item = _codes(table, "item_id")
        tick, kind = _ticks(table.column("timestamp").combine_chunks())
        start = None
        if "session_id" in table.column_names and table.column("session_id").null_count < table.num_rows:
            start = _starts(user, tick, table.column("session_id").combine_chunks())
        return cls(users, items, user, item, tick, start, kind)

    def __len__(self) -> int:
        return len(self.tick)

    @cached_property
    def order(self) -> Ints:
        """(n,) rows in order of user, tick, item id and the session's start."""
        start = self.tick if self.start is None else self.start
        return np.lexsort((start, self.item, self.tick, self.user))

    @property
    def first(self) -> int:
        """Tick of the first interaction."""
        return int(self.tick.min())

    @property
    def end(self) -> int:
        """The tick after the last interaction."""
        return int(self.tick.max()) + 1

    @property
    def day(self) -> int | None:
        """Ticks per day; None where timestamps are integers."""
        if pa.types.is_timestamp(self.kind):
            return _DAY * _SECOND[self.kind.unit]
        return 1 if pa.types.is_date(self.kind) else None

    def visits(self) -> Ints:
        """(n,) numbers from 0 in order of time: of the session's start, or of the day (UTC) where no session is known.

        Where timestamps are integers, and no session is known, each of them is a visit.
        """
        began = self.tick // (self.day or 1) if self.start is None else self.start
        return np.asarray(np.unique(began, return_inverse=True)[1], np.int64)

    def instants(self, ticks: Ints) -> pa.Array:
        """Ticks (m,) as timestamps of the log's type."""
        array = pa.array(ticks, pa.int64())
        return (array.cast(pa.int32()) if pa.types.is_date(self.kind) else array).cast(self.kind)

    def tick_of(self, instant: Instant, name: str) -> int:
        """An instant (one without a time zone is UTC) in ticks. InputError: not of the timestamps' kind."""
        try:
            array = pa.array([instant])
            # A time would turn into an integer of its own unit, which need not be that of the log.
            if pa.types.is_integer(array.type) or not pa.types.is_integer(self.kind):
                return int(_numbers(array.cast(self.kind))[0])
        except (pa.ArrowException, ValueError):
            pass
        raise InputError(f"{name} is {instant!r}; timestamps are {self.kind}: give an instant of that kind")

    def ticks_in(self, length: Length, name: str) -> int:
        """A length of time in ticks. InputError: not of the timestamps' kind, no whole number of ticks, or below 1."""
        ticks = self._whole(length)
        if ticks is None:
            kind = "an integer" if self.day is None else "a timedelta of whole units"
            raise InputError(f"{name} is {length!r}; timestamps are {self.kind}: give {kind}")
        if ticks < 1:
            raise InputError(f"{name} is {length!r}; give a length above 0")
        return ticks

    def _whole(self, length: Length) -> int | None:
        """Ticks in a length; None where it is none of the timestamps' kind, or no whole number."""
        if self.day is None:
            return int(length) if isinstance(length, int | np.integer) else None
        if not isinstance(length, timedelta):
            return None
        unit = self.kind.unit if pa.types.is_timestamp(self.kind) else "s"
        try:
            ticks = int(pa.array([length]).cast(pa.duration(unit)).cast(pa.int64())[0].as_py())
        except pa.ArrowInvalid:
            return None
        days, rest = divmod(ticks, _DAY)
        return ticks if pa.types.is_timestamp(self.kind) else None if rest else days

    def written(self, ticks: float) -> str:
        """A length of time in words."""
        return f"{ticks:,.1f} units of the timestamps" if self.day is None else f"{ticks / self.day:.1f} days"


def _codes(table: pa.Table, name: str) -> tuple[pa.Array, Ints]:
    """Distinct ids, rising, and the code (n,) of each row's."""
    column = table.column(name).combine_chunks()
    text = any(is_kind(column.type) for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))
    if not (text or pa.types.is_integer(column.type)):
        raise InputError(f"events: {name} holds {column.type}; ids are integers or text, and a NaN is none")
    column = column.cast(pa.string()) if text else column
    ids = column.unique().sort()
    return ids, pc.index_in(column, ids).to_numpy().astype(np.int64)


def _ticks(column: pa.Array) -> tuple[Ints, pa.DataType]:
    """Ticks (n,) and the type that they are of: a timestamp, date32 or int64."""
    column = column.cast(pa.date32()) if pa.types.is_date(column.type) else column
    column = column.cast(pa.int64()) if pa.types.is_integer(column.type) else column
    if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type) or pa.types.is_integer(column.type)):
        raise InputError(f"events: timestamp holds {column.type}; give timestamps, dates or integers, and a NaN is none")
    return _numbers(column), column.type


def _numbers(column: pa.Array) -> Ints:
    column = column.cast(pa.int32()) if pa.types.is_date(column.type) else column
    return np.asarray(column.cast(pa.int64()).to_numpy())


def _starts(user: Ints, tick: Ints, session: pa.Array) -> Ints:
    """First tick (n,) of each row's session."""
    code = session.dictionary_encode().indices.cast(pa.int64()).fill_null(-1).to_numpy()
    group = np.unique(user * (code.max(initial=-1) + 2) + code, return_inverse=True)[1]
    first = np.full(int(group.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, group, tick)
    return np.where(code < 0, tick, first[group])
