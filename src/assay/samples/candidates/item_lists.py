"""Items like those that a user took: scores by lists of the nearest items of each."""

from dataclasses import dataclass

import numpy as np

from assay.logs.history import Codes
from assay.numerics.lists import SparseScores, heaviest, sum_rows
from assay.samples.candidates.learning import Learnt, Lesson
from assay.samples.candidates.moment import HALF_LIFE_DAYS, Moment

_TAKINGS = 60  # of a user that count


@dataclass(frozen=True)
class ItemLists:
    """Items near to some items. row (items,): the row of `near` of each item, -1 where it has none."""

    row: Codes
    near: SparseScores

    @classmethod
    def of(cls, items: Codes, near: SparseScores, size: int) -> "ItemLists":
        """Of rows for some items (k,), out of `size`."""
        row = np.full(size, -1, np.int32)
        row[items] = np.arange(len(items), dtype=np.int32)
        return cls(row, near)

    def scores(self, moment: Moment, users: Codes, half_life_days: float = HALF_LIFE_DAYS) -> SparseScores:
        """Likeness to the user's heaviest faded takings that have a row, times these, summed. Ties go to the lower item."""
        taken, weight = heaviest(moment.taken(users, half_life_days), self.row >= 0, _TAKINGS)
        row = np.where(taken >= 0, self.row[taken], np.int32(-1)) if len(self.row) else taken.astype(np.int32)
        return sum_rows(row, weight, self.near, len(self.row))


class ListSource:
    """A source that goes by items near to others, which it learns anew now and then."""

    name = ""
    repeats = False

    def __init__(self) -> None:
        self._lists = Learnt(self.learn)

    def learn(self, lesson: Lesson) -> ItemLists:
        """Lists of the nearest items, by what the lesson knows."""
        raise NotImplementedError

    def scores(self, moment: Moment, users: Codes) -> SparseScores:
        """As base.Source says; see ItemLists."""
        return self._lists.at(moment).scores(moment, users)
