"""Sparse scores of items for users, and the lists made of them, in compiled loops.

Sparse scores are (starts, items, scores): row r owns places starts[r] ... starts[r + 1] - 1; an item stands once in a row.
"""

from typing import Any, TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

from assay.numerics.compiled import striped
from assay.numerics.heaps import below, best_first, push

Ints = NDArray[np.int64]
SparseScores: TypeAlias = tuple[Ints, NDArray[np.int32], NDArray[np.float32]]


@numba.njit(cache=True, nogil=True)
def _faded(thread, threads, begins, ends, item, period, now, half_life, items, starts, out_item, out_score):  # type: ignore[no-untyped-def]
    total = np.zeros(items)
    last = np.full(items, -1, np.int64)  # the row that had the item last: what has faded to 0 is there all the same
    for r in range(thread, begins.size, threads):
        at = starts[r]
        for a in range(begins[r], ends[r]):
            i = item[a]
            if last[i] != r:
                last[i], total[i] = r, 0.0
                out_item[at] = i
                at += 1
            total[i] += 0.5 ** ((now[r] - period[a]) / half_life)
        out_item[starts[r] : at].sort()
        for k in range(starts[r], at):
            out_score[k] = total[out_item[k]]


@numba.njit(cache=True)
def _distinct(begins, ends, item, items):  # type: ignore[no-untyped-def]
    last = np.full(items, -1, np.int64)
    counts = np.zeros(begins.size, np.int64)
    for r in range(begins.size):
        for a in range(begins[r], ends[r]):
            if last[item[a]] != r:
                last[item[a]] = r
                counts[r] += 1
    return counts


def faded(
    begins: Ints, ends: Ints, item: NDArray[np.int32], period: NDArray[np.int32], now: int | Ints, half_life: float, items: int
) -> SparseScores:
    """Of each row (m,) the events begins[r] ... ends[r] - 1: items in rising order, and how much of each was taken.

    item, period (n,): of events, before the period `now`, of all rows or of each (m,). Each taking is halved in `half_life`
    periods.
    """
    counts = _distinct(begins, ends, item, items)
    starts = np.concatenate(([0], np.cumsum(counts)))
    out_item, out_score = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    each = np.broadcast_to(np.asarray(now, np.int64), begins.shape).copy()
    striped(_faded, begins, ends, item, period, each, half_life, items, starts, out_item, out_score)
    return starts, out_item, out_score


@numba.njit(cache=True, nogil=True)
def _top(thread, threads, starts, items, scores, allowed, skip_starts, skip_items, sizes, out):  # type: ignore[no-untyped-def]
    for r in range(thread, starts.size - 1, threads):
        skipped = skip_items[skip_starts[r] : skip_starts[r + 1]]
        score, item = np.empty(sizes[r], np.float32), np.empty(sizes[r], np.int64)
        count = 0
        for a in range(starts[r], starts[r + 1]):
            i, s = items[a], scores[a]
            if s <= 0.0 or not allowed[i] or (count == score.size and (count == 0 or below(s, i, score[0], item[0]))):
                continue
            if skipped.size:
                place = np.searchsorted(skipped, i)
                if place < skipped.size and skipped[place] == i:
                    continue
            count = push(score, item, count, s, i)
        best_first(score, item, count)
        for k in range(count):
            out[r, k] = item[k]


def top(
    scores: SparseScores, allowed: NDArray[np.bool_], sizes: Ints, skip: tuple[Ints, NDArray[np.int32]] | None = None
) -> Ints:
    """(m, w) items of the highest scores above 0 of each row, best first, ties to the lower item; -1 where there are no more.

    allowed (items,): which items may stand in lists. sizes (m,): most of each row; w is the largest of them. skip: (starts,
    items) that each row's list leaves out, rising within a row.
    """
    rows = len(scores[0]) - 1
    width = int(sizes.max(initial=0))
    out = np.full((rows, width), -1, np.int64)
    none = np.zeros(rows + 1, np.int64), np.empty(0, np.int32)
    striped(_top, *scores, allowed, *(none if skip is None else skip), np.asarray(sizes, np.int64), out)
    return out


@numba.njit(cache=True, nogil=True)
def _gather(thread, threads, starts, items, scores, row_starts, item, size, out):  # type: ignore[no-untyped-def]
    dense = np.zeros(size, np.float32)
    for r in range(thread, starts.size - 1, threads):
        for a in range(starts[r], starts[r + 1]):
            dense[items[a]] = scores[a]
        for k in range(row_starts[r], row_starts[r + 1]):
            out[k] = dense[item[k]]
        for a in range(starts[r], starts[r + 1]):
            dense[items[a]] = 0.0


def gather(scores: SparseScores, row_starts: Ints, item: NDArray[np.int32], items: int) -> NDArray[np.float32]:
    """(n,) the score of each item in its row, 0 where the row does not have it; row r owns row_starts[r] ... of item (n,)."""
    out = np.empty(len(item), np.float32)
    striped(_gather, *scores, row_starts, item, items, out)
    return out


