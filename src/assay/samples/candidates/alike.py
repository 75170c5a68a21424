"""Users alike: by cosines of what they took, faded. What user_knn and tifu_knn share."""

import numpy as np
from numpy.typing import NDArray

from assay.logs.history import Codes
from assay.numerics.lists import SparseScores, nearest_rows, scaled
from assay.samples.candidates.moment import Moment

_NEIGHBOURS = 100
_HALF_LIFE_DAYS = 182  # of what makes users alike


def neighbours(moment: Moment, users: Codes) -> tuple[Codes, NDArray[np.float32]]:
    """(m, k) places in the moment's crowd of those most like each user, -1 beyond them, and shares of their likeness (sum 1).

    Only the crowd are neighbours of anybody, which bounds the time; nobody is its own. Ties go to the lower user code. The last
    answer is kept, as several sources ask for the same users.
    """
    last = moment.memory.get("neighbours")
    if last is None or not np.array_equal(last[0], users):
        place = np.minimum(np.searchsorted(moment.crowd, users), len(moment.crowd) - 1)
        itself = np.where(moment.crowd[place] == users, place, -1)
        rows, crowd = (normed(moment.taken(each, _HALF_LIFE_DAYS)) for each in (users, moment.crowd))
        near, likeness = nearest_rows(rows, crowd, itself, len(moment.history.category), _NEIGHBOURS)
        share = likeness / np.maximum(likeness.sum(axis=1, keepdims=True), np.float32(1e-12))
        last = moment.memory["neighbours"] = users, near, share
    return last[1], last[2]


def normed(scores: SparseScores) -> SparseScores:
    """Rows of length 1."""
    starts, _, weights = scores
    row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    norm = np.sqrt(np.bincount(row, weights.astype(np.float64) ** 2, len(starts) - 1))
    return scaled(scores, 1.0 / np.maximum(norm, 1e-12))


def shares(scores: SparseScores) -> SparseScores:
    """Rows of sum 1."""
    starts, _, weights = scores
    row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    return scaled(scores, 1.0 / np.maximum(np.bincount(row, weights, len(starts) - 1), 1e-12))
