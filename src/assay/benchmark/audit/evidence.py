"""What an audit of a benchmark looks at: its tables, checked column by column."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import InputError, did_you_mean
from assay.samples.table import Samples

PROTOCOLS = ("time", "users")

# Table -> columns it must have, and columns it may have.
COLUMNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "requests": (("request_id", "user_id", "timestamp"), ("session_id",)),
    "truth": (("request_id", "item_id", "grade"), ("timestamp", "position", "propensity")),
    "candidates": (("request_id", "item_id"), ("price", "label")),
    "train": (("user_id", "item_id", "timestamp", "label"), ("session_id", "sample_id")),
    "validation": (("user_id", "item_id", "timestamp", "label"), ("session_id", "sample_id")),
    "events": (("user_id", "item_id", "event", "timestamp"), ("session_id", "price", "position", "propensity")),
}
IDS = frozenset({"request_id", "user_id", "item_id", "session_id", "sample_id"})
_NULLS_ALLOWED = frozenset({("events", "item_id")})  # a search names no item


@dataclass(frozen=True, eq=False)
class Evidence:
    """The tables of a benchmark and of what was learnt before it; anything that speaks Arrow is taken. All but two optional.

    requests: request_id, user_id, timestamp (the instant it is answered at: features and candidates may know nothing
    later), optional session_id; other columns are attributes. truth: request_id, item_id, grade (above 0 is
    relevant), optional timestamp (when it was taken), position (where it was shown, from 1), propensity in (0, 1].
    candidates: request_id, item_id, optional price (the one it was described with), label (above 0 is relevant; by default
    what truth says); rows in the order that systems get them in. train, validation: what models were trained and tuned
    on: user_id, item_id, timestamp, label (above 0 is positive), optional session_id, sample_id. events: the whole clean
    log: user_id, item_id (null for a search), event, timestamp, optional session_id, price, position, propensity.
    samples: labelled samples of all splits. traffic: attributes of requests as they come in live, named as in requests;
    optional user_id.

    target: the kind of event that makes truth. horizon: how long after a request's timestamp truth was collected.
    protocol: "time", one global split, or "users", a hold-out of users.

    Ids are integers or text; 7 in one table and "7" in another are one. Instants without a time zone are UTC. Null in an
    optional column is unknown.

    InputError: a column is missing, of another type, null or out of range; a table is empty; target, horizon or protocol
    make no sense.
    """

    requests: Any
    truth: Any
    candidates: Any = None
    train: Any = None
    validation: Any = None
    events: Any = None
    samples: Samples | None = None
    traffic: Any = None
    target: str = "purchase"
    horizon: timedelta | None = None
    protocol: str = "time"

    def __post_init__(self) -> None:
        for name in (*COLUMNS, "traffic"):
            source = getattr(self, name)
            if source is None and name in ("requests", "truth"):
                raise InputError(f"{name} is missing: an audit needs requests and truth")
            if source is not None:
                object.__setattr__(self, name, _checked(source, name))
        if self.samples is not None and not isinstance(self.samples, Samples):
            raise InputError(f"samples is of type {type(self.samples).__name__}; give assay.samples.table.Samples")
        if self.protocol not in PROTOCOLS:
            close = did_you_mean(str(self.protocol), PROTOCOLS)
            raise InputError(f"protocol {self.protocol!r} is not known{close}; use one of {', '.join(PROTOCOLS)}")
        if self.horizon is not None and not (isinstance(self.horizon, timedelta) and self.horizon > timedelta()):
            raise InputError(f"horizon is {self.horizon!r}; give a timedelta above 0, or None")
        if self.events is not None:
            kinds = sorted(self.events.column("event").unique().to_pylist())
            if self.target not in kinds:
                close = did_you_mean(str(self.target), kinds) or f"; there are {', '.join(kinds[:8])}"
                raise InputError(f"events: no event is a {self.target!r}{close}; name the kind that makes truth as target")

    def has(self, path: str) -> bool:
        """Whether a table ("train"), a known column of it ("train.session_id") or a setting ("horizon") is there."""
        name, _, column = path.partition(".")
        part = getattr(self, name)
        if part is None or not column:
            return part is not None
        return column in part.column_names and part.column(column).null_count < part.num_rows

    def shown(self, name: str) -> list[str]:
        """The columns of a table that the audit knows, in the order of COLUMNS."""
        return [column for part in COLUMNS[name] for column in part if column in getattr(self, name).column_names]


def plain_table(source: Any, name: str) -> pa.Table:
    """A table that is not empty, without dictionaries. InputError otherwise."""
    try:
        table = source if isinstance(source, pa.Table) else pa.table(source)
    except (TypeError, ValueError, pa.ArrowException):
        kind = type(source).__name__
        raise InputError(f"{name} is of type {kind}, not a table; give Arrow, pandas, Polars or columns by name") from None
    if not table.num_rows:
        raise InputError(f"{name} is empty; give its rows, or leave the table out")
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(field.type.value_type))
    return table


def _checked(source: Any, name: str) -> pa.Table:
    table = plain_table(source, name)
    if name == "traffic":
        return table
    required = COLUMNS[name][0]
    for column in required:
        if column not in table.column_names:
            close = did_you_mean(column, table.column_names)
            raise InputError(f"{name} has no column {column!r}{close}; it needs {', '.join(required)}")
        nulls = table.column(column).null_count
        if nulls and (name, column) not in _NULLS_ALLOWED:
            raise InputError(f"{name}: {column} is null in {nulls} rows; fill or drop them")
    for column in (spelling for part in COLUMNS[name] for spelling in part if spelling in table.column_names):
        place = table.column_names.index(column)
        table = table.set_column(place, column, _typed(table.column(column), column, f"{name}: {column}", column in required))
    return table


def _typed(values: pa.ChunkedArray, column: str, where: str, required: bool) -> pa.ChunkedArray:
    """The column as int64 or text (ids), text (event), UTC instants or float64. InputError: another type, out of range."""
    kind = values.type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if pa.types.is_null(kind):
        return values.cast(pa.large_string() if column in IDS else pa.float64())  # unknown throughout
    if column in IDS or column == "event":
        if text or (column in IDS and kind == pa.uint64()):
            return values.cast(pa.large_string())
        if column in IDS and pa.types.is_integer(kind):
            return values.cast(pa.int64())
        raise InputError(f"{where} holds {kind}; give {'integers or text' if column in IDS else 'text'}")
    if column == "timestamp":
        if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
            raise InputError(f"{where} holds {kind}; give instants (an Arrow timestamp)")
        return pc.cast(values, pa.timestamp("us", tz="UTC"), safe=False)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind)):
        raise InputError(f"{where} holds {kind}, not numbers")
    numbers = values.cast(pa.float64())
    return _in_range(pc.if_else(pc.is_nan(numbers), None, numbers), column, where, required)


def _in_range(values: pa.ChunkedArray, column: str, where: str, required: bool) -> pa.ChunkedArray:
    number = values.to_numpy()
    low, what = (1.0, "1 or more") if column == "position" else (-np.inf, "a finite number")
    wrong = np.isinf(number) | (number < low) | (required & np.isnan(number))
    if column == "propensity":
        wrong, what = (number <= 0) | (number > 1), "above 0 and at most 1"
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(f"{where} of row {row} is {number[row]:g} ({int(wrong.sum())} such rows); it must be {what}")
    return values
