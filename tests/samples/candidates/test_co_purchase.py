"""Items taken together: the formula counted anew, and its edges."""

from itertools import combinations
from math import sqrt

import pytest

from assay.logs.history import History
from assay.samples.candidates import co_purchase, item_lists
from assay.samples.candidates.co_purchase import CoPurchase
from assay.samples.candidates.learning import lesson_before
from tests.samples.candidates.conftest import USERS, Event, alike, busy_log, first, history, moment, rows, taken, triples
from tests.samples.conftest import DAY


def recounted(past: History, now: int, sellers: int, neighbours: int, takings: int, days: int) -> list[dict[int, float]]:
    lesson = lesson_before(moment(past, now, period_days=days))
    baskets: dict[tuple[int, int], set[int]] = {}
    window = [t for t in triples(past) if lesson.period - -(-364 // days) <= t[2] < lesson.period]
    best = lesson.best(sellers).tolist()
    for user, item, period in window:
        if item in best:
            baskets.setdefault((user, period), set()).add(item)
    count = {item: sum(item in basket for basket in baskets.values()) for item in best}
    near: dict[int, dict[int, float]] = {item: {} for item in best}
    for a, b in combinations(best, 2):
        together = sum(a in basket and b in basket for basket in baskets.values())
        if together:
            near[a][b] = near[b][a] = together / (sqrt(count[a] * count[b]) + 50)
    place = {item: k for k, item in enumerate(best)}
    out = []
    for user in range(USERS):
        past_takings = {i: w for i, w in taken(past, user, now, period_days=days).items() if i in place}
        score: dict[int, float] = {}
        for item in first(past_takings, takings):
            ranked = first({place[other]: likeness for other, likeness in near[item].items()}, neighbours)
            for other in (best[k] for k in ranked):
                score[other] = score.get(other, 0) + past_takings[item] * near[item][other]
        out.append(score)
    return out


@pytest.mark.parametrize("now", [3, 8, 17, 29])
@pytest.mark.parametrize("limits", [(20, 50, 60), (12, 3, 4)])
def test_scores_are_those_of_the_formula(
    past: History, now: int, limits: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(co_purchase, "_SELLERS", limits[0])
    monkeypatch.setattr(co_purchase, "_NEIGHBOURS", limits[1])
    monkeypatch.setattr(item_lists, "_TAKINGS", limits[2])
    alike(rows(CoPurchase(), moment(past, now), range(USERS)), recounted(past, now, *limits, 7))


def test_a_period_may_be_a_day() -> None:
    past = history(busy_log(3), period_days=1)
    alike(rows(CoPurchase(), moment(past, 130, period_days=1), range(USERS)), recounted(past, 130, 20, 50, 60, 1))


def test_of_neighbours_that_tie_the_one_that_sells_more_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(co_purchase, "_NEIGHBOURS", 1)
    together = [Event(user, item, "purchase", 0) for user in (0, 1) for item in (5, 7, 9)]
    past = history([*together, Event(2, 5, "purchase", 7 * DAY)])
    assert list(rows(CoPurchase(), moment(past, 1), [2])[0]) == []
    [row] = rows(CoPurchase(), moment(past, 8), [2])
    assert list(row) == [7]  # 7 and 9 are equally near to 5, and sell as much: the lower code
