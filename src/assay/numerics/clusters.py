"""Means over rows that come in clusters (a user's requests): errors, degrees of freedom, swaps. Arrays in, numbers out.

Everywhere: values (S, R), one row per system and one column per request; cluster (R,) codes from 0 without a gap.
"""

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from assay.errors import InputError
from assay.numerics.hashing import mix, splitmix

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def sizes(cluster: Ints) -> Floats:
    """Rows (U,) of each cluster; InputError when there are fewer than two clusters."""
    rows = np.bincount(cluster).astype(np.float64)
    if len(rows) < 2:
        raise InputError(f"{len(rows)} user(s): an interval over users needs at least 2; add requests of others")
    return rows


def cluster_sums(cluster: Ints, values: Floats) -> Floats:
    """Sums (S, U) of values (S, R) over each cluster's rows."""
    clusters = int(cluster.max()) + 1
    return np.stack([np.bincount(cluster, row, clusters) for row in values])


def deviations(cluster: Ints, values: Floats) -> Floats:
    """What each cluster adds (S, U) to the error of each mean: the standard error is sqrt(sum of squares).

    Of a difference of two means, paired by row, it is sqrt(sum over u of (deviations[b] - deviations[a])^2). The
    bias-reduced cluster-robust variance (CR2; Bell and McCaffrey, Survey Methodology 2002): a cluster's summed
    residuals are divided by sqrt(1 - its share of the rows). With one row per cluster it is the ordinary s / sqrt(R).
    """
    rows = sizes(cluster)
    share = rows / rows.sum()
    centred = values - values.mean(axis=1, keepdims=True)
    return np.asarray(cluster_sums(cluster, centred) / (rows.sum() * np.sqrt(1.0 - share)))


def degrees_of_freedom(cluster: Ints) -> float:
    """Satterthwaite's degrees of freedom of that variance: clusters - 1 when all are of one size, else fewer.

    Bell and McCaffrey (2002) for a mean with independent rows, in closed form.
    """
    share = sizes(cluster) / len(cluster)
    bent = share**2 / (1.0 - share)
    return float(1.0 / (np.sum(share**2) + bent.sum() ** 2 - np.sum(bent**2)))


def swapped(sums: Floats, draws: int, seed: int) -> Floats:
    """Totals (draws, S) of sums (S, U) after each cluster's sign was drawn at random, the same for all systems.

    The difference of two columns is what swapping the two systems on whole clusters makes of their difference.
    Signs are bits of a hash of (seed, draw, cluster / 64): one result on any number of threads.
    """
    if draws < 1:
        raise InputError(f"draws is {draws}; use 1 or more, 10,000 for a report")
    return _swapped(np.ascontiguousarray(sums.T), mix(seed, np.arange(draws)))


@njit(cache=True, parallel=True)
def _swapped(sums: Floats, streams: NDArray[np.uint64]) -> Floats:
    clusters, systems = sums.shape
    result = np.zeros((len(streams), systems))
    one = np.uint64(1)
    for d in prange(len(streams)):
        bits = np.uint64(0)
        for u in range(clusters):
            if u % 64 == 0:
                bits = splitmix(streams[d] ^ splitmix(np.uint64(u // 64)))
            if bits & one:
                for s in range(systems):
                    result[d, s] += sums[u, s]
            else:
                for s in range(systems):
                    result[d, s] -= sums[u, s]
            bits >>= one
    return result
