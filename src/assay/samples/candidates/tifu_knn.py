"""Candidates by habits: what the user takes again and again, blended with the habits of users alike."""

import numpy as np

from assay.logs.history import Codes
from assay.numerics.lists import SparseScores, best_of_rows, stacked, sum_rows
from assay.samples.candidates.alike import neighbours, shares
from assay.samples.candidates.moment import Moment

_OWN = 0.7  # alpha: what the user's own habits count
_HABITS = 200  # of a neighbour, the strongest


class TifuKnn:
    """After TIFU-kNN (Hu, He, Gao and Zhang, SIGIR 2020): own item frequencies, late ones counted more, and neighbours'.

    A user's frequencies are its faded takings (HALF_LIFE_DAYS) over their sum, so that who takes much counts no more than others.
    The score is .7 of the user's own, and .3 of the mean of its neighbours' _HABITS strongest, weighed by likeness.
    models/tifu_knn follows the paper more closely; this one shares its neighbours with user_knn.
    """

    name = "tifu_knn"
    repeats = True

    def scores(self, moment: Moment, users: Codes) -> SparseScores:
        """As base.Source says."""
        size = len(moment.history.category)
        near, share = neighbours(moment, users)
        crowd, own = best_of_rows(shares(moment.taken(moment.crowd)), size, _HABITS), shares(moment.taken(users))
        itself = len(moment.crowd) + np.arange(len(users), dtype=np.int32)[:, None]
        factor = np.concatenate((np.full((len(users), 1), _OWN, np.float32), np.float32(1.0 - _OWN) * share), axis=1)
        return sum_rows(np.concatenate((itself, near), axis=1), factor, stacked(crowd, own), size)
