"""Intervals and tests that hold when one user gives many samples: arrays in, numbers out.

Users, not rows, are drawn with replacement: a user's rows depend on each other. A statistic is a function
from counts (b, U), how often each user was drawn in each of b resamples, to values (b, M) of M measures;
with counts of 1 it gives the measures themselves. (Cameron, Gelbach, Miller 2008; Field and Welsh 2007.)
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from assay.errors import InputError
from assay.numerics.hashing import mix, splitmix

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]

# Counts of one block of resamples: 32 MB, whatever the number of users.
BLOCK = 1 << 22


def point(statistic: Statistic, users: int) -> Floats:
    """The measures (M,) with every user counted once."""
    values: Floats = statistic(np.ones((1, users)))[0]
    return values


def resample(statistic: Statistic, users: int, *, resamples: int, rng: np.random.Generator) -> Floats:
    """The measures under multinomial resampling of the users: (resamples, M); one seed, one result.

    Means are redrawn in compiled code: 10,000 redraws of 100,000 users in a second or two.
    """
    if users < 2:
        raise InputError(f"{users} user(s): an interval over users needs at least 2")
    if resamples < 2:
        raise InputError(f"resamples is {resamples}; use 2 or more, 1000 for a report")
    if isinstance(statistic, Means):
        return statistic.redrawn(mix(int(rng.integers(2**63)), np.arange(resamples)))
    rows = max(1, BLOCK // users)
    blocks = []
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        drawn = rng.integers(0, users, size=(size, users)) + np.arange(size)[:, None] * users
        counts = np.bincount(drawn.ravel(), minlength=size * users).reshape(size, users)
        blocks.append(statistic(counts.astype(np.float64)))
    return np.concatenate(blocks)


@njit(cache=True, parallel=True)
def weighted_sums(counts: Floats, sums: Floats) -> Floats:
    """counts (b, U) @ sums (U, M), added in order of user: the same bits on any number of threads."""
    result = np.zeros((len(counts), sums.shape[1]))
    for r in prange(len(counts)):
        for u in range(sums.shape[0]):
            c = counts[r, u]
            if c != 0:
                for m in range(sums.shape[1]):
                    result[r, m] += c * sums[u, m]
    return result


def user_sums(user_code: NDArray[np.integer], values: Floats, users: int) -> Floats:
    """Sums (U, M) over each user's rows of values (n, M); user_code (n,) below `users`."""
    return np.stack([np.bincount(user_code, column, users) for column in values.T], axis=1)


@dataclass(frozen=True)
class Means:
    """Means of M columns over rows, as a Statistic: sums (U, M) and rows (U, M) of each user; NaN without rows."""

    sums: Floats
    rows: Floats

    def __call__(self, counts: Floats) -> Floats:
        """The means (b, M) when users were drawn as often as counts (b, U) says."""
        total = weighted_sums(counts, np.concatenate([self.sums, self.rows], axis=1))
        return ratio(total[:, : self.sums.shape[1]], total[:, self.sums.shape[1] :])

    def redrawn(self, streams: NDArray[np.uint64]) -> Floats:
        """The means (b, M) when the users are drawn U times with replacement, once a stream (b,).

        What `resample` would find by counting the draws, without the counts; a stream draws the same users for every
        column.
        """
        users = len(self.sums)
        if users >= 1 << 32:
            raise InputError(f"{users} users: at most 2^32 can be drawn; take a sample of them")
        # Columns that miss no value share one count of rows; where every user has as many, nothing is left to count.
        kinds, kind = np.unique(self.rows, axis=1, return_inverse=True)
        counted = [
            np.full(len(streams), users * one[0]) if np.ptp(one) == 0 else _drawn_sums(one.copy(), streams) for one in kinds.T
        ]
        total = np.stack([_drawn_sums(column.copy(), streams) for column in self.sums.T], axis=1)
        return ratio(total, np.stack(counted, axis=1)[:, kind.ravel()])