def heaviest(scores: SparseScores, allowed: NDArray[np.bool_], most: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """items, scores (m, most): the allowed items of the highest scores above 0 of each row, as `top`; -1 and 0 beyond them."""
    rows = len(scores[0]) - 1
    items = top(scores, allowed, np.full(rows, most, np.int64))
    starts = np.arange(rows + 1, dtype=np.int64) * items.shape[1]
    flat = np.maximum(items, 0).astype(np.int32).ravel()
    high = gather(scores, starts, flat, len(allowed)).reshape(items.shape)
    return items.astype(np.int32), np.where(items >= 0, high, np.float32(0.0))


def best_of_rows(scores: SparseScores, size: int, most: int) -> SparseScores:
    """The `most` highest scores above 0 of each row, best first, ties to the lower item. size: number of items."""
    items, high = heaviest(scores, np.ones(size, bool), most)
    there = items >= 0
    return np.concatenate(([0], np.cumsum(there.sum(axis=1)))), items[there], high[there]


@numba.njit(cache=True, nogil=True)
def _nearest(thread, threads, starts, items, weights, itself, until, owned, owners, shares, crowd, nearest, likeness):  # type: ignore[no-untyped-def]
    total = np.zeros(crowd, np.float32)
    for r in range(thread, starts.size - 1, threads):
        total[:] = 0.0
        for a in range(starts[r], starts[r + 1]):
            i, w = items[a], weights[a]
            for b in range(owned[i], owned[i + 1]):
                total[owners[b]] += w * shares[b]
        if itself[r] >= 0:
            total[itself[r] : until[r]] = 0.0
        high, row = likeness[r], nearest[r]
        count = 0
        for c in range(crowd):
            if total[c] > 0.0:
                count = push(high, row, count, total[c], c)
        best_first(high, row, count)


def nearest_rows(
    rows: SparseScores, crowd: SparseScores, itself: Ints, size: int, most: int, *, until: Ints | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """nearest, likeness (m, k): of each of m rows the crowd's (c) with the highest dot products above 0, ties to the first.

    itself (m,): the place of the row in the crowd, which is left out; -1 where it has none. until (m,): where its places end, if
    it has several. size: number of items. k is `most`, or c where that is less; -1 and 0 where there are no more. Normalise rows
    for cosines.
    """
    starts, items, weights = crowd
    count = len(starts) - 1
    owner = np.repeat(np.arange(count, dtype=np.int32), np.diff(starts))
    order = np.argsort(items, kind="stable")
    owner_starts = np.concatenate(([0], np.cumsum(np.bincount(items, minlength=size)))).astype(np.int64)
    m, k = len(rows[0]) - 1, min(most, count)
    nearest, likeness = np.full((m, k), -1, np.int32), np.zeros((m, k), np.float32)
    if k:
        own = itself, itself + 1 if until is None else until
        striped(_nearest, *rows, *own, owner_starts, owner[order], weights[order], count, nearest, likeness)
    return nearest, likeness


@numba.njit(cache=True, nogil=True)
def _sum_rows(thread, threads, chosen, factor, starts, columns, scores, named, places, counts, out_item, out_score):  # type: ignore[no-untyped-def]
    total = np.zeros(named.size, np.float64)
    last = np.full(named.size, -1, np.int32)  # the row that had the column last
    touched = np.empty(named.size, np.int32)
    for r in range(thread, chosen.shape[0], threads):
        count, place = 0, places[r]
        for n in range(chosen.shape[1]):
            row = chosen[r, n]
            if row < 0:
                break
            for a in range(starts[row], starts[row + 1]):
                i = columns[a]
                if last[i] != r:
                    last[i], total[i] = r, 0.0
                    touched[count] = i
                    count += 1
                total[i] += factor[r, n] * scores[a]
        counts[r] = count
        for c in range(count):
            out_item[place + c], out_score[place + c] = named[touched[c]], total[touched[c]]


def sum_rows(chosen: NDArray[np.int32], factor: NDArray[np.float32], scores: SparseScores, size: int) -> SparseScores:
    """Sums of the rows of sparse scores that each row of chosen (m, k) names (-1 ends it), times factor (m, k)."""
    starts, items, weights = scores
    there = np.zeros(size, bool)
    there[items] = True
    named = np.flatnonzero(there).astype(np.int32)  # their sums stay in a core's cache, unlike those of all items
    columns = (np.cumsum(there) - 1).astype(np.int32)[items]
    lengths = np.append(np.diff(starts), 0)  # the last is that of row -1
    most = np.minimum(lengths[chosen].sum(axis=1), len(named))
    places = np.concatenate(([0], np.cumsum(most)))
    item, score = np.empty(places[-1], np.int32), np.empty(places[-1], np.float32)
    counts = np.zeros(len(chosen), np.int64)
    striped(_sum_rows, chosen, factor, starts, columns, weights, named, places, counts, item, score)
    ends = places[:-1] + counts
    packed = [
        np.concatenate([part[:0], *(part[place:end] for place, end in zip(places[:-1], ends, strict=True))])
        for part in (item, score)
    ]
    return np.concatenate(([0], np.cumsum(counts))), packed[0], packed[1]


def among(scores: SparseScores, allowed: NDArray[np.bool_]) -> SparseScores:
    """The part of sparse scores whose items are allowed (items,)."""
    starts, items, values = scores
    kept = allowed[items]
    return np.concatenate(([0], np.cumsum(kept)))[starts], items[kept], values[kept]


def scaled(scores: SparseScores, factor: NDArray[np.floating]) -> SparseScores:
    """Rows times factor (m,)."""
    starts, items, weights = scores
    return starts, items, (weights * np.repeat(factor, np.diff(starts))).astype(np.float32)


def stacked(above: SparseScores, below: SparseScores) -> SparseScores:
    """The rows of both, one after another."""
    starts = np.concatenate((above[0], above[0][-1] + below[0][1:]))
    return starts, np.concatenate((above[1], below[1])), np.concatenate((above[2], below[2]))


def sparse(matrix: Any) -> SparseScores:
    """A SciPy CSR array as sparse scores."""
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(np.float32)
