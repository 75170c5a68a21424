"""Slopes of pairwise ranking losses by the scores, and NDCG with tied scores averaged, in compiled loops.

The loss of a pair is log(1 + exp(-(s_positive - s_negative))): RankNet (Burges et al., ICML 2005), and with |delta NDCG|
as the pair's weight LambdaRank (Burges, MSR-TR-2010-82). Rows of one request are neighbours; labels are 0 or 1.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

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
def _discounts(score, k, order, discount):  # type: ignore[no-untyped-def]
    # By rank, those of equal scores averaged over the ranks that they share.
    order[:] = np.argsort(-score, kind="mergesort")
    at = 0
    while at < score.size:
        end = at
        total = 0.0
        while end < score.size and score[order[end]] == score[order[at]]:
            total += 1.0 / np.log2(end + 2.0) if end < k else 0.0
            end += 1
        for i in range(at, end):
            discount[order[i]] = total / (end - at)
        at = end


@numba.njit(cache=True)
def _ideal(positives, k):  # type: ignore[no-untyped-def]
    total = 0.0
    for rank in range(min(positives, k)):
        total += 1.0 / np.log2(rank + 2.0)
    return total


@numba.njit(cache=True, parallel=True)
def ndcg_slopes(score, y, offsets, k, out):  # type: ignore[no-untyped-def]
    """out (m,): slope of each request's pairwise loss, each pair weighted by |delta NDCG@k| at the present ranks."""
    for r in numba.prange(offsets.size - 1):
        low, high = offsets[r], offsets[r + 1]
        s, label = score[low:high], y[low:high]
        order, discount = np.empty(s.size, np.int64), np.empty(s.size)
        _discounts(s, k, order, discount)
        ideal = _ideal(np.count_nonzero(label), k)
        for i in range(s.size):
            if label[i] <= 0:
                continue
            for j in range(s.size):
                if label[j] <= 0:
                    pull = abs(discount[i] - discount[j]) / ideal / (1.0 + np.exp(s[i] - s[j]))
                    out[low + i] -= pull
                    out[low + j] += pull


@numba.njit(cache=True, parallel=True)
def ndcg(score, y, offsets, k, out):  # type: ignore[no-untyped-def]
    """out (R,): NDCG@k of each request, tied scores averaged over their orders; NaN without a positive."""
    for r in numba.prange(offsets.size - 1):
        low, high = offsets[r], offsets[r + 1]
        s, label = score[low:high], y[low:high]
        order, discount = np.empty(s.size, np.int64), np.empty(s.size)
        _discounts(s, k, order, discount)
        positives = np.count_nonzero(label)
        total = 0.0
        for i in range(s.size):
            if label[i] > 0:
                total += discount[i]
        out[r] = total / _ideal(positives, k) if positives else np.nan
