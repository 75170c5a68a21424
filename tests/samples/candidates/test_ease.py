"""EASE as a source: the closed form by NumPy, and its edges."""

import numpy as np
import pytest

from assay.logs.history import History
from assay.samples.candidates import ease
from assay.samples.candidates.ease import Ease
from assay.samples.candidates.learning import lesson_before
from tests.samples.candidates.conftest import ITEMS, USERS, Event, alike, busy_log, history, moment, rows, taken, triples
from tests.samples.conftest import DAY


def recounted(past: History, now: int, sellers: int, l2: float, days: int) -> list[dict[int, float]]:
    lesson = lesson_before(moment(past, now, period_days=days))
    best = lesson.best(sellers).tolist()
    X = np.zeros((USERS, ITEMS))
    for user, item, period in triples(past):
        if lesson.period - -(-364 // days) <= period < lesson.period:
            X[user, item] = 1
    X = X[:, best]
    P = np.linalg.inv(X.T @ X + l2 * np.eye(len(best)))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    H = np.array([[item in taken(past, user, now, period_days=days) for item in best] for user in range(USERS)], float)
    return [{best[k]: score for k, score in enumerate(row) if score > 0} for row in np.round(H @ B, 6)]


@pytest.mark.parametrize("now", [3, 8, 17, 29])
@pytest.mark.parametrize("sellers", [20, 6])
def test_scores_are_those_of_the_closed_form(past: History, now: int, sellers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "_SELLERS", sellers)
    monkeypatch.setattr(ease, "_L2", 2.0)
    monkeypatch.setattr(ease, "_USERS", 4)
    alike(rows(Ease(), moment(past, now), range(USERS)), recounted(past, now, sellers, 2.0, 7))


def test_a_period_may_be_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "_L2", 2.0)
    past = history(busy_log(3), period_days=1)
    alike(rows(Ease(), moment(past, 130, period_days=1), range(USERS)), recounted(past, 130, 20, 2.0, 1))


def test_items_that_the_formula_cannot_tell_apart_have_equal_scores() -> None:
    bought = [Event(user, item, "purchase", 0) for user in range(6) for item in (1, 4, 7, 8)]
    past = history([*bought, Event(7, 1, "purchase", 7 * DAY)])
    [row] = rows(Ease(), moment(past, 8), [7])
    assert set(row) == {4, 7, 8}
    assert len(set(row.values())) == 1
