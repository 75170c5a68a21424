"""Shapley values of a k-nearest-neighbour regression, in compiled loops that never hold n x m numbers.

The utility of a set S for a validation row with label t is -((1 / k) sum of y over the nearest min(k, |S|) - t)^2. Multiplied
out it is a sum of games, of which each asks whether one player, or each of two players, is among the nearest k of S. Such a game
is decided by the rank R of its farthest player, so that four numbers a rank give its Shapley values:

- one player at rank R: it gets c = min(k, R) / R, each nearer player loses d = k / (R (R - 1)) where R > k, else nothing
- two players, the farther at rank R: each gets g = m (m - 1) / (2 R (R - 1)) with m = min(k, R), each other player nearer
  than R loses h = k (k - 1) / (R (R - 1) (R - 2)) where R > k, else nothing

Players farther than R get nothing. Sums of these from the farthest player to the nearest give the values of all. Players at one
distance get the mean over the orders that they could stand in: of labels drawn without replacement, first and second moments
are all that a quadratic needs, so the mean is exact.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from assay.numerics.neighbours import GROUP, buffers_of, sort_keys, sparse_distances, squared_distances


def shares(n: int, k: int) -> NDArray[Any]:
    """c, d, g and h of the ranks 1 to n: (4, n)."""
    rank = np.arange(1.0, n + 1)
    among = np.minimum(rank, k)
    beyond = rank > k
    pairs = np.maximum(rank * (rank - 1.0), 1.0)
    others = np.maximum(rank - 2.0, 1.0)
    return np.stack(
        [
            among / rank,
            np.where(beyond, k / pairs, 0.0),
            among * (among - 1.0) / (2.0 * pairs),
            np.where(beyond, k * (k - 1.0) / (pairs * others), 0.0),
        ]
    )


@numba.njit(cache=True)
def add_values(keys, order, y, target, k, of_rank, before, sums):  # type: ignore[no-untyped-def]
    """Add the values of n players, nearest first, to sums[player]; keys (n,) are equal where distances are.

    y (n,) labels by player, target: the validation row's, of_rank (4, n) from `shares`; before (n,) is written over.
    """
    c, d, g, h = of_rank[0], of_rank[1], of_rank[2], of_rank[3]
    n = order.size
    total = 0.0
    for i in range(n):
        before[i] = total
        total += y[order[i]]
    pair = 2.0 / (k * k)  # a pair of players weighs -pair times both labels
    tail = 0.0  # what every nearer player gets, whatever its label
    slope = 0.0  # what it gets per unit of its label
    end = n - 1
    while end >= 0:
        first = end
        while first > 0 and keys[first - 1] == keys[end]:
            first -= 1
        nearer = before[first]
        if first == end:
            own = y[order[end]]
            alone = own * (2.0 * target - own / k) / k
            sums[order[end]] += alone * c[end] + own * (slope - pair * g[end] * nearer) + tail
            tail += pair * h[end] * own * nearer - d[end] * alone
            slope -= pair * (g[end] + h[end]) * own
        else:
            change, steeper = _add_tied(order, y, target, k, of_rank, first, end, nearer, tail, slope, sums)
            tail += change
            slope += steeper
        end = first - 1


@numba.njit(cache=True)
def _add_tied(order, y, target, k, of_rank, first, end, nearer, tail, slope, sums):  # type: ignore[no-untyped-def]
    # The players first to end are at one distance; nearer: the sum of labels before them. Returns what tail and slope change by.
    c, d, g, h = of_rank[0], of_rank[1], of_rank[2], of_rank[3]
    size = end - first + 1
    pair = 2.0 / (k * k)
    total = squares = alone_total = 0.0
    c_sum = d_sum = g_sum = h_sum = d_below = g_below = h_below = h_two_below = 0.0
    for i in range(first, end + 1):
        own = y[order[i]]
        total += own
        squares += own * own
        alone_total += own * (2.0 * target - own / k) / k
        below = float(i - first)  # of the tied ranks
        c_sum += c[i]
        d_sum += d[i]
        g_sum += g[i]
        h_sum += h[i]
        d_below += d[i] * below
        g_below += g[i] * below
        h_below += h[i] * below
        h_two_below += h[i] * below * (below - 1.0)
    for i in range(first, end + 1):
        own = y[order[i]]
        alone = own * (2.0 * target - own / k) / k
        rest = total - own
        other = rest / (size - 1)  # mean label of another tied player, and the mean product of two others
        product = (rest * rest - (squares - own * own)) / ((size - 1.0) * (size - 2.0)) if size > 2 else 0.0
        value = alone * c_sum - (alone_total - alone) / (size - 1) * d_below
        value -= pair * own * (nearer * g_sum + other * (2.0 * g_below + h_below))
        value += pair * ((nearer + own) * other * h_below + product * h_two_below)
        sums[order[i]] += value / size + own * slope + tail
    mean = total / size
    product = (total * total - squares) / (size * (size - 1.0))
    change = pair * (mean * nearer * h_sum + product * h_below) - d_sum * alone_total / size
    return change, -pair * (g_sum + h_sum) * mean


@numba.njit(cache=True)
def _add_row(line, y, target, k, of_rank, buffers, sums):  # type: ignore[no-untyped-def]
    keys, order, spare_keys, spare_order, counts, before = buffers
    bits = line.view(np.uint64)
    for i in range(line.size):
        keys[i] = bits[i]
        order[i] = i
    sort_keys(keys, order, spare_keys, spare_order, counts, line.size)
    add_values(keys, order, y, target, k, of_rank, before, sums)


@numba.njit(cache=True, parallel=True)
def dense_values(columns, V, y, targets, k, of_rank, sums):  # type: ignore[no-untyped-def]
    """Add the values of training rows, columns (p, n), labels y (n,), over validation rows V (m, p) to sums (BLOCKS, n).

    targets (m,): labels of V. of_rank (4, n) from `shares`.
    """
    m = V.shape[0]
    for block in numba.prange(sums.shape[0]):
        buffers = buffers_of(columns.shape[1])
        lines = np.empty((GROUP, columns.shape[1]))
        low, high = block * m // sums.shape[0], (block + 1) * m // sums.shape[0]
        for first in range(low, high, GROUP):
            last = min(first + GROUP, high)
            squared_distances(columns, V, first, last, lines)
            for v in range(first, last):
                _add_row(lines[v - first], y, targets[v], k, of_rank, buffers, sums[block])


@numba.njit(cache=True, parallel=True)
def sparse_values(rows, V, y, targets, k, of_rank, sums):  # type: ignore[no-untyped-def]
    """As dense_values, of CSR rows: (indptr, indices, data, squared lengths (n,), p), and V without the lengths."""
    indptr, indices, data, squares, width = rows
    v_indptr, v_indices, v_data = V
    m = v_indptr.size - 1
    for block in numba.prange(sums.shape[0]):
        buffers = buffers_of(squares.size)
        line = np.empty(squares.size)
        dense = np.zeros(width)
        for v in range(block * m // sums.shape[0], (block + 1) * m // sums.shape[0]):
            at, end = v_indptr[v], v_indptr[v + 1]
            sparse_distances(indptr, indices, data, squares, v_indices[at:end], v_data[at:end], dense, line)
            _add_row(line, y, targets[v], k, of_rank, buffers, sums[block])
