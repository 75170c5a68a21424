import numpy as np
import pytest

from assay.benchmark.compact import difficulty
from assay.benchmark.compact.designs import ANCHORS, DESIGNS, anchors, compact, lay_out
from assay.benchmark.compact.estimation import estimate
from assay.errors import InputError
from assay.testing.scores import make_scores

BOARD = make_scores(900, 300, 12, 4)


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_inclusion_probabilities_are_how_often_requests_are_drawn(design):
    scores = BOARD.scores[:4, :200]
    often = np.zeros(200)
    for seed in range(300):
        drawn = compact(scores, budget=40, design=design, seed=seed)
        often[drawn.rows] += 1
        assert len(np.unique(drawn.rows)) == len(drawn) == 40
        assert drawn.weight.sum() == pytest.approx(1)
    chance = np.zeros(200)
    chance[drawn.rows] = drawn.inclusion
    for level in np.unique(drawn.inclusion):
        inside = chance == level
        # A mean over the stratum's drawn requests: each is drawn with the same chance.
        assert often[inside].mean() / 300 == pytest.approx(level, abs=0.05)


def test_neyman_draws_more_where_the_sources_leave_more_unexplained():
    drawn = compact(BOARD.scores, budget=100, families=BOARD.families)
    left = difficulty.residuals(BOARD.scores, np.unique(BOARD.families, return_inverse=True)[1])
    assert drawn.design == "neyman"
    chance = drawn.inclusion
    unexplained = np.sqrt((left[:, drawn.rows] ** 2).mean(axis=0))
    middle = np.median(chance)
    assert unexplained[chance > middle].mean() > 1.2 * unexplained[chance <= middle].mean()
    assert np.bincount(drawn.stratum).min() >= 2


def test_the_same_requests_in_any_order_and_none_other():
    ids = np.array([f"request {i}" for i in range(900)])
    order = np.random.default_rng(0).permutation(900)
    for design in DESIGNS:
        a = compact(BOARD.scores, budget=60, design=design, ids=ids, seed=3)
        b = compact(BOARD.scores[:, order], budget=60, design=design, ids=ids[order], seed=3)
        assert set(ids[a.rows]) == set(ids[order][b.rows])
        again = compact(BOARD.scores, budget=60, design=design, ids=ids, seed=3)
        np.testing.assert_array_equal(a.rows, again.rows)
        other = compact(BOARD.scores, budget=60, design=design, ids=ids, seed=4)
        assert set(a.rows) != set(other.rows)


def test_a_tolerance_is_met_by_the_fewest_requests():
    left = np.unique(BOARD.families)
    family = np.unique(BOARD.families, return_inverse=True)[1]
    found = difficulty.features(BOARD.scores, family), difficulty.residuals(BOARD.scores, family)
    n = len(compact(BOARD.scores, tolerance=0.01, families=BOARD.families))
    share = 1 / np.bincount(family)[family] / len(left)

    def expected(size):
        return np.sqrt(share @ lay_out(*found, family, size, "neyman").errors() ** 2)

    assert expected(n) <= 0.01 < expected(n - 1)
    assert len(compact(BOARD.scores, tolerance=1e-9)) == 900


def test_residuals_are_those_of_least_squares_on_the_other_families():
    family = np.unique(BOARD.families, return_inverse=True)[1]
    found = difficulty.residuals(BOARD.scores, family)
    for k in range(4):
        rest = BOARD.scores[family != k]
        F = difficulty.features(rest, np.unique(family[family != k], return_inverse=True)[1]).matrix
        for s in np.flatnonzero(family == k):
            b = np.linalg.lstsq(F, BOARD.scores[s], rcond=None)[0]
            np.testing.assert_allclose(found[s], BOARD.scores[s] - F @ b, atol=1e-9)


def test_features_span_what_few_sources_span():
    family = np.array([0, 0, 1, 2])
    F = difficulty.features(BOARD.scores[:4], family).matrix
    assert F.shape == (900, 5)
    np.testing.assert_allclose(F[:, 1], (BOARD.scores[:2].mean(axis=0) + BOARD.scores[2] + BOARD.scores[3]) / 3)
    np.testing.assert_allclose(F[:, 2:].var(axis=0), 1)
    np.testing.assert_allclose(np.cov(F[:, 2:].T), np.eye(3), atol=0.01)
    b = np.linalg.lstsq(F, BOARD.scores[:4].T, rcond=None)[0]
    np.testing.assert_allclose(F @ b, BOARD.scores[:4].T, atol=1e-9)


