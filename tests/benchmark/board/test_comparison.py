from itertools import product

import numpy as np
import pytest
from scipy import stats

from assay.benchmark.board.comparison import compare, compare_groups, leader_board, p_values, values_of
from assay.benchmark.board.scoreboard import Scoreboard
from assay.errors import InputError
from assay.numerics.statistics import holm
from tests.benchmark.boards import made


def board_of(scores, user=None, **more) -> Scoreboard:
    scores = np.asarray(scores, float)
    names = tuple(f"s{i}" for i in range(len(scores)))
    user = np.arange(scores.shape[1]) if user is None else user
    return Scoreboard(np.arange(scores.shape[1]), user, names, names, {"ndcg@10": scores}, **more)


def test_with_one_request_a_user_it_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    scores = rng.random((3, 50))
    found = compare(board_of(scores)).to_pylist()
    assert [(line["a"], line["b"]) for line in found] == [("s0", "s1"), ("s0", "s2"), ("s1", "s2")]
    for line, (i, j) in zip(found, [(0, 1), (0, 2), (1, 2)], strict=True):
        expected = stats.ttest_rel(scores[j], scores[i])
        assert line["p"] == pytest.approx(expected.pvalue)
        assert (line["low"], line["high"]) == pytest.approx(tuple(expected.confidence_interval()))
        assert line["effect"] == pytest.approx(expected.statistic / np.sqrt(50))
        assert (line["requests"], line["users"]) == (50, 50)
    np.testing.assert_allclose([line["p_holm"] for line in found], holm([line["p"] for line in found]))


def test_equal_users_are_a_t_test_of_their_means():
    rng = np.random.default_rng(1)
    scores, user = rng.random((2, 60)) + rng.random((1, 20)).repeat(3, axis=1), np.repeat(np.arange(20), 3)
    line = compare(board_of(scores, user)).to_pylist()[0]
    each = (scores[1] - scores[0]).reshape(20, 3).mean(axis=1)
    assert line["p"] == pytest.approx(stats.ttest_1samp(each, 0).pvalue)


def test_randomisation_is_the_share_of_all_swaps():
    rng = np.random.default_rng(2)
    user = np.array([0, 0, 1, 2, 2, 2, 3, 4, 5, 6, 7])
    scores = rng.random((2, 11)).round(1)
    difference = np.bincount(user, scores[1] - scores[0])
    reached = [abs(np.dot(signs, difference)) >= abs(difference.sum()) - 1e-9 for signs in product((-1, 1), repeat=8)]
    line = compare(board_of(scores, user), test="randomisation", draws=40_000).to_pylist()[0]
    assert line["p"] == pytest.approx(np.mean(reached), abs=0.01)


def test_against_one_system():
    found = compare(made(gap=0.4), against="s2", measures=["ndcg@10"])
    assert found.column("a").to_pylist() == ["s2"] * 3
    assert found.column("b").to_pylist() == ["s0", "s1", "s3"]
    assert np.all(np.sign(found.column("difference").to_numpy()) == [-1, -1, 1])


def test_the_detectable_difference_is_found_four_times_in_five():
    rng = np.random.default_rng(3)
    user, found, trials = np.repeat(np.arange(100), 3), 0, 1000
    noise = lambda: 0.5 * rng.normal(size=100)[user] + rng.normal(size=300)  # noqa: E731
    sizes = [compare(board_of([np.zeros(300), noise()], user)).column("detectable")[0].as_py() for _ in range(200)]
    true = float(np.mean(sizes))
    a, b = np.array([0]), np.array([1])
    for _ in range(trials):
        found += p_values(np.stack([np.zeros(300), noise() + true]), user, a, b, test="t", draws=0, seed=0)[4][0] < 0.05
    assert 0.76 < found / trials < 0.84


def log_like(each, users, rng):
    """Two systems' nDCG-like scores: many zeros, a user's requests alike, few users with most of the requests."""
    count = 1 + rng.negative_binomial(1, 1 / each, users)
    user = np.repeat(np.arange(users), count)
    taste = rng.beta(0.5, 2, users)[user]
    hit = rng.random((2, len(user))) < 0.2 + 0.6 * taste
    better = rng.normal(0, 0.3, users)[user] * np.array([[0.0], [1.0]])
    return user, np.clip(hit * (taste + 0.2 * rng.random((2, len(user))) + better), 0, 1)


def swapped(each, users, trials, seed):
    """Users and the differences (trials, R) of A/A comparisons: scores swapped by user, the true difference zero."""
    rng = np.random.default_rng(seed)
    user, scores = log_like(each, users, rng)
    return user, np.where(rng.random((trials, users)) < 0.5, 1, -1)[:, user] * (scores[1] - scores[0])


@pytest.mark.parametrize("each", [1, 5, 40])
def test_a_a_comparisons_are_significant_in_one_of_twenty(each):
    user, difference = swapped(each, 150, 2000, seed=each)
    values = np.concatenate([np.zeros((1, len(user))), difference])
    b = np.arange(1, 2001)
    assert 0.04 <= np.mean(p_values(values, user, 0 * b, b, test="t", draws=0, seed=0)[4] < 0.05) <= 0.06


