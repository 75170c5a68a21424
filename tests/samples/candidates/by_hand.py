"""What sources of candidates know at a moment, recounted in plain Python from a log as tests/samples/conftest.py makes it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from assay.logs.clean_log import CleanLog
from assay.logs.history import History
from assay.samples.candidates import sources
from assay.samples.candidates.listing import Listing
from assay.samples.candidates.moment import Moment
from tests.samples.conftest import CATEGORIES, Event, events_table, items_table, random_log, users_table

USERS, ITEMS, PERIODS = 12, 30, 16
AVAILABLE = 4


def shop(seed: int, rows: int = 600) -> list[Event]:
    """A log in which the last user takes nothing, and some of what was viewed was an exposure."""
    log = random_log(seed, rows, USERS, ITEMS, PERIODS)
    kinds = {e: "exposure" if e.kind == "view" and e.second % 2 else e.kind for e in log}
    nobody = {e: "view" if e.user == USERS - 1 and kind == "purchase" else kind for e, kind in kinds.items()}
    return [Event(**{**vars(e), "kind": kind}) for e, kind in nobody.items()]


def history(log: Sequence[Event], period_days: int = 7) -> History:
    return CleanLog.of(events_table(log), users_table(USERS), items_table(ITEMS)).history("purchase", period_days)


def listing(log: Sequence[Event], sizes: Mapping[str, int], scored: Sequence[str] = (), period_days: int = 7) -> Listing:
    return Listing(history(log, period_days), items_table(ITEMS), period_days, AVAILABLE, sources.make(), sizes, scored)


def moment(log: Sequence[Event], period: int, period_days: int = 7) -> Moment:
    [only] = listing(log, {}, period_days=period_days).moments(period, period + 1)
    return only


@dataclass(frozen=True)
class ByHand:
    """The log before the start of a period."""

    log: Sequence[Event]
    period: int
    period_days: int = 7

    def takings(self, since: int | None = None) -> set[tuple[int, int, int]]:
        """Distinct (user, item, period)."""
        triples = {(e.user, e.item, e.day // self.period_days) for e in self.log if e.kind == "purchase" and e.item is not None}
        return {t for t in triples if t[2] < self.period and (since is None or t[2] >= since)}

    def taken(self, user: int, half_life: float = 112, since: int | None = None) -> dict[int, float]:
        """Faded takings by item."""
        out: dict[int, float] = defaultdict(float)
        for who, item, when in self.takings(since):
            if who == user:
                out[item] += 0.5 ** ((self.period - when) * self.period_days / half_life)
        return dict(out)

    def on_sale(self) -> set[int]:
        """Items sold or shown lately."""
        kinds = ("purchase", "exposure")
        lately = range(self.period - AVAILABLE, self.period)
        return {e.item for e in self.log if e.kind in kinds and e.item is not None and e.day // self.period_days in lately}

    def sales(self) -> dict[int, float]:
        """Faded sales, by item on sale that sold at all in twelve half-lives."""
        out: dict[int, float] = defaultdict(float)
        on_sale = self.on_sale()
        for _, item, when in self.takings(self.period - -(-12 * 28 // self.period_days)):
            if item in on_sale:
                out[item] += 0.5 ** ((self.period - when) * self.period_days / 28)
        return dict(out)

    def appetite(self, user: int) -> float:
        """Takings of a period in which the user takes any, over what is usual."""
        own = [when for who, _, when in self.takings() if who == user]
        if not own:
            return 1.0
        usual = len(self.takings()) / len({(who, when) for who, _, when in self.takings()})
        return min(max(len(own) / len(set(own)) / usual, 0.25), 4.0)

    def scores(self, source: str, user: int) -> dict[int, float]:
        """Scores above 0 by item."""
        scores = getattr(self, f"_{source}")(user)
        return {item: score for item, score in scores.items() if score > 0}

    def _own(self, user: int) -> dict[int, float]:
        sales = self.sales()
        return {item: times * sales.get(item, 0.0) ** 0.25 for item, times in self.taken(user).items()}

    def _popular(self, _user: int) -> dict[int, float]:
        return self.sales()

    def _category(self, user: int) -> dict[int, float]:
        interest, total = defaultdict(float), defaultdict(float)
        for item, times in self.taken(user).items():
            interest[_category(item)] += times
        for item, sold in self.sales().items():
            total[_category(item)] += sold
        return {
            item: interest[_category(item)] ** 0.5 * sold / total[_category(item)] ** 0.5
            for item, sold in self.sales().items()
            if _category(item) is not None
        }

    def _user_knn(self, user: int) -> dict[int, float]:
        own, likeness = self.taken(user, 182), {}
        for other in range(USERS):
            theirs = self.taken(other, 182)
            product = sum(own[item] * theirs[item] for item in own.keys() & theirs.keys())
            if product and other != user:
                likeness[other] = product / (_norm(own.values()) * _norm(theirs.values()))
        out: dict[int, float] = defaultdict(float)
        for other, alike in likeness.items():
            for item, times in self.taken(other, 28, self.period - -(-84 // self.period_days)).items():
                out[item] += alike / sum(likeness.values()) * times
        return {item: score for item, score in out.items() if item in self.sales()}


def _category(item: int) -> str | None:
    return CATEGORIES[item % len(CATEGORIES)]


def _norm(values: Iterable[float]) -> float:
    return sum(value**2 for value in values) ** 0.5


def check_scores(name: str, log: Sequence[Event], period: int, period_days: int = 7) -> None:
    """Assert that a source scores the items above 0 that a recount scores, and alike, for every user, asked in any order."""
    users = np.arange(USERS - 1, -1, -1, dtype=np.int32)
    starts, items, scores = sources.make()[name].scores(moment(log, period, period_days), users)
    assert (len(starts), items.dtype, scores.dtype) == (USERS + 1, np.int32, np.float32)
    for row, user in enumerate(users.tolist()):
        mine = slice(starts[row], starts[row + 1])
        assert len(set(items[mine].tolist())) == len(items[mine])
        found = {item: score for item, score in zip(items[mine].tolist(), scores[mine].tolist(), strict=True) if score > 0}
        assert found == pytest.approx(ByHand(log, period, period_days).scores(name, user), rel=1e-5)


def check_edges(name: str) -> None:
    """Assert that a source names nothing where nothing happened before, and no user is no error."""
    log = [Event(1, 2, "purchase", 8 * 7 * 86_400)]
    nobody, source = np.empty(0, np.int32), sources.make()[name]
    for period in (0, 8):
        starts, items, scores = source.scores(moment(log, period), np.array([0, 1], np.int32))
        assert starts.tolist() == [0, 0, 0]
        assert len(items) == len(scores) == 0
    assert source.scores(moment(log, 9), nobody)[0].tolist() == [0]
