"""What sources of candidates know at the start of a period: what happened before it, and nothing later."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.logs.history import Codes, History, Market
from assay.numerics.lists import Ints, SparseScores, faded

HALF_LIFE_DAYS = 112  # of what a user took: half as telling after so long
SALES_DAYS = 28  # of an item's sales
_CROWD = 5_000
_FEWEST, _MOST = 0.25, 4.0  # places of a request, as shares of the usual number


@dataclass(frozen=True)
class Moment:
    """The start of a period. items: the clean items, by code. Codes of users and items are those of the log."""

    history: History
    market: Market
    period_days: int
    items: pa.Table
    learn_days: ClassVar[int] = 56  # how far what sources learn anew stands apart
    _kept: dict[Any, tuple[Codes, SparseScores]] = field(default_factory=dict, repr=False)  # of the last users, and of the crowd

    @property
    def period(self) -> int:
        """Its number."""
        return self.market.period

    @cached_property
    def memory(self) -> dict[str, tuple[NDArray[Any], ...]]:
        """What sources keep for each other until the next moment, by name."""
        return {}

    @cached_property
    def _ends(self) -> Ints:
        return self.history.own_ends(self.period)

    def owners(self, users: Codes) -> Codes:
        """(m,) whose requests these are: the users themselves."""
        return users

    def past(self, users: NDArray[np.integer]) -> tuple[Ints, Ints]:
        """Where the takings of users (m,) before the period begin and end in history.own_item."""
        return self.history.own_begins[users].astype(np.int64), self._ends[users]

    def taken(self, users: Codes, half_life_days: float = HALF_LIFE_DAYS, days: int | None = None) -> SparseScores:
        """What users (m,) took before the period, in the last `days` alone where given; each taking halved in a half-life."""
        key = half_life_days, days, users is self.crowd
        if key not in self._kept or self._kept[key][0] is not users:
            self._kept[key] = users, self._taken(users, half_life_days, days)
        return self._kept[key][1]

    def _taken(self, users: Codes, half_life_days: float, days: int | None) -> SparseScores:
        past = self.history
        begins, ends = self.past(users)
        if days is not None:
            begins = self.history.own_ends(self.period - int(np.ceil(days / self.period_days)))[users]
        half_life = half_life_days / self.period_days
        return faded(begins, ends, past.own_item, past.own_period, self.period, half_life, len(past.category))

    @cached_property
    def sales(self) -> NDArray[np.float64]:
        """(items,) takings before the period, each halved in SALES_DAYS; 0 for what is not on sale."""
        bought, begin = self.history.bought, self.period - int(np.ceil(12 * SALES_DAYS / self.period_days))
        rows = bought.between(begin, self.period)
        each = 0.5 ** ((self.period - bought.period[rows]) * self.period_days / SALES_DAYS)
        sales = np.bincount(bought.item[rows], each, len(self.history.category))
        return np.where(self.market.on_sale, sales, 0.0)

    @cached_property
    def best_sellers(self) -> Codes:
        """Items on sale that sold at all, best first, ties by item code."""
        order = np.argsort(-self.sales, kind="stable")
        return order[: np.count_nonzero(self.sales)].astype(np.int32)

    @cached_property
    def crowd(self) -> Codes:
        """Users who took most before the period, _CROWD at most, in order of code: of them others learn."""
        begins, ends = self.history.own_begins[:-1], self._ends
        return np.sort(np.argsort(begins - ends, kind="stable")[:_CROWD]).astype(np.int32)

    def appetite(self, users: Codes) -> NDArray[np.float64]:
        """(m,) how much users take in a period in which they take anything, over what is usual; 1 for who took nothing yet.

        What is usual is the mean over all requests before; between a quarter and four.
        """
        if not self._usual:
            return np.ones(len(users))
        return np.clip(self.usual_takings(users) / self._usual, _FEWEST, _MOST)

    @cached_property
    def _usual(self) -> float:
        """Takings of a request before, in the mean over all."""
        takings, active = self._counts
        return float(takings.sum() / max(active.sum(), 1))

    def usual_takings(self, users: Codes) -> NDArray[np.float64]:
        """(m,) takings of users in the mean over their requests before; the mean over all requests for who took nothing yet."""
        takings, active = self._counts
        each = takings[users] / np.maximum(active[users], 1)
        return np.where(active[users] > 0, each, self._usual)

    @cached_property
    def _counts(self) -> tuple[Ints, Ints]:
        """(users,) takings before the period, and periods in which they were."""
        past, everyone = self.history, np.arange(len(self.history.own_begins) - 1)
        begins, ends = self.past(everyone)
        new = np.ones(len(past.own_period), np.int64)
        new[1:] = np.diff(past.own_period) != 0
        new[past.own_begins[:-1][past.own_begins[:-1] < len(new)]] = 1
        periods = np.concatenate(([0], np.cumsum(new)))
        return ends - begins, periods[ends] - periods[begins]
