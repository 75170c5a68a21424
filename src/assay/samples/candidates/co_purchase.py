"""Candidates that are taken together with what the user took."""

import numpy as np
from scipy import sparse as sp

from assay.numerics.item_cosines import nearest_items
from assay.samples.candidates.item_lists import ItemLists, ListSource
from assay.samples.candidates.learning import Lesson

_SELLERS = 5_000  # best sellers that are compared
_NEIGHBOURS = 50  # of each
_SHRINK = 50.0  # baskets


class CoPurchase(ListSource):
    """Item-to-item collaborative filtering (Linden, Smith and York, 2003): cosines of items over baskets, shrunk.

    A basket is what a user took in a period of the last WINDOW_DAYS. The likeness of items that stand in a and b baskets, and in
    c together, is c / (sqrt(a b) + 50).
    """

    name = "co_purchase"

    def learn(self, lesson: Lesson) -> ItemLists:
        """As ListSource says."""
        size, sellers, taken = len(lesson.moment.history.category), lesson.best(_SELLERS), lesson.taken
        place = np.full(size, -1, np.int64)
        place[sellers] = np.arange(len(sellers))
        rows = place[taken.item] >= 0
        basket = taken.period[rows].astype(np.int64) * len(lesson.moment.history.user_hash) + taken.user[rows]
        number = np.cumsum(np.diff(basket, prepend=basket[:1]) != 0)  # triples are in order of period and user
        column, baskets = place[taken.item[rows]], int(number[-1]) + 1 if len(number) else 0
        matrix = sp.csr_array((np.ones(len(number)), (number, column)), shape=(baskets, len(sellers)))
        starts, near, likeness = nearest_items(matrix, _SHRINK, _NEIGHBOURS)
        return ItemLists.of(sellers, (starts, sellers[near], likeness), size)
