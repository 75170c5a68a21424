"""What sources learn from the log: anew at periods that stand some days apart, by what happened before those alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.logs.history import Codes, History, Triples
from assay.samples.candidates.moment import Moment

WINDOW_DAYS = 364  # in which what is learnt from happened

State = TypeVar("State")


@dataclass(frozen=True)
class Lesson:
    """The start of a period, as of which something is learnt. It knows no more than what happened before."""

    moment: Moment
    period: int

    @property
    def _window(self) -> tuple[int, int]:
        return self.period - int(np.ceil(WINDOW_DAYS / self.moment.period_days)), self.period

    @property
    def taken(self) -> Triples:
        """(user, item, period) taken in the last WINDOW_DAYS."""
        bought = self.moment.history.bought
        return bought.take(bought.between(*self._window))

    @property
    def shown(self) -> Triples:
        """(user, item, period) shown in the last WINDOW_DAYS."""
        shown = self.moment.history.shown
        return shown.take(shown.between(*self._window))

    def best(self, most: int) -> Codes:
        """Items taken most often in the last WINDOW_DAYS, `most` at most, best first, ties by item code."""
        return most_frequent(np.bincount(self.taken.item, minlength=len(self.moment.history.category)), most)


def most_frequent(counts: NDArray[np.int64], most: int) -> Codes:
    """Places of the highest counts above 0, highest first, ties to the first place."""
    order = np.argsort(-counts, kind="stable")
    return order[: min(most, np.count_nonzero(counts))].astype(np.int32)


def lesson_before(moment: Moment) -> Lesson:
    """The last lesson up to the moment.

    Lessons stand moment.learn_days apart, counted from the log's first day; until the first of these they are after 1, 2, 4 ...
    periods. So they are the same whichever moments are asked for.
    """
    first = moment.history.first_day // moment.period_days
    since, apart = moment.period - first, max(moment.learn_days // moment.period_days, 1)
    if since >= apart:
        since -= since % apart
    elif since > 0:
        since = 1 << (since.bit_length() - 1)
    return Lesson(moment, first + since)


class Learnt(Generic[State]):
    """What `learn` makes of the last lesson before a moment. The last one is kept, as moments come in rising order."""

    def __init__(self, learn: Callable[[Lesson], State]) -> None:
        self.learn = learn
        self._last: tuple[History, int, int, State] | None = None

    def at(self, moment: Moment) -> State:
        """The state: a pure function of the log and the lesson's period."""
        lesson, last = lesson_before(moment), self._last
        if last is None or last[0] is not moment.history or last[1:3] != (lesson.period, moment.period_days):
            last = moment.history, lesson.period, moment.period_days, self.learn(lesson)
            self._last = last
        return last[3]
