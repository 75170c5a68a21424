"""A plan keeps its promise, or says that it cannot: on redraws, with tests written out here."""

import itertools

import numpy as np
import pytest
from scipy import stats

from assay.benchmark.plan.sizes import half_widths, plan_difference, plan_mean
from assay.errors import InputError
from assay.testing.scores import make_scores

BOARD = make_scores(40_000, 8_000, 2, 1)
D = BOARD.scores[1] - BOARD.scores[0]


def found(d, users):
    """Is the mean of differences (n,) not 0? The t test clustered by user."""
    sums = np.bincount(np.unique(users, return_inverse=True)[1], d - d.mean())
    error = np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / len(d)
    return abs(d.mean()) / error > stats.t.ppf(0.975, len(sums) - 1)


@pytest.mark.slow
@pytest.mark.parametrize("difference", [0.02, 0.012])
def test_planned_for_the_traffic_found_in_the_traffic(difference):
    """Logs of 800 users each; the plan of each log is tried on another one, with the true difference as planned."""
    rng = np.random.default_rng(0)
    shifted = D - D.mean() + difference
    hits, sizes = [], []
    for _ in range(800):
        planning, testing = (
            np.flatnonzero(np.isin(BOARD.users, rng.choice(8_000, 800, replace=False))) for _ in range(2)
        )  # fmt: skip
        scores = np.stack([np.zeros(len(planning)), shifted[planning]])
        plan = plan_difference(scores, difference, users=BOARD.users[planning])
        assert plan.size is not None
        sizes.append(plan.size)
        rows = rng.choice(testing, min(plan.size, len(testing)), replace=False)
        hits.append(found(shifted[rows], BOARD.users[rows]))
    assert 0.75 <= np.mean(hits) <= 0.85
    assert np.std(sizes) < 0.25 * np.mean(sizes)


@pytest.mark.parametrize("difference", [0.02, 0.01, 0.005])
def test_planned_for_the_log_found_in_the_log(difference):
    d = D[:3000] - D[:3000].mean() + difference
    plan = plan_difference(np.stack([np.zeros(3000), d]), difference, about="log")
    rng, hits = np.random.default_rng(1), []
    for _ in range(2000):
        some = d[rng.permutation(3000)[: plan.size]]
        error = some.std(ddof=1) * np.sqrt(1 / plan.size - 1 / 3000)
        hits.append(abs(some.mean()) / error > stats.t.ppf(0.975, plan.size - 1))
    assert 0.75 <= np.mean(hits) <= 0.85


def test_what_the_log_cannot_give_is_said_and_what_it_can():
    some = BOARD.users < 200
    scores, users = BOARD.scores[:, some], BOARD.users[some]
    plan = plan_difference(scores, 0.001, users=users)
    assert plan.size is None
    assert np.isnan(plan.sizes).all()
    d = scores[1] - scores[0]
    sums = np.bincount(users, d - d.mean())
    U = len(np.unique(users))
    error = np.sqrt((sums**2).sum() * U / (U - 1)) / len(d)
    assert plan.reached == pytest.approx((stats.t.ppf(0.975, U - 1) + stats.t.ppf(0.8, U - 1)) * error)
    assert "cannot give" in str(plan)
    assert f"{plan.reached:.4g}" in str(plan)
    within = plan_difference(scores, plan.reached * 1.01, users=users)
    assert within.size is not None
    assert within.size > 0.9 * len(d)
    assert plan_difference(scores, 0.001, users=users, about="log").size < len(d)


def test_a_board_is_planned_for_by_its_median_pair_of_neighbours():
    board = make_scores(3000, 900, 7, 3)
    plan = plan_difference(board.scores, 0.01, users=board.users)
    order = np.argsort(board.scores.mean(axis=1))
    each = [plan_difference(board.scores[[a, b]], 0.01, users=board.users) for a, b in itertools.pairwise(order)]
    alone = [np.nan if one.size is None else one.size for one in each]
    np.testing.assert_array_equal(plan.sizes, alone)
    assert plan.size == sorted(alone)[3]
    assert plan.reached == pytest.approx(0.01, rel=0.01)
    assert plan.reached <= 0.01


def test_clusters_matter_and_equal_systems_do_not():
    d = np.random.default_rng(0).normal(size=300)
    scores = np.stack([np.zeros(300), np.zeros(300), d])
    alone = plan_difference(scores[1:], 0.5)
    assert len(plan_difference(scores, 0.5).sizes) == 1
    repeated = np.repeat(d, 10)
    five = plan_difference(np.stack([0 * repeated, repeated]), 0.5, users=np.arange(3000) // 10)
    assert five.size > 1.05 * alone.size


@pytest.mark.parametrize("within", [0.2, 0.1, 0.05])
def test_a_mean_comes_within_its_share_in_95_of_100_draws(within):
    scores = BOARD.scores[:, :4000]
    plan = plan_mean(scores, within)
    y = scores[int(np.argmax(plan.sizes))]
    assert plan.size == max(plan.sizes)
    rng = np.random.default_rng(2)
    means = np.array([y[rng.permutation(4000)[: plan.size]].mean() for _ in range(2000)])
    assert 0.93 <= np.mean(np.abs(means - y.mean()) <= within * y.mean()) <= 0.97


def test_sources_make_it_smaller_and_all_requests_always_do():
    board = make_scores(3000, 900, 12, 4)
    plain = plan_mean(board.scores, 0.05)
    helped = plan_mean(board.scores, 0.05, families=board.families, design="neyman")
    assert helped.size < 0.8 * plain.size
    assert plan_mean(board.scores, 1e-6).size == 3000


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plan_difference(BOARD.scores, 0.0), "difference is 0.0"),
        (lambda: plan_difference(BOARD.scores, np.nan), "difference is nan"),
        (lambda: plan_difference(BOARD.scores, 0.1, power=0.04), "power is 0.04"),
        (lambda: plan_difference(BOARD.scores[:1], 0.1), "1 system"),
        (lambda: plan_difference(BOARD.scores[[0, 0]], 0.1), "by the same amount on every request"),
        (lambda: plan_difference(BOARD.scores, 0.1, users=np.zeros(40_000)), "one user's"),
        (lambda: plan_mean(BOARD.scores, 1.0), "within is 1.0"),
        (lambda: plan_mean(BOARD.scores * [[0], [1]]), "system 0 scores 0"),
        (lambda: plan_mean(BOARD.scores, 0.1, design="best"), "design 'best'"),
    ],
)
def test_refuses_what_the_user_must_mend(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_refuses_arrays_that_do_not_fit():
    with pytest.raises(ValueError, match="about is 'all'"):
        plan_difference(BOARD.scores, 0.1, about="all")
    with pytest.raises(ValueError, match="40000 requests"):
        plan_difference(BOARD.scores, 0.1, users=[1, 2])


def test_no_size_is_no_half_width():
    """A log with fewer requests than the smallest size that is shown."""
    assert half_widths(BOARD.scores[:, :25], []).shape == (0, len(BOARD.scores))
