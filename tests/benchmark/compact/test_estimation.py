import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.benchmark.compact.designs import DESIGNS, anchors, compact
from assay.benchmark.compact.estimation import estimate
from assay.errors import InputError
from assay.testing.scores import make_scores

BOARD = make_scores(2000, 600, 16, 4)
NEW = BOARD.families == "family 2"
SOURCES, FAMILIES = BOARD.scores[~NEW], BOARD.families[~NEW]


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_the_interval_holds_the_truth_as_often_as_it_says(design):
    y = BOARD.scores[NEW][0]
    found = []
    for seed in range(300):
        drawn = compact(SOURCES, budget=80, design=design, families=FAMILIES, seed=seed)
        found.append(estimate(drawn, y[drawn.rows]))
    truth = y.mean()
    inside = np.mean([e.low <= truth <= e.high for e in found])
    assert 0.92 <= inside <= 0.985
    off = np.array([e.value for e in found]) - truth
    assert abs(off.mean()) < 3 * off.std() / np.sqrt(300)
    assert np.mean([e.stderr for e in found]) == pytest.approx(off.std(), rel=0.2)
    assert off.std() < 0.8 * y.std() / np.sqrt(80)


def test_all_requests_leave_no_error_but_that_of_the_traffic():
    drawn = compact(SOURCES, budget=2000, users=BOARD.users)
    y = BOARD.scores[NEW][0]
    found = estimate(drawn, y[drawn.rows])
    assert found.value == pytest.approx(y.mean(), rel=1e-9)
    assert found.stderr == 0
    assert found.low == found.high == found.value
    sums = np.bincount(BOARD.users, y - y.mean())
    clustered = np.sqrt((sums**2).sum()) / 2000
    assert found.traffic_stderr == pytest.approx(clustered, rel=0.1)


@pytest.mark.slow
def test_the_traffic_interval_counts_users_and_the_other_does_not():
    """Logs of 150 users each out of 12,000: the mean over all of them is to be covered."""
    board = make_scores(60_000, 12_000, 8, 4)
    new = board.families == "family 1"
    truth, rng = board.scores[new][0].mean(), np.random.default_rng(0)
    traffic, full = [], []
    for seed in range(200):
        some = np.isin(board.users, rng.choice(12_000, 150, replace=False))
        scores, users = board.scores[:, some], board.users[some]
        drawn = compact(scores[~new], budget=300, families=board.families[~new], users=users, seed=seed)
        found = estimate(drawn, scores[new][0][drawn.rows])
        traffic.append(found.traffic_low <= truth <= found.traffic_high)
        full.append(found.low <= truth <= found.high)
    assert 0.91 <= np.mean(traffic) <= 0.985
    assert np.mean(full) < 0.85


def test_a_system_unlike_the_sources_is_warned_of():
    rng = np.random.default_rng(0)
    quiet = {"like": 0, "unlike": 0}
    for seed in range(40):
        drawn = compact(SOURCES, budget=100, families=FAMILIES, seed=seed)
        like = BOARD.scores[NEW][1][drawn.rows]
        unlike = rng.permutation(like)
        quiet["like"] += not any("unlike" in text for text in estimate(drawn, like).warnings)
        quiet["unlike"] += not any("unlike" in text for text in estimate(drawn, unlike).warnings)
    assert quiet["like"] >= 36
    assert quiet["unlike"] <= 4


def test_a_system_beyond_all_sources_is_warned_of():
    drawn = compact(SOURCES, budget=100, families=FAMILIES)
    y = BOARD.scores[NEW][1][drawn.rows]
    assert any("better than every source" in text for text in estimate(drawn, np.minimum(y + 0.4, 1)).warnings)
    assert any("worse than every source" in text for text in estimate(drawn, 0.05 * y).warnings)


def test_a_source_is_known_almost_exactly():
    drawn = compact(SOURCES, budget=100, families=FAMILIES)
    found = estimate(drawn, SOURCES[0][drawn.rows])
    assert found.value == pytest.approx(SOURCES[0].mean(), abs=0.005)
    assert found.unexplained < 0.1


@given(h.lists(h.floats(0, 1), min_size=20, max_size=20), h.sampled_from(DESIGNS))
@settings(max_examples=60, deadline=None)
def test_any_scores_give_ordered_finite_figures(y, design):
    found = estimate(compact(SOURCES[:, :300], budget=20, design=design), np.array(y))
    assert found.traffic_low <= found.low <= found.value <= found.high <= found.traffic_high
    assert np.isfinite([found.value, found.stderr, found.traffic_stderr, found.unexplained]).all()


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("least", [7e-162, 5e-324])
def test_scores_whose_variance_is_no_number_count_as_equal(design, least):
    estimated = estimate(compact(SOURCES[:, :300], budget=20, design=design), np.where(np.arange(20) == 3, least, 0.0))
    assert estimated.unexplained == 0.0


def test_refuses_anchors_and_scores_that_do_not_fit():
    drawn = compact(SOURCES, budget=20)
    with pytest.raises(InputError, match="chosen, not drawn"):
        estimate(anchors(SOURCES, budget=20), np.zeros(20))
    with pytest.raises(InputError, match="for 20 requests"):
        estimate(drawn, np.zeros(19))
    with pytest.raises(InputError, match=r"1 of the new system.s scores are NaN"):
        estimate(drawn, np.where(np.arange(20) == 3, np.nan, 0.5))
