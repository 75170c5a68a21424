"""Workbooks of spreadsheet programs (.xlsx, .xls, .ods): one sheet, its first row the header."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from assay.errors import ConfigError, SourceError, did_you_mean
from assay.logs.sources.base import check_columns, not_read
from assay.logs.sources.places import Place

_BATCH_ROWS = 1 << 16


class Workbook:
    """A sheet; every value is text: numbers without needless decimals, dates and times in ISO 8601, an empty cell empty text.

    sheet: its name; default: the first. names: of the columns where the sheet has no header.
    """

    def __init__(self, path: Place | Path | str, sheet: str | None = None, names: Sequence[str] | None = None) -> None:
        self.place, self.sheet, self.names = Place.of(path), sheet, names
        self.name, self.first_row = self.place.name, 1

    def _rows(self) -> Iterator[list[str]]:
        """The rows of the sheet from its first that is not empty, as text."""
        self.place.require()
        with self.place.local() as path:
            try:
                book = CalamineWorkbook.from_path(str(path))
                if self.sheet is not None and self.sheet not in book.sheet_names:
                    hint = did_you_mean(self.sheet, book.sheet_names)
                    raise ConfigError(f"{self.name}: no sheet {self.sheet!r}{hint} (it has: {', '.join(book.sheet_names)})")
                sheet = book.get_sheet_by_name(self.sheet) if self.sheet is not None else book.get_sheet_by_index(0)
                for row in sheet.iter_rows():
                    yield [_text(value) for value in row]
            except (CalamineError, OSError, ValueError) as error:
                raise not_read(self.name, error) from None

    def rows(self) -> int | None:
        """Unknown until read."""
        return None

    def columns(self) -> list[str]:
        """Names in the first row, or those that were given."""
        first = next(self._rows(), None)
        if first is None:
            raise SourceError(f"{self.name}: the sheet is empty; name another with sheet, or export it again")
        if self.names is None:
            return first
        if len(self.names) != len(first):
            raise SourceError(
                f"{self.name}: names gives {len(self.names)} columns, but the sheet has {len(first)}; name every one"
            )
        return list(self.names)

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The columns as text; rows without any value are left out."""
        present = self.columns()
        check_columns(self.name, columns, present)
        at = [present.index(column) for column in columns]
        rows = self._rows()
        if self.names is None:
            next(rows)
        waiting: list[list[str]] = []
        for row in rows:
            if any(row):
                waiting.append([row[k] if k < len(row) else "" for k in at])
            if len(waiting) == _BATCH_ROWS:
                yield _batch(waiting, len(columns))
                waiting = []
        if waiting:
            yield _batch(waiting, len(columns))


def _batch(rows: Sequence[Sequence[str]], columns: int) -> pa.RecordBatch:
    names = [str(k) for k in range(columns)]
    return pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in zip(*rows, strict=True)], names=names)


def _text(value: object) -> str:
    """A cell as text."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)
