"""Sources of raw rows, one kind per file, and how a config section becomes a list of them."""

from pathlib import Path
from typing import TYPE_CHECKING

from assay import config, registry
from assay.errors import ConfigError, SourceError, did_you_mean
from assay.logs.sources.base import Source
from assay.logs.sources.csv import CsvFile
from assay.logs.sources.json_lines import JsonLinesFile
from assay.logs.sources.parquet import ParquetFile
from assay.logs.sources.places import Place, matching
from assay.logs.sources.selection import Selection
from assay.logs.sources.workbook import Workbook

if TYPE_CHECKING:
    from assay.logs.sources.database import DatabaseTable

FORMATS = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "xlsx",
    ".xls": "xlsx",
    ".ods": "xlsx",
}


def files(section: config.SourceSection) -> list[Place]:
    """The section's files: globs sorted, a list in its own order; SourceError when there is none."""
    places = (place for pattern in section.paths for place in matching(pattern))
    return list({place.name: place for place in places}.values())


def is_plain_text(place: Place, section: config.Dialect) -> bool:
    """Whether rows appended to the file can be read by themselves."""
    utf8 = section.encoding is None or section.encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    return place.is_local and not place.is_compressed and utf8 and file_format(place, section) in ("csv", "tsv", "jsonl")


def file_format(place: Place, section: config.Dialect) -> str:
    """The section's format, else by the file's name."""
    if section.format:
        if section.format not in FORMATS.values() and ":" not in section.format:
            formats = ", ".join(dict.fromkeys(FORMATS.values()))
            hint = did_you_mean(section.format, FORMATS.values())
            raise ConfigError(f"format = {section.format!r}: unknown{hint}; known: {formats}, or package.module:Class")
        return section.format
    if place.ending not in FORMATS:
        known = "'csv', 'tsv', 'jsonl', 'parquet' or 'xlsx'"
        unpack = "; unpack it first" if place.ending in (".zip", ".rar", ".7z", ".tar", ".tgz") else ""
        raise SourceError(f"{place.name}: unknown kind of file{unpack}; say format = {known}")
    return FORMATS[place.ending]


def open_file(place: Place | Path | str, section: config.Dialect, *, start: int = 0, first_row: int = 1) -> Source:
    """A source over one file; a plain-text file may be opened at the byte where a row begins."""
    place = Place.of(place)
    kind = file_format(place, section)
    if ":" in kind:
        own: Source = registry.load(kind, "format")(Path(place.name))
        return own
    if kind == "parquet":
        return ParquetFile(place)
    if kind == "jsonl":
        return JsonLinesFile(place, encoding=section.encoding, start=start, first_row=first_row)
    if kind == "xlsx":
        return Workbook(place, section.sheet, section.names)
    delimiter = section.delimiter or ("," if kind == "csv" else "\t")
    return CsvFile.of(place, section, delimiter, start=start, first_row=first_row)


def open_selection(section: config.SourceSection) -> Source:
    """The rows of a section's `sql` over its files."""
    return Selection(section, {place: file_format(place, section) for place in files(section)})


def database_table(
    section: config.SourceSection, *, watermark: dict[str, str] | None = None, first_row: int = 1
) -> "DatabaseTable":
    """A source over the section's table or query; InputError with the pip line where the extra `databases` is missing."""
    module = registry.of_extra("assay.logs.sources.database", "databases", "a database's url")
    table: DatabaseTable = module.DatabaseTable(section, watermark=watermark, first_row=first_row)
    return table


def open_sources(section: config.SourceSection) -> list[Source]:
    """Everything that a section names, in order."""
    if section.url is not None:
        return [database_table(section)]
    if section.sql is not None:
        return [open_selection(section)]
    return [open_file(place, section) for place in files(section)]
