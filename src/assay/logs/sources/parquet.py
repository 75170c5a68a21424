"""Parquet files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.errors import SourceError
from assay.logs.sources import encodings
from assay.logs.sources.base import BATCH_ROWS, check_columns
from assay.logs.sources.places import Place


class ParquetFile:
    """A Parquet file; values keep their types. A field within a column is named by its path, "event.position"."""

    def __init__(self, path: Place | Path | str) -> None:
        self.place = Place.of(path)
        self.name, self.first_row = self.place.name, 1

    def _open(self) -> pq.ParquetFile:
        self.place.require()
        try:
            return pq.ParquetFile(self.place.seekable())
        except (pa.ArrowException, OSError, UnicodeError) as error:
            raise SourceError(f"{self.name}: is not a Parquet file ({_short(error)})") from None

    def rows(self) -> int | None:
        """From the file's footer."""
        return int(self._open().metadata.num_rows)

    def columns(self) -> list[str]:
        """Columns in their order; of a column with fields, its fields."""
        return [path for field in self._open().schema_arrow for path in _paths(field.name, field.type)]

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The columns, typed."""
        file = self._open()
        tops = file.schema_arrow.names
        check_columns(self.name, columns, [*self.columns(), *(top for top in tops if top not in self.columns())])
        wanted, row = list(dict.fromkeys(columns)), 1
        try:
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=wanted):
                arrays = [_field(batch, column) for column in columns]
                for array, column in zip(arrays, columns, strict=True):
                    self._check_text(array, column, row)
                row += batch.num_rows
                yield pa.RecordBatch.from_arrays(arrays, names=[str(i) for i in range(len(columns))])
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{self.name}: is damaged ({_short(error)}); export it again") from None

    def _check_text(self, array: pa.Array, column: str, first_row: int) -> None:
        """SourceError where text is not UTF-8, which Arrow reads as it is."""
        texts = array.dictionary if pa.types.is_dictionary(array.type) else array
        if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
            return
        try:
            texts.validate(full=True)
        except pa.ArrowInvalid:
            raw = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
            at = next((k for k, value in enumerate(raw.cast(pa.binary()).to_pylist()) if not encodings.is_utf8(value or b"")), 0)
            raise SourceError(
                f"{self.name}: row {first_row + at}, column {column!r}: the text is not UTF-8; export it again as UTF-8"
            ) from None


def _paths(name: str, kind: pa.DataType) -> list[str]:
    """The paths of a column's fields, to any depth."""
    if not pa.types.is_struct(kind):
        return [name]
    return [path for field in kind for path in _paths(f"{name}.{field.name}", field.type)]


def _field(batch: pa.RecordBatch, path: str) -> pa.Array:
    """A column, or a field within one; a column whose own name has a point is itself."""
    if path in batch.schema.names:
        return batch.column(path)
    parts = path.split(".")
    top = next(k for k in range(1, len(parts)) if ".".join(parts[:k]) in batch.schema.names)
    return pc.struct_field(batch.column(".".join(parts[:top])), parts[top:])


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120].encode(errors="replace").decode()
