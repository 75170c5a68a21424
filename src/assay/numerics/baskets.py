"""Users' baskets in order of time, weighted sums of them, and mixtures of what a crowd of users took.

Rows of a crowd are sparse: items rising, a value each, 0 included where an item was taken and counts for nothing.
"""

from dataclasses import dataclass
from typing import Any, Self

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from assay.numerics.compiled import striped
from assay.numerics.heaps import push

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Baskets:
    """What each user took by period, oldest first.

    of_user (U + 1,): where a user's baskets begin. period (B,): of each basket, rising within a user. starts (B + 1,): where a
    basket's items begin. items (n,): columns, rising and distinct within a basket.
    """

    of_user: Ints
    period: Ints
    starts: Ints
    items: Ints

    @classmethod
    def of(cls, user: NDArray[Any], item: NDArray[Any], period: NDArray[Any], users: int) -> Self:
        """From events (n,) in order of user, period and item, of user codes below `users`; equal events count once."""
        user, item, period = (np.asarray(column, np.int64) for column in (user, item, period))
        opens = np.concatenate(([True], (np.diff(user) != 0) | (np.diff(period) != 0)))[: len(user)]
        kept = opens | np.concatenate(([True], np.diff(item) != 0))[: len(user)]
        first = np.flatnonzero(opens)
        starts = np.concatenate((np.cumsum(kept)[first] - 1, [np.count_nonzero(kept)]))
        of_user = np.concatenate(([0], np.cumsum(np.bincount(user[first], minlength=users))))
        return cls(of_user, period[first], starts, item[kept])

    def before(self, user: NDArray[Any], period: NDArray[Any]) -> tuple[Ints, Ints]:
        """Where the baskets (m,) begin and end that each user had before a period; none for codes of U or more."""
        users = len(self.of_user) - 1
        user = np.asarray(user, np.int64)
        at = np.where(user < users, user, users)
        low = self.of_user[at]
        keys = np.repeat(np.arange(users), np.diff(self.of_user)) * 2**32 + self.period
        high = np.searchsorted(keys, at * 2**32 + np.asarray(period, np.int64))
        return low, np.maximum(low, np.where(user < users, high, low))

    def sums(self, low: Ints, high: Ints, weight: Floats, size: int) -> sparse.csr_array:
        """(m, size): for each range of baskets the sum of their weights by item, with entries of 0 where weights are.

        weight: of the baskets low[0] ... high[0] - 1, then of those of the next range, and so on.
        """
        basket = ranges(low, high)
        first, last = self.starts[basket], self.starts[basket + 1]
        ends = np.concatenate(([0], np.cumsum(last - first)))
        starts = ends[np.concatenate(([0], np.cumsum(high - low)))]
        rows = sparse.csr_array(
            (np.repeat(weight, last - first), self.items[ranges(first, last)], starts), shape=(len(low), size)
        )
        rows.sum_duplicates()
        return rows


def ranges(low: Ints, high: Ints) -> Ints:
    """The numbers low[0] ... high[0] - 1, low[1] ... high[1] - 1 and so on, one after another."""
    length = high - low
    ends = np.cumsum(length)
    return np.asarray(np.arange(ends[-1] if len(ends) else 0) + np.repeat(low - (ends - length), length))


def ages(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Of each basket of some ranges: how many came after it in its range, and how many its range has."""
    count = np.repeat(high - low, high - low)
    return np.repeat(high, high - low) - 1 - ranges(low, high), count


def products(rows: sparse.csr_array, columns: sparse.csr_array) -> Floats:
    """(m, C) products of rows (m, I) and columns (I, C), dense."""
    out = np.zeros((rows.shape[0], columns.shape[1]))
    _products(rows.indptr, rows.indices, rows.data, columns.indptr, columns.indices, columns.data, out)
    return out


@numba.njit(cache=True, parallel=True)
def _products(starts, items, values, item_starts, members, shares, out):  # type: ignore[no-untyped-def]
    for r in numba.prange(out.shape[0]):
        for a in range(starts[r], starts[r + 1]):
            value, item = values[a], items[a]
            for e in range(item_starts[item], item_starts[item + 1]):
                out[r, members[e]] += value * shares[e]


def nearest(distance: Floats, k: int) -> Floats:
    """(m, C): 1 / k of those k of each row that are nearest by distance (m, C), ties to the first, 0 of the others.

    An infinite distance is no neighbour; where fewer than k are left, all of them share alike.
    """
    out = np.zeros(distance.shape)
    striped(_nearest, distance, k, out)
    return out


@numba.njit(cache=True, nogil=True)
def _nearest(thread, threads, distance, k, out):  # type: ignore[no-untyped-def]
    likeness, column = np.empty(k), np.empty(k, np.int64)
    for r in range(thread, distance.shape[0], threads):
        count = 0
        for c in range(distance.shape[1]):
            if distance[r, c] < np.inf:
                count = push(likeness, column, count, -distance[r, c], c)
        for n in range(count):
            out[r, column[n]] = 1.0 / count


def mixtures(share: Floats, crowd: sparse.csr_array, by_item: sparse.csr_array, starts: Ints, columns: Ints) -> Floats:
    """(n,) sums over the crowd of its shares (m, C) times its values (C, I), for the columns that each row asks for.

    by_item (I, C): the crowd transposed. starts (m + 1,), columns (n,): what rows ask for; -1 is given 0.
    """
    out = np.zeros(len(columns))
    rows = crowd.indptr, crowd.indices, crowd.data
    _mixtures(share, rows, (by_item.indptr, by_item.indices, by_item.data), starts, columns, out)
    return out


@numba.njit(cache=True, parallel=True)
def _mixtures(share, rows, by_item, starts, columns, out):  # type: ignore[no-untyped-def]
    row_starts, row_items, row_values = rows
    item_starts, members, values = by_item
    size = item_starts.size - 1
    for r in numba.prange(share.shape[0]):
        if (starts[r + 1] - starts[r]) * 8 > size:  # so many that it is faster to make all of them; the sums are the same
            every = np.zeros(size)
            for c in range(share.shape[1]):
                if share[r, c] != 0.0:
                    for a in range(row_starts[c], row_starts[c + 1]):
                        every[row_items[a]] += share[r, c] * row_values[a]
            for n in range(starts[r], starts[r + 1]):
                if columns[n] >= 0:
                    out[n] = every[columns[n]]
            continue
        for n in range(starts[r], starts[r + 1]):
            if columns[n] >= 0:
                total = 0.0
                for e in range(item_starts[columns[n]], item_starts[columns[n] + 1]):
                    total += share[r, members[e]] * values[e]
                out[n] = total
