"""Habits: own ones and those of users alike, counted anew."""

import pytest

from assay.logs.history import History
from assay.samples.candidates import tifu_knn
from assay.samples.candidates.tifu_knn import TifuKnn
from tests.samples.candidates.conftest import USERS, Event, alike, busy_log, first, history, moment, rows, taken
from tests.samples.candidates.test_alike import neighbours_of


def habits(past: History, user: int, now: int, days: int) -> dict[int, float]:
    amounts = taken(past, user, now, period_days=days)
    return {item: amount / sum(amounts.values()) for item, amount in amounts.items()}


def recounted(past: History, now: int, most: int, days: int = 7) -> list[dict[int, float]]:
    out = []
    for user in range(USERS):
        score = {item: 0.7 * share for item, share in habits(past, user, now, days).items()}
        for other, likeness in neighbours_of(past, user, now, 100, days).items():
            theirs = habits(past, other, now, days)
            for item in first(theirs, most):
                score[item] = score.get(item, 0) + 0.3 * likeness * theirs[item]
        out.append(score)
    return out


@pytest.mark.parametrize("now", [1, 17, 29])
@pytest.mark.parametrize("most", [200, 5])
def test_scores_are_those_of_the_formula(past: History, now: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tifu_knn, "_HABITS", most)
    alike(rows(TifuKnn(), moment(past, now), range(USERS)), recounted(past, now, most))


def test_a_period_may_be_a_day() -> None:
    past = history(busy_log(3), period_days=1)
    alike(rows(TifuKnn(), moment(past, 130, period_days=1), range(USERS)), recounted(past, 130, 200, 1))


def test_a_user_with_no_neighbour_has_its_own_habits() -> None:
    past = history([Event(0, 1, "purchase", 0), Event(0, 2, "purchase", 0), Event(1, 3, "purchase", 0)])
    [row] = rows(TifuKnn(), moment(past, 1), [0])
    assert row == pytest.approx({1: 0.35, 2: 0.35})
