"""Click rates: the prior against another fit of the same law, intervals against an integral, grades by hand and by rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from assay.errors import InputError
from assay.numerics.click_rates import Prior, fitted_prior, graded


def drawn(things: int, seed: int, clicks: float = 0.8, looks: float = 6.0):
    """Clicks and looks of things whose rates are Gamma, and the rates."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(clicks, 1 / looks, things)
    n = rng.gamma(1.0, 20.0, things) + 0.05
    return rng.poisson(rate * n).astype(float), n, rate


def test_the_prior_is_the_likeliest_negative_binomial():
    clicks, looks, _ = drawn(300, 1)

    def loss(x):
        a, b = np.exp(x)
        return -stats.nbinom.logpmf(clicks, a, b / (b + looks)).sum()

    best = optimize.minimize(loss, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 5000})
    prior = fitted_prior(clicks, looks)
    np.testing.assert_allclose([prior.clicks, prior.looks], np.exp(best.x), rtol=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_a_known_prior_is_found_again(seed):
    prior = fitted_prior(*drawn(20_000, seed)[:2])
    np.testing.assert_allclose([prior.clicks, prior.looks], [0.8, 6.0], rtol=0.05)


def test_rates_that_are_alike_get_a_prior_that_lets_none_lead():
    rng = np.random.default_rng(0)
    looks = np.full(4_000, 30.0)
    clicks = rng.poisson(0.2 * looks).astype(float)
    prior = fitted_prior(clicks, looks)
    assert prior.clicks > 100
    assert np.ptp(prior.rates(clicks, looks)[0]) < 0.05


def test_the_posterior_is_what_bayes_law_says():
    prior, c, n = Prior(0.7, 5.0), 3.0, 12.0

    def density(rate):
        return stats.gamma.pdf(rate, prior.clicks, scale=1 / prior.looks) * stats.poisson.pmf(c, rate * n)

    total = integrate.quad(density, 0, 5)[0]
    mean, low, high = (float(x[0]) for x in prior.rates(np.array([c]), np.array([n])))
    assert mean == pytest.approx(integrate.quad(lambda r: r * density(r), 0, 5)[0] / total, rel=1e-6)
    assert integrate.quad(density, low, high)[0] / total == pytest.approx(0.95, abs=1e-6)
    assert integrate.quad(density, 0, low)[0] / total == pytest.approx(0.025, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_intervals_cover_the_rates_that_they_are_of(seed):
    clicks, looks, rate = drawn(8_000, seed)
    _, low, high = fitted_prior(clicks, looks).rates(clicks, looks)
    assert np.mean((low <= rate) & (rate <= high)) == pytest.approx(0.95, abs=0.01)


def test_one_click_in_one_look_does_not_lead():
    clicks, looks, _ = drawn(500, 4)
    clicks, looks = np.append(clicks, [1.0, 60.0]), np.append(looks, [1.0, 100.0])
    rate = fitted_prior(clicks, looks).rates(clicks, looks)[0]
    assert rate[-2] < rate[-1]  # though 1 / 1 is more than 60 / 100


def test_no_click_tells_no_rate():
    with pytest.raises(InputError, match="nothing is clicked"):
        fitted_prior(np.zeros(3), np.ones(3))


def test_grades_by_hand():
    estimate = np.array([0.50, 0.41, 0.29, 0.05, 0.30, 0.20, 0.90])
    low, high = estimate * 0.95, estimate * 1.05
    low[4], high[4] = 0.04, 0.31  # a share of .08 to .62: grades 0 to 3
    group = np.array([0, 0, 0, 0, 0, 1, 1])
    sure = np.array([True, True, True, True, True, True, False])
    assert graded(group, (estimate, low, high), sure, 4).tolist() == [4, 4, 2, 0, -1, 4, -1]
    assert graded(group, (estimate, low, high), sure, 1).tolist() == [1, 1, 1, 0, -1, 1, -1]
    assert graded(group, (estimate, low, high), np.zeros(7, bool), 4).tolist() == [-1] * 7


RATE = st.floats(0, 1)


@given(st.lists(st.tuples(st.integers(0, 2), RATE, RATE, RATE, st.booleans()), min_size=1), st.integers(1, 10))
def test_grades_keep_the_order_and_are_of_the_sure_alone(rows, grades):
    group, sure = np.array([r[0] for r in rows]), np.array([r[4] for r in rows])
    low, estimate, high = np.sort(np.array([r[1:4] for r in rows]), axis=1).T
    grade = graded(group, (estimate, low, high), sure, grades)
    assert (grade[~sure] == -1).all()
    assert grade.max() <= grades
    for g in set(group):
        rows_of = np.flatnonzero((group == g) & (grade >= 0))
        order = rows_of[np.argsort(estimate[rows_of], kind="stable")]
        assert (np.diff(grade[order]) >= 0).all()
    assert not len(rows) or graded(np.array([0, 0]), (np.array([1.0, 0.0]),) * 3, np.array([True, True]), grades).tolist() == [
        grades,
        0,
    ]
