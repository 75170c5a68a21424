"""Items and users: one row per key, as the config maps them."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from assay import config
from assay.errors import ConfigError, InputError, SourceError, did_you_mean
from assay.logs import sources
from assay.logs.canonical import id_type, no_id, wrong_value
from assay.logs.sources.base import Source
from assay.tables import ITEMS


def _raw(section: config.SourceSection, columns: Sequence[str], key: str, *, last: bool = False) -> pa.Table:
    """The columns of all sources of a section, with a unique, present key. Words for what is unknown are null.

    last: a key may be there again, or be missing; of each the last value that a column has counts.
    """
    tables = []
    for source in sources.open_sources(section):
        row, batches = 1, []
        for batch in source.read(columns):
            table = _known(pa.Table.from_batches([batch]), section)
            _check_keys(table[0], source, columns[0], key, row, may_miss=last)
            row += len(table)
            ids = table[0].cast(id_type(table[0].type))
            table = table.set_column(0, "0", ids).rename_columns([str(i) for i in range(len(columns))])
            batches.append(_last(table) if last else table)
        if not batches:
            raise SourceError(f"{source.name}: has a header but no rows; remove it from path or export it again")
        tables += batches
    if len({t.schema.field(0).type for t in tables}) > 1:
        tables = [t.set_column(0, "0", t[0].cast(pa.string())) for t in tables]
    table = pa.concat_tables(tables, promote_options="permissive")
    if last:
        return _last(table)
    _check_unique(table[0], key, ", ".join(s.name for s in sources.open_sources(section)), columns[0])
    return table


def _known(table: pa.Table, section: config.SourceSection) -> pa.Table:
    """The table with null where text is a word for what is unknown, or empty."""
    unknown = pa.array(["", *section.null_words])
    for at, column in enumerate(table.columns):
        if pa.types.is_string(column.type):
            blank = pc.is_in(pc.utf8_trim_whitespace(column), unknown)
            table = table.set_column(at, table.column_names[at], pc.if_else(blank, pa.scalar(None, pa.string()), column))
    return table


def _check_keys(ids: pa.ChunkedArray, source: Source, column: str, key: str, first_row: int, *, may_miss: bool) -> None:
    """InputError where a row has no key, or one that is no id."""
    missing = pc.is_null(ids, nan_is_null=True)
    if pa.types.is_floating(ids.type):
        missing = pc.or_(missing, pc.is_inf(ids))
    if not may_miss and (at := pc.index(missing, True).as_py()) >= 0:
        raise InputError(f"{source.name}, column {column!r}: row {first_row + at} has no {key}; fill it in or leave the row out")
    if (at := no_id(ids)) >= 0:
        raise wrong_value(source, first_row + at, column, ids[at].as_py(), "an id", "give it as text, ")


def _last(table: pa.Table) -> pa.Table:
    """One row for each key, in order of its first row, with the last value of each column; rows without a key are left out."""
    table = table.filter(pc.is_valid(table[0]))
    others = table.column_names[1:]
    grouped = pa.TableGroupBy(table, "0", use_threads=False).aggregate([(name, "last") for name in others])
    return grouped.select(["0", *(f"{name}_last" for name in others)]).rename_columns(table.column_names)


def _check_unique(ids: pa.ChunkedArray, key: str, source: str, column: str) -> None:
    counts = pc.value_counts(ids)
    if len(counts) == len(ids):
        return
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")[0]
    rows = pc.indices_nonzero(pc.equal(ids, twice)).to_pylist()
    shown = ", ".join(str(row + 1) for row in rows[:5])
    raise InputError(
        f"{source}: {key} {str(twice)[:80]!r} (column {column!r}) is there {len(rows)} times, rows {shown}; keep one row a {key}"
    )


def _joined(table: pa.Table, positions: Sequence[int]) -> pa.ChunkedArray:
    texts = [_as_text(table[p]) for p in positions]
    joined = texts[0]
    for text in texts[1:]:
        both = pc.binary_join_element_wise(joined, text, " ")
        joined = pc.coalesce(both, joined, text)
    return joined


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as text; of a list its parts after one another."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return pc.binary_join(column.cast(pa.list_(pa.string())), " ")
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise SourceError(f"a column of {column.type} cannot be shown as text; map another, or one of its fields") from None


def _stock(texts: pa.ChunkedArray, ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """Pieces at hand (n,): numbers, or 1 for true and 0 for false. InputError: a text is neither."""
    trimmed = pc.utf8_lower(pc.utf8_trim_whitespace(texts))
    numbers = pc.if_else(pc.equal(trimmed, "true"), "1", pc.if_else(pc.equal(trimmed, "false"), "0", trimmed))
    legible = pc.fill_null(pc.match_substring_regex(numbers, r"^[+-]?\d+(\.\d*)?$"), True)
    if (at := pc.index(legible, False).as_py()) >= 0:
        raise InputError(
            f"[log.items] stock: {texts[at].as_py()[:80]!r}, of item {str(ids[at])[:80]!r}, is no number; map a column of pieces"
            " at hand, or of true and false"
        )
    return numbers.cast(pa.float64())


def items(section: config.Items) -> pa.Table:
    """tables.ITEMS, one row per item in the source's order.

    A list of columns is joined by a space; empty text is null, and nulls are skipped. stock is a number, or true or false.

    item_id is int64 from typed sources, else text. InputError names a key that is missing or there twice, or a stock that is no
    number.
    """
    for name in section.columns:
        if name not in ITEMS:
            raise ConfigError(f"[log.items] columns: unknown name {name!r}{did_you_mean(name, ITEMS)}")
    if not isinstance(section.columns.get("item_id"), str):
        raise ConfigError("[log.items] columns: item_id is not mapped to one column; say item_id = 'your column'")
    wanted = {name: [c] if isinstance(c, str) else list(c) for name, c in section.columns.items()}
    order = ["item_id", *(name for name in ITEMS if name in wanted and name != "item_id")]
    flat = [column for name in order for column in wanted[name]]
    table = _raw(section, flat, "item_id", last=section.repeats == "last")
    result: dict[str, pa.ChunkedArray] = {"item_id": table[0]}
    at = 1
    for name in order[1:]:
        result[name] = _joined(table, range(at, at + len(wanted[name])))
        at += len(wanted[name])
    if "stock" in result:
        result["stock"] = _stock(result["stock"], result["item_id"])
    for name, (kind, _) in ITEMS.items():
        result.setdefault(name, pa.nulls(len(table), kind))
    return pa.table({name: result[name] for name in ITEMS}).combine_chunks()


def users(section: config.Users) -> pa.Table:
    """user_id and the mapped attributes in their own types, one row per user in the source's order."""
    if "user_id" not in section.columns:
        raise ConfigError("[log.users] columns: user_id is not mapped; say user_id = 'your column'")
    order = ["user_id", *(name for name in section.columns if name != "user_id")]
    table = _raw(section, [section.columns[name] for name in order], "user_id")
    return table.rename_columns(order).combine_chunks()
