"""From raw rows to canonical events: types, times, money; errors that name file, row, column and value."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay import config, engines
from assay.engines.engine import EngineError, literal
from assay.errors import ConfigError, SourceError, did_you_mean
from assay.logs.sources.base import Source, shorten
from assay.numerics.hashing import mix
from assay.tables import EVENT_KINDS, EVENTS

COLUMNS = [name for name in EVENTS if name != "event_id"]
MAPPED = [*COLUMNS, "amount"]
NUMBERS = ("quantity", "price", "amount", "rating", "position", "propensity")
EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1, "epoch_ns": 0.001}  # microseconds per unit
_FIRST_DAY, _DAYS = (
    10_959,
    20,
)  # where the log has no times: Monday 2000-01-03 in days since 1970, and over how many days it is spread
OFFSET = r"\d:\d.*(Z|z|UTC|GMT|[+-]\d\d(:?\d\d)?)\s*$"
_LAST = 9e18  # microseconds from 1970 that the engine's times end at
# Money that is no number, or too large for the column, is kept as one of these: cleaning rejects it by name.
WHOLE = 9e15  # below this a float holds every whole number
NOT_A_NUMBER, TOO_LARGE = -(2**63), 2**63 - 1


def id_type(schema_type: pa.DataType) -> pa.DataType:
    """int64 for ids that are whole numbers in a typed source, text for all others."""
    whole = pa.types.is_integer(schema_type) and schema_type != pa.uint64()
    return pa.int64() if whole or pa.types.is_floating(schema_type) else pa.string()


def schema(user: pa.DataType, item: pa.DataType) -> pa.Schema:
    """Arrow schema of collected events, without event_id."""
    ids = {"user_id": user, "item_id": item}
    return pa.schema([(name, ids.get(name, EVENTS[name][0])) for name in COLUMNS])


def check_mapping(section: config.Events) -> None:
    """ConfigError when the section's mapping, kinds or zone make no sense."""
    where = "[log.events]"
    for name in section.columns:
        if name not in MAPPED:
            raise ConfigError(f"{where} columns: unknown name {name!r}{did_you_mean(name, MAPPED)}")
    if section.event is None and "event" not in section.columns:
        raise ConfigError(f'{where}: say event = "purchase" (or another kind), or map a column to event')
    known = (*EVENT_KINDS, *section.own_kinds)
    for kind in [*section.kinds.values(), *([section.event] if section.event else [])]:
        if kind not in known:
            own = "; name a kind of your own in own_kinds"
            raise ConfigError(f"{where}: unknown kind {kind!r}{did_you_mean(kind, known)}: {', '.join(known)}{own}")
    if section.no_times and "timestamp" in section.columns:
        raise ConfigError(
            f"{where}: no_times = true says that the log has no times, but a column is mapped to timestamp; drop one"
        )
    needed = ["user_id", *([] if section.no_times else ["timestamp"]), *([] if section.event == "search" else ["item_id"])]
    for name in needed:
        if section.columns.get(name, "?") == "?":
            none = "; or no_times = true, where the log has none" if name == "timestamp" else ""
            raise ConfigError(f"{where} columns: {name} is not mapped; say {name} = 'your column'{none}")
    _check_time_format(section.time_format, where)
    if {"price", "amount"} <= set(section.columns):
        raise ConfigError(f"{where} columns: map price (for a piece) or amount (for the line), not both")
    try:
        ZoneInfo(section.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(f"{where} time_zone: unknown {section.time_zone!r}; say for example 'Europe/Rome'") from None


def _check_time_format(time_format: str | None, where: str) -> None:
    """ConfigError where a format of times is none that the engine can read by."""
    if time_format is None or time_format in EPOCHS:
        return
    if "%" not in time_format:
        known = ", ".join(EPOCHS)
        hint = did_you_mean(time_format, EPOCHS)
        raise ConfigError(
            f"{where} time_format: unknown {time_format!r}{hint}; say {known}, or a format such as '%d/%m/%Y %H:%M'"
        )
    with closing(engines.connect()) as engine:
        try:
            engine.table(f"SELECT try_strptime('', {literal(time_format)}) AS moment")
        except EngineError as error:
            raise ConfigError(
                f"{where} time_format: {time_format!r} cannot be read by ({_last_words(error)}); say for example '%d/%m/%Y %H:%M'"
            ) from None


def _last_words(error: Exception) -> str:
    """What an engine says, without the words before it."""
    return " ".join(str(error).split()).rpartition("Error: ")[2][:120]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _words(section: config.Events, *, lower: bool = False) -> str:
    """The words for what is unknown, as SQL; of numbers in lower case."""
    words = {word.lower() if lower else word for word in section.null_words} | {""}
    return f"({', '.join(map(literal, sorted(words)))})"


def _text(name: str, kind: pa.DataType, section: config.Events) -> str:
    """A column as text, null where it holds a word for what is unknown."""
    if _is_text(kind):
        return f"CASE WHEN trim({name}) NOT IN {_words(section)} THEN {name} END"
    return f"CAST({name} AS VARCHAR)"


def _id(name: str, kind: pa.DataType, section: config.Events) -> str:
    if pa.types.is_floating(kind):
        return f"CASE WHEN isfinite({name}) AND abs({name}) < {WHOLE} THEN CAST({name} AS BIGINT) END"
    return f"CAST({name} AS BIGINT)" if id_type(kind) == pa.int64() else _text(name, kind, section)


def _number(name: str, kind: pa.DataType, section: config.Events) -> str:
    if _is_text(kind):
        text = f"CASE WHEN lower(trim({name})) NOT IN {_words(section, lower=True)} THEN trim({name}) END"
        if section.decimal == ",":
            text = f"replace(replace({text}, '.', ''), ',', '.')"
        return f"TRY_CAST({text} AS DOUBLE)"
    return f"CAST({name} AS DOUBLE)"


def _time(section: config.Events, kind: pa.DataType) -> str:
    value = "trim(timestamp)" if _is_text(kind) else "timestamp"
    if section.time_format in EPOCHS:
        number = f"TRY_CAST({value} AS DOUBLE)"
        micros = f"{number} * {EPOCHS[section.time_format]}"
        return f"CASE WHEN abs({micros}) < 9e18 THEN make_timestamptz(CAST(round({micros}) AS BIGINT)) END"
    if _is_text(kind):
        if section.time_format:
            parsed = f"try_strptime({value}, {literal(section.time_format)})"
            return f"CAST({parsed} AS TIMESTAMPTZ)"
        return f"TRY_CAST({value} AS TIMESTAMPTZ)"
    if not pa.types.is_temporal(kind) or pa.types.is_time(kind) or pa.types.is_duration(kind):
        hint = "time_format = 'epoch_s' or 'epoch_ms'" if pa.types.is_integer(kind) else "a column of times"
        raise SourceError(f"column {section.columns['timestamp']!r} is {kind}, not a time; give {hint}")
    return "CAST(timestamp AS TIMESTAMPTZ)"


def _minor(number: str, section: config.Events) -> str:
    """Money in minor units: half-even, on the decimal that the double stands for."""
    units = f"round_even(round({number} * {10**section.minor_units}, 6), 0)"
    return (
        f"CASE WHEN {number} IS NULL THEN NULL WHEN isnan({number}) THEN {NOT_A_NUMBER} "
        f"WHEN abs({units}) < 9e18 THEN CAST({units} AS BIGINT) "
        f"WHEN {number} < 0 THEN {NOT_A_NUMBER} ELSE {TOO_LARGE} END"
    )


def _price(section: config.Events, types: dict[str, pa.DataType]) -> str:
    if "price" in types:
        return _minor("n_price", section)
    if "amount" not in types:
        return "CAST(NULL AS BIGINT)"
    line = _minor("n_amount", section)
    if "quantity" not in types:
        return line
    piece = f"round_even((CASE WHEN n_quantity < 0 THEN abs({line}) ELSE {line} END) / abs(n_quantity), 0)"
    return f"""CASE WHEN n_amount IS NULL OR n_quantity = 0 THEN NULL
        WHEN n_quantity IS NULL OR NOT isfinite(n_quantity) OR NOT isfinite(n_amount) THEN {line}
        WHEN abs(CAST({line} AS DOUBLE)) > 9e15 THEN {line}
        WHEN abs(abs(CAST({line} AS DOUBLE)) / n_quantity) > 9e18 THEN {TOO_LARGE}
        ELSE CAST({piece} AS BIGINT)
        END"""


def _select(section: config.Events, types: dict[str, pa.DataType]) -> str:
    """SQL from raw rows (columns under canonical names) to canonical ones, with what could not be read."""
    numbers = [name for name in NUMBERS if name in types]
    text_numbers = [name for name in numbers if _is_text(types[name])]
    parsed = ", ".join(["*", *(f"{_number(name, types[name], section)} AS n_{name}" for name in numbers)])
    kinds = "".join(f" WHEN {literal(k)} THEN {literal(v)}" for k, v in section.kinds.items())
    as_text = _text("event", types.get("event", pa.string()), section)
    columns = {
        "user_id": _id("user_id", types["user_id"], section),
        "item_id": _id("item_id", types["item_id"], section) if "item_id" in types else "CAST(NULL AS VARCHAR)",
        "event": (f"CASE CAST(event AS VARCHAR){kinds} ELSE {as_text} END" if kinds else as_text)
        if "event" in types
        else literal(section.event or ""),
        "timestamp": _time(section, types["timestamp"]),
        "session_id": _text("session_id", types.get("session_id", pa.string()), section),
        "query": _text("query", types.get("query", pa.string()), section),
        "list_id": _text("list_id", types.get("list_id", pa.string()), section),
        "quantity": "n_quantity",
        "price": _price(section, types),
        "rating": "CASE WHEN NOT isnan(n_rating) THEN CAST(n_rating AS FLOAT) END",
        "position": "TRY_CAST(n_position AS INTEGER)",
        "propensity": "CASE WHEN NOT isnan(n_propensity) THEN n_propensity END",
    }
    always = {"user_id", "item_id", "event", "timestamp", "price"}
    sql_type = {"quantity": "DOUBLE", "rating": "FLOAT", "position": "INTEGER", "propensity": "DOUBLE"}
    unknown = {name: f"CAST(NULL AS {sql_type.get(name, 'VARCHAR')})" for name in COLUMNS}
    chosen = [f"{(columns if name in always or name in types else unknown)[name]} AS {name}" for name in COLUMNS]
    unknown_number = _words(section, lower=True)
    wrong = [f"{name} IS NOT NULL AND n_{name} IS NULL AND lower(trim({name})) NOT IN {unknown_number}" for name in text_numbers]
    flags = [f"{test} AS wrong_{name}" for test, name in zip(wrong, text_numbers, strict=True)]
    if _is_text(types["timestamp"]) and section.time_format is None:
        flags.append(f"regexp_matches(timestamp, {literal(OFFSET)}) AS has_offset")
    select = f"SELECT {', '.join([*chosen, *flags])} FROM (SELECT {parsed} FROM raw) AS raw"
    own = "".join(
        f" WHEN ({condition}) THEN {literal(kind)}" for kind, condition in section.own_kinds.items() if condition.strip()
    )
    return f"SELECT * REPLACE (CASE{own} ELSE event END AS event) FROM ({select}) AS canonical" if own else select


@dataclass
class Zoned:
    """The first row seen with, and the first without, a UTC offset; 0 for none yet."""

    with_offset: int = 0
    without: int = 0


def events(source: Source, section: config.Events, zoned: Zoned | None = None) -> Iterator[pa.RecordBatch]:
    """Canonical events of one source, in its row order.

    Ids are int64 or text as the source has them; an unreadable time is null (cleaning rejects it); a number
    that is none raises SourceError with file, row, column and value, as do times with and without a UTC
    offset in one source, unless the section names the time zone of those without.
    """
    check_mapping(section)
    zoned = zoned if zoned is not None else Zoned()
    # Conditions are SQL of the user's own: where there are some, the session reads nothing but the rows.
    engine = engines.over_files([], section.time_zone) if section.own_kinds else engines.connect(section.time_zone)
    row, read_times = source.first_row, 0
    example: tuple[int, object] | None = None
    for batch in source.read(list(section.columns.values())):
        plain = [_plain(column, name, source) for column, name in zip(batch.columns, section.columns.values(), strict=True)]
        raw = pa.table(plain, names=list(section.columns))
        if section.no_times:
            raw = raw.append_column("timestamp", _by_chance(row, len(raw)))
        types = dict(zip(raw.column_names, raw.schema.types, strict=True))
        _check_types(types, source, section)
        _check_ids(raw, source, section, row)
        # Many small chunks let the engine use its threads; the order is kept.
        engine.lend("raw", pa.Table.from_batches(raw.to_batches(max_chunksize=1 << 16), raw.schema))
        try:
            table = engine.table(_select(section, types))
        except EngineError as error:
            if section.own_kinds:
                raise ConfigError(
                    f"[log.events] own_kinds: {_last_words(error)}; a condition is on the columns {', '.join(COLUMNS)}, as in "
                    "\"event = 'review' AND rating >= 4\""
                ) from None
            rows = f"rows {row} to {row + len(raw) - 1}"
            raise SourceError(f"{source.name}: {rows} cannot be read as the config says ({_last_words(error)})") from None
        for name in NUMBERS:
            if f"wrong_{name}" in table.column_names:
                _refuse(table, raw, name, source, section, row)
        if "has_offset" in table.column_names:
            _check_offsets(table, zoned, source, section, row)
        read_times += len(table) - table["timestamp"].null_count
        if example is None and table["timestamp"].null_count:
            at = pc.index(pc.is_null(table["timestamp"]), True).as_py()
            example = row + at, raw["timestamp"][at].as_py()
        row += len(table)
        target = schema(table.schema.field("user_id").type, table.schema.field("item_id").type)
        yield from table.select(COLUMNS).cast(target).combine_chunks().to_batches()
    if row == source.first_row and row == 1:
        raise SourceError(f"{source.name}: has a header but no rows; remove it from path or export it again")
    if not read_times and example is not None:
        raise SourceError(
            f"{source.name}: no time could be read; row {example[0]}, "
            f"column {section.columns['timestamp']!r}: {shorten(example[1])}; say time_format in the config, for example"
            " '%d/%m/%Y %H:%M' or 'epoch_s'"
        )


def _by_chance(first_row: int, rows: int) -> pa.Array:
    """(rows,) instants for rows without any: by a stable hash of their numbers, spread over some days."""
    number = np.arange(first_row, first_row + rows, dtype=np.int64)
    day = mix(number, 1).view(np.uint64) % np.uint64(_DAYS)
    second = mix(number, 2).view(np.uint64) % np.uint64(86_400)
    micro = (day.astype(np.int64) + _FIRST_DAY) * 86_400_000_000 + second.astype(np.int64) * 1_000_000
    return pa.array(micro, pa.int64()).cast(pa.timestamp("us", tz="UTC"))


def _plain(column: pa.Array, name: str, source: Source) -> pa.Array:
    """Dictionary, binary and time columns in the types that the SQL expects; times that no calendar holds are null."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type):
        return _microseconds(column)
    if pa.types.is_decimal256(column.type) or pa.types.is_null(column.type):  # decimals beyond the engine's
        return column.cast(pa.string())
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        try:
            return column.cast(pa.string())
        except pa.ArrowInvalid:
            raise SourceError(
                f"{source.name}: column {name!r} is {column.type} and no UTF-8; give it as text or numbers"
            ) from None
    return column


def _microseconds(column: pa.Array) -> pa.Array:
    """Instants of any unit in microseconds."""
    number, unit = column.cast(pa.int64()), column.type.unit
    factor = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1}[unit]
    possible = pc.less(pc.abs(pc.cast(number, pa.float64(), safe=False)), _LAST / factor)
    number = pc.if_else(possible, number, pa.scalar(None, pa.int64()))
    number = pc.divide(number, 1_000) if unit == "ns" else pc.multiply(number, factor)
    return number.cast(pa.timestamp("us", column.type.tz))


def _check_types(types: dict[str, pa.DataType], source: Source, section: config.Events) -> None:
    """SourceError where a column's type cannot be what it is mapped to."""
    for name, kind in types.items():
        nested = pa.types.is_nested(kind)
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind)
        if nested or (name in NUMBERS and not (number or _is_text(kind))):
            what = "a number" if name in NUMBERS else "one value"
            hint = "; name a field of it by its path" if pa.types.is_struct(kind) else ""
            raise SourceError(f"{source.name}: column {section.columns[name]!r} is {kind}, not {what}{hint}")


