"""A look at what is there: files of any name, a folder, a glob, a database; how they are written, and their first rows."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay import config, registry
from assay.config import STORES
from assay.errors import SourceError
from assay.logs import sources
from assay.logs.sources import encodings
from assay.logs.sources.base import Source
from assay.logs.sources.csv import DELIMITERS
from assay.logs.sources.places import Place, matching
from assay.logs.suggest.names import kind_of

LOOK = 10_000  # rows
_LINES = 200  # that tell how a text file is written
_SAMPLE = 1 << 18  # bytes
_ARCHIVES = (b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")  # what is compressed by its name was opened before


@dataclass(frozen=True)
class Look:
    """A table as it lies there.

    section: keys of the config that open it: path or url, table, and how it is written. columns: first values of each column as
    text, empty where there is none. typed_times: columns that hold times. unsure: what was guessed of how it is written, and why.
    """

    name: str
    section: Mapping[str, Any]
    columns: Mapping[str, list[str]]
    typed_times: frozenset[str] = frozenset()
    unsure: Mapping[str, str] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        """Its name without the ending."""
        return re.sub(r"\.\w+$", "", self.name)

    def sources(self) -> list[Source]:
        """Its rows."""
        return sources.open_sources(config.SourceSection.model_validate(dict(self.section)))


def texts(rows: pa.Table) -> dict[str, list[str]]:
    """The values of each column as text, empty where there is none."""
    columns = zip(rows.column_names, rows.columns, strict=True)
    return {name: ["" if v is None else str(v) for v in _values(column)] for name, column in columns}


def _values(column: pa.ChunkedArray) -> list[object]:
    """The values of a column; times beyond what Python's calendar holds as numbers."""
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError, pa.ArrowException):
        return list(column.cast(pa.int64()).to_pylist()) if pa.types.is_temporal(column.type) else [None] * len(column)


def looks(target: str, table: str | None = None) -> list[Look]:
    """What a file, a glob, a folder, or a database holds; files that are alike are one. SourceError: nothing that can be read."""
    if "://" in target and not target.startswith(STORES):
        databases = registry.of_extra("assay.engines.databases", "databases", "a database's url")
        names = [table] if table is not None else databases.tables(target)
        if not names:
            raise SourceError("the database has no tables that this user may see; name another, or another user")
        return _tables(target, names)
    if not target.startswith(STORES) and Path(target).is_dir():
        places = [Place.of(path) for path in sorted(Path(target).rglob("*")) if path.is_file() and _is_data(path, Path(target))]
        if not places:
            raise SourceError(f"{target}: holds no file; name the folder of your log")
        return _alike(places)
    places = matching(target)
    for place in places:
        place.require()
    opened = [_file(place) for place in places]
    first = opened[0]
    if all(list(look.columns) == list(first.columns) for look in opened):
        path = target if target.startswith(STORES) else str(Path(target).resolve())
        return [replace(first, section={**first.section, "path": path})]
    return opened


def _tables(url: str, names: Sequence[str]) -> list[Look]:
    """The tables of a database; those without rows are left out, unless none has any."""
    opened, refusal = [], None
    for name in names:
        try:
            opened.append(_look(name, {"url": url, "table": name}))
        except SourceError as error:
            refusal = refusal or error
    if refusal is not None and not opened:
        raise refusal
    return opened


def _is_data(path: Path, folder: Path) -> bool:
    """Whether a file of a folder may hold rows: it is not hidden, not empty and no text for people."""
    hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    for_people = (
        path.suffix.lower() in (".md", ".html", ".pdf", ".toml", ".py", ".ipynb", ".png", ".zip") or path.stem.upper() == "README"
    )
    return not hidden and not for_people and path.stat().st_size > 0


def _alike(places: Sequence[Place]) -> list[Look]:
    """The files of a folder that can be read; those with the same columns and way of writing are one."""
    groups: dict[object, list[Look]] = {}
    for place in places:
        try:
            look = _file(place)
        except SourceError:
            continue
        written = sorted((key, str(value)) for key, value in look.section.items() if key != "path")
        headless = place.name if "names" in look.section else ""  # columns that have no names of their own say nothing
        groups.setdefault((tuple(look.columns), place.ending, tuple(written), headless), []).append(look)
    if not groups:
        raise SourceError(f"{places[0].name} and {len(places) - 1} other files: none can be read as a table")
    merged = []
    for group in groups.values():
        paths = [str(look.section["path"]) for look in group]
        merged.append(replace(group[0], section={**group[0].section, "path": paths if len(paths) > 1 else paths[0]}))
    return merged


