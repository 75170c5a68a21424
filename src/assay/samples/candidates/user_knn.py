"""Candidates from users alike: what those took lately who took the same."""

import numpy as np
from numpy.typing import NDArray

from assay.logs.history import Codes
from assay.numerics.lists import SparseScores, among, nearest_rows, sum_rows
from assay.samples.candidates.moment import Moment

_NEIGHBOURS = 100
_HALF_LIFE_DAYS = 182  # of what makes users alike
_LATELY_DAYS = 84  # in which they took what they commend
_HALF_LIFE_LATELY = 28  # days
_SELLERS = 8_000  # best sellers that may be commended


class UserKnn:
    """User-based collaborative filtering: cosines of faded takings, the nearest users, and what these took lately.

    Only the moment's crowd are neighbours of anybody, which bounds the time.
    """

    name = "user_knn"
    repeats = False

    def scores(self, moment: Moment, users: Codes) -> SparseScores:
        """As base.Source says: what neighbours took, faded, weighed by their likeness."""
        size = len(moment.history.category)
        neighbours, likeness = self._neighbours(moment, users)
        sellers = np.zeros(size, bool)
        sellers[moment.best_sellers[:_SELLERS]] = True
        lately = among(moment.taken(moment.crowd, _HALF_LIFE_LATELY, _LATELY_DAYS), sellers)
        total = np.maximum(likeness.sum(axis=1, keepdims=True), 1e-12)
        return sum_rows(neighbours, likeness / total, lately, size)

    def _neighbours(self, moment: Moment, users: Codes) -> tuple[Codes, NDArray[np.float32]]:
        """(m, k) places in the crowd of those most like each user, and the cosines."""
        place = np.minimum(np.searchsorted(moment.crowd, users), len(moment.crowd) - 1)
        itself = np.where(moment.crowd[place] == users, place, -1)
        rows, crowd = (_normed(moment.taken(each, _HALF_LIFE_DAYS)) for each in (users, moment.crowd))
        return nearest_rows(rows, crowd, itself, len(moment.history.category), _NEIGHBOURS)


def _normed(scores: SparseScores) -> SparseScores:
    """Rows of length 1."""
    starts, items, weights = scores
    row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    norm = np.sqrt(np.bincount(row, weights.astype(np.float64) ** 2, len(starts) - 1))
    return starts, items, (weights / np.maximum(norm, 1e-12)[row]).astype(np.float32)
