from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from assay.benchmark.board.comparison import compare
from assay.benchmark.board.measures import choose_measures, refuse_sampled
from assay.benchmark.board.scoreboard import Scoreboard
from assay.errors import InputError


def board_of(scores, user) -> Scoreboard:
    S, R = next(iter(scores.values())).shape
    names = tuple(f"s{i}" for i in range(S))
    return Scoreboard(np.arange(R), user, names, names, scores)


@pytest.fixture(scope="module")
def board():
    """Eight systems; ndcg and mrr see the same quality, mrr with more noise; recall sees another; noise sees none."""
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(150), 3)
    hard = rng.normal(size=(1, 450))
    quality, other = np.linspace(0, 0.5, 8)[:, None], rng.permutation(np.linspace(0, 0.5, 8))[:, None]
    noise = lambda: rng.normal(size=(8, 450))  # noqa: E731
    return board_of(
        {
            "mrr@10": hard + quality + 2 * noise(),
            "ndcg@10": hard + quality + 0.5 * noise(),
            "ndcg@5": hard + quality + 0.6 * noise(),
            "recall@10": hard + other + 0.5 * noise(),
            "map@10": hard + 3 * noise(),
        },
        user,
    )


@pytest.fixture(scope="module")
def choice(board):
    return choose_measures(board)


def column(choice, name):
    return dict(zip(choice.table.column("measure").to_pylist(), choice.table.column(name).to_pylist(), strict=True))


def test_the_planted_measures_are_told(choice):
    power, stability, regret = (column(choice, name) for name in ("power", "stability", "regret"))
    assert power["ndcg@10"] > power["mrr@10"] > power["map@10"]
    assert stability["ndcg@10"] > 0.9
    assert stability["map@10"] < 0.3
    assert regret["ndcg@10"] < 0.1 < regret["map@10"]
    assert choice.decide == "ndcg@10"
    assert choice.report[1] == "recall@10"
    assert "map@10" not in choice.report
    assert "ndcg@5" not in choice.report
    said = " ".join(choice.reasons)
    assert said.startswith("Decide on ndcg@10")
    assert "Leave out map@10: its order of the systems is not steady" in said
    assert "Leave out ndcg@5: it says what ndcg@10 says" in said


def test_figures_are_what_they_are_said_to_be(board, choice):
    found = compare(board, ["ndcg@10"]).to_pylist()
    assert column(choice, "power")["ndcg@10"] == np.mean([line["p_holm"] < 0.05 for line in found])
    means = {name: board.of(name).mean(axis=1) for name in board.measures}
    assert column(choice, "spread")["mrr@10"] == pytest.approx(means["mrr@10"].std(ddof=1))
    tau = {(a, b): stats.kendalltau(means[a], means[b]).statistic for a, b in combinations(board.measures, 2)}
    for (a, b), value in tau.items():
        i, j = board.measures.index(a), board.measures.index(b)
        assert choice.agreement[i, j] == choice.agreement[j, i] == pytest.approx(value)
    assert column(choice, "other_cuts")["ndcg@5"] == pytest.approx(tau["ndcg@10", "ndcg@5"])
    assert column(choice, "other_cuts")["map@10"] is None


