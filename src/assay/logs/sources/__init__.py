"""Sources of raw rows, one kind per file, and how a config section becomes a list of them."""

import glob
from pathlib import Path
from typing import TYPE_CHECKING

from assay import config, registry
from assay.errors import ConfigError, SourceError, did_you_mean
from assay.logs.sources.base import Source
from assay.logs.sources.csv import CsvFile
from assay.logs.sources.json_lines import JsonLinesFile
from assay.logs.sources.parquet import ParquetFile

if TYPE_CHECKING:
    from assay.logs.sources.database import DatabaseTable

COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
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
}


def files(section: config.SourceSection) -> list[Path]:
    """The section's files: globs sorted, a list in its own order; SourceError when there is none."""
    assert section.path is not None
    paths: dict[Path, None] = {}
    for pattern in [section.path] if isinstance(section.path, str) else section.path:
        if Path(pattern).exists() or not glob.has_magic(pattern):
            paths[Path(pattern)] = None
            continue
        matches = sorted(path for path in glob.glob(pattern, recursive=True) if Path(path).is_file())
        if not matches:
            raise SourceError(f"{pattern}: no file matches; check path in the config")
        paths.update(dict.fromkeys(map(Path, matches)))
    return list(paths)


def is_plain_text(path: Path, section: config.SourceSection) -> bool:
    """Whether rows appended to the file can be read by themselves."""
    return path.suffix not in COMPRESSED and file_format(path, section) in ("csv", "tsv", "jsonl")


def file_format(path: Path, section: config.SourceSection) -> str:
    """The section's format, else by the file's name."""
    if section.format:
        if section.format not in FORMATS.values() and ":" not in section.format:
            formats = ", ".join(dict.fromkeys(FORMATS.values()))
            hint = did_you_mean(section.format, FORMATS.values())
            raise ConfigError(f"format = {section.format!r}: unknown{hint}; known: {formats}, or package.module:Class")
        return section.format
    name = path.with_suffix("") if path.suffix in COMPRESSED else path
    try:
        return FORMATS[name.suffix.lower()]
    except KeyError:
        raise SourceError(f"{path}: unknown kind of file; say format = 'csv', 'tsv', 'jsonl' or 'parquet'") from None


def open_file(path: Path, section: config.SourceSection, *, start: int = 0, first_row: int = 1) -> Source:
    """A source over one file; a plain-text file may be opened at the byte where a row begins."""
    kind = file_format(path, section)
    if ":" in kind:
        own: Source = registry.load(kind, "format")(path)
        return own
    if kind == "parquet":
        return ParquetFile(path)
    if kind == "jsonl":
        return JsonLinesFile(path, start=start, first_row=first_row)
    delimiter = section.delimiter or ("," if kind == "csv" else "\t")
    return CsvFile(path, delimiter, start=start, first_row=first_row)


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
    return [open_file(path, section) for path in files(section)]
