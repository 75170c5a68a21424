"""Candidates from users alike: what those took lately who took the same."""

import numpy as np

from assay.logs.history import Codes
from assay.numerics.lists import SparseScores, among, sum_rows
from assay.samples.candidates.alike import neighbours
from assay.samples.candidates.moment import Moment

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
        near, share = neighbours(moment, users)
        sellers = np.zeros(len(moment.history.category), bool)
        sellers[moment.best_sellers[:_SELLERS]] = True
        lately = among(moment.taken(moment.crowd, _HALF_LIFE_LATELY, _LATELY_DAYS), sellers)
        return sum_rows(near, share, lately, len(sellers))
