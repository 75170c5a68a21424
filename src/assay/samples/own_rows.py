"""The rows of a table of one's own, of any format that a log may have, with a type for each column."""

from contextlib import closing

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay import engines
from assay.config import OwnTable
from assay.engines.engine import EngineError, identifier
from assay.errors import ConfigError, SourceError, did_you_mean
from assay.logs import sources
from assay.logs.sources.places import Place, matching

_CODE = r"^-?0\d"  # digits that begin with 0 are a code, as a post code is, and no number
_TRUTHS = {"true": "1", "false": "0"}


def read(section: OwnTable) -> pa.Table:
    """Every row, with the columns' types: those of Parquet, of text numbers and times where all values are some, else text.

    A word for what is unknown is null. With `positive` the label is whether that SQL expression holds of the row. Raises
    SourceError or ConfigError that names the file and the key.
    """
    tables = [_file(place, section) for place in matching(section.path)]
    table = pa.concat_tables(tables, promote_options="permissive")
    if not table.num_rows:
        raise SourceError(f"{section.path}: has no rows; bring a table with one row per labelled sample")
    _check_names(table, section)
    return table if section.positive is None else _labelled(table, section, section.positive)


def _file(place: Place, section: OwnTable) -> pa.Table:
    place.require()
    if sources.file_format(place, section) == "parquet":
        try:
            return pq.read_table(place.seekable())
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{place.name}: not a Parquet file ({' '.join(str(error).split())[:160]})") from None
    source = sources.open_file(place, section)
    names = source.columns()
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise SourceError(f"{place.name}: column {twice[0]!r} is there {names.count(twice[0])} times; rename one")
    batches = list(source.read(names))
    if not batches:
        raise SourceError(f"{place.name}: has no rows; bring a table with one row per labelled sample")
    rows = pa.Table.from_batches(batches).rename_columns(names)
    return pa.table({name: _typed(rows.column(name), name, section) for name in names})


def _typed(column: pa.ChunkedArray, name: str, section: OwnTable) -> pa.ChunkedArray:
    """A column of text as numbers or times where all its values are some."""
    if not pa.types.is_string(column.type):
        return column
    trimmed = pc.utf8_trim_whitespace(column)
    text = pc.if_else(pc.is_in(trimmed, pa.array(["", *section.null_words])), pa.scalar(None, pa.string()), trimmed)
    if name == section.label:
        lower = pc.utf8_lower(text)
        for word, number in _TRUTHS.items():
            text = pc.if_else(pc.fill_null(pc.equal(lower, word), False), number, text)
    if (
        pc.any(pc.match_substring_regex(text, _CODE)).as_py()
        or name in section.categorical
        or name in (section.user, section.item, section.request, section.split, section.key)
    ):
        return text
    number = text
    if section.decimal == ",":
        number = pc.replace_substring(pc.replace_substring(text, ".", ""), ",", ".")
    for kind in (pa.int64(), pa.float64()):
        try:
            return number.cast(kind)
        except pa.ArrowInvalid:
            continue
    if name == section.timestamp:
        return _times(text, name, section)
    return text


def _times(text: pa.ChunkedArray, name: str, section: OwnTable) -> pa.ChunkedArray:
    with closing(engines.connect()) as engine:
        engine.lend("rows", pa.table({"moment": text}))
        times = engine.table("SELECT TRY_CAST(moment AS TIMESTAMPTZ) AS moment FROM rows").column(0)
    if times.null_count > text.null_count:
        at = pc.index(pc.and_(pc.is_null(times), pc.is_valid(text)), True).as_py()
        raise SourceError(
            f"{section.path}: row {at + 1}, column {name!r}: {text[at].as_py()!r} is no time; write times as 2024-12-31 10:00"
        )
    return times


def _check_names(table: pa.Table, section: OwnTable) -> None:
    """ConfigError where a key names a column that the table does not have."""
    named = {"label": section.label, "key": section.key, "timestamp": section.timestamp, "user": section.user}
    named |= {"item": section.item, "request": section.request, "weight": section.weight, "split": section.split}
    named |= {"random_split": section.random_split or None}
    named |= {f"numeric[{k}]": name for k, name in enumerate(section.numeric)}
    named |= {f"categorical[{k}]": name for k, name in enumerate(section.categorical)}
    for key, name in named.items():
        if name is not None and name not in table.column_names:
            hint = did_you_mean(name, table.column_names)
            raise ConfigError(
                f"[table] {key}: {section.path} has no column {name!r}{hint}; it has {', '.join(table.column_names)}"
            )


def _labelled(table: pa.Table, section: OwnTable, positive: str) -> pa.Table:
    """The table with 1 for the label where an expression holds, 0 where it does not, null where that is unknown."""
    with closing(engines.over_files([])) as engine:
        try:
            label = engine.each(table, positive, "BOOLEAN")
        except EngineError as error:
            said = " ".join(str(error).split())[:200]
            raise ConfigError(
                f"[table] positive: {positive!r} cannot be computed ({said}); write a condition on the columns, for example "
                f"{identifier(section.label)} >= 4"
            ) from None
    return table.set_column(table.column_names.index(section.label), section.label, label.cast(pa.int8()))
