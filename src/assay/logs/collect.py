"""Collect: from the config's sources to Parquet parts of canonical events, reading only what is new.

collect.json holds what was read, whatever was there before: {"rows": n, "time_zone": name, "minor_units": n, "sources":
[{"name", "part", "rows", ...}]}. The order of its sources is the order of the log. What changed since the last time is no
artefact: `collect` returns it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay import config
from assay.errors import ConfigError
from assay.logs import attributes, canonical, private, sources
from assay.logs.sources.base import Source
from assay.logs.sources.places import Place
from assay.pages import log as pages
from assay.progress import Report, silent
from assay.runs.store import Folder, digest, file_digest, write_json, write_parquet
from assay.runs.view import without_passwords

Record = dict[str, Any]
ROWS = 1 << 18  # a row group: fixed, so that bytes do not depend on how rows arrived
FORMAT = 5


def regrouped(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of exactly ROWS, but for the last."""
    waiting: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        waiting.append(batch)
        held += batch.num_rows
        while held >= ROWS:
            table = pa.Table.from_batches(waiting, schema)
            yield table.slice(0, ROWS).combine_chunks().to_batches()[0]
            waiting, held = table.slice(ROWS).to_batches(), held - ROWS
    if held:
        yield pa.Table.from_batches(waiting, schema).combine_chunks().to_batches()[0]


def _content(section: config.SourceSection) -> dict[str, Any]:
    """What a section says of rows: all but where its files lie, and with which password a database is read."""
    content: dict[str, Any] = without_passwords(section.model_dump(mode="json", exclude={"path", "password_env"}))
    return content


def fingerprint(log: config.Log) -> str:
    """Changes when a source or its section changes; a database without grows_by always counts as changed."""
    salt = private.salt(log)
    state: list[object] = [FORMAT, log.hash_ids, None if salt is None else private.hidden("", salt)]
    for section in [*log.events, log.items, log.users]:
        state.append(None if section is None else [_content(section), section.path])
        if section is None:
            continue
        if section.url is None:
            state += [(place.name, place.digest(place.size())) for place in sources.files(section) if place.exists()]
        else:
            state.append(sources.database_table(section).state())
    return digest(state)


def _stands(record: Record, run: Folder) -> bool:
    """Whether the part that a record describes is still what it was."""
    path = run.path(record["part"])
    return path.exists() and file_digest(path) == record["part_sha256"]


class _Writer:
    """Writes one part and counts what is read."""

    def __init__(self, run: Folder, report: Report, salt: str | None) -> None:
        self.run, self.report, self.salt, self.read = run, report, salt, 0

    def key(self, section: config.SourceSection) -> str:
        """Changes with whatever decides how the rows of a section are stored."""
        return digest([FORMAT, None if self.salt is None else private.hidden("", self.salt), _content(section)])

    def write(self, part: str, new: Iterator[pa.RecordBatch], total: int | None, before: str | None = None) -> Record:
        """Write `new` as a part, after the rows of the part `before`; return what the account says of it."""
        new = (private.hide_columns(batch, self.salt) for batch in new)
        first = next(new, None)
        old = pq.ParquetFile(self.run.path(before)) if before else None
        schema = old.schema_arrow if old else first.schema if first is not None else canonical.schema(pa.string(), pa.string())
        fresh = 0

        def rows() -> Iterator[pa.RecordBatch]:
            nonlocal fresh
            if old:
                yield from old.iter_batches(batch_size=ROWS)
            batch = first
            while batch is not None:
                fresh += batch.num_rows
                self.report("collect", self.read + fresh, total)
                yield batch.cast(schema)
                batch = next(new, None)

        written = write_parquet(self.run.path(part), regrouped(rows(), schema), schema)
        self.read += fresh
        return {"part": part, "rows": written, "part_sha256": file_digest(self.run.path(part))}


@dataclass(frozen=True)
class Collected:
    """files: names of the artefacts. changes: for each source its name, change, rows and rows_read.

    change: "new", "changed", "appended" or "unchanged" since the last time.
    """

    files: list[str]
    changes: list[Record]


def _file_record(
    place: Place, section: config.Events, earlier: Record | None, part: str, run: Folder, writer: _Writer
) -> tuple[Record, str]:
    """What stands in the account for a file, and how it changed; its rows are in `part`, or where they were if unchanged."""
    source: Source = sources.open_file(place, section)
    source.columns()  # refuses what is not there or empty before anything is hashed
    size, key = place.size(), writer.key(section)
    base = {"name": place.name, "section": key, "bytes": size, "sha256": place.digest(size)}
    zoned = canonical.Zoned()
    if earlier and earlier["section"] == key and _stands(earlier, run):
        if earlier["sha256"] == base["sha256"]:
            return earlier, "unchanged"
        grown = sources.is_plain_text(place, section) and size > earlier["bytes"] > 0
        if grown and place.ends_a_line(earlier["bytes"]) and place.digest(earlier["bytes"]) == earlier["sha256"]:
            zoned = canonical.Zoned(*earlier["zoned"])
            tail = sources.open_file(place, section, start=earlier["bytes"], first_row=earlier["lines"] + 1)
            before = writer.read
            record = writer.write(part, canonical.events(tail, section, zoned), None, before=earlier["part"])
            lines = earlier["lines"] + writer.read - before
            return base | record | {"zoned": [zoned.with_offset, zoned.without], "lines": lines}, "appended"
    before = writer.read
    record = writer.write(part, canonical.events(source, section, zoned), source.rows())
    zones = [zoned.with_offset, zoned.without]
    return base | record | {"zoned": zones, "lines": writer.read - before}, "changed" if earlier else "new"


