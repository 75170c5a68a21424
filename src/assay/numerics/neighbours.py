"""Sorted distances, and the values of games over them, in compiled loops that never hold n x m numbers.

Every game here gives the player of rank i (1 is nearest) the value c_i a_i + sum_{j > i} a_j (c_j - c_{j-1}), a_j
being what player j contributes and c (n,) the game's coefficients. Players at one distance get the mean over the
orders that they could stand in. Distances are float64 sums over the columns in their order, so that equal rows are
at exactly equal distances wherever they stand.
"""

import numba
import numpy as np

BLOCKS = 8  # fixed, so that sums over validation rows have one order whatever the number of threads
_TILE = 2048  # training rows whose columns stay in cache while a few validation rows pass
GROUP = 4  # validation rows that share one pass over the training rows
_BITS = 11  # of a radix digit
_RADIX = 1 << _BITS


@numba.njit(cache=True)
def sort_keys(keys, order, spare_keys, spare_order, counts, n):  # type: ignore[no-untyped-def]
    """Sort the first n of keys (uint64) with their order (int32), stable; digits that are all alike are skipped."""
    differing = np.uint64(0)
    for i in range(1, n):
        differing |= keys[i] ^ keys[0]
    shift = np.uint64(0)
    flipped = False
    while shift < np.uint64(64):
        mask = np.uint64(_RADIX - 1)
        if (differing >> shift) & mask:
            source, target = (spare_keys, keys) if flipped else (keys, spare_keys)
            source_order, target_order = (spare_order, order) if flipped else (order, spare_order)
            counts[:] = 0
            for i in range(n):
                counts[(source[i] >> shift) & mask] += 1
            total = 0
            for digit in range(_RADIX):
                count = counts[digit]
                counts[digit] = total
                total += count
            for i in range(n):
                digit = (source[i] >> shift) & mask
                place = counts[digit]
                counts[digit] = place + 1
                target[place] = source[i]
                target_order[place] = source_order[i]
            flipped = not flipped
        shift += np.uint64(_BITS)
    if flipped:
        keys[:n] = spare_keys[:n]
        order[:n] = spare_order[:n]


@numba.njit(cache=True)
def add_values(keys, order, a, c, cumulative, n, start, sums):  # type: ignore[no-untyped-def]
    """Add the values of n players, nearest first, to sums[player]; a (players,) contributions by player.

    c (n,) coefficients by rank, cumulative (n + 1,) their running sums, start what every player gets besides.
    """
    tail = start
    end = n - 1
    while end >= 0:
        first = end
        total = a[order[end]]
        while first > 0 and keys[first - 1] == keys[end]:
            first -= 1
            total += a[order[first]]
        size = end - first + 1
        if size == 1:
            sums[order[end]] += c[end] * total + tail
        else:
            mean = (cumulative[end + 1] - cumulative[first]) / size
            rest = (c[end] - mean) / (size - 1)
            for i in range(first, end + 1):
                own = a[order[i]]
                sums[order[i]] += own * mean + (total - own) * rest + tail
        before = c[first - 1] if first > 0 else 0.0
        tail += total / size * (c[end] - before)
        end = first - 1


@numba.njit(cache=True)
def squared_distances(columns, V, first, last, out):  # type: ignore[no-untyped-def]
    """Squared distances of training rows, columns (p, n), to the rows first to last of V (m, p), into out (GROUP, n)."""
    n = columns.shape[1]
    out[: last - first, :] = 0.0
    for low in range(0, n, _TILE):
        high = min(low + _TILE, n)
        for j in range(columns.shape[0]):
            column = columns[j, low:high]
            for v in range(first, last):
                at = V[v, j]
                line = out[v - first, low:high]
                for i in range(column.size):
                    gap = column[i] - at
                    line[i] += gap * gap


@numba.njit(cache=True)
def sparse_distances(indptr, indices, data, squares, v_indices, v_data, dense, out):  # type: ignore[no-untyped-def]
    """Squared distances of CSR rows, of squared lengths (n,), to one sparse row, into out (n,); dense (p,) is zeros."""
    size = 0.0
    for a in range(v_indices.size):
        dense[v_indices[a]] = v_data[a]
        size += float(v_data[a]) * float(v_data[a])
    for i in range(indptr.size - 1):
        dot = 0.0
        for a in range(indptr[i], indptr[i + 1]):
            dot += data[a] * dense[indices[a]]
        out[i] = max(0.0, squares[i] + size - 2.0 * dot)
    for a in range(v_indices.size):
        dense[v_indices[a]] = 0.0


