"""Training rows in mini-batches: from arrays in memory, or straight from Parquet files larger than it."""

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

Batch = dict[str, torch.Tensor]  # every tensor has one entry a row; "weight" (B,) float32, "row" (B,) int64 place of each row
_POOL = 1 << 17  # rows of a file that are shuffled together


class Rows(Protocol):
    """Rows that a loss can be taken of."""

    def __len__(self) -> int: ...

    def batches(self, size: int, seed: int | None) -> Iterator[Batch]:
        """All rows, `size` at a time: in their own order, or shuffled by a seed. One seed, one order."""
        ...


@dataclass(frozen=True)
class ArrayRows:
    """Rows in memory. columns: arrays whose first axis is the rows; without "weight" all weigh 1."""

    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def batches(self, size: int, seed: int | None) -> Iterator[Batch]:
        """As the protocol says."""
        order = np.arange(len(self)) if seed is None else np.random.default_rng(seed).permutation(len(self))
        for begin in range(0, len(order), size):
            at = order[begin : begin + size]
            yield _tensors({name: values[at] for name, values in self.columns.items()}, at)

    def take(self, rows: NDArray[Any]) -> "ArrayRows":
        """Some of the rows, by position."""
        return ArrayRows({name: values[rows] for name, values in self.columns.items()})


@dataclass(frozen=True)
class ParquetRows:
    """Rows of Parquet files, read a row group at a time: memory holds some 130,000 rows, whatever the files' size.

    encode: from a table of `names` to arrays by name. Shuffled by order of row groups, and within pools of row groups: rows
    far apart in the files meet less often than by chance, so write them in random order where their order has a meaning.
    """

    files: Sequence[Path]
    names: Sequence[str]
    encode: Callable[[pa.Table], Mapping[str, NDArray[Any]]]

    @cached_property
    def _groups(self) -> list[tuple[Path, int, int, int]]:
        """File, number in it, first row and rows of every row group."""
        found, first = [], 0
        for path in self.files:
            described = pq.ParquetFile(path).metadata
            for number in range(described.num_row_groups):
                found.append((path, number, first, described.row_group(number).num_rows))
                first += found[-1][3]
        return found

    def __len__(self) -> int:
        return sum(group[3] for group in self._groups)

    def batches(self, size: int, seed: int | None) -> Iterator[Batch]:
        """As the protocol says; a pool's last batch may be smaller than `size`."""
        rng = None if seed is None else np.random.default_rng(seed)
        groups = [self._groups[k] for k in (range(len(self._groups)) if rng is None else rng.permutation(len(self._groups)))]
        while groups:
            pool = [groups.pop(0)]
            while groups and sum(group[3] for group in pool) + groups[0][3] <= _POOL:
                pool.append(groups.pop(0))
            read = [pq.ParquetFile(path).read_row_group(number, columns=list(self.names)) for path, number, _, _ in pool]
            place = np.concatenate([np.arange(first, first + count) for _, _, first, count in pool])
            columns = self.encode(pa.concat_tables(read))
            order = np.arange(len(place)) if rng is None else rng.permutation(len(place))
            for begin in range(0, len(order), size):
                at = order[begin : begin + size]
                yield _tensors({name: values[at] for name, values in columns.items()}, place[at])


def _tensors(columns: Mapping[str, NDArray[Any]], place: NDArray[np.int64]) -> Batch:
    made = {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in columns.items()}
    made.setdefault("weight", torch.ones(len(place)))
    made.setdefault("row", torch.from_numpy(np.ascontiguousarray(place)))
    return made


def moved(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device."""
    return {name: values.to(device) for name, values in batch.items()}