def no_id(column: pa.ChunkedArray) -> int:
    """Position of the first number that is no id: a fraction, or one that a float does not hold to the unit; -1 for none.

    Ids read as floats, whole numbers beside nulls, pass. What is not finite is unknown.
    """
    if not pa.types.is_floating(column.type):
        return -1
    exact = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), WHOLE))
    return int(pc.index(pc.and_(pc.is_finite(column), pc.invert(exact)), True).as_py())


def _check_ids(raw: pa.Table, source: Source, section: config.Events, row: int) -> None:
    for name in ("user_id", "item_id"):
        if name in raw.column_names and (at := no_id(raw[name])) >= 0:
            raise wrong_value(source, row + at, section.columns[name], raw[name][at].as_py(), "an id", "give it as text, ")


def _refuse(table: pa.Table, raw: pa.Table, name: str, source: Source, section: config.Events, row: int) -> None:
    at = pc.index(table[f"wrong_{name}"], True).as_py()
    if at >= 0:
        raise wrong_value(source, row + at, section.columns[name], raw[name][at].as_py(), "a number")


def wrong_value(source: Source, row: int, column: str, value: object, expected: str, way: str = "") -> SourceError:
    """The error for a value that is not what its column should hold; `way`: another way to give it."""
    hint = ""
    if isinstance(value, str) and re.fullmatch(r"-?[\d.]*,\d+", value.strip()):
        hint = " with a point for decimals, or say decimal = ',' in the config"
    return SourceError(
        f"{source.name}: row {row}, column {column!r}: {shorten(value)} is not {expected}; "
        f"{way}give {expected}{hint}, leave it empty, or map another column"
    )


def _check_offsets(table: pa.Table, zoned: Zoned, source: Source, section: config.Events, row: int) -> None:
    """Note where times with and without an offset stand; SourceError where both do and no time zone is given."""
    has_time = pc.and_kleene(pc.is_valid(table["timestamp"]), table["has_offset"])
    naive = pc.and_kleene(pc.is_valid(table["timestamp"]), pc.invert(table["has_offset"]))
    first_known, first_naive = pc.index(has_time, True).as_py(), pc.index(naive, True).as_py()
    zoned.with_offset = zoned.with_offset or (row + first_known if first_known >= 0 else 0)
    zoned.without = zoned.without or (row + first_naive if first_naive >= 0 else 0)
    if zoned.with_offset and zoned.without and "time_zone" not in section.model_fields_set:
        raise SourceError(
            f"{source.name}: column {section.columns['timestamp']!r} mixes times with a UTC offset (row "
            f"{zoned.with_offset}) and without (row {zoned.without}); "
            "say time_zone = 'UTC' or another in the config"
        )
