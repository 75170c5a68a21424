"""Candidates that sell well lately, the same for all."""

import numpy as np

from assay.logs.history import Codes
from assay.numerics.lists import SparseScores
from assay.samples.candidates.moment import Moment

_MOST = 1_000  # best sellers that are looked at


class Popular:
    """Best sellers: sales that fade with a half-life of SALES_DAYS."""

    name = "popular"
    repeats = False

    def scores(self, moment: Moment, users: Codes) -> SparseScores:
        """As base.Source says."""
        best = moment.best_sellers[:_MOST]
        starts = np.arange(len(users) + 1, dtype=np.int64) * len(best)
        return starts, np.tile(best, len(users)), np.tile(moment.sales[best].astype(np.float32), len(users))
