"""Differences over windows of time, against plain sums."""

import numpy as np
import pytest
from scipy import stats

from assay.evaluation.windows import Rows, Windows, cuts

DAY = 86_400_000_000


def rows(shift, seed=0, users=60, windows=4, each=3):
    """Changes of users in windows; shift (windows,): what each window adds."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), windows * each)
    window = np.tile(np.repeat(np.arange(windows), each), users)
    change = rng.normal(size=len(user)) * 0.1 + rng.normal(size=users)[user] * 0.05 + np.asarray(shift)[window]
    return Rows(change, rng.uniform(0.5, 2.0, len(user)), user, window)


def variance(one, keys):
    """Sum over clusters of the squared sum of errors, G / (G - 1)."""
    total = one.weight.sum()
    value = (one.weight * one.difference).sum() / total
    sums = {}
    for key, error in zip(keys, one.weight * (one.difference - value) / total, strict=True):
        sums[key] = sums.get(key, 0.0) + error
    return value, sum(total**2 for total in sums.values()) * len(sums) / (len(sums) - 1)


def test_the_error_counts_users_and_windows():
    one = rows([0.0, 0.3, -0.2, 0.1])
    value, of_users = variance(one, one.user.tolist())
    _, of_windows = variance(one, one.window.tolist())
    _, of_both = variance(one, list(zip(one.user.tolist(), one.window.tolist(), strict=True)))
    stderr = np.sqrt(max(of_users + of_windows - of_both, of_users))
    mean = one.mean()
    assert mean["value"] == pytest.approx(value)
    assert mean["high"] - mean["value"] == pytest.approx(stats.t.ppf(0.975, 59) * stderr)
    assert mean["p"] == pytest.approx(2 * stats.t.sf(abs(value) / stderr, 59))


def test_what_changes_from_week_to_week_is_less_sure_than_what_does_not():
    steady, moving = rows([0.05] * 4).mean(), rows([0.35, -0.25, 0.2, -0.1]).mean()
    assert steady["value"] == pytest.approx(moving["value"], abs=0.03)
    assert moving["high"] - moving["low"] > 3 * (steady["high"] - steady["low"])
    assert steady["low"] > 0 > moving["low"]


def test_each_window_has_its_own_interval_over_users():
    one = rows([0.0, 0.3, -0.2, 0.1])
    for k, window in enumerate(one.by_window()):
        inside = one.window == k
        part = Rows(one.difference[inside], one.weight[inside], one.user[inside], one.window[inside])
        value, of_users = variance(part, part.user.tolist())
        assert window["value"] == pytest.approx(value)
        assert window["high"] - value == pytest.approx(stats.t.ppf(0.975, 59) * np.sqrt(of_users))


def test_one_user_alone_says_nothing():
    one = rows([0.1, 0.1], users=1, windows=2)
    assert np.isnan(one.mean()["low"])
    assert one.mean()["p"] == 1.0
    assert Windows.of({"log_loss": one}).count == 2


def test_no_difference_is_certain():
    user = np.repeat(np.arange(5), 2)
    mean = Rows(np.zeros(10), np.ones(10), user, np.tile([0, 1], 5)).mean()
    assert (mean["low"], mean["high"], mean["p"]) == (0.0, 0.0, 1.0)


def test_three_periods_are_windows_themselves():
    period = np.repeat([5, 6, 7], 10)
    assert cuts(period, period * DAY + np.arange(30)) is None


@pytest.mark.parametrize("periods", [1, 2])
def test_fewer_periods_are_cut_into_four_parts_of_as_many_instants(periods):
    rng = np.random.default_rng(0)
    instant = np.sort(rng.choice(periods * DAY, 400, replace=False))
    begins = cuts(instant // DAY, instant)
    assert np.bincount(np.searchsorted(begins, instant, side="right")).tolist() == [100] * 4


def test_periods_whose_requests_begin_together_cannot_be_cut():
    period = np.repeat([3, 4], 50)
    assert cuts(period, period * DAY) is None
    assert cuts(np.zeros(0, int), np.zeros(0, int)) is None
