"""What is taken next: the formula counted anew, and its edges."""

from collections import defaultdict

import pytest

from assay.logs.history import History
from assay.samples.candidates import following, item_lists
from assay.samples.candidates.following import Following
from assay.samples.candidates.learning import lesson_before
from tests.samples.candidates.conftest import USERS, Event, alike, first, history, moment, rows, taken
from tests.samples.conftest import DAY


def recounted(past: History, now: int, apart: int, neighbours: int, takings: int) -> list[dict[int, float]]:
    last = lesson_before(moment(past, now)).period
    sessions: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    bought = past.bought
    for user, item, period, instant in zip(
        bought.user.tolist(), bought.item.tolist(), bought.period.tolist(), bought.instant.tolist(), strict=True
    ):
        if last - 52 <= period < last:
            sessions[user, period].append((instant, item))
    worth: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for session in sessions.values():
        order = [item for _, item in sorted(session)]
        for k, item in enumerate(order):
            for steps, later in enumerate(order[k + 1 : k + 1 + apart], 1):
                worth[item][later] += 1 / steps
    out = []
    for user in range(USERS):
        lately = {item: weight for item, weight in taken(past, user, now, 7).items() if item in worth}
        score: dict[int, float] = defaultdict(float)
        for item in first(lately, takings):
            for later in first(worth[item], neighbours):
                score[later] += lately[item] * worth[item][later]
        out.append(score)
    return out


@pytest.mark.parametrize("now", [3, 17, 29])
@pytest.mark.parametrize("limits", [(10, 100, 60), (2, 3, 2)])
def test_scores_are_those_of_the_formula(
    past: History, now: int, limits: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, limit in zip(("_APART", "_NEIGHBOURS"), limits[:2], strict=True):
        monkeypatch.setattr(following, name, limit)
    monkeypatch.setattr(item_lists, "_TAKINGS", limits[2])
    alike(rows(Following(), moment(past, now), range(USERS)), recounted(past, now, *limits))


def test_what_came_before_does_not_follow() -> None:
    past = history(
        [Event(1, 3, "purchase", 0), Event(1, 5, "purchase", 60), Event(0, 3, "purchase", 0), Event(2, 5, "purchase", 0)]
    )
    assert rows(Following(), moment(past, 1), [0, 2]) == [{5: pytest.approx(0.5)}, {}]


def test_of_one_instant_the_lower_item_comes_first() -> None:
    past = history([Event(1, item, "purchase", DAY) for item in (5, 3)] + [Event(0, item, "purchase", 0) for item in (3, 5)])
    [row] = rows(Following(), moment(past, 1), [0])
    assert row == {5: pytest.approx(1.0)}
