"""Candidates that were taken next: what followed an item in past sessions."""

import numpy as np
from scipy import sparse as sp

from assay.logs.history import Codes
from assay.numerics.lists import SparseScores, best_of_rows, sparse
from assay.samples.candidates.item_lists import ItemLists, ListSource
from assay.samples.candidates.learning import Lesson
from assay.samples.candidates.moment import Moment

_APART = 10  # most takings that two items of a session may stand apart
_NEIGHBOURS = 100  # of each item
_HALF_LIFE_DAYS = 7  # of what the user took last


class Following(ListSource):
    """Sequential rules (Kamehkhosh, Jannach and Ludewig, RecTemp 2017; Ludewig and Jannach, UMUAI 2018).

    An item that came d takings after another in a session (what a user took in a period of the last WINDOW_DAYS, each item once,
    in order of time; at one instant by item code) is worth 1 / d to it, summed over sessions. A score sums over what the user
    took, halved in _HALF_LIFE_DAYS.
    """

    name = "following"

    def learn(self, lesson: Lesson) -> ItemLists:
        """As ListSource says."""
        size, taken = len(lesson.moment.history.category), lesson.taken
        taken = taken.take(np.lexsort((taken.item, taken.instant, taken.user, taken.period)))
        session = np.cumsum((np.diff(taken.period, prepend=-1) != 0) | (np.diff(taken.user, prepend=-1) != 0))
        total = sp.csr_array((size, size), dtype=np.float64)
        for apart in range(1, min(_APART, len(taken) - 1) + 1):
            rows = np.flatnonzero(session[apart:] == session[:-apart])
            pairs = taken.item[rows], taken.item[rows + apart]
            total = total + sp.csr_array((np.full(len(rows), 1.0 / apart), pairs), shape=(size, size))
        items = np.flatnonzero(np.diff(total.indptr)).astype(np.int32)
        return ItemLists.of(items, best_of_rows(sparse(total[items]), size, _NEIGHBOURS), size)

    def scores(self, moment: Moment, users: Codes) -> SparseScores:
        """As base.Source says."""
        return self._lists.at(moment).scores(moment, users, _HALF_LIFE_DAYS)
