"""Influence against exact leave-one-out and leave-group-out retraining."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from assay.errors import AssayError
from assay.importance.influence import group_influence, influence, prepare
from assay.numerics.logistic import as_rows, fit


def problem(n, p, m=60, seed=0, noise=0.1):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=p)
    X, X_val = rng.normal(size=(n, p)), rng.normal(size=(m, p))
    y, y_val = ((A @ truth + rng.logistic(size=len(A)) > 0).astype(np.int8) for A in (X, X_val))
    flipped = rng.random(n) < noise
    return X, np.where(flipped, 1 - y, y).astype(np.int8), X_val, y_val


def retrained(X, y, l2, weight):
    """The minimum by scipy: nothing of ours."""
    sign = 2.0 * y - 1

    def loss(b):
        margin = sign * (X @ b)
        slope = -sign / (1 + np.exp(np.clip(margin, -500, 500)))
        return weight @ np.logaddexp(0, -margin) + l2 / 2 * b @ b, X.T @ (weight * slope) + l2 * b

    start = np.zeros(X.shape[1])
    return minimize(loss, start, jac=True, method="L-BFGS-B", options={"gtol": 1e-9, "ftol": 1e-15, "maxiter": 5000}).x


def mean_loss(X, y, b):
    return np.mean(np.logaddexp(0, -(2.0 * y - 1) * (X @ b)))


def leave_one_out(X, y, X_val, y_val, l2, weight):
    base = mean_loss(X_val, y_val, retrained(X, y, l2, weight))
    out = np.empty(len(y))
    for i in range(len(y)):
        without = weight.copy()
        without[i] = 0
        out[i] = mean_loss(X_val, y_val, retrained(X, y, l2, without)) - base
    return out


@pytest.mark.parametrize(("n", "p", "l2", "least"), [(300, 5, 1.0, 0.999), (120, 30, 5.0, 0.98), (60, 90, 10.0, 0.94)])
def test_values_are_those_of_leave_one_out_retraining(n, p, l2, least):
    X, y, X_val, y_val = problem(n, p)
    exact = leave_one_out(X, y, X_val, y_val, l2, np.ones(n))
    found = influence(X, y, X_val, y_val, l2=l2)[0]
    assert np.corrcoef(found, exact)[0, 1] > least
    slope = found @ exact / (found @ found)
    assert 0.9 < slope < 1.1
    plain = influence(X, y, X_val, y_val, l2=l2, correct=False)[0]
    assert np.abs(found - exact).mean() < np.abs(plain - exact).mean()


def test_weights_count_as_copies():
    X, y, X_val, y_val = problem(80, 4)
    weight = np.random.default_rng(1).integers(0, 3, 80).astype(float)
    exact = leave_one_out(X, y, X_val, y_val, 1.0, weight)
    found = influence(X, y, X_val, y_val, l2=1.0, sample_weight=weight)[0]
    assert np.all(found[weight == 0] == 0)
    assert np.corrcoef(found, exact)[0, 1] > 0.99
    copies = np.repeat(np.arange(80), weight.astype(int))
    single = influence(X[copies], y[copies], X_val, y_val, l2=1.0, correct=False)[0]
    plain = influence(X, y, X_val, y_val, l2=1.0, sample_weight=weight, correct=False)[0]
    np.testing.assert_allclose(np.bincount(copies, single, minlength=80), plain, atol=1e-9)


@pytest.mark.parametrize("size", [1, 8, 25])
def test_group_values_are_those_of_leave_group_out_retraining(size):
    X, y, X_val, y_val = problem(200, 6)
    own = np.zeros((200, 1))
    own[:size] = 1  # a column that only the group has, as a user's
    X, X_val = np.hstack([X, own]), np.hstack([X_val, np.ones((60, 1))])
    coef = fit(as_rows(X), y, l2=1.0).coef
    state = prepare(as_rows(X), y, as_rows(X_val), y_val, l2=1.0, coef=coef)
    without = np.ones(200)
    without[:size] = 0
    exact = mean_loss(X_val, y_val, retrained(X, y, 1.0, without)) - mean_loss(X_val, y_val, coef)
    found = group_influence(state, as_rows(X), y, np.arange(size))[0]
    alone = influence(X, y, X_val, y_val, l2=1.0, coef=coef)[0]
    if size == 1:
        np.testing.assert_allclose(found, alone[0], rtol=1e-6)
    else:
        assert abs(found - exact) < abs(alone[:size].sum() - exact)
    assert abs(found - exact) < 0.7 * abs(exact) + 1e-4


def test_folds_average_to_the_whole_when_they_are_equally_large():
    X, y, X_val, y_val = problem(100, 5)
    folds = np.arange(60) % 3
    per_fold = influence(X, y, X_val, y_val, l2=1.0, folds=folds)
    assert per_fold.shape == (3, 100)
    np.testing.assert_allclose(per_fold.mean(axis=0), influence(X, y, X_val, y_val, l2=1.0)[0], atol=1e-12)


def test_an_unconverged_model_is_refused():
    X, y, X_val, y_val = problem(100, 5)
    coef = fit(as_rows(X), y, l2=1.0).coef
    with pytest.raises(AssayError, match="not converged"):
        influence(X, y, X_val, y_val, l2=1.0, coef=coef + 1e-3)
    with pytest.raises(AssayError, match="not converged"):
        influence(X, y, X_val, y_val, l2=1.0, coef=np.full(5, np.nan))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(8, 60), st.integers(1, 8), st.floats(0.1, 100))
def test_values_do_not_depend_on_row_order_or_thread_count(seed, n, p, l2):
    X, y, X_val, y_val = problem(n, p, seed=seed)
    y[:2] = [0, 1]
    order = np.random.default_rng(seed).permutation(n)
    found = influence(X, y, X_val, y_val, l2=l2)[0]
    shuffled = influence(X[order], y[order], X_val, y_val, l2=l2)[0]
    np.testing.assert_allclose(shuffled, found[order], rtol=1e-6, atol=1e-10)
    assert np.isfinite(found).all()
