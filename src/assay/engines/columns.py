"""A database's result as Arrow: the types of its columns by the drivers' own codes, and its values in them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pymysql.constants import FLAG

from assay.errors import SourceError

UTC = pa.timestamp("us", tz="UTC")
# Types by the drivers' own codes: PyMySQL's field types, PostgreSQL's object ids.
CODES: dict[str, dict[int, pa.DataType]] = {
    "mysql": {
        **dict.fromkeys((1, 2, 3, 8, 9, 13), pa.int64()),
        **dict.fromkeys((0, 4, 5, 246), pa.float64()),
        7: UTC,  # TIMESTAMP, an instant; DATETIME is not
        12: pa.timestamp("us"),
        10: pa.date32(),
    },
    "postgresql": {
        **dict.fromkeys((20, 21, 23), pa.int64()),
        **dict.fromkeys((700, 701, 1700), pa.float64()),
        1114: pa.timestamp("us"),
        1184: UTC,
        1082: pa.date32(),
    },
}
DECIMAL = {"mysql": 246, "postgresql": 1700}
BIGINT = 8  # of MySQL


def declared_types(kind: str, cursor: Any) -> list[pa.DataType | None]:
    """Types of a result's columns as the driver says them; None where the database has none (SQLite).

    Whole numbers that int64 does not hold keep every digit: uint64 and decimals.
    """
    types: list[pa.DataType | None] = []
    for at, column in enumerate(cursor.description):
        code, precision, scale = column[1], column[4], column[5]
        if code == DECIMAL.get(kind) and scale == 0 and precision and precision <= 76:
            types.append(pa.decimal128(38, 0) if precision <= 38 else pa.decimal256(76, 0))
        elif kind == "mysql" and code == BIGINT and cursor._result.fields[at].flags & FLAG.UNSIGNED:
            types.append(pa.uint64())
        else:
            types.append(None if code is None else CODES[kind].get(code, pa.string()))
    return types


def seen_type(values: Sequence[Any]) -> pa.DataType:
    """Type of a column that has none of its own (SQLite), from its first batch."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int}:
        return pa.int64()
    return pa.float64() if kinds and kinds <= {int, float} else pa.string()


def array(values: Sequence[Any], kind: pa.DataType, source: str, column: str, row: int) -> pa.Array:
    """A driver's values as a column; SourceError names the first that is not of its type, by row from `row`."""
    try:
        return pa.array([_value(value, kind) for value in values], kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, OverflowError, UnicodeDecodeError):
        for at, value in enumerate(values):
            try:
                pa.array([_value(value, kind)], kind)
            except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, OverflowError, UnicodeDecodeError):
                raise SourceError(
                    f"{source}: row {row + at}, column {column!r}: {repr(value)[:80]} is not {kind}; "
                    "repair it, or cast the column in a query"
                ) from None
        raise


def _value(value: Any, kind: pa.DataType) -> Any:
    """A driver's value as Arrow takes it for the type."""
    if value is None:
        return None
    if pa.types.is_string(kind) and not isinstance(value, str):
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    if isinstance(value, Decimal) and pa.types.is_floating(kind):
        return float(value)
    if pa.types.is_temporal(kind) and isinstance(value, str):
        return None  # MySQL's 0000-00-00
    return value
