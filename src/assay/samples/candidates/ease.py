"""Candidates by EASE: what a linear model reads from the items that the user ever took."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse as sp

from assay.logs.history import Codes
from assay.numerics.autoencoder import gram_inverse, weights
from assay.numerics.lists import SparseScores, sparse
from assay.samples.candidates.learning import Learnt, Lesson
from assay.samples.candidates.moment import Moment

_SELLERS = 2_000  # best sellers that it knows
_L2 = 1_000.0
_DECIMALS = 6  # of scores, so that what ties by the formula ties in floats
_USERS = 512  # whose scores are dense at a time


@dataclass(frozen=True)
class _Weights:
    """sellers (k,) rising; weights (k, k) of items (rows) for items."""

    sellers: Codes
    weights: NDArray[np.float64]

    def of(self, items: Codes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Places of items among the sellers, and whether they are there."""
        place = np.minimum(np.searchsorted(self.sellers, items), max(len(self.sellers) - 1, 0))
        return place, self.sellers[place] == items if len(self.sellers) else np.zeros(len(items), bool)


class Ease:
    """EASE (Steck, WWW 2019; see numerics/autoencoder) over the best sellers: sums of weights over the user's distinct items.

    It learns from who took what in the last WINDOW_DAYS, once each.
    """

    name = "ease"
    repeats = False

    def __init__(self) -> None:
        self._learnt = Learnt(_learn)

    def scores(self, moment: Moment, users: Codes) -> SparseScores:
        """As base.Source says."""
        model = self._learnt.at(moment)
        starts, items, _ = moment.taken(users)
        place, there = model.of(items)
        row = np.repeat(np.arange(len(users)), np.diff(starts))[there]
        history = sp.csr_array((np.ones(len(row)), (row, place[there])), shape=(len(users), len(model.sellers)))
        parts = [_above(history[first : first + _USERS] @ model.weights) for first in range(0, len(users), _USERS)]
        known = sparse(sp.csr_array(sp.vstack(parts))) if parts else sparse(history)
        return known[0], model.sellers[known[1]], known[2]


def _above(scores: NDArray[Any]) -> sp.csr_array:
    """Dense scores above 0 as sparse ones."""
    return sp.csr_array(np.maximum(np.round(scores, _DECIMALS), 0.0))


def _learn(lesson: Lesson) -> _Weights:
    sellers, taken = np.sort(lesson.best(_SELLERS)), lesson.taken
    model = _Weights(sellers, np.zeros((0, 0)))
    if not len(sellers):
        return model
    place, there = model.of(taken.item)
    users, row = np.unique(taken.user[there], return_inverse=True)
    matrix = sp.csr_array((np.ones(len(row)), (row, place[there])), shape=(len(users), len(sellers)))
    matrix.data[:] = 1.0  # once each, however often
    return _Weights(sellers, weights(gram_inverse(matrix, _L2)))