def _database_record(
    section: config.Events, earlier: Record | None, part: str, run: Folder, writer: _Writer
) -> tuple[Record, str]:
    """The same for a database."""
    source = sources.database_table(section)
    key = writer.key(section)
    base: Record = {"name": source.name, "section": key}
    zoned = canonical.Zoned()
    if earlier and section.grows_by and earlier["section"] == key and _stands(earlier, run):
        tail = sources.database_table(section, watermark=earlier["watermark"], first_row=earlier["rows"] + 1)
        new = canonical.events(tail, section, zoned)
        first = next(new, None)
        if first is None:
            return earlier, "unchanged"
        record = writer.write(part, _chain(first, new), None, before=earlier["part"])
        return base | record | {"watermark": tail.watermark}, "appended"
    record = writer.write(part, canonical.events(source, section, zoned), source.rows())
    return base | record | {"watermark": source.watermark}, "changed" if earlier else "new"


def _selection_record(
    section: config.Events, earlier: Record | None, part: str, run: Folder, writer: _Writer
) -> tuple[Record, str]:
    """The same for SQL over files: read again whole when one of them changed."""
    source, key = sources.open_selection(section), writer.key(section)
    state = digest([(place.name, place.digest(place.size())) for place in sources.files(section)])
    base: Record = {"name": source.name, "section": key, "sha256": state}
    if earlier and earlier["section"] == key and earlier["sha256"] == state and _stands(earlier, run):
        return earlier, "unchanged"
    record = writer.write(part, canonical.events(source, section, canonical.Zoned()), source.rows())
    return base | record, "changed" if earlier else "new"


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _previous(run: Folder) -> dict[str, Any]:
    path = run.path(pages.SourcesRead.path)
    return run.read_json(pages.SourcesRead.path) if path.exists() else {"sources": []}


def collect(log: config.Log, run: Folder, report: Report = silent) -> Collected:
    """Read the sources into log/events/part-*.parquet, items.parquet and users.parquet in log/, collect.json.

    Files that did not change are not read again; of a plain-text file that only grew, and of a database
    with grows_by, only the new rows are. The files are those of a first reading, whatever was there before. Raises
    SourceError or ConfigError that names the file, row, column and value; then nothing of an earlier run is lost.
    """
    minor_units = {section.minor_units for section in log.events}
    if len(minor_units) > 1:
        raise ConfigError("[log.events] minor_units: must be the same in every section; money is added up over them")
    salt = private.salt(log)
    records, changes = _events(log, run, _Writer(run, report, salt))
    files = [record["part"] for record in records]
    tables = {
        "items": attributes.items(log.items) if log.items else None,
        "users": attributes.users(log.users) if log.users else None,
    }
    for name, table in tables.items():
        if table is not None:
            write_parquet(run.path(f"log/{name}.parquet"), private.hide_columns(table, salt))
            files.append(f"log/{name}.parquet")
    rows = sum(record["rows"] for record in records)
    time_zone, parts = log.events[0].time_zone, [pages.SourceRead.model_validate(record) for record in records]
    own_kinds = sorted({kind for section in log.events for kind in section.own_kinds})
    page = pages.SourcesRead(rows=rows, time_zone=time_zone, minor_units=minor_units.pop(), own_kinds=own_kinds, sources=parts)
    write_json(run.path(page.path), page.content())
    return Collected([*files, page.path], changes)


def _events(log: config.Log, run: Folder, writer: _Writer) -> tuple[list[Record], list[Record]]:
    """What stands in the account for every source, in order, and how each changed."""
    before = _previous(run)["sources"]
    by_section = {record["name"] + record["section"]: record for record in before}
    by_name = {record["name"]: record for record in before}
    records: list[Record] = []
    changes: list[Record] = []
    for section, place in _places(log):
        part, read = f"log/events/new-{len(records):05d}.parquet", writer.read
        if section.url is not None:
            earlier = by_section.get(sources.database_table(section).name + writer.key(section))
            record, change = _database_record(section, earlier, part, run, writer)
        elif place is None:
            earlier = by_section.get(sources.open_selection(section).name + writer.key(section))
            record, change = _selection_record(section, earlier, part, run, writer)
        else:
            earlier = by_section.get(place.name + writer.key(section)) or by_name.get(place.name)
            if earlier is not None and any(record["part"] == earlier["part"] for record in records):
                earlier = None  # one file under two sections
            record, change = _file_record(place, section, earlier, part, run, writer)
        records.append(record)
        counts = {"rows": record["rows"], "rows_read": writer.read - read}
        changes.append({"name": record["name"], "change": change, **counts})
    return _in_order(records, run), changes


def _places(log: config.Log) -> Iterator[tuple[config.Events, Place | None]]:
    """Every section with its files, or None for a database and for SQL over files."""
    for section in log.events:
        canonical.check_mapping(section)
        if section.url is not None or section.sql is not None:
            yield section, None
        else:
            yield from ((section, place) for place in sources.files(section))


def _in_order(records: list[Record], run: Folder) -> list[Record]:
    """Name the parts by their place in the log: part-00000, part-00001 ...; what none of them is goes."""
    waiting = [run.path(f"log/events/new-{place:05d}.parquet") for place in range(len(records))]
    for record, path in zip(records, waiting, strict=True):
        run.path(record["part"]).replace(path)
    for stale in run.path("log/events").iterdir():
        if stale not in waiting:
            stale.unlink()
    named = [record | {"part": f"log/events/part-{place:05d}.parquet"} for place, record in enumerate(records)]
    for record, path in zip(named, waiting, strict=True):
        path.replace(run.path(record["part"]))
    return named
