"""Template of a source: files with one `key=value` pair a field, fields separated by spaces."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from assay.logs.sources.base import BATCH_ROWS, missing_column, require_file


class PairsFile:
    """One row per line, `user=7 item="a b"`; values are text, a key that is not there is null."""

    first_row = 1

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)

    def rows(self) -> int | None:
        """Unknown until read."""
        return None

    def columns(self) -> list[str]:
        """Keys in order of appearance."""
        return list(dict.fromkeys(key for line in self._lines() for key in line))

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The columns as text."""
        known = self.columns()
        for column in columns:
            if column not in known:
                raise missing_column(self.name, column, known)
        names = [str(k) for k in range(len(columns))]
        waiting: list[list[str | None]] = []
        for line in self._lines():
            waiting.append([line.get(column) for column in columns])
            if len(waiting) == BATCH_ROWS:
                yield _batch(waiting, names)
                waiting = []
        if waiting:
            yield _batch(waiting, names)

    def _lines(self) -> Iterator[dict[str, str]]:
        require_file(self.path)
        with self.path.open(encoding="utf-8") as stream:
            for line in stream:
                yield dict(field.split("=", 1) for field in shlex.split(line))


def _batch(rows: list[list[str | None]], names: list[str]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    return pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in columns], names=names)