@pytest.mark.slow
def test_a_a_comparisons_by_randomisation():
    user, difference = swapped(5, 60, 2000, seed=11)
    a, b = np.array([0]), np.array([1])
    # A seed for each trial: by one seed all of them would be judged by the same swaps.
    pairs = (np.stack([0 * row, row]) for row in difference)
    p = [p_values(pair, user, a, b, test="randomisation", draws=199, seed=i)[4][0] for i, pair in enumerate(pairs)]
    assert 0.04 <= np.mean(np.array(p) <= 0.05) <= 0.06


def test_requests_taken_for_independent_would_reject_too_often():
    """What the clusters are for: the same A/A trials with every request as a user of its own."""
    _, difference = swapped(40, 150, 300, seed=9)
    assert np.mean(stats.ttest_1samp(difference, 0, axis=1).pvalue < 0.05) > 0.3


def test_groups():
    board = made(gap=0.2, systems=3)
    found = compare_groups(board, "device", against="s0")
    assert found.column("group").to_pylist() == ["desk", "desk", "phone", "phone"]
    phone = board.take_requests(np.array(board.attributes["device"].to_pylist()) == "phone")
    alone = compare(phone, against="s0")
    assert found.slice(2).drop_columns(["group", "p_holm"]).equals(alone.drop_columns(["p_holm"]))
    np.testing.assert_allclose(found.column("p_holm").to_numpy(), holm(found.column("p").to_numpy()))


def test_a_group_of_one_user_and_of_no_label():
    board = board_of(np.random.default_rng(0).random((2, 6)), attributes={"hour": [1, 1, 1, 1, 2, None]})
    found = compare_groups(board, "hour").to_pylist()
    assert [line["group"] for line in found] == ["1", "2", None]
    assert found[1]["p"] is None
    assert found[1]["difference"] == pytest.approx(board.of("ndcg@10")[1, 4] - board.of("ndcg@10")[0, 4])
    assert found[0]["p_holm"] == pytest.approx(found[0]["p"])
    with pytest.raises(InputError, match="'huor' is no attribute of the requests; did you mean 'hour'"):
        compare_groups(board, "huor")


def test_measures_beyond_accuracy_are_compared_but_lead_no_board():
    board = made(measures=("ndcg@10", "novelty@10", "coverage@10"))
    assert compare(board, ["coverage@10"]).num_rows == 6
    with pytest.raises(InputError, match="novelty@10 says nothing of good or bad"):
        leader_board(board, "novelty@10")
    values = values_of(board, "novelty@10").to_pylist()
    assert [line["system"] for line in values] == [*board.systems]
    assert all(line["low"] < line["value"] < line["high"] for line in values)
    with pytest.raises(InputError, match="coverage@10 of a group is no mean of its requests"):
        compare_groups(board, "device", ["ndcg@10", "coverage@10"])
    assert {line["measure"] for line in compare_groups(board, "device").to_pylist()} == {"ndcg@10", "novelty@10"}


def test_the_leader_board_groups_what_cannot_be_told_apart():
    rng = np.random.default_rng(4)
    base = rng.random(200)
    scores = np.stack([base + 0.001 * rng.normal(size=200) + level for level in (0.0, 0.5, 0.5, 0.0, 1.0)])
    found = leader_board(board_of(scores), "ndcg@10").to_pylist()
    assert [(line["tier"], {line["system"]} <= {"s1", "s2"}) for line in found[1:3]] == [(2, True)] * 2
    assert found[0]["system"] == "s4"
    assert [line["tier"] for line in found] == [1, 2, 2, 3, 3]
    assert found[0]["p_holm"] is None
    assert found[0]["behind"] == 0
    assert found[2]["p_holm"] > 0.05
    assert found[2]["behind"] <= 0
    np.testing.assert_allclose([line["value"] for line in found], sorted(scores.mean(axis=1), reverse=True))


def test_systems_that_are_equal_share_a_group():
    found = leader_board(board_of(np.ones((3, 5))), "ndcg@10").to_pylist()
    assert [(line["tier"], line["system"]) for line in found] == [(1, "s0"), (1, "s1"), (1, "s2")]
    assert [line["p_holm"] for line in found] == [None, 1, 1]


def test_refuses():
    board = made()
    with pytest.raises(InputError, match="needs at least 2"):
        compare(board.take_systems(["s0"]))
    with pytest.raises(InputError, match="did you mean 's1'"):
        compare(board, against="s1x")
    with pytest.raises(InputError, match="did you mean 'ndcg@10'"):
        leader_board(board, "ndcg@1")
    with pytest.raises(InputError, match="test is 'wilcoxon'; give one of t, randomisation"):
        compare(board, test="wilcoxon")
    with pytest.raises(InputError, match="100 draws cannot show any of 6 comparisons after Holm; give 120 draws"):
        compare(board, test="randomisation", draws=100)


def test_intervals_of_two_requests_stay_where_the_measure_can_lie():
    board = board_of([[0.0, 1.0], [1.0, 0.0]])
    line, leader = compare(board).to_pylist()[0], leader_board(board, "ndcg@10").to_pylist()[0]
    assert (leader["value"], leader["low"], leader["high"]) == (0.5, 0.0, 1.0)
    assert (line["difference"], line["low"], line["high"]) == (0.0, -1.0, 1.0)
    wide = leader_board(board_of([[0.0, 100.0], [100.0, 0.0]]), "ndcg@10").to_pylist()[0]
    assert wide["low"] < -100 < 100 < wide["high"]  # in per cent: another unit than ours
