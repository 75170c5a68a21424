"""Sums over what a user had before a moment, in compiled loops.

A user's items stand in order of the period in which each was first taken: what it had before a period is a prefix.
"""

import numba
import numpy as np


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
def top_n(scores, known_starts, known_items, n, items, best):  # type: ignore[no-untyped-def]
    """items, best (m, n): each row's n highest scores that are not known, ties by item; -1 and NaN where none is left."""
    for r in numba.prange(scores.shape[0]):
        row = scores[r].copy()
        for a in range(known_starts[r], known_starts[r + 1]):
            row[known_items[a]] = -np.inf
        order = np.argsort(-row, kind="mergesort")
        for k in range(min(n, row.size)):
            if row[order[k]] == -np.inf:
                break
            items[r, k] = order[k]
            best[r, k] = row[order[k]]