def test_regret_and_stability_by_plain_redraws(board, choice):
    rng, loss, tau = np.random.default_rng(1), [], []
    scores, users = board.of("mrr@10"), board.users
    means = scores.mean(axis=1)
    rows = np.arange(board.user.size).reshape(users, 3)
    for _ in range(1000):
        drawn = rows[rng.integers(0, users, users)].ravel()
        loss.append(means.max() - means[scores[:, drawn].mean(axis=1).argmax()])
        order = rng.permutation(users)
        a, b = (scores[:, rows[part].ravel()].mean(axis=1) for part in (order[: users // 2], order[users // 2 :]))
        tau.append(stats.kendalltau(a, b).statistic)
    assert column(choice, "regret")["mrr@10"] == pytest.approx(np.mean(loss) / means.std(ddof=1), abs=0.06)
    assert column(choice, "stability")["mrr@10"] == pytest.approx(np.mean(tau), abs=0.04)


def test_as_many_requests_as_needed_tell_the_median_pair_apart():
    rng = np.random.default_rng(2)
    noise = rng.normal(size=2000)
    gap = 0.2 + (noise - noise.mean()) / noise.std()
    board = board_of({"ndcg@10": np.stack([0 * gap, gap, gap + np.arange(2000) % 2 * 1e-9])}, np.arange(2000))
    n = int(column(choose_measures(board, resamples=2), "requests_needed")["ndcg@10"])
    assert n == pytest.approx((1.96 + 0.84) ** 2 / 0.04, rel=0.02)
    p = stats.ttest_1samp(0.2 + rng.normal(size=(2000, n)), 0, axis=1).pvalue
    assert 0.76 < np.mean(p < 0.05) < 0.84


def test_measures_that_agree_are_told_so(board):
    choice = choose_measures(board, ["ndcg@5", "ndcg@10"])
    assert choice.report == ("ndcg@10", "ndcg@5")
    assert "one would do" in choice.reasons[-1]


def test_a_cut_off_that_matters(board):
    other = Scoreboard(
        board.request, board.user, board.systems, board.families,
        {"recall@5": board.of("ndcg@10"), "recall@10": board.of("recall@10")},
    )  # fmt: skip
    choice = choose_measures(other)
    assert choice.reasons[-1].startswith("The cut-off matters: recall@5 and recall@10 order the systems unlike")
    assert set(choice.report) == {"recall@5", "recall@10"}


def test_one_measure_alone(board):
    choice = choose_measures(board, ["ndcg@10"])
    assert (choice.decide, choice.report) == ("ndcg@10", ("ndcg@10",))
    assert column(choice, "regret_elsewhere")["ndcg@10"] is None


def test_the_same_seed_the_same_answer(board, choice):
    again = choose_measures(board)
    assert again.table.equals(choice.table)
    assert again.reasons == choice.reasons


def test_refuses(board):
    with pytest.raises(InputError, match="needs at least 3"):
        choose_measures(board.take_systems(["s0", "s1"]))
    with pytest.raises(InputError, match="did you mean 'ndcg@10'"):
        choose_measures(board, ["ndgc@10"])
    with pytest.raises(InputError, match="map@10 is the same for all systems"):
        choose_measures(board_of({"map@10": np.full((3, 10), 0.5)}, np.arange(10)))


def test_what_says_nothing_of_good_or_bad_is_never_advised(board, choice):
    wider = replace(board, scores={**board.scores, "novelty@10": board.of("ndcg@10") + 1, "judged@10": board.of("ndcg@10")})
    again = choose_measures(wider)
    assert (again.decide, again.report) == (choice.decide, choice.report)
    assert again.table.equals(choice.table)
    with pytest.raises(InputError, match="novelty@10 says nothing of good or bad"):
        choose_measures(wider, ["ndcg@10", "novelty@10"])


def test_graded_measures_of_sampled_candidates_are_refused_too():
    for name in ("err@10", "rbp(p=0.5)@10"):
        with pytest.raises(InputError, match="100 sampled candidates"):
            refuse_sampled(name, sampled=100, catalogue=5_000)


def test_sampled_candidates_are_refused_with_the_reason():
    with pytest.raises(InputError, match=r"recall@10 on 100 sampled candidates of 28,000: an item of true rank 100 .* 1\.00"):
        refuse_sampled("recall@10", 100, 28_000)
    refuse_sampled("recall@10", 27_999, 28_000)
    refuse_sampled("auc", 100, 28_000)


def test_why_sampled_candidates_are_refused():
    """One system has its item at rank 50 always, the other at 1 or 1,000: the sample turns their order round."""
    items, sampled, k = 1000, 50, 5
    hit = lambda rank: stats.binom.cdf(k - 1, sampled, (rank - 1) / (items - 1))  # noqa: E731
    full = [0.0, 0.5]
    drawn = [hit(50), 0.5 * hit(1) + 0.5 * hit(1000)]
    assert np.argmax(full) != np.argmax(drawn)


def test_ranked_lists_decide_and_lopsided_measures_are_never_advised():
    rng = np.random.default_rng(0)
    quality = np.linspace(0, 0.3, 6)[:, None]

    def scored(level, noise):
        return 0.4 + level + noise * rng.normal(size=(6, 300))

    scores = {
        "recall": scored(quality[::-1], 0.05),
        "precision": scored(quality, 0.05),
        "auc": scored(quality[[2, 0, 1, 5, 4, 3]], 0.1),
    }
    names = tuple(f"s{k}" for k in range(6))
    board = Scoreboard(
        np.arange(300),
        np.arange(300),
        names,
        names,
        scores | {"ndcg@10": scored(quality, 0.3), "recall@10": scored(quality, 2.0)},
    )
    found = choose_measures(board, resamples=100)
    assert found.decide == "ndcg@10"
    assert not {"recall", "precision"} & set(found.report)
    assert "auc" in found.report
    assert "Leave out recall: at a threshold it is won by saying yes to all; f1 weighs both sides." in found.reasons
    assert not any("cut-off matters: recall" in reason for reason in found.reasons)
    assert choose_measures(board, ["recall", "precision", "auc"], resamples=100).decide == "auc"
    assert choose_measures(board, ["recall", "precision"], resamples=100).decide in ("recall", "precision")