def _file(place: Place) -> Look:
    """A file, with what its content says of how it is written."""
    place.require()
    keys: dict[str, Any] = {"path": place.name if not place.is_local else str(Path(place.name).resolve())}
    unsure: dict[str, str] = {}
    kind = sources.FORMATS.get(place.ending)
    if kind not in ("parquet", "xlsx"):
        sample = _sample(place)
        if sample.startswith(_ARCHIVES):
            raise SourceError(f"{place.name}: is an archive or a workbook of another name; unpack it, or rename it to .xlsx")
        encoding = _encoding(place, sample)
        if b"\x00" in sample and encoding != "utf-16":
            raise SourceError(f"{place.name}: is no text; Assay reads CSV, JSON, Parquet and workbooks by their usual endings")
        if encoding is not None:
            keys["encoding"] = encoding
            unsure["encoding"] = "guessed from the characters"
        text = sample.decode(encoding or "utf-8", errors="replace").removeprefix("\ufeff")
        is_json = text.lstrip().startswith(("{", "[{", "[\n"))
        if kind is None or (kind == "jsonl") != is_json:
            keys["format"] = kind = "jsonl" if is_json else "csv"
        if kind in ("csv", "tsv"):
            keys |= _dialect(text, "," if kind == "csv" else "\t", unsure)
    return _look(place.file, keys, unsure)


def _sample(place: Place) -> bytes:
    try:
        with place.bytes() as stream:
            sample: bytes = stream.read(_SAMPLE)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{place.name}: cannot be read ({' '.join(str(error).split())[:160]}); is it damaged?") from None
    return sample


def _encoding(place: Place, sample: bytes) -> str | None:
    """The encoding of text that is not UTF-8."""
    if encodings.marked(place) or encodings.is_utf8(sample, whole=False):
        return encodings.marked(place)
    return encodings.guess(sample)


def _dialect(text: str, usual: str, unsure: dict[str, str]) -> dict[str, Any]:
    """Delimiter, quote, names and decimal where they are not the usual ones."""
    lines = [line for line in text.splitlines()[:_LINES] if line.strip()]
    if len(text) >= _SAMPLE // 4 and len(lines) > 1:
        lines = lines[:-1]  # the last one may break off
    if not lines:
        return {}
    keys: dict[str, Any] = {}
    delimiter = max((usual, *DELIMITERS), key=lambda one: _evenness(lines, one))
    if not _evenness(lines, delimiter)[0] and _evenness(lines, " ")[0] == 1:
        delimiter = " "
    if delimiter != usual:
        keys["delimiter"] = delimiter
    quoted, plain = _rows(lines, delimiter, '"'), _rows(lines, delimiter, "")
    if not _even(quoted) and _even(plain):
        keys["quote"] = ""
    rows = plain if "quote" in keys else quoted
    if rows and not _has_header(rows):
        keys["names"] = [f"column {k + 1}" for k in range(len(rows[0]))]
        unsure["names"] = "the first row looks like the others, so the file seems to have no header"
    numbers = {cell.strip() for row in rows[1:] for cell in row}
    if delimiter != "," and any(re.fullmatch(r"-?\d{1,3}(\.\d{3})*,\d+|-?\d+,\d+", cell) for cell in numbers):
        keys["decimal"] = ","
        unsure["decimal"] = "numbers such as 3,50"
    return keys


def _evenness(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    """How well a delimiter cuts lines: the share of lines with the usual number of fields, if that is above 1; and the number."""
    counts = Counter(len(row) for row in _rows(lines, delimiter, '"') or _rows(lines, delimiter, ""))
    if not counts:
        return 0.0, 0
    fields, lines_alike = counts.most_common(1)[0]
    return (round(lines_alike / counts.total(), 1), fields) if fields > 1 else (0.0, 0)


def _rows(lines: Sequence[str], delimiter: str, quote: str) -> list[list[str]]:
    """Lines cut into fields; none where the quotes make no sense."""
    stand_in = delimiter if len(delimiter) == 1 else "\x1f"
    cut = (line.replace(delimiter, stand_in) for line in lines)
    try:
        return list(csv.reader(cut, delimiter=stand_in, quotechar=quote or None, quoting=0 if quote else csv.QUOTE_NONE))
    except csv.Error:
        return []


def _even(rows: Sequence[Sequence[str]]) -> bool:
    return len({len(row) for row in rows}) == 1


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: no cell is a number, a date, or a kind of event that stands below too."""
    below = {cell for row in rows[1:] for cell in row}
    return not any(
        re.fullmatch(r"-?\d+([.,]\d+)?|\d{4}-\d\d-\d\d.*", cell.strip()) or (cell in below and kind_of(cell) is not None)
        for cell in rows[0]
    )


def _look(name: str, keys: Mapping[str, Any], unsure: Mapping[str, str] | None = None) -> Look:
    """The first rows of a table that can be opened."""
    section = config.SourceSection.model_validate(dict(keys))
    source = sources.open_sources(section)[0]
    columns = source.columns()
    once = [column for column in dict.fromkeys(columns) if columns.count(column) == 1 and column]
    first = next(iter(_read(source, once)), None)
    if first is None:
        raise SourceError(f"{source.name}: has a header but no rows; export it again")
    rows = pa.Table.from_batches([first.slice(0, LOOK)]).rename_columns(once)
    times = frozenset(field.name for field in rows.schema if pa.types.is_temporal(field.type))
    return Look(name, keys, texts(rows), times, unsure or {})


def _read(source: Source, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    if not columns:
        raise SourceError(f"{source.name}: no column has a name of its own; name the columns")
    return source.read(columns)
