"""Training rows in mini-batches: from arrays in memory, or straight from Parquet files larger than it."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from assay.runs.store import digest

Batch = dict[str, torch.Tensor]  # every tensor has one entry per row; "weight" (B,) float32, "row" (B,) int64 place of each row
_POOL = 1 << 17  # rows of a file that are shuffled together


class Rows(Protocol):
    """Rows that a loss can be taken of."""

    def __len__(self) -> int: ...

    def batches(self, size: int, seed: int | None) -> Iterator[Batch]:
        """All rows, `size` at a time: in their own order, or shuffled by a seed. One seed, one order."""
        ...

    def digest(self) -> str:
        """What tells these rows from others."""
        ...


@dataclass(frozen=True)
class Ragged:
    """A column whose rows (W,) differ in length: row k is values[starts[k] : starts[k + 1]]; starts (W + 1,)."""

    starts: NDArray[np.int64]
    values: NDArray[Any]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, rows: NDArray[Any]) -> NDArray[Any]:
        """(r, longest, ...) of some rows, zeros after the end of each; of one place at least."""
        taken = self.take(rows)
        size = np.diff(taken.starts)
        padded = np.zeros((len(size), max(int(size.max(initial=0)), 1), *self.values.shape[1:]), self.values.dtype)
        padded[np.arange(padded.shape[1]) < size[:, None]] = taken.values
        return padded

    def take(self, rows: NDArray[Any]) -> "Ragged":
        """Some of the rows, by position."""
        size = np.diff(self.starts)[rows]
        starts = np.concatenate(([0], np.cumsum(size)))
        at = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], size)
        return Ragged(starts, self.values[at])


@dataclass(frozen=True)
class ArrayRows:
    """Rows in memory. columns: arrays whose first axis is the rows, or ragged; without "weight" all weigh 1."""

    columns: Mapping[str, Any]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def batches(self, size: int, seed: int | None) -> Iterator[Batch]:
        """As the protocol says."""
        order = np.arange(len(self)) if seed is None else np.random.default_rng(seed).permutation(len(self))
        for begin in range(0, len(order), size):
            at = order[begin : begin + size]
            yield _tensors({name: values[at] for name, values in self.columns.items()}, at)

    def digest(self) -> str:
        """Of every byte."""
        hashed = hashlib.blake2b(digest_size=16)
        for name in sorted(self.columns):
            hashed.update(name.encode())
            values = self.columns[name]
            for part in (values.starts, values.values) if isinstance(values, Ragged) else (values,):
                hashed.update(np.ascontiguousarray(part).tobytes())
        return hashed.hexdigest()

    def take(self, rows: NDArray[Any]) -> "ArrayRows":
        """Some of the rows, by position."""
        return ArrayRows({name: v.take(rows) if isinstance(v, Ragged) else v[rows] for name, v in self.columns.items()})


@dataclass(frozen=True)
class ParquetRows:
    """Rows of Parquet files, read some 130,000 at a time: that is what memory holds, whatever the files' size.

    encode: from a table of `names` to arrays by name. Row groups come in an order drawn by the seed, and rows are shuffled
    within what is read at once: those far apart in the files never meet, so write files in random order where order has a
    meaning. A batch holds rows of one row group.
    """

    files: Sequence[Path]
    names: Sequence[str]
    encode: Callable[[pa.Table], Mapping[str, NDArray[Any]]]

    @cached_property
    def _groups(self) -> list[tuple[Path, int, int, int]]:
        """File, number in it, first row and rows of every row group."""
        groups, first = [], 0
        for path in self.files:
            described = pq.ParquetFile(path).metadata
            for number in range(described.num_row_groups):
                groups.append((path, number, first, described.row_group(number).num_rows))
                first += groups[-1][3]
        return groups

    def __len__(self) -> int:
        return sum(group[3] for group in self._groups)

    def digest(self) -> str:
        """Of the files' names, sizes and times of change."""
        told = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in self.files]
        return digest([told, list(self.names)])

    def batches(self, size: int, seed: int | None) -> Iterator[Batch]:
        """As the protocol says."""
        rng = None if seed is None else np.random.default_rng(seed)
        groups = self._groups
        for k in range(len(groups)) if rng is None else rng.permutation(len(groups)):
            path, number, first, _ = groups[k]
            for read in pq.ParquetFile(path).iter_batches(_POOL, row_groups=[number], columns=list(self.names)):
                columns = self.encode(pa.Table.from_batches([read]))
                order = np.arange(read.num_rows) if rng is None else rng.permutation(read.num_rows)
                for begin in range(0, len(order), size):
                    at = order[begin : begin + size]
                    yield _tensors({name: values[at] for name, values in columns.items()}, first + at)
                first += read.num_rows


def _tensors(columns: Mapping[str, NDArray[Any]], place: NDArray[np.int64]) -> Batch:
    batch = {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in columns.items()}
    batch.setdefault("weight", torch.ones(len(place)))
    batch.setdefault("row", torch.from_numpy(np.ascontiguousarray(place)))
    return batch


def moved(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device."""
    return {name: values.to(device) for name, values in batch.items()}
