"""CSV and TSV files, plain or compressed (.gz, .bz2, .zst, .lz4)."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from assay.errors import SourceError
from assay.logs.sources.base import bad_utf8, missing_column, require_file, shorten

DELIMITERS = (",", ";", "\t", "|")
BLOCK_BYTES = 8 << 20


class CsvFile:
    """A delimited file with a header; every value is text, an empty field is an empty text."""

    def __init__(self, path: Path, delimiter: str, *, start: int = 0, first_row: int = 1) -> None:
        self.path, self.name, self.delimiter = path, str(path), delimiter
        self.start, self.first_row = start, first_row  # a tail begins at byte `start`, a record's first

    def rows(self) -> int | None:
        """Unknown until read."""
        return None

    def _header_line(self) -> str:
        require_file(self.path)
        try:
            with pa.input_stream(str(self.path), compression="detect") as stream:
                block: bytes = stream.read(1 << 20)
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read ({error}); is it damaged?") from None
        line, _, rest = block.lstrip(b"\r\n").partition(b"\n")
        if line.strip() and not rest.strip() and len(block) < 1 << 20:
            raise SourceError(f"{self.path}: has a header but no rows; take it out of path, or export it again")
        try:
            return line.decode("utf-8-sig").rstrip("\r")
        except UnicodeDecodeError:
            raise bad_utf8(self.path, [line]) from None

    def columns(self) -> list[str]:
        """Names in the header."""
        line = self._header_line()
        if not line.strip():
            raise SourceError(f"{self.path}: is empty; remove it from path or export it again")
        return next(csv.reader([line], delimiter=self.delimiter))

    def _check(self, columns: Sequence[str]) -> list[str]:
        header = self.columns()
        for column in columns:
            if column not in header:
                better = max(DELIMITERS, key=self._header_line().count)
                hint = ""
                if len(header) == 1 and better in header[0]:
                    hint = f"; is the delimiter {better!r}? Say delimiter = {better!r} in the config"
                raise missing_column(self.name, column, header, hint)
            if header.count(column) > 1:
                raise SourceError(f"{self.path}: column {column!r} is there {header.count(column)} times; rename one")
        return header

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The columns as text."""
        header = self._check(columns)
        # Only mapped columns must have unique names, so the header is replaced by positions.
        positions = [f"c{header.index(column)}" for column in columns]
        unique = list(dict.fromkeys(positions))
        try:
            with self._stream() as stream:
                reader = pa_csv.open_csv(
                    stream,
                    pa_csv.ReadOptions(
                        block_size=BLOCK_BYTES,
                        column_names=[f"c{i}" for i in range(len(header))],
                        skip_rows_after_names=0 if self.start else 1,
                    ),
                    pa_csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                    pa_csv.ConvertOptions(
                        include_columns=unique,
                        column_types=dict.fromkeys(unique, pa.string()),
                        strings_can_be_null=False,
                    ),
                )
                for batch in reader:
                    if batch.num_rows:
                        arrays = [batch.column(position) for position in positions]
                        yield pa.RecordBatch.from_arrays(arrays, names=[str(i) for i in range(len(columns))])
        except (pa.ArrowInvalid, OSError) as error:
            raise self._fault(str(error)) from None

    def _stream(self) -> pa.NativeFile:
        if self.start:
            plain = self.path.open("rb")
            plain.seek(self.start)
            return pa.PythonFile(plain, mode="r")
        return pa.input_stream(str(self.path), compression="detect")

    def _fault(self, message: str) -> SourceError:
        if "UTF8" in message:
            with pa.input_stream(str(self.path), compression="detect") as stream:
                return bad_utf8(self.path, io.BufferedReader(stream))
        if re.search(r"Expected \d+ columns, got \d+", message):
            return self._ragged(len(self.columns()))
        return SourceError(f"{self.path}: cannot be read ({message[:200]}); is it damaged?")

    def _ragged(self, expected: int) -> SourceError:
        """The error that names the first row with another number of fields than the header."""
        with self._stream() as stream:
            text = io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8-sig", newline="")
            rows = csv.reader(text, delimiter=self.delimiter)
            if not self.start:
                next(rows)
            for row, fields in enumerate((r for r in rows if r), self.first_row):
                if len(fields) != expected:
                    return SourceError(
                        f"{self.path}: row {row} has {len(fields)} fields where the header has {expected}: "
                        f"{shorten(self.delimiter.join(fields))}; "
                        f"check the delimiter ({self.delimiter!r}) and the quotes"
                    )
        return SourceError(f"{self.path}: rows have different numbers of fields; check delimiter and quotes")