@njit(cache=True, parallel=True)
def _drawn_sums(values: Floats, streams: NDArray[np.uint64]) -> Floats:
    """Sums (b,) of U of the values (U,) drawn uniformly with replacement, once a stream, whatever the threads.

    Draws come from a hash of stream + counter, two from each: 32 bits times U, of which the upper half is the place; a
    draw whose lower half would make places unequally likely is made again (Lemire, TOMACS 2019).
    """
    users, half, word = np.uint64(len(values)), np.uint64(0xFFFFFFFF), np.uint64(32)
    least = np.uint64(1 << 32) % users
    result = np.zeros(len(streams))
    for b in prange(len(streams)):
        even, odd, again = 0.0, 0.0, len(values) % 2
        for i in range(len(values) // 2):
            bits = splitmix(streams[b] + np.uint64(i))
            one, other = (bits & half) * users, (bits >> word) * users
            if one & half < least:
                again += 1
            else:
                even += values[one >> word]
            if other & half < least:
                again += 1
            else:
                odd += values[other >> word]
        counter = streams[b] + np.uint64(len(values) // 2)
        while again > 0:
            one = (splitmix(counter) & half) * users
            counter += np.uint64(1)
            if one & half >= least:
                even += values[one >> word]
                again -= 1
        result[b] = even + odd
    return result


def mean_statistic(user_code: NDArray[np.integer], values: Floats, users: int) -> Means:
    """Means over rows of values (n, M), a NaN left out of its own column; NaN where nothing is left."""
    present = ~np.isnan(values)
    return Means(user_sums(user_code, np.where(present, values, 0.0), users), user_sums(user_code, present, users))


def ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, NaN where whole is 0."""
    result: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return result


def percentile_interval(draws: Floats, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Low and high (M,) quantiles of resampled measures (resamples, M).

    A resample in which a measure is undefined (NaN: one class only) is left out; NaN if none is left.
    """
    tail = (1 - confidence) / 2
    low, high = np.full(draws.shape[1], np.nan), np.full(draws.shape[1], np.nan)
    for m, column in enumerate(draws.T):
        present = column[~np.isnan(column)]
        if len(present):
            low[m], high[m] = np.quantile(present, (tail, 1 - tail))
    return low, high


def standard_error(draws: Floats) -> Floats:
    """Bootstrap standard error (M,): deviation of the resampled measures; NaN with fewer than 2 defined."""
    result = np.full(draws.shape[1], np.nan)
    for m, column in enumerate(draws.T):
        present = column[~np.isnan(column)]
        if len(present) > 1:
            # Exactly equal draws deviate by 0, not by the rounding of their mean.
            result[m] = 0.0 if np.ptp(present) == 0 else present.std(ddof=1)
    return result


def t_test(difference: ArrayLike, stderr: ArrayLike, users: float, confidence: float = 0.95) -> tuple[Floats, ...]:
    """Two-sided p, low and high (M,) of paired differences (M,) with clustered standard errors (M,).

    t = difference / stderr on users - 1 degrees of freedom (no whole number where users are of unlike sizes: then give
    the degrees of freedom + 1). Chosen over the share of resamples beyond 0:
    that share cannot fall below 1 / resamples, too coarse for Holm over many measures; and interval and p
    are one test, so that low and high straddle 0 exactly when p exceeds 1 - confidence.
    No difference and no error: p 1. A difference without error: p 0.
    """
    d, se = np.asarray(difference, np.float64), np.asarray(stderr, np.float64)
    t = np.where(d == 0, 0.0, np.divide(d, se, out=np.full(d.shape, np.inf), where=se != 0))
    p = 2 * stats.t.sf(np.abs(t), users - 1)
    reach = stats.t.ppf((1 + confidence) / 2, users - 1) * se
    return p, d - reach, d + reach


def holm(p: ArrayLike) -> Floats:
    """Holm's step-down adjusted p-values (M,); a NaN stays NaN and is not counted. Holm (1979)."""
    values = np.asarray(p, np.float64)
    adjusted = np.full(values.shape, np.nan)
    present = np.flatnonzero(~np.isnan(values))
    order = present[np.argsort(values[present], kind="stable")]
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def cohens_d(difference: ArrayLike) -> float:
    """Paired effect size: mean / standard deviation of users' differences (U,); 0 when all are 0.

    Infinite when every user has the same difference; NaN with fewer than 2 users. Cohen (1988), d_z.
    """
    d = np.asarray(difference, np.float64)
    if len(d) < 2:
        return float("nan")
    deviation = 0.0 if np.ptp(d) == 0 else float(d.std(ddof=1))
    mean = float(d.mean())
    if deviation == 0:
        return 0.0 if mean == 0 else float(np.copysign(np.inf, mean))
    return mean / deviation


def cohens_d_from_error(difference: float, stderr: float, users: int) -> float:
    """The same effect size from a clustered standard error: difference / (stderr * sqrt(users)).

    Holds for any measure, also AUC and F1, which are no means over users; for a mean over users it is
    cohens_d up to the noise of the bootstrap.
    """
    if difference == 0:
        return 0.0
    return difference / (stderr * users**0.5) if stderr > 0 else float(np.copysign(np.inf, difference))


def minimal_detectable_difference(stderr: float, users: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Smallest true difference that the two-sided test finds with the given power, in the measure's unit.

    users as in t_test.
    """
    if users <= 1:
        raise InputError(f"{users} user(s): a test over users needs at least 2")
    return float((special.stdtrit(users - 1, 1 - alpha / 2) + special.stdtrit(users - 1, power)) * stderr)  # stats.t.ppf, quickly
