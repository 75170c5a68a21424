"""Sampling against every sample that there is."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h
from scipy import stats

from assay.numerics import survey
from assay.numerics.hashing import hash_ids, mix

STRATUM = np.array([0, 1, 0, 1, 1, 0, 1, 0, 1])  # 4 and 5 units
POPULATION = np.array([4, 5])


def every_sample(size: tuple[int, int]) -> np.ndarray:
    """All stratified samples, as rows (R, n), stratum by stratum."""
    parts = [itertools.combinations(np.flatnonzero(k == STRATUM), n) for k, n in enumerate(size)]
    return np.array([[*a, *b] for a, b in itertools.product(*parts)])


@given(h.lists(h.tuples(h.integers(1, 6), h.floats(0, 5)), min_size=1, max_size=3), h.data())
def test_allocation_is_the_best_of_all(strata, data):
    population = np.array([n for n, _ in strata])
    spread = np.array([s for _, s in strata])
    least = np.minimum(population, 2)
    n = data.draw(h.integers(int(least.sum()), int(population.sum())))
    found = survey.allocate(population, spread, n)
    assert found.sum() == n
    assert (found >= least).all()
    assert (found <= population).all()

    def variance(size):
        return float(np.sum((population * spread) ** 2 / np.array(size)))

    ranges = [range(low, high + 1) for low, high in zip(least, population, strict=True)]
    best = min(variance(size) for size in itertools.product(*ranges) if sum(size) == n)
    assert variance(found) == pytest.approx(best, rel=1e-12, abs=1e-12)


def test_equal_spreads_are_allocated_in_proportion():
    assert survey.allocate(np.array([100, 200, 700]), np.ones(3), 50).tolist() == [5, 10, 35]
    assert survey.allocate(np.array([100, 200, 700]), np.zeros(3), 50).tolist() == [5, 10, 35]


def test_allocation_refuses_what_cannot_be():
    with pytest.raises(ValueError, match="4 at least and 9 at most"):
        survey.allocate(POPULATION, np.ones(2), 3)
    with pytest.raises(ValueError, match="n is 10"):
        survey.allocate(POPULATION, np.ones(2), 10)


@given(h.lists(h.floats(0, 100).map(lambda x: x if x > 1e-3 else 0.0), min_size=1, max_size=30).filter(any), h.data())
def test_inclusion_is_in_proportion_up_to_certainty(size, data):
    size = np.array(size)
    n = data.draw(h.integers(1, int(np.count_nonzero(size))))
    chance = survey.inclusion(size, n)
    assert chance.sum() == pytest.approx(n)
    assert ((chance >= 0) & (chance <= 1)).all()
    assert (chance[size == 0] == 0).all()
    free = chance < 1
    if size[free].any():
        rate = (n - (~free).sum()) / size[free].sum()
        np.testing.assert_allclose(chance[free], rate * size[free])
        assert (rate * size[~free] >= 1 - 1e-9).all()


def test_equal_sizes_have_equal_chances():
    chance = survey.inclusion(np.full(49, 1 / 49), 7)
    assert len(set(chance)) == 1
    assert chance[0] == pytest.approx(1 / 7)
    assert survey.inclusion(np.full(49, 1 / 49), 49).tolist() == [1.0] * 49


def test_inclusion_refuses_more_than_have_a_size():
    for n in (0, 3):
        with pytest.raises(ValueError, match=f"n is {n}; give more than 0 and at most 2"):
            survey.inclusion(np.array([1.0, 2.0, 0.0]), n)


@given(h.integers(0, 40), h.integers(0, 30), h.integers(0, 2**64 - 1))
@settings(max_examples=50, deadline=None)
def test_draws_are_the_smallest_hashes_of_each_stratum(a, b, seed):
    units = hash_ids(np.arange(100))
    stratum = np.arange(100) % 5 // 3  # 60 and 40
    rows = survey.draw(units, mix(seed), stratum, np.array([a, b]))[0]
    key = mix(units ^ mix(seed))
    for k, part, size in ((0, rows[:a], a), (1, rows[a:], b)):
        inside = np.flatnonzero(stratum == k)
        np.testing.assert_array_equal(part, np.sort(inside[np.argsort(key[inside])[:size]]))


def test_every_sample_is_drawn_as_often():
    rows = survey.draw(hash_ids(np.arange(9)), mix(5, np.arange(30_000)), STRATUM, np.array([2, 3]))
    counts = np.unique(rows, axis=0, return_counts=True)[1]
    assert len(counts) == len(every_sample((2, 3)))
    assert stats.chisquare(counts).pvalue > 0.001


def test_draws_do_not_depend_on_the_order_of_rows():
    units, order = hash_ids(np.arange(9)), np.random.default_rng(0).permutation(9)
    rows = survey.draw(units, mix(1, np.arange(20)), STRATUM, np.array([2, 2]))
    again = survey.draw(units[order], mix(1, np.arange(20)), STRATUM[order], np.array([2, 2]))
    np.testing.assert_array_equal(np.sort(order[again]), np.sort(rows))


def test_draw_refuses_more_than_a_stratum_holds():
    with pytest.raises(ValueError, match="the strata hold"):
        survey.draw(hash_ids(np.arange(9)), mix(0), STRATUM, np.array([5, 1]))


def test_stratified_mean_and_its_variance_are_unbiased_over_all_samples():
    y = np.random.default_rng(0).exponential(size=9)
    rows = every_sample((2, 3))
    places = np.repeat([0, 1], [2, 3])
    weight = (POPULATION / [2, 3] / 9)[places]
    means = y[rows] @ weight
    assert means.mean() == pytest.approx(y.mean(), rel=1e-12)
    variance, df = survey.stratified_variance(y[rows][:, :, None], places, POPULATION)
    assert variance.mean() == pytest.approx(means.var(), rel=1e-12)
    assert ((df >= 1 - 1e-9) & (df <= 3)).all()


def test_a_stratum_drawn_whole_adds_no_error():
    y = np.random.default_rng(1).normal(size=9)
    rows = every_sample((4, 2))
    variance, _ = survey.stratified_variance(y[rows][:, :, None], np.repeat([0, 1], [4, 2]), POPULATION)
    means = y[rows] @ np.repeat([1 / 9, 5 / 2 / 9], [4, 2])
    assert variance.mean() == pytest.approx(means.var(), rel=1e-12)


def problem(size=(2, 3)):
    rng = np.random.default_rng(2)
    F = np.column_stack([np.ones(9), rng.normal(size=(9, 2))])
    y = F @ [0.3, 1.2, -0.5] + rng.normal(size=9)
    return F, y, every_sample(size), np.repeat([0, 1], size)


def test_with_known_coefficients_the_estimate_is_unbiased_over_all_samples():
    F, y, rows, places = problem()
    found = survey.regress(
        y[rows][:, :, None], F[rows], F.mean(axis=0), places, POPULATION,
        prior=np.array([0.0, 1.0, 0.4]), precision=np.full(3, 1e12),
    )  # fmt: skip
    assert found.value.mean() == pytest.approx(y.mean(), rel=1e-9)
    assert (found.stderr**2).mean() == pytest.approx(found.value.var(), rel=1e-6)


def weighted_fit(F, y, weight, prior, precision):
    """Least squares of the rows and of one row more for each penalised coefficient."""
    rows = np.vstack([F * np.sqrt(weight)[:, None], np.diag(np.sqrt(precision))])
    target = np.concatenate([y * np.sqrt(weight), np.sqrt(precision) * prior])
    return np.linalg.lstsq(rows, target, rcond=None)[0]


def test_the_regression_against_least_squares_and_refits():
    F, y, rows, places = problem((3, 4))
    prior, precision = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.5, 2.0])
    found = survey.regress(
        y[rows][:, :, None], F[rows], F.mean(axis=0), places, POPULATION, prior=prior, precision=precision
    )  # fmt: skip
    weight = (POPULATION / [3, 4])[places]
    scaled = weight * 7 / weight.sum()
    for r in range(0, len(rows), 5):
        inside = rows[r]
        b = weighted_fit(F[inside], y[inside], scaled, prior, precision)
        np.testing.assert_allclose(found.coef[r, :, 0], b, rtol=1e-9, atol=1e-12)
        outside = np.setdiff1d(np.arange(9), inside)
        by_hand = (F[inside] @ b).sum() + (F[outside] @ b).sum() + weight @ (y[inside] - F[inside] @ b)
        assert found.value[r, 0] == pytest.approx(by_hand / 9, rel=1e-9)
        for i in range(7):
            rest = np.delete(np.arange(7), i)
            without = weighted_fit(F[inside][rest], y[inside][rest], scaled[rest], prior, precision)
            assert found.residual[r, i, 0] == pytest.approx(y[inside[i]] - F[inside[i]] @ without, rel=1e-7)
        # The estimate is linear in y: its weights are those of the standard error.
        unit = survey.regress(
            np.eye(7)[None], F[inside][None], F.mean(axis=0), places, POPULATION, prior=0 * prior, precision=precision
        )  # fmt: skip
        pulls = unit.value[0] / weight * 9 * found.residual[r, :, 0]
        variance = survey.stratified_variance(pulls[None, :, None], places, POPULATION)[0][0, 0]
        assert found.stderr[r, 0] == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_what_the_features_explain_wholly_is_known_wholly():
    F, _, rows, places = problem((3, 4))
    y = F @ [0.2, -1.0, 3.0]
    found = survey.regress(
        y[rows][:, :, None], F[rows], F.mean(axis=0), places, POPULATION, prior=np.zeros(3), precision=np.zeros(3)
    )  # fmt: skip
    np.testing.assert_allclose(found.value, y.mean())
    np.testing.assert_allclose(found.stderr, 0, atol=1e-9)
