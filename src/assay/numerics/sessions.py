"""Session-kNN: an inverted index of past sessions, and compiled loops over the prefixes of new ones.

The similarity of a prefix q = (q_1 ... q_L) and a session s is the sum, over the distinct items that they share, of the
item's last position in q, divided by L: VMIS-kNN's linear decay (Kersbergen, Sprangers and Schelter, "Serenade",
SIGMOD 2022). Neighbours come by falling similarity, then by the session's last event (later first), then by id.
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from assay.numerics.hashing import splitmix
from assay.numerics.neighbours import add_values, sort_keys

BLOCKS = 4  # fixed, so that sums over prefixes have one order whatever the number of threads
_RADIX = 1 << 11
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SessionIndex:
    """Past sessions, numbered from the most recent (then by id), and which of them hold each item.

    original (S,): number of each session among the caller's. size (S,): its distinct items. entry_session,
    entry_item (E,): distinct pairs, in order of item and session; item_start (I + 1,) where each item's pairs begin.
    """

    original: Ints
    size: Ints
    item_start: Ints
    entry_session: NDArray[np.int32]
    entry_item: NDArray[np.int32]


def index_sessions(session: Ints, item: Ints, last: Ints, items: int) -> SessionIndex:
    """Index events (session (n,), item (n,) codes); last (S,) time of each session's last event; S in order of id."""
    original = np.lexsort((np.arange(len(last)), -last))
    number = np.empty(len(last), np.int64)
    number[original] = np.arange(len(last))
    pairs = np.unique(item * len(last) + number[session])
    entry_item, entry_session = pairs // len(last), pairs % len(last)
    start = np.concatenate(([0], np.cumsum(np.bincount(entry_item, minlength=items))))
    size = np.bincount(entry_session, minlength=len(last))
    return SessionIndex(original, size, start, entry_session.astype(np.int32), entry_item.astype(np.int32))


@numba.njit(cache=True)
def candidates(  # type: ignore[no-untyped-def]
    prefix, item_start, entry_session, youngest, most, overlap, weight, seen, shared
):
    """Sessions that share an item with a prefix, the `most` most recent of them: their number; numbers in `shared`.

    Only sessions from number `youngest` on count: numbers rise into the past.

    overlap (S,) must be 0 and gets the similarities times the prefix's length; weight (L,) gets each position's
    part, 0 where the item comes again later; seen (I,) must be False and is again.
    """
    count = 0
    for position in range(prefix.size - 1, -1, -1):
        item = prefix[position]
        weight[position] = 0
        if item < 0 or seen[item]:
            continue
        seen[item] = True
        weight[position] = position + 1
        for e in range(item_start[item], item_start[item + 1]):
            s = entry_session[e]
            if s < youngest:
                continue
            if overlap[s] == 0:
                shared[count] = s
                count += 1
            overlap[s] += position + 1
    for position in range(prefix.size):
        if prefix[position] >= 0:
            seen[prefix[position]] = False
    if count > most:
        limit = np.partition(shared[:count], most - 1)[most - 1]
        kept = 0
        for c in range(count):
            if shared[c] <= limit:
                shared[kept] = shared[c]
                kept += 1
            else:
                overlap[shared[c]] = 0
        count = kept
    return count


@numba.njit(cache=True)
def nearest_first(shared, overlap, count, keys, spare_keys, spare_shared, counts):  # type: ignore[no-untyped-def]
    """Sort the first `count` of shared: by falling overlap, then by number."""
    top = 0
    for c in range(count):
        top = max(top, overlap[shared[c]])
    for c in range(count):
        keys[c] = (np.uint64(top - overlap[shared[c]]) << np.uint64(32)) | np.uint64(shared[c])
    sort_keys(keys, shared, spare_keys, spare_shared, counts, count)


@numba.njit(cache=True)
def _contributions(  # type: ignore[no-untyped-def]
    shared, count, overlap, length, target, k, negatives, draw, index, a, stamp, number
):
    # What each candidate adds to the target's score, less what it adds to the mean negative's.
    item_start, entry_session, size = index
    others = item_start.size - 1 - (target >= 0)
    share = 1.0 / others if negatives < 0 and others > 0 else 0.0
    for c in range(count):
        s = shared[c]
        a[s] = -size[s] * share
        stamp[s] = number
    for j in range(negatives if others > 0 else 0):
        item = np.int64(splitmix(draw ^ np.uint64(j)) % np.uint64(others))
        item += 0 <= target <= item
        for e in range(item_start[item], item_start[item + 1]):
            if stamp[entry_session[e]] == number:
                a[entry_session[e]] -= 1.0 / negatives
    if target >= 0:
        for e in range(item_start[target], item_start[target + 1]):
            if stamp[entry_session[e]] == number:
                a[entry_session[e]] += 1.0 + share
    for c in range(count):
        a[shared[c]] *= overlap[shared[c]] / (length * k)


