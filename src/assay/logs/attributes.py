"""Items and users: one row per key, as the config maps them."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from assay import config
from assay.errors import ConfigError, InputError, SourceError, did_you_mean
from assay.logs import sources
from assay.logs.canonical import id_type, no_id, wrong_value
from assay.tables import ITEMS


def _raw(section: config.SourceSection, columns: Sequence[str], key: str) -> pa.Table:
    """The columns of all sources of a section, with a unique, present key."""
    tables = []
    for source in sources.open_sources(section):
        batches = list(source.read(columns))
        if not batches:
            raise SourceError(f"{source.name}: has a header but no rows; remove it from path or export it again")
        table = pa.Table.from_batches(batches)
        where = f"{source.name}, column {columns[0]!r}"
        missing = pc.is_null(table[0], nan_is_null=True)
        if pa.types.is_floating(table[0].type):
            missing = pc.or_(missing, pc.is_inf(table[0]))
        if pa.types.is_string(table[0].type):
            missing = pc.or_(missing, pc.equal(pc.utf8_trim_whitespace(table[0]), ""))
        if (at := pc.index(missing, True).as_py()) >= 0:
            raise InputError(f"{where}: row {at + 1} has no {key}; fill it in or leave the row out")
        if (at := no_id(table[0])) >= 0:
            raise wrong_value(source, at + 1, columns[0], table[0][at].as_py(), "an id", "give it as text, ")
        ids = table[0].cast(id_type(table[0].type))
        tables.append(table.set_column(0, "0", ids).rename_columns([str(i) for i in range(len(columns))]))
    if len({t.schema.field(0).type for t in tables}) > 1:
        tables = [t.set_column(0, "0", t[0].cast(pa.string())) for t in tables]
    table = pa.concat_tables(tables, promote_options="permissive")
    _check_unique(table[0], key, ", ".join(s.name for s in sources.open_sources(section)), columns[0])
    return table


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
    texts = [table[p].cast(pa.string()) for p in positions]
    texts = [pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text) for text in texts]
    joined = texts[0]
    for text in texts[1:]:
        both = pc.binary_join_element_wise(joined, text, " ")
        joined = pc.coalesce(both, joined, text)
    return joined


def items(section: config.Items) -> pa.Table:
    """tables.ITEMS, one row per item in the source's order.

    A list of columns is joined by a space; empty text is null, and nulls are skipped.

    item_id is int64 from typed sources, else text. InputError names a key that is missing or there twice.
    """
    for name in section.columns:
        if name not in ITEMS:
            raise ConfigError(f"[log.items] columns: unknown name {name!r}{did_you_mean(name, ITEMS)}")
    if not isinstance(section.columns.get("item_id"), str):
        raise ConfigError("[log.items] columns: item_id is not mapped to one column; say item_id = 'your column'")
    wanted = {name: [c] if isinstance(c, str) else list(c) for name, c in section.columns.items()}
    order = ["item_id", *(name for name in ITEMS if name in wanted and name != "item_id")]
    flat = [column for name in order for column in wanted[name]]
    table = _raw(section, flat, "item_id")
    result: dict[str, pa.ChunkedArray] = {"item_id": table[0]}
    at = 1
    for name in order[1:]:
        result[name] = _joined(table, range(at, at + len(wanted[name])))
        at += len(wanted[name])
    for name in ITEMS:
        result.setdefault(name, pa.nulls(len(table), pa.string()))
    return pa.table({name: result[name] for name in ITEMS}).combine_chunks()


def users(section: config.Users) -> pa.Table:
    """user_id and the mapped attributes in their own types, one row per user in the source's order."""
    if "user_id" not in section.columns:
        raise ConfigError("[log.users] columns: user_id is not mapped; say user_id = 'your column'")
    order = ["user_id", *(name for name in section.columns if name != "user_id")]
    table = _raw(section, [section.columns[name] for name in order], "user_id")
    return table.rename_columns(order).combine_chunks()
