"""Candidates of requests that are steps of sessions: the sources' lists, by what was taken before in the session."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from assay.logs.history import Codes
from assay.numerics.lists import Ints, SparseScores, faded
from assay.samples.candidates.listing import Listing
from assay.samples.candidates.moment import Moment
from assay.samples.steps import Steps

STEP_DAYS = 14  # a step back in a session fades as so many days of a user's past do


@dataclass(frozen=True)
class SessionMoment(Moment):
    """The start of a period, and the requests asked in it. What sources take for users are codes of requests, as Steps has them.

    All that is learnt is older than the period; of a request alone its session is known up to its step.
    """

    steps: Steps = field(kw_only=True)
    learn_days: ClassVar[int] = 1

    def owners(self, users: Codes) -> Codes:
        """As Moment."""
        return self.steps.users[users]

    def appetite(self, users: Codes) -> NDArray[np.float64]:
        """(r,) ones: a step takes one item, as a rule."""
        return np.ones(len(users))

    def _taken(self, users: Codes, half_life_days: float, days: int | None) -> SparseScores:
        steps = self.steps
        first, last = (each[users] for each in steps.steps_before)
        if days is not None:
            first = np.maximum(first, last - int(np.ceil(days / STEP_DAYS)))
        begins, ends, half_life = steps.begins[first], steps.begins[last], half_life_days / STEP_DAYS
        return faded(begins, ends, steps.item, steps.of_item, last, half_life, len(self.history.category))


@dataclass(frozen=True)
class SessionListing(Listing):
    """How candidates of steps are found; see Listing. Its users are codes of requests. last: the log's last whole period."""

    steps: Steps = field(kw_only=True)
    last: int = field(kw_only=True)

    def moments(self, begin: int, end: int) -> Iterator[Moment]:
        """As Listing."""
        for moment in super().moments(begin, end):
            yield SessionMoment(moment.history, moment.market, moment.period_days, moment.items, steps=self.steps)

    def requests(self, period: int) -> tuple[Codes, Ints]:
        """As Listing: steps of the period that have one before them in their session."""
        asking = np.flatnonzero(self.steps.asking & (self.steps.period == period)).astype(np.int32)
        place, item = self.steps.taken(asking)
        return asking, asking[place].astype(np.int64) * len(self.history.category) + item

    def everyone(self, period: int) -> Codes:
        """As Listing: of each user the last session, if it ended in the last whole period or later, as it would go on."""
        ends = self.steps.first[1:] - 1
        user, ended = self.steps.user[ends], self.steps.period[ends]
        asking = (np.diff(user, append=-1) != 0) & (ended >= self.last) & (ended < period)
        return (len(self.steps) + np.flatnonzero(asking)).astype(np.int32)
