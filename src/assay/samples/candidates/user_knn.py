"""Candidates from users alike: what those took lately who took the same."""

from assay.logs.history import Codes
from assay.numerics.lists import SparseScores, sum_rows
from assay.samples.candidates.alike import neighbours
from assay.samples.candidates.moment import Moment

_LATELY_DAYS = 84  # in which they took what they commend
_HALF_LIFE_LATELY = 28  # days


class UserKnn:
    """User-based collaborative filtering: cosines of faded takings, the nearest users, and what these took lately.

    Only the moment's crowd are neighbours of anybody, which bounds the time.
    """

    name = "user_knn"
    repeats = False

    def scores(self, moment: Moment, users: Codes) -> SparseScores:
        """As base.Source says: what neighbours took, faded, weighed by their likeness."""
        near, share = neighbours(moment, users)
        lately = moment.taken(moment.crowd, _HALF_LIFE_LATELY, _LATELY_DAYS)
        return sum_rows(near, share, lately, len(moment.history.category))
