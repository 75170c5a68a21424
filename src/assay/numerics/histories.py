"""Sums over what a user had before a moment, in compiled loops.

A user's items stand in order of the period in which each was first taken: what it had before a period is a prefix.
"""

import numba
import numpy as np

_NEVER = 2**31 - 1
_PIECE = 1 << 14  # rows that a thread takes at a time


@numba.njit(cache=True, parallel=True)
def item_sums(starts, items, first, weights, user, item, period, out):  # type: ignore[no-untyped-def]
    """out (n,): sum of weights[j, item] over the items j that the user had before the period; 0 for unknown ones.

    starts (U + 1,), items, first: each user's items and the periods of their first taking, rising. weights (I, I).
    user, item, period (n,): rows; an item of -1 is unknown, a user of U or more too.
    """
    for r in numba.prange(user.size):
        if item[r] < 0 or user[r] >= starts.size - 1:
            continue
        total = 0.0
        for a in range(starts[user[r]], starts[user[r] + 1]):
            if first[a] >= period[r]:
                break
            total += weights[items[a], item[r]]
        out[r] = total


@numba.njit(cache=True, parallel=True)
def neighbour_sums(starts, items, first, nearest, similarity, order, user, item, period, out):  # type: ignore[no-untyped-def]
    """out (n,): sum of similarity[item] over the nearest[item] (I, k) that the user had before the period; -1 is none.

    The rest as in item_sums. order (n,): rows so that those of one user stand together.
    """
    pieces = (order.size + _PIECE - 1) // _PIECE
    for piece in numba.prange(pieces):
        since = np.full(nearest.shape[0], _NEVER, np.int32)
        current = -1
        for r in order[piece * _PIECE : (piece + 1) * _PIECE]:
            u = user[r]
            if item[r] < 0 or u >= starts.size - 1:
                continue
            if u != current:
                if current >= 0:
                    since[items[starts[current] : starts[current + 1]]] = _NEVER
                for a in range(starts[u], starts[u + 1]):
                    since[items[a]] = first[a]
                current = u
            total = 0.0
            for k in range(nearest.shape[1]):
                j = nearest[item[r], k]
                if j >= 0 and since[j] < period[r]:
                    total += similarity[item[r], k]
            out[r] = total


@numba.njit(cache=True, parallel=True)
def row_sums(starts, items, weights, out):  # type: ignore[no-untyped-def]
    """out (m, I), zeros at first: the sum of the rows of weights (I, I) named by items[starts[r] : starts[r + 1]]."""
    for r in numba.prange(out.shape[0]):
        for a in range(starts[r], starts[r + 1]):
            row = weights[items[a]]
            for i in range(row.size):
                out[r, i] += row[i]


@numba.njit(cache=True, parallel=True)
def largest(scores, n, items, best):  # type: ignore[no-untyped-def]
    """items, best (m, k): the n largest positive scores of each row (m, I) in order of item, ties to the first items.

    items holds -1 and best 0 at first; k is n at least.
    """
    for r in numba.prange(scores.shape[0]):
        row = scores[r]
        least = -np.partition(-row, n - 1)[n - 1] if n < row.size else -np.inf
        level = n - np.count_nonzero(row > least)  # how many of those that equal the least are among them
        k = 0
        for i in range(row.size):
            if row[i] < least or row[i] <= 0.0:
                continue
            if row[i] == least:
                if level == 0:
                    continue
                level -= 1
            items[r, k] = i
            best[r, k] = row[i]
            k += 1


@numba.njit(cache=True, parallel=True)
def top_n(scores, known_starts, known_items, n, items, best):  # type: ignore[no-untyped-def]
    """items, best (m, n): each row's n highest scores that are not known, ties by item; -1 and NaN where none is left."""
    for r in numba.prange(scores.shape[0]):
        falling = -scores[r]
        for a in range(known_starts[r], known_starts[r + 1]):
            falling[known_items[a]] = np.inf
        last = np.partition(falling, n - 1)[n - 1] if n < falling.size else np.inf
        some = np.flatnonzero(falling <= last)
        order = some[np.argsort(falling[some], kind="mergesort")]
        for k in range(min(n, order.size)):
            if falling[order[k]] == np.inf:
                break
            items[r, k] = order[k]
            best[r, k] = scores[r, order[k]]
