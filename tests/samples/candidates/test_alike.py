"""Users alike, counted anew."""

import numpy as np
import pytest

from assay.logs.history import History
from assay.samples.candidates import alike as module
from assay.samples.candidates.alike import neighbours
from tests.samples.candidates.conftest import USERS, cosine, first, moment, taken


def neighbours_of(past: History, user: int, now: int, most: int, days: int = 7) -> dict[int, float]:
    """Shares of the likeness of the users most like one."""
    habits = [taken(past, other, now, 182, period_days=days) for other in range(USERS)]
    likeness = {other: cosine(habits[user], habits[other]) for other in range(USERS) if other != user}
    likeness = {other: value for other, value in likeness.items() if value > 0}
    near = first(likeness, most)
    return {other: likeness[other] / sum(likeness[k] for k in near) for other in near}


@pytest.mark.parametrize("now", [1, 17, 29])
@pytest.mark.parametrize("most", [100, 3])
def test_neighbours_are_the_nearest_by_cosine(past: History, now: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NEIGHBOURS", most)
    near, share = neighbours(moment(past, now), np.arange(USERS, dtype=np.int32))
    for user in range(USERS):
        ours = dict(zip(near[user].tolist(), share[user].tolist(), strict=True))
        ours.pop(-1, None)
        assert ours == pytest.approx(neighbours_of(past, user, now, most), rel=1e-4)


def test_neighbours_are_found_once_for_the_same_users_and_anew_for_others(past: History) -> None:
    at = moment(past, 20)
    everyone, some = np.arange(USERS, dtype=np.int32), np.array([2, 5], np.int32)
    assert neighbours(at, everyone)[0] is neighbours(at, everyone.copy())[0]
    np.testing.assert_array_equal(neighbours(at, some)[0], neighbours(at, everyone)[0][some])
