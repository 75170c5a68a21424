"""Parquet files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import SourceError
from assay.logs.sources.base import BATCH_ROWS, missing_column, require_file


class ParquetFile:
    """A Parquet file; values keep their types."""

    def __init__(self, path: Path) -> None:
        self.path, self.name, self.first_row = path, str(path), 1

    def _open(self) -> pq.ParquetFile:
        require_file(self.path)
        try:
            return pq.ParquetFile(self.path)
        except (pa.ArrowInvalid, OSError) as error:
            raise SourceError(f"{self.path}: is not a Parquet file ({str(error)[:120]})") from None

    def rows(self) -> int | None:
        """From the file's footer."""
        return int(self._open().metadata.num_rows)

    def columns(self) -> list[str]:
        """Top-level columns."""
        return list(self._open().schema_arrow.names)

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The columns, typed."""
        file = self._open()
        present = file.schema_arrow.names
        for column in columns:
            if column not in present:
                raise missing_column(self.name, column, present)
        try:
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=list(dict.fromkeys(columns))):
                arrays = [batch.column(column) for column in columns]
                yield pa.RecordBatch.from_arrays(arrays, names=[str(i) for i in range(len(columns))])
        except (pa.ArrowInvalid, OSError) as error:
            raise SourceError(f"{self.path}: is damaged ({str(error)[:120]}); export it again") from None
