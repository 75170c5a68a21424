"""Candidates from the categories that the user takes from."""

import numpy as np
from scipy import sparse as sp

from assay.logs.history import Codes
from assay.numerics.lists import SparseScores, sparse
from assay.samples.candidates.moment import Moment

_EACH = 20  # best sellers of a category that are looked at


class Categories:
    """Best sellers of the user's categories.

    The score is the root of what the user took of the category, faded, times the item's sales over the root of the category's.
    """

    name = "category"
    repeats = False

    def scores(self, moment: Moment, users: Codes) -> SparseScores:
        """As base.Source says; items without a category have no score."""
        past, size = moment.history, len(moment.history.category)
        starts, items, taken = moment.taken(users)
        row = np.repeat(np.arange(len(users)), np.diff(starts))
        classed = past.category[items] >= 0
        at = row[classed], past.category[items[classed]]
        of_user = sp.csr_array((taken[classed].astype(np.float64), at), shape=(len(users), past.categories))
        of_user.data = np.sqrt(of_user.data)
        best = moment.best_sellers[past.category[moment.best_sellers] >= 0]
        category = past.category[best]
        total = np.bincount(category, moment.sales[best], past.categories)
        order = np.argsort(category, kind="stable")
        best, category = best[order], category[order]
        place = np.arange(len(best)) - np.searchsorted(category, category)
        best, category = best[place < _EACH], category[place < _EACH]
        sold = sp.csr_array((moment.sales[best] / np.sqrt(total[category]), (category, best)), shape=(past.categories, size))
        return sparse(of_user @ sold)