def test_equal_difficulties_stay_in_one_stratum():
    scores = np.zeros((3, 100))
    scores[:, 90:] = np.random.default_rng(0).random((3, 10))
    drawn = compact(scores, budget=40)
    assert (np.bincount(drawn.stratum) >= 2).all()
    assert drawn.population.sum() == 100
    assert drawn.population.max() >= 90


@pytest.mark.parametrize("method", ANCHORS)
def test_anchors_are_near_for_the_sources_themselves(method):
    chosen = anchors(BOARD.scores, budget=60, method=method)
    assert len(np.unique(chosen.rows)) == len(chosen.rows) == 60
    assert chosen.weight.sum() == pytest.approx(1)
    means = BOARD.scores.mean(axis=1)
    off = np.array([chosen.value(y[chosen.rows]) for y in BOARD.scores]) - means
    shuffled = [np.random.default_rng(k).permutation(900)[:60] for k in range(50)]
    random = np.array([BOARD.scores[:, rows].mean(axis=1) - means for rows in shuffled])
    assert np.abs(off).mean() < 0.5 * np.abs(random).mean()


def test_greedy_anchors_against_trying_each():
    chosen = anchors(BOARD.scores[:, :50], budget=5, method="greedy")
    goal, taken = BOARD.scores[:, :50].mean(axis=1), []
    for _ in range(5):
        rest = [i for i in range(50) if i not in taken]
        taken.append(min(rest, key=lambda i: np.sum((BOARD.scores[:, [*taken, i]].mean(axis=1) - goal) ** 2)))
    assert chosen.rows.tolist() == taken


def test_sources_that_are_twins_or_constant():
    twins = np.stack([BOARD.scores[0], BOARD.scores[0], np.zeros(900)])
    for design in DESIGNS:
        drawn = compact(twins, budget=30, design=design)
        found = estimate(drawn, BOARD.scores[1][drawn.rows])
        assert found.low < found.value < found.high


def test_more_anchors_than_different_requests():
    scores = np.tile([[0.0, 1.0, 0.5], [0.0, 0.5, 1.0]], 10)
    chosen = anchors(scores, budget=8)
    assert len(chosen.rows) == 3
    assert chosen.value(scores[0, chosen.rows]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budget": 901}, "budget is 901, but there are 900 requests"),
        ({"budget": 9}, "takes 10 requests or more"),
        ({"budget": 20.5}, "budget is 20.5"),
        ({"scores": BOARD.scores[:, :8]}, "8 requests are too few"),
        ({"budget": None, "tolerance": 0.0}, "tolerance is 0.0"),
        ({"design": "neymann"}, "did you mean 'neyman'"),
        ({"scores": BOARD.scores[:1]}, "1 system"),
        ({"scores": np.full((3, 900), 0.5)}, "equal on all requests"),
        ({"scores": np.where(np.arange(900) == 7, np.nan, BOARD.scores)}, "system 0 on request 7"),
        ({"ids": np.zeros(900, int)}, "request 0 is there twice"),
        ({"users": np.zeros(900, int)}, "one user's"),
    ],
)
def test_refuses_what_the_user_must_mend(change, message):
    with pytest.raises(InputError, match=message):
        compact(**({"scores": BOARD.scores, "budget": 50} | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tolerance": 0.1}, "one of them"),
        ({"budget": None}, "one of them"),
        ({"scores": BOARD.scores[0]}, "1 dimension"),
        ({"families": ["a"]}, "12 systems"),
        ({"users": [1]}, "900 requests"),
        ({"ids": [1]}, "1 entries"),
    ],
)
def test_refuses_arrays_that_do_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        compact(**({"scores": BOARD.scores, "budget": 50} | change))


def test_anchors_refuse_alike():
    with pytest.raises(InputError, match="did you mean 'kmeans'"):
        anchors(BOARD.scores, budget=5, method="k-means")
    with pytest.raises(InputError, match="takes 1 requests"):
        anchors(BOARD.scores, budget=0)
