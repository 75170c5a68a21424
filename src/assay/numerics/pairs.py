"""Slopes of pairwise ranking losses by the scores, and NDCG with tied scores averaged, in compiled loops.

The loss of a pair is log(1 + exp(-(s_positive - s_negative))): RankNet (Burges et al., ICML 2005), and with |delta NDCG| as the
pair's weight LambdaRank (Burges, MSR-TR-2010-82). Rows of one request are neighbours; labels are 0 or 1, for NDCG gains of 0 or
more.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from assay.numerics.compiled import striped
from assay.numerics.heaps import best_first

Vector = NDArray[np.float64]
_BINS = 4096  # of scores, where there are more distinct ones: the loss is smooth over their width


def auc_slopes(score: Vector, y: NDArray[Any], weight: Vector) -> Vector:
    """(m,) slope of the weighted mean pairwise loss over all pairs of a positive and a negative; both must be there.

    Exact up to 4,096 distinct scores; beyond, scores are replaced by the means of as many bins of equal count.
    """
    order = np.argsort(score, kind="stable")
    level = np.concatenate(([0], np.cumsum(np.diff(score[order]) > 0)))
    if level[-1] >= _BINS:
        level = level * _BINS // (level[-1] + 1)
    levels = int(level[-1]) + 1
    mean = np.bincount(level, score[order], minlength=levels) / np.bincount(level, minlength=levels)
    positive = np.bincount(level, (weight * (y > 0))[order], minlength=levels)
    negative = np.bincount(level, (weight * (y <= 0))[order], minlength=levels)
    slope_positive, slope_negative = np.zeros(levels), np.zeros(levels)
    _level_slopes(mean, positive, negative, slope_positive, slope_negative)
    out = np.empty(len(score))
    out[order] = np.where(y[order] > 0, slope_positive[level], slope_negative[level])
    return np.asarray(out * weight / (positive.sum() * negative.sum()))


@numba.njit(cache=True, parallel=True)
def _level_slopes(mean, positive, negative, slope_positive, slope_negative):  # type: ignore[no-untyped-def]
    for i in numba.prange(mean.size):
        for j in range(mean.size):
            slope_positive[i] -= negative[j] / (1.0 + np.exp(mean[i] - mean[j]))
            slope_negative[i] += positive[j] / (1.0 + np.exp(mean[j] - mean[i]))


@numba.njit(cache=True)
def _gained(rank, k):  # type: ignore[no-untyped-def]
    # Sum of the discounts of the first `rank` places, k at most; a part of a place gives as large a part of its discount.
    whole = min(int(rank), k)
    total = 0.0
    for place in range(whole):
        total += 1.0 / np.log2(place + 2.0)
    return total + (rank - whole) / np.log2(whole + 2.0) if whole < k else total


@numba.njit(cache=True)
def _discounts(score, weight, k, order, discount):  # type: ignore[no-untyped-def]
    # The mean over the places that a row takes, as many as it weighs; rows of equal scores share theirs.
    order[:] = np.arange(score.size)
    best_first(score.copy(), order, score.size)
    at = 0
    above = before = 0.0
    while at < score.size:
        end = at
        place = above
        while end < score.size and score[order[end]] == score[order[at]]:
            place += weight[order[end]]
            end += 1
        gained = _gained(place, k) if above < k else before
        for i in range(at, end):
            discount[order[i]] = (gained - before) / (place - above) if place > above else 0.0
        at, above, before = end, place, gained


@numba.njit(cache=True)
def _ideal(gain, weight, k):  # type: ignore[no-untyped-def]
    # DCG of the best order: gains falling, each row on as many places as it weighs.
    order = np.argsort(-gain)
    total = above = before = 0.0
    at = 0
    while at < gain.size and gain[order[at]] > 0:
        highest = gain[order[at]]
        while at < gain.size and gain[order[at]] == highest:
            above += weight[order[at]]
            at += 1
        gained = _gained(above, k)
        total += highest * (gained - before)
        before = gained
    return total


def ndcg_slopes(score: Vector, gain: NDArray[Any], weight: Vector, offsets: NDArray[np.int64], k: int) -> Vector:
    """(m,) slope of each request's pairwise loss, each pair weighted by |delta NDCG@k| at the present ranks.

    A row of weight w stands for w rows of its score, as a drawn negative does for those that were not drawn.
    """
    out = np.zeros(len(score))
    striped(_ndcg_slopes, score, np.asarray(gain, np.float64), weight, offsets, k, out)
    return out


@numba.njit(cache=True, nogil=True)
def _ndcg_slopes(thread, threads, score, gain, weight, offsets, k, out):  # type: ignore[no-untyped-def]
    for r in range(thread, offsets.size - 1, threads):
        low, high = offsets[r], offsets[r + 1]
        s, g, w = score[low:high], gain[low:high], weight[low:high]
        order, discount = np.empty(s.size, np.int64), np.empty(s.size)
        _discounts(s, w, k, order, discount)
        ideal = _ideal(g, w, k)
        for i in range(s.size):
            if g[i] <= 0:
                continue
            for j in range(s.size):
                if g[j] < g[i]:
                    swapped = (g[i] - g[j]) * abs(discount[i] - discount[j])
                    pull = w[i] * w[j] * swapped / ideal / (1.0 + np.exp(s[i] - s[j]))
                    out[low + i] -= pull
                    out[low + j] += pull


def ndcg(score: Vector, gain: NDArray[Any], weight: Vector, offsets: NDArray[np.int64], k: int) -> Vector:
    """(R,) NDCG@k of each request, tied scores averaged over their orders; NaN without a gain. Weights as in slopes."""
    out = np.empty(len(offsets) - 1)
    striped(_ndcg, score, np.asarray(gain, np.float64), weight, offsets, k, out)
    return out


@numba.njit(cache=True, nogil=True)
def _ndcg(thread, threads, score, gain, weight, offsets, k, out):  # type: ignore[no-untyped-def]
    for r in range(thread, offsets.size - 1, threads):
        low, high = offsets[r], offsets[r + 1]
        s, g, w = score[low:high], gain[low:high], weight[low:high]
        order, discount = np.empty(s.size, np.int64), np.empty(s.size)
        _discounts(s, w, k, order, discount)
        ideal = _ideal(g, w, k)
        total = 0.0
        for i in range(s.size):
            if g[i] > 0:
                total += g[i] * w[i] * discount[i]
        out[r] = total / ideal if ideal > 0 else np.nan
