import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h
from scipy import sparse
from sklearn.linear_model import LogisticRegression, Ridge

from assay.numerics.families import IDENTITY, LOGIT, probability
from assay.numerics.glm import Curvature, fit
from assay.numerics.products import as_rows


def problem(seed, n, p, density=1.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * (rng.random((n, p)) < density)
    y = (rng.random(n) < 1 / (1 + np.exp(-X[:, 0] * 2))).astype(np.int8)
    y[:2] = [0, 1]
    return X, y, rng.uniform(0.2, 3.0, n)


def reference(X, y, l2, weight=None):
    model = LogisticRegression(C=1 / l2, fit_intercept=False, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    return model.fit(X, y, sample_weight=weight).coef_[0]


@settings(max_examples=40, deadline=None)
@given(h.integers(0, 10_000), h.integers(5, 200), h.integers(1, 30), h.sampled_from([0.1, 0.5, 1.0]), h.floats(0.1, 50))
def test_the_fit_is_scikit_learns(seed, n, p, density, l2):
    X, y, weight = problem(seed, n, p, density)
    for given_weight in (None, weight):
        expected = reference(X, y, l2, given_weight)
        for rows in (X, sparse.csr_array(X), sparse.csr_array(X.astype(np.float32))):
            found = fit(as_rows(rows), y, l2=l2, sample_weight=given_weight)
            assert found.converged
            np.testing.assert_allclose(found.coef, expected, rtol=1e-4, atol=1e-5)


def test_a_weight_is_a_number_of_copies_and_0_is_absence():
    X, y, _ = problem(3, 120, 6)
    weight = np.random.default_rng(3).integers(0, 4, 120).astype(float)
    copies = np.repeat(np.arange(120), weight.astype(int))
    found = fit(as_rows(X), y, l2=1.0, sample_weight=weight)
    np.testing.assert_allclose(found.coef, fit(as_rows(X[copies]), y[copies], l2=1.0).coef, atol=1e-6)
    kept = weight > 0
    np.testing.assert_allclose(found.coef, fit(as_rows(X[kept]), y[kept], l2=1.0, sample_weight=weight[kept]).coef, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(h.integers(0, 10_000), h.floats(-30, 30))
def test_a_warm_start_ends_where_a_cold_one_does(seed, far):
    X, y, weight = problem(seed, 150, 8)
    cold = fit(as_rows(X), y, l2=1.0, sample_weight=weight)
    nearby = fit(as_rows(X[:100]), y[:100], l2=1.0)
    np.testing.assert_allclose(
        fit(as_rows(X), y, l2=1.0, sample_weight=weight, start=nearby.coef, curvature=nearby.curvature).coef,
        cold.coef, atol=1e-5,
    )  # fmt: skip
    found = fit(as_rows(X), y, l2=1.0, sample_weight=weight, start=np.full(8, far))
    assert found.converged
    np.testing.assert_allclose(found.coef, cold.coef, atol=1e-5)


def test_a_start_at_the_optimum_takes_no_step():
    X, y, _ = problem(1, 200, 5)
    first = fit(as_rows(X), y, l2=1.0)
    again = fit(as_rows(X), y, l2=1.0, start=first.coef)
    assert again.iterations == 0
    np.testing.assert_array_equal(again.coef, first.coef)


def test_separable_labels_and_large_values_converge():
    X = np.array([[-1e3], [-1.0], [1.0], [1e3]])
    found = fit(as_rows(X), np.array([0, 0, 1, 1]), l2=1e-3)
    assert found.converged
    assert np.isfinite(found.coef).all()
    np.testing.assert_allclose(found.coef, reference(X, [0, 0, 1, 1], 1e-3), rtol=1e-5)


@pytest.mark.parametrize(("y", "weight"), [([], []), ([1, 1], [1, 1]), ([0, 0], [1, 1]), ([0, 1], [1, 0]), ([0, 1], [0, 0])])
def test_one_class_is_refused(y, weight):
    with pytest.raises(ValueError, match="both labels"):
        fit(as_rows(np.ones((len(y), 1))), np.array(y), l2=1.0, sample_weight=np.array(weight, float))


@settings(max_examples=40, deadline=None)
@given(h.integers(0, 10_000), h.integers(2, 120), h.integers(1, 40), h.sampled_from([0.05, 0.3, 1.0]), h.floats(0.1, 50))
def test_curvature_is_that_of_the_dense_hessian(seed, n, p, density, l2):
    X, _, d = problem(seed, n, p, density)
    d[::5] = 0.0
    rows = as_rows(X)
    hessian = X.T @ (X * d[:, None]) + l2 * np.eye(p)
    inverse = np.linalg.inv(hessian)
    g = np.random.default_rng(seed).normal(size=(p, 3))
    curve = Curvature(rows, d, l2)
    np.testing.assert_allclose(curve.solve(g), inverse @ g, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(curve.solve(g[:, 0]), inverse @ g[:, 0], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(curve.leverage(rows), np.diag(X @ inverse @ X.T), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(curve.solve(g), inverse @ g, rtol=1e-7, atol=1e-9)  # from the inverse now
    np.testing.assert_allclose(curve.solve(g[:, 0]), inverse @ g[:, 0], rtol=1e-7, atol=1e-9)


def test_leverages_of_the_weighted_rows_sum_to_the_effective_columns():
    X, _, d = problem(5, 100, 7)
    hat = np.sqrt(d)[:, None] * X @ np.linalg.inv(X.T @ (X * d[:, None]) + 1e-9 * np.eye(7)) @ (np.sqrt(d)[:, None] * X).T
    found = d * Curvature(as_rows(X), d, 1e-9).leverage(as_rows(X))
    np.testing.assert_allclose(found, np.diag(hat), atol=1e-9)
    assert found.sum() == pytest.approx(7, abs=1e-6)


def test_bits_do_not_depend_on_the_number_of_threads():
    X, y, weight = problem(9, 2_000, 30, 0.3)
    rows, before = as_rows(X), numba.get_num_threads()
    try:
        found = []
        for threads in (1, numba.config.NUMBA_NUM_THREADS):
            numba.set_num_threads(threads)
            fitted = fit(rows, y, l2=1.0, sample_weight=weight)
            found.append((fitted.coef, Curvature(rows, weight, 1.0).leverage(rows)))
    finally:
        numba.set_num_threads(before)
    for one, many in zip(*found, strict=True):
        np.testing.assert_allclose(one, many, rtol=1e-9, atol=1e-12)


def test_rows_with_repeated_or_unsorted_columns_are_put_right():
    raw = sparse.csr_array((np.array([1.0, 2.0, 3.0]), np.array([1, 0, 1]), np.array([0, 3])), shape=(1, 2))
    rows = as_rows(raw)
    assert rows.has_canonical_format
    np.testing.assert_array_equal(rows.toarray(), [[2.0, 4.0]])
    assert raw.nnz == 3
    assert as_rows(rows) is rows


def test_extreme_margins_do_not_overflow():
    margin = np.array([-1e4, -1.0, 0.0, 1.0, 1e4])
    with np.errstate(over="raise", invalid="raise"):
        p, loss = probability(margin), LOGIT.losses(margin, np.array([1, 1, 0, 0, 0]))
    np.testing.assert_allclose(p, [0, 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1], atol=1e-15)
    np.testing.assert_allclose(loss, [1e4, np.log1p(np.e), np.log(2), np.log1p(np.e), 1e4])


def test_too_many_columns_for_a_dense_hessian_still_fit():
    n, p = 300, 20_500
    rng = np.random.default_rng(0)
    indices = np.column_stack([np.zeros(n, int), rng.integers(1, p, n)])
    X = sparse.csr_array((np.ones(2 * n), (np.repeat(np.arange(n), 2), indices.ravel())), shape=(n, p))
    y = rng.integers(0, 2, n)
    found = fit(as_rows(X), y, l2=1.0)
    assert found.converged
    assert found.curvature is None
    gradient = X.T @ (1 / (1 + np.exp(-(X @ found.coef))) - y) + found.coef
    assert np.abs(gradient).max() < 1e-4
    with pytest.raises(ValueError, match="at most"):
        Curvature(as_rows(X), np.ones(n), 1.0)


@pytest.mark.parametrize("seed", range(12))
def test_the_decrement_is_what_the_fit_promises(seed):
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(50, 3_000)), int(rng.integers(2, 60))
    X = rng.normal(size=(n, p)) * rng.lognormal(size=p)
    y = (X @ rng.normal(size=p) + 3 * rng.logistic(size=n) > 0).astype(np.int8)
    weight = rng.choice([0.0, 0.5, 1.0, 12.0], n)
    l2 = float(rng.choice([0.1, 1.0, 10.0]))
    found = fit(as_rows(X), y, l2=l2, sample_weight=weight)
    chance = probability(X @ found.coef)
    hessian = X.T @ ((weight * chance * (1 - chance))[:, None] * X) + l2 * np.eye(p)
    gradient = X.T @ (weight * (chance - y)) + l2 * found.coef
    assert found.converged
    assert gradient @ np.linalg.solve(hessian, gradient) / 2 <= 1e-12 * np.count_nonzero(weight)


@settings(max_examples=40, deadline=None)
@given(h.integers(0, 10_000), h.integers(1, 100), h.integers(1, 30), h.sampled_from([0.1, 1.0]), h.floats(0.1, 50))
def test_a_fit_of_amounts_solves_the_normal_equations(seed, n, p, density, l2):
    rng = np.random.default_rng(seed)
    X, weight = rng.normal(size=(n, p)) * (rng.random((n, p)) < density), rng.uniform(0, 3, n) * (rng.random(n) < 0.8)
    y = rng.normal(3, 5, n)
    weight[0] = 1
    expected = np.linalg.solve(X.T @ (weight[:, None] * X) + l2 * np.eye(p), X.T @ (weight * y))
    sklearn = Ridge(alpha=l2, fit_intercept=False, solver="cholesky").fit(X, y, sample_weight=weight).coef_
    for rows in (X, sparse.csr_array(X)):
        found = fit(as_rows(rows), y, l2=l2, sample_weight=weight, family=IDENTITY)
        assert found.converged
        np.testing.assert_allclose(found.coef, expected, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(found.coef, sklearn, rtol=1e-6, atol=1e-8)


def test_amounts_that_are_all_alike_are_fitted_and_none_are_not():
    X = as_rows(np.ones((4, 1)))
    assert fit(X, np.full(4, 3.0), l2=1.0, family=IDENTITY).coef == pytest.approx([12 / 5])
    with pytest.raises(ValueError, match="needs samples with a weight above 0"):
        fit(X, np.full(4, 3.0), l2=1.0, sample_weight=np.zeros(4), family=IDENTITY)