@numba.njit(cache=True, parallel=True)
def session_values(index, starts, events, hashes, chosen, c, cumulative, k, most, negatives, out):  # type: ignore[no-untyped-def]
    """Add the values of past sessions, split over the items that they share with each prefix, to out (BLOCKS, E).

    starts (V + 1,), events: item codes of the new sessions, -1 where unknown; hashes (V,) of their ids, which draw
    the negatives (below 0: all other items); chosen: those that count. c (S,), cumulative (S + 1,): the game.
    """
    item_start, entry_session, size = index
    sessions, items = size.size, item_start.size - 1
    for block in numba.prange(out.shape[0]):
        overlap = np.zeros(sessions, np.int64)
        seen = np.zeros(items, np.bool_)
        shared, spare_shared = np.empty(sessions, np.int32), np.empty(sessions, np.int32)
        keys, spare_keys = np.empty(sessions, np.uint64), np.empty(sessions, np.uint64)
        counts = np.empty(_RADIX, np.int64)
        a, value, stamp = np.zeros(sessions), np.zeros(sessions), np.full(sessions, -1, np.int64)
        for v in range(block * chosen.size // out.shape[0], (block + 1) * chosen.size // out.shape[0]):
            session = events[starts[chosen[v]] : starts[chosen[v] + 1]]
            weight = np.empty(session.size, np.int64)
            for length in range(1, session.size):
                prefix, target = session[:length], session[length]
                count = candidates(prefix, item_start, entry_session, 0, most, overlap, weight, seen, shared)
                draw = splitmix(hashes[chosen[v]] ^ np.uint64(length))
                number = np.int64(starts[chosen[v]] + length)
                _contributions(shared, count, overlap, length, target, k, negatives, draw, index, a, stamp, number)
                nearest_first(shared, overlap, count, keys, spare_keys, spare_shared, counts)
                add_values(keys, shared, a, c, cumulative, count, 0.0, value)
                for position in range(length):
                    if weight[position] > 0:
                        item = prefix[position]
                        for e in range(item_start[item], item_start[item + 1]):
                            s = entry_session[e]
                            if overlap[s] > 0:
                                out[block, e] += value[s] * weight[position] / overlap[s]
                for at in range(count):
                    overlap[shared[at]] = 0
                    value[shared[at]] = 0.0


@numba.njit(cache=True, parallel=True)
def next_item_scores(index, starts, events, youngest, k, most, rows, items_wanted, out):  # type: ignore[no-untyped-def]
    """out (n,): score of item items_wanted[i] after the whole session rows[i]: similarity summed over the k nearest.

    rows ascend; each session's neighbours are found once, among past sessions from number youngest[session] on.
    """
    item_start, entry_session, size = index
    sessions, items = size.size, item_start.size - 1
    for block in numba.prange(BLOCKS):
        overlap = np.zeros(sessions, np.int64)
        seen = np.zeros(items, np.bool_)
        shared, spare_shared = np.empty(sessions, np.int32), np.empty(sessions, np.int32)
        keys, spare_keys = np.empty(sessions, np.uint64), np.empty(sessions, np.uint64)
        counts = np.empty(_RADIX, np.int64)
        near = np.zeros(sessions)
        at = block * rows.size // BLOCKS
        end = (block + 1) * rows.size // BLOCKS
        while at < end:
            v = rows[at]
            session = events[starts[v] : starts[v + 1]]
            weight = np.empty(session.size, np.int64)
            count = candidates(session, item_start, entry_session, youngest[v], most, overlap, weight, seen, shared)
            nearest_first(shared, overlap, count, keys, spare_keys, spare_shared, counts)
            for c in range(min(k, count)):
                near[shared[c]] = overlap[shared[c]] / session.size
            while at < end and rows[at] == v:
                item = items_wanted[at]
                if item >= 0:
                    for e in range(item_start[item], item_start[item + 1]):
                        out[at] += near[entry_session[e]]
                at += 1
            for c in range(count):
                overlap[shared[c]] = 0
                near[shared[c]] = 0.0


def parts(index: SessionIndex) -> tuple[Any, ...]:
    """What kernels read of an index."""
    return index.item_start, index.entry_session, index.size
