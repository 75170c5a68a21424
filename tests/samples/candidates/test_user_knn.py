"""Users alike: neighbours and what they took lately, counted anew."""

import numpy as np
import pytest

from assay.logs.history import History
from assay.samples.candidates import alike as module
from assay.samples.candidates.alike import neighbours
from assay.samples.candidates.user_knn import UserKnn
from tests.samples.candidates.conftest import USERS, alike, busy_log, cosine, first, history, moment, rows, taken


def neighbours_of(past: History, user: int, now: int, most: int, days: int = 7) -> dict[int, float]:
    """Shares of the likeness of the users most like one."""
    habits = [taken(past, other, now, 182, period_days=days) for other in range(USERS)]
    likeness = {other: cosine(habits[user], habits[other]) for other in range(USERS) if other != user}
    likeness = {other: value for other, value in likeness.items() if value > 0}
    near = first(likeness, most)
    return {other: likeness[other] / sum(likeness[k] for k in near) for other in near}


def recounted(past: History, now: int, most: int, days: int = 7) -> list[dict[int, float]]:
    out = []
    for user in range(USERS):
        score: dict[int, float] = {}
        for other, share in neighbours_of(past, user, now, most, days).items():
            for item, amount in taken(past, other, now, 28, 84, days).items():
                score[item] = score.get(item, 0) + share * amount
        out.append(score)
    return out


@pytest.mark.parametrize("now", [1, 17, 29])
@pytest.mark.parametrize("most", [100, 3])
def test_scores_are_those_of_the_formula(past: History, now: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NEIGHBOURS", most)
    alike(rows(UserKnn(), moment(past, now), range(USERS)), recounted(past, now, most))


def test_a_period_may_be_a_day() -> None:
    past = history(busy_log(3), period_days=1)
    alike(rows(UserKnn(), moment(past, 130, period_days=1), range(USERS)), recounted(past, 130, 100, 1))


def test_neighbours_are_found_once_for_the_same_users_and_anew_for_others(past: History) -> None:
    at = moment(past, 20)
    everyone, some = np.arange(USERS, dtype=np.int32), np.array([2, 5], np.int32)
    assert neighbours(at, everyone)[0] is neighbours(at, everyone.copy())[0]
    np.testing.assert_array_equal(neighbours(at, some)[0], neighbours(at, everyone)[0][some])
