"""Quepid's ratings: CSV with the columns query, docid and rating.

Source: Quepid's export "basic", app/views/api/v1/export/ratings/show.basic.csv.erb, https://github.com/o19s/quepid.
"""

import csv
import io
from pathlib import Path

import pyarrow as pa

from assay.benchmark.judged.pairs import by_query, table_of
from assay.errors import SourceError
from assay.runs.store import write_text

COLUMNS = ("query", "docid", "rating")


def write(table: pa.Table, path: Path) -> list[Path]:
    """Write PAIRS; return the file."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(COLUMNS)
    lines.writerows((query, item, grade) for query, items in by_query(table).items() for item, grade in items)
    write_text(path, text.getvalue())
    return [path]


def read(path: Path) -> pa.Table:
    """PAIRS of a file; queries without a rating are left out. SourceError: it is no such CSV, or a rating is no number."""
    rows: list[tuple[str, str, float]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = csv.DictReader(stream)
            if missing := [name for name in COLUMNS if name not in (lines.fieldnames or ())]:
                raise SourceError(f"{path}: has no column {missing[0]!r}; Quepid's are {', '.join(COLUMNS)}")
            for line in lines:
                if line["rating"]:
                    rows.append((line["query"], line["docid"], _number(line["rating"], path, lines.line_num)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read ({error}); give a CSV file in UTF-8") from None
    return table_of(rows)


def _number(text: str, path: Path, line: int) -> float:
    try:
        return float(text)
    except ValueError:
        raise SourceError(f"{path}:{line}: rating is {text!r}, not a number") from None
