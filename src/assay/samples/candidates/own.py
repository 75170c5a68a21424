"""Candidates from the user's own past: what was taken most and last, a little more of what sells well now."""

import numpy as np

from assay.logs.history import Codes
from assay.numerics.lists import SparseScores
from assay.samples.candidates.moment import Moment

_SALES = 0.25  # power of an item's sales


class Own:
    """Takings that fade with a half-life of HALF_LIFE_DAYS, times sales to the power of a quarter."""

    name = "own"
    repeats = True

    def scores(self, moment: Moment, users: Codes) -> SparseScores:
        """As base.Source says."""
        starts, items, taken = moment.taken(users)
        return starts, items, (taken * (moment.sales[items] ** _SALES)).astype(np.float32)
