"""CSV and TSV files of any dialect, plain or compressed (.gz, .bz2, .zst, .lz4)."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from assay.config import Dialect
from assay.errors import SourceError
from assay.logs.sources import encodings
from assay.logs.sources.base import missing_column, not_read, shorten
from assay.logs.sources.places import Place

DELIMITERS = (",", ";", "\t", "|", "::")
BLOCK_BYTES = 8 << 20
_STAND_IN = b"\x1f"  # for a delimiter of several characters: Arrow takes one; this one was made to separate
_HEADER_BYTES = 1 << 20


class CsvFile:
    """A delimited file; every value is text, an empty field is an empty text.

    delimiter: any text. names: of the columns where the file has no header; a tail of it has none either way.
    """

    def __init__(
        self,
        path: Place | Path | str,
        delimiter: str,
        *,
        quote: str = '"',
        names: Sequence[str] | None = None,
        encoding: str | None = None,
        start: int = 0,
        first_row: int = 1,
    ) -> None:
        self.place, self.delimiter, self.quote, self.names = Place.of(path), delimiter, quote, names
        self.name, self.encoding = self.place.name, encoding
        self.start, self.first_row = start, first_row  # a tail begins at byte `start`, a record's first

    @classmethod
    def of(cls, place: Place, dialect: Dialect, delimiter: str, *, start: int = 0, first_row: int = 1) -> "CsvFile":
        """The file in the dialect that a section of the config names."""
        return cls(
            place,
            delimiter,
            quote=dialect.quote,
            names=dialect.names,
            encoding=dialect.encoding,
            start=start,
            first_row=first_row,
        )

    def rows(self) -> int | None:
        """Unknown until read."""
        return None

    def _first_line(self) -> str:
        """The header, or the first row where there is none."""
        self.place.require()
        try:
            with encodings.text(self.place, self.encoding) as stream:
                block: bytes = stream.read(_HEADER_BYTES)
        except (pa.ArrowException, OSError, UnicodeError) as error:
            raise self._fault(error) from None
        line, _, rest = block.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n").partition(b"\n")
        if self.names is None and line.strip() and not rest.strip() and len(block) < _HEADER_BYTES:
            raise SourceError(f"{self.name}: has a header but no rows; take it out of path, or export it again")
        try:
            return line.decode().rstrip("\r")
        except UnicodeDecodeError:
            raise encodings.not_utf8(self.place, line, 1) from None

    def _split(self, line: str) -> list[str]:
        """The fields of a line."""
        return next(self._reader([line]), [])

    def _reader(self, lines: Iterable[str]) -> Iterator[list[str]]:
        stand_in = _STAND_IN.decode()
        delimiter = self.delimiter if len(self.delimiter) == 1 else stand_in
        replaced = (line.replace(self.delimiter, delimiter) for line in lines)
        return csv.reader(
            replaced, delimiter=delimiter, quotechar=self.quote or None, quoting=0 if self.quote else csv.QUOTE_NONE
        )

    def columns(self) -> list[str]:
        """Names in the header, or those that were given."""
        line = self._first_line()
        if not line.strip():
            raise SourceError(f"{self.name}: is empty; remove it from path or export it again")
        try:
            fields = self._split(line)
        except csv.Error as error:
            raise SourceError(f"{self.name}: the header cannot be read ({error}); check delimiter and quote") from None
        if self.names is None:
            return fields
        if len(self.names) != len(fields):
            raise SourceError(
                f"{self.name}: names gives {len(self.names)} columns, but the first row has {len(fields)}: {shorten(line)}; "
                f"name every column, and check the delimiter ({self.delimiter!r})"
            )
        return list(self.names)

    def _check(self, columns: Sequence[str]) -> list[str]:
        header = self.columns()
        for column in columns:
            if column not in header:
                better = max(DELIMITERS, key=self._first_line().count)
                hint = ""
                if len(header) == 1 and better in header[0]:
                    hint = f"; is the delimiter {better!r}? Say delimiter = {better!r} in the config"
                raise missing_column(self.name, column, header, hint)
            if header.count(column) > 1:
                raise SourceError(f"{self.name}: column {column!r} is there {header.count(column)} times; rename one")
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
                        skip_rows_after_names=0 if self.start or self.names is not None else 1,
                    ),
                    pa_csv.ParseOptions(
                        delimiter=self.delimiter if len(self.delimiter) == 1 else _STAND_IN.decode(),
                        quote_char=self.quote or False,
                        newlines_in_values=bool(self.quote),
                    ),
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
        except (pa.ArrowException, OSError, UnicodeError) as error:
            raise self._fault(error) from None

    def _stream(self) -> pa.NativeFile:
        stream = encodings.text(self.place, self.encoding, self.start)
        return stream if len(self.delimiter) == 1 else pa.PythonFile(_Separated(stream, self.delimiter.encode()), mode="r")

    def _fault(self, error: Exception) -> SourceError:
        """What is wrong with the file, in our words: Arrow's and the codec's name neither line nor remedy."""
        message = str(error)
        if isinstance(error, UnicodeError):
            return SourceError(
                f"{self.name}: is not {self.encoding or 'what it seems'} ({message[:160]}); check encoding in the config"
            )
        if "UTF8" in message:
            with self.place.bytes() as stream:
                lines = enumerate(io.BufferedReader(stream), 1)
                number, line = next(((k, line) for k, line in lines if not encodings.is_utf8(line)), (1, b""))
            return encodings.not_utf8(self.place, line, number)
        if "Expected" in message and "columns, got" in message:
            return self._ragged(len(self.columns()))
        return not_read(self.name, error)

    def _ragged(self, expected: int) -> SourceError:
        """The error that names the first row with another number of fields than the header."""
        row = self.first_row - 1
        try:
            with encodings.text(self.place, self.encoding, self.start) as stream:
                lines = io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8-sig", newline="")
                rows = self._reader(lines)
                if not self.start and self.names is None:
                    next(rows)
                for row, fields in enumerate((r for r in rows if r), self.first_row):
                    if len(fields) != expected:
                        return SourceError(
                            f"{self.name}: row {row} has {len(fields)} fields where the header has {expected}: "
                            f"{shorten(self.delimiter.join(fields))}; "
                            f"check the delimiter ({self.delimiter!r}) and the quotes"
                        )
        except (csv.Error, UnicodeError) as error:
            return SourceError(
                f"{self.name}: row {row + 1} cannot be read ({str(error)[:160]}); check the quotes and line breaks"
            )
        return SourceError(f"{self.name}: rows have different numbers of fields; check delimiter and quotes")


class _Separated(io.RawIOBase):
    """A stream of bytes with a delimiter of several bytes replaced by one byte that the text may not hold."""

    def __init__(self, stream: pa.NativeFile, delimiter: bytes) -> None:
        self._source, self._delimiter, self._rest = stream, delimiter, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block: bytes = self._source.read(size if size and size > 0 else None)
        if _STAND_IN in block:
            raise pa.ArrowInvalid("the text holds the control character 31; give a delimiter of one character")
        content = (self._rest + block).replace(self._delimiter, _STAND_IN)
        # What may be the start of a delimiter waits for what follows.
        keep = (
            next((k for k in range(len(self._delimiter) - 1, 0, -1) if content.endswith(self._delimiter[:k])), 0) if block else 0
        )
        self._rest = content[len(content) - keep :]
        ready = content[: len(content) - keep]
        return ready or self.read(size) if block else ready

    def close(self) -> None:
        self._source.close()
        super().close()
