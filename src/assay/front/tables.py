"""Tables in memory as the log of a run: kept whole in its folder, their columns mapped by name.

A run of tables is a run of files: `input/events.parquet` and the like are what its config names. So it can be made again, and
its fingerprint is the content of the tables, whatever library they came from.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.errors import InputError, did_you_mean
from assay.logs import suggest
from assay.logs.collect import regrouped
from assay.runs.store import write_parquet

INPUT = "input"
_BESIDE = f".{INPUT}-"
NEEDED = {"events": ("user_id", "item_id", "timestamp"), "items": ("item_id",), "users": ("user_id",)}


@runtime_checkable
class ArrowStream(Protocol):
    """A table that can be read through the Arrow C stream: pandas, Polars, PyArrow, a DuckDB relation."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A capsule of the stream."""
        ...


@contextmanager
def beside(tables: Mapping[str, object], folder: Path) -> Iterator[dict[str, Path]]:
    """Write tables to files that stand beside those of a run's folder until the block ends; yield their paths by name.

    InputError: one is no table, has no rows, has a column twice, or holds what no column can hold.
    """
    for left in folder.glob(f"{_BESIDE}*"):  # by a process that was killed
        shutil.rmtree(left)
    with TemporaryDirectory(prefix=_BESIDE, dir=folder) as part:
        paths = {name: Path(part) / f"{name}.parquet" for name in tables}
        for name, table in tables.items():
            _write(name, table, paths[name])
        yield paths


def kept(name: str, folder: Path) -> Path:
    """Full path of a table in a run's folder."""
    return (folder / INPUT / f"{name}.parquet").resolve()


def keep(paths: Mapping[str, Path], folder: Path) -> None:
    """Move files of tables to where the folder keeps them; what it keeps of another time is deleted."""
    for name in NEEDED:
        kept(name, folder).unlink(missing_ok=True)
    for name, path in paths.items():
        kept(name, folder).parent.mkdir(exist_ok=True)
        path.replace(kept(name, folder))


def _write(name: str, table: object, path: Path) -> None:
    if not isinstance(table, ArrowStream):
        raise InputError(
            f"{name}: a {type(table).__name__} is no table; give pandas, Polars, PyArrow or a DuckDB relation, or name a file"
            " in a config"
        )
    try:
        reader = pa.RecordBatchReader.from_stream(table)
        schema = _plain(name, reader.schema)
        batches = (batch.cast(schema) for batch in reader)
        rows = write_parquet(path, regrouped(batches, schema), schema)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name}: cannot be kept as Parquet ({' '.join(str(error).split())[:160]}); mend the column") from None
    if not rows:
        raise InputError(f"{name}: has no rows")


def _plain(name: str, schema: pa.Schema) -> pa.Schema:
    """The schema with one type for text and none for codes of it, so that the same content gives the same bytes."""
    twice = sorted({column for column in schema.names if schema.names.count(column) > 1})
    if twice:
        raise InputError(f"{name}: has the column {twice[0]!r} more than once; rename one of them")
    return pa.schema([pa.field(field.name, _plain_type(field.type)) for field in schema])


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    return kind


def log_section(
    paths: Mapping[str, Path], folder: Path, columns: Mapping[str, str] | None, more: Mapping[str, Any]
) -> dict[str, Any]:
    """The config's [log] for tables that a run's folder will keep; paths: where they are now.

    columns: canonical name -> column of the events, in place of a guess by name. more: what the user says of [log] besides;
    its "events", "items" and "users" are keys of those sections. InputError: a column that is needed cannot be guessed.
    """
    if more.get("hash_ids"):
        raise InputError(
            "[log] hash_ids: a table is kept in the run's folder as it is, ids and all; write it to a file elsewhere, and name"
            " that in [[log.events]] path"
        )
    sections = {}
    for name, path in paths.items():
        own = _own(name, more)
        if name == "events" and columns is not None:
            if not isinstance(columns, Mapping):
                raise InputError(f"columns: give a dictionary, canonical name -> column, not {type(columns).__name__}")
            own["columns"] = dict(columns)
        sections[name] = {"path": str(kept(name, folder))} | _guessed(name, path, own) | own
    events = {"events": [sections.pop("events")]}
    return {key: value for key, value in more.items() if key not in paths} | events | sections


def _own(name: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """What the user says of a table; of events also as the config's file has it, a list of one."""
    own = more.get(name, {})
    own = own[0] if isinstance(own, list) and len(own) == 1 else own
    if not isinstance(own, Mapping):
        raise InputError(f"log: {name}: give a dictionary of keys of that section, not {type(own).__name__}")
    return dict(own)


def _guessed(name: str, path: Path, own: Mapping[str, Any]) -> dict[str, Any]:
    """What a look at a kept table says that the user does not say."""
    file = pq.ParquetFile(path)
    values = suggest.texts(pa.Table.from_batches([next(file.iter_batches(batch_size=suggest.LOOK))]))
    guess = {"events": suggest.event_columns, "items": suggest.item_columns, "users": suggest.user_columns}[name]
    columns = own.get("columns") or guess(values)
    for canonical in NEEDED[name]:
        if canonical not in columns and "columns" not in own:
            choices = ", ".join(map(repr, values))
            say = f'columns={{"{canonical}": ...}}' if name == "events" else f'log={{"{name}": {{"columns": {{...}}}}}}'
            raise InputError(f"{name}: no column looks like {canonical} (it has: {choices}); name it: {say}")
    for canonical, column in columns.items():
        if column not in values:
            raise InputError(f"{name}: has no column {column!r} for {canonical}{did_you_mean(str(column), values)}")
    return {"columns": columns} | (_of_events(path, columns, own) if name == "events" else {})


def _of_events(path: Path, columns: Mapping[str, str], own: Mapping[str, Any]) -> dict[str, Any]:
    """Kinds of events, or the one kind of all; and what times are written in. All rows are looked at."""
    schema = pq.read_schema(path)
    section: dict[str, Any] = {}
    if "event" not in columns:
        section["event"] = "purchase"
    elif columns["event"] in schema.names:
        section["kinds"] = suggest.kinds(list(_distinct(path, columns["event"])))
    time = columns.get("timestamp", "")
    if "time_format" in own or time not in schema.names or pa.types.is_temporal(schema.field(time).type):
        return section
    texts = list(_distinct(path, time))
    if suggest.day_or_month_first(texts):
        raise InputError(
            f"events: dates in the column {time!r} read as day/month or month/day; say which:"
            ' log={"events": {"time_format": "%d/%m/%Y"}} or "%m/%d/%Y", with the time of the day where there is one'
        )
    shape = suggest.time_format(texts)
    return section | ({"time_format": shape} if shape is not None else {})


def _distinct(path: Path, column: str) -> Iterator[str]:
    """The different values of a column, as text."""
    for value in pc.unique(pq.read_table(path, columns=[column]).column(column)).to_pylist():
        if value is not None:
            yield str(value)
