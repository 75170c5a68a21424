"""Gaps between groups of people, resampled: how often each is predicted positive, rightly and wrongly.

The figures are fairlearn's (evaluation.fairness). Here they are counted again, for all resamples of the people at once.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import InputError
from assay.evaluation.scores import Scores
from assay.numerics import measures as ms
from assay.numerics import statistics as st
from assay.pages.gaps import GAPS, RATES


def rate_of(rate: str, level: str) -> str:
    """What the scores call a rate of one group."""
    return f"{rate} of {level}"


def gap_scores(
    label: ArrayLike,
    score: ArrayLike,
    user: ArrayLike,
    level: Sequence[str],
    *,
    weight: ArrayLike | None = None,
    threshold: float = 0.5,
) -> Scores:
    """Scores of RATES in every group (`rate_of`), and of GAPS between groups, per user.

    level (n,): the group that each row is of. A row is predicted positive from `threshold` on. A rate is NaN in a group without
    a row that it is a share of; gaps are between the groups that have it, and NaN where less than two have. Other arguments as
    in score_samples.
    """
    labels, scores, weights = ms.checked(label, score, weight)
    if len(level) != len(scores):
        raise InputError(f"level has {len(level)} entries for {len(scores)} rows; give one per row")
    levels, group = np.unique(np.asarray(level, object), return_inverse=True)
    kept = weights > 0
    users, code = np.unique(np.asarray(user)[kept], return_inverse=True)
    # 0: right positive, 1: wrong positive, 2: wrong negative, 3: right negative; four of each group.
    cell = (4 * group + np.where(scores >= threshold, np.where(labels, 0, 1), np.where(labels, 2, 3)))[kept]
    cells = 4 * len(levels)
    sums = np.bincount(code * cells + cell, weights[kept], len(users) * cells).reshape(len(users), cells).astype(np.float64)

    def statistic(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        rates = _rates(st.weighted_sums(counts, sums).reshape(len(counts), len(levels), 4))
        return np.concatenate([rates.reshape(len(counts), -1), _gaps(rates)], axis=1)

    names = [rate_of(rate, name) for rate in RATES for name in levels]
    return Scores(users, [*names, *GAPS], statistic, frozenset(GAPS))


def _rates(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """(b, groups, 4) -> (b, RATES, groups)."""
    right, wrong, missed, passed = np.moveaxis(cells, -1, 0)
    selected = st.ratio(right + wrong, cells.sum(axis=-1))
    return np.stack([selected, st.ratio(right, right + missed), st.ratio(wrong, wrong + passed)], axis=1)


def _gaps(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """(b, RATES, groups) -> (b, GAPS)."""
    apart = np.where(np.isnan(rates), -np.inf, rates).max(axis=-1) - np.where(np.isnan(rates), np.inf, rates).min(axis=-1)
    apart = np.where((~np.isnan(rates)).sum(axis=-1) > 1, apart, np.nan)  # (b, RATES)
    return np.stack([apart[:, 0], np.fmax(apart[:, 1], apart[:, 2])], axis=1)