@numba.njit(cache=True)
def _nearest(line, top, keys, order):  # type: ignore[no-untyped-def]
    # The rows that matter: all, or those no farther than the top-th nearest (ties at the cut come along).
    n = line.size
    bits = line.view(np.uint64)
    if top >= n:
        for i in range(n):
            keys[i] = bits[i]
            order[i] = i
        return n
    cut = np.partition(line, top - 1)[top - 1]
    near = 0
    for i in range(n):
        if line[i] <= cut:
            keys[near] = bits[i]
            order[near] = i
            near += 1
    return near


@numba.njit(cache=True)
def _add_row(line, y, label, game, top, buffers, sums):  # type: ignore[no-untyped-def]
    c, cumulative, mean_share, chance = game
    keys, order, spare_keys, spare_order, counts, a = buffers
    matches = 0.0
    for i in range(line.size):
        a[i] = 1.0 if y[i] == label else 0.0
        matches += a[i]
    near = _nearest(line, top, keys, order)
    sort_keys(keys, order, spare_keys, spare_order, counts, near)
    add_values(keys, order, a, c, cumulative, near, -mean_share * matches - chance, sums)


@numba.njit(cache=True)
def buffers_of(n):  # type: ignore[no-untyped-def]
    """What sorting n players takes: keys, order, a spare of each, counts of digits, and n numbers of the game's own."""
    return (
        np.empty(n, np.uint64), np.empty(n, np.int32), np.empty(n, np.uint64), np.empty(n, np.int32),
        np.empty(_RADIX, np.int64), np.empty(n),
    )  # fmt: skip


@numba.njit(cache=True, parallel=True)
def dense_values(columns, V, y, labels, game, top, sums):  # type: ignore[no-untyped-def]
    """Add the values of training rows, columns (p, n), summed over validation rows V (m, p), to sums (BLOCKS, n).

    game: c (n,), its running sums (n + 1,), and two numbers: mean_share of the matches and chance, which the
    soft-label game takes off every value. top: ranks that count.
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
                _add_row(lines[v - first], y, labels[v], game, top, buffers, sums[block])


@numba.njit(cache=True, parallel=True)
def sparse_values(rows, V, y, labels, game, top, sums):  # type: ignore[no-untyped-def]
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
            _add_row(line, y, labels[v], game, top, buffers, sums[block])


@numba.njit(cache=True)
def _add_within(line, y, label, limit, noise, game, sums):  # type: ignore[no-untyped-def]
    harmonic, chance = game
    near = matching = 0
    for i in range(line.size):
        if line[i] <= limit:
            near += 1
            matching += y[i] == label
    # What is released of others is noised, rounded and clipped; without noise this changes nothing.
    n = min(max(round(near + noise[0]), 1), line.size)
    c = min(max(matching + noise[1], 0.0), float(n))
    for i in range(line.size):
        if line[i] <= limit:
            own = 1.0 if y[i] == label else 0.0
            value = own - chance
            if n > 1:
                value = (own - (c - own) / (n - 1)) * (harmonic[n] - 1.0) / n + (own - chance) / n
            sums[i] += value


@numba.njit(cache=True, parallel=True)
def dense_within(columns, V, y, labels, limit, noise, game, sums):  # type: ignore[no-untyped-def]
    """As dense_values for the neighbours within the squared distance `limit`, which share the vote.

    noise (m, 2) is added to how many they are and how many match. game: harmonic numbers (n + 1,), 1 / classes.
    """
    m = V.shape[0]
    for block in numba.prange(sums.shape[0]):
        lines = np.empty((GROUP, columns.shape[1]))
        low, high = block * m // sums.shape[0], (block + 1) * m // sums.shape[0]
        for first in range(low, high, GROUP):
            last = min(first + GROUP, high)
            squared_distances(columns, V, first, last, lines)
            for v in range(first, last):
                _add_within(lines[v - first], y, labels[v], limit, noise[v], game, sums[block])


@numba.njit(cache=True, parallel=True)
def sparse_within(rows, V, y, labels, limit, noise, game, sums):  # type: ignore[no-untyped-def]
    """As dense_within, of CSR rows as in sparse_values."""
    indptr, indices, data, squares, width = rows
    v_indptr, v_indices, v_data = V
    m = v_indptr.size - 1
    for block in numba.prange(sums.shape[0]):
        line = np.empty(squares.size)
        dense = np.zeros(width)
        for v in range(block * m // sums.shape[0], (block + 1) * m // sums.shape[0]):
            at, end = v_indptr[v], v_indptr[v + 1]
            sparse_distances(indptr, indices, data, squares, v_indices[at:end], v_data[at:end], dense, line)
            _add_within(line, y, labels[v], limit, noise[v], game, sums[block])
