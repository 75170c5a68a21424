"""Values of the k-nearest-neighbour regression against the utility of every subset, and against shuffled orders of arrival."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from assay import knn_shapley_regression
from tests.importance.games import semivalue, tied_orders, top_k


def squared(X, v):
    return ((X - v) ** 2).sum(axis=1)


def brute(X, y, X_val, y_val, k):
    """Mean over validation rows and over the orders of ties, from all subsets."""
    out = np.zeros(len(y))
    for v, label in zip(X_val, y_val, strict=True):
        orders = list(tied_orders(squared(X, v)))
        for order in orders:
            out += semivalue(-((top_k(order, y, k) / k - label) ** 2), len(y)) / len(orders)
    return out / len(y_val)


@st.composite
def games(draw, most, grid):
    """X, y, X_val, y_val and k; with a grid, points on whole numbers below it, so that distances tie."""
    n, m = draw(st.integers(1, most)), draw(st.integers(1, 2))
    point = st.floats(-4, 4) if grid is None else st.integers(0, grid - 1)
    label = st.one_of(st.integers(-3, 3), st.floats(-100, 100))
    rows = [np.array(draw(st.lists(st.tuples(point, point), min_size=s, max_size=s)), float) for s in (n, m)]
    labels = [np.array(draw(st.lists(label, min_size=s, max_size=s)), float) for s in (n, m)]
    return rows[0], labels[0], rows[1] + 0.0137 * (grid is None), labels[1], draw(st.integers(1, 11))


def check(X, y, X_val, y_val, k):
    expected = brute(X, y, X_val, y_val, k)
    np.testing.assert_allclose(knn_shapley_regression(X, y, X_val, y_val, k=k), expected, rtol=1e-9, atol=1e-8)
    if (np.rint(X) == X).all() and (np.rint(X_val) == X_val).all():  # else rounding parts what dense distances tie
        found = knn_shapley_regression(sparse.csr_array(X), y, sparse.csr_array(X_val), y_val, k=k)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-8)


@settings(max_examples=60, deadline=None)
@given(games(9, None))
def test_values_are_those_of_all_subsets(game):
    check(*game)


@settings(max_examples=60, deadline=None)
@given(games(5, 2))
def test_ties_are_averaged_over_their_orders(game):
    check(*game)


@settings(max_examples=10, deadline=None)
@given(games(6, 1))
def test_a_tie_of_all(game):
    check(*game)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.sampled_from([None, 2, 4]))
def test_values_sum_to_what_all_are_worth_beyond_none(seed, k, grid):
    X, y, X_val, y_val = made(seed, int(np.random.default_rng(seed).integers(1, 200)), grid)
    near = [np.sort(squared(X, v)) for v in X_val]
    worth = []
    for v, label, distance in zip(X_val, y_val, near, strict=True):
        cut = distance[min(k, len(y)) - 1]
        inside, tied = y[squared(X, v) < cut], y[squared(X, v) == cut]
        places = min(k, len(y)) - len(inside)
        # Of labels drawn without replacement: mean and variance of the sum over the last places.
        mean = inside.sum() + places * tied.mean()
        variance = 0.0 if len(tied) == 1 else places * (len(tied) - places) / (len(tied) - 1) * tied.var()
        worth.append(label**2 - (mean / k - label) ** 2 - variance / k**2)
    assert knn_shapley_regression(X, y, X_val, y_val, k=k).sum() == pytest.approx(np.mean(worth), rel=1e-9, abs=1e-9)


def made(seed, n=300, grid=None, m=9):
    rng = np.random.default_rng(seed)
    draw = (lambda *s: rng.normal(size=s)) if grid is None else (lambda *s: rng.integers(0, grid, s).astype(float))
    return draw(n, 3), rng.normal(5, 3, n), draw(m, 3), rng.normal(5, 3, m)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([None, 2, 4]))
def test_permuted_rows_have_permuted_values_and_equal_rows_equal_ones(seed, grid):
    X, y, X_val, y_val = made(seed, grid=grid)
    X[7], y[7] = X[200], y[200]
    order = np.random.default_rng(seed).permutation(len(y))
    found = knn_shapley_regression(X, y, X_val, y_val)
    np.testing.assert_allclose(knn_shapley_regression(X[order], y[order], X_val, y_val), found[order], rtol=1e-9, atol=1e-12)
    assert found[7] == found[200]


def test_any_number_of_threads_gives_the_same_bytes():
    X, y, X_val, y_val = made(3, 500, m=40)
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        one = knn_shapley_regression(X, y, X_val, y_val)
    finally:
        numba.set_num_threads(before)
    assert one.tobytes() == knn_shapley_regression(X, y, X_val, y_val).tobytes()


def test_a_large_set_against_orders_of_arrival():
    """Mean contributions over orders of arrival, drawn at random: no formula of ours is in them."""
    X, y, X_val, y_val = made(5, 40, m=3)
    k, draws = 4, 20_000
    rng = np.random.default_rng(6)
    found = knn_shapley_regression(X, y, X_val, y_val, k=k)
    contributions = np.zeros((draws, len(y)))
    for v, target in zip(X_val, y_val, strict=True):
        order = np.argsort(squared(X, v))
        near = y[order]
        arrives = rng.permuted(np.broadcast_to(np.arange(len(y)), (draws, len(y))), axis=1)  # players by rank, as they come
        worth = np.full(draws, -(target**2))
        here = np.zeros((draws, len(y)), bool)
        for step in range(len(y)):
            here[np.arange(draws), arrives[:, step]] = True
            total = (here & (np.cumsum(here, axis=1) <= k)) @ near
            after = -((total / k - target) ** 2)
            contributions[np.arange(draws), order[arrives[:, step]]] += (after - worth) / len(y_val)
            worth = after
    error = contributions.std(axis=0) / np.sqrt(draws)
    assert (np.abs(contributions.mean(axis=0) - found) < 5 * error).all()


def test_wrong_labels_are_worth_less():
    rng = np.random.default_rng(0)
    X, X_val = rng.normal(size=(400, 2)), rng.normal(size=(200, 2))
    y, y_val = X[:, 0] + 0.1 * rng.normal(size=400), X_val[:, 0]
    y[:20] += 5.0
    value = knn_shapley_regression(X, y, X_val, y_val, folds=np.arange(200) % 5)
    assert np.mean(value[:20] < np.quantile(value[20:], 0.05)) > 0.8
    assert value.z[:20].mean() < -1 < 0 < value.z[20:].mean()


def test_cosine_looks_at_directions_alone():
    X, y, X_val, y_val = made(2, 40)
    found = knn_shapley_regression(X, y, X_val, y_val, metric="cosine")
    longer = X * np.random.default_rng(0).uniform(1, 9, (40, 1))
    np.testing.assert_allclose(knn_shapley_regression(longer, y, X_val, y_val, metric="cosine"), found, atol=1e-12)
    unit, unit_val = (A / np.linalg.norm(A, axis=1, keepdims=True) for A in (X, X_val))
    np.testing.assert_allclose(knn_shapley_regression(unit, y, unit_val, y_val), found, atol=1e-12)


def test_folds_average_to_the_whole_and_give_errors():
    X, y, X_val, y_val = made(4, 50, m=12)
    folds = np.arange(12) % 3
    found = knn_shapley_regression(X, y, X_val, y_val, folds=folds)
    np.testing.assert_allclose(found, knn_shapley_regression(X, y, X_val, y_val), atol=1e-12)
    each = np.stack([knn_shapley_regression(X, y, X_val[folds == f], y_val[folds == f]) for f in range(3)])
    np.testing.assert_allclose(found.per_fold, each, atol=1e-12)
    np.testing.assert_allclose(found.stderr, each.std(axis=0, ddof=1) / np.sqrt(3), atol=1e-12)


GOOD = (np.array([[0.5, 1.2], [1.1, 0.3]]), np.array([0.5, 1.5]), np.array([[0.1, 0.2]]), np.array([1.0]))


@pytest.mark.parametrize(
    ("change", "keywords", "message"),
    [
        ({0: np.array([[np.nan, 1], [1, 1]])}, {}, "X holds NaN"),
        ({0: np.empty((0, 2)), 1: []}, {}, "X has no rows"),
        ({2: np.ones((1, 3))}, {}, "X has 2 columns and X_val has 3"),
        ({1: [0, 1, 1]}, {}, "y has shape"),
        ({3: [0, 1]}, {}, "y_val has shape"),
        ({1: [0, np.inf]}, {}, "y holds NaN or infinite"),
        ({1: ["a", "b"]}, {}, "y holds <U1, not numbers"),
        ({3: [-1e200]}, {}, "y_val holds numbers as large as 1e\\+200"),
        ({}, {"k": 0}, "k is 0"),
        ({}, {"metric": "hamming"}, "metric is 'hamming'"),
        ({}, {"folds": [1]}, "folds holds"),
        ({2: GOOD[0][:1], 3: [0]}, {}, "X_val is"),
        ({2: GOOD[0][:1].copy(), 3: [0.5]}, {}, "X_val: 1 of its rows are training rows"),
    ],
)
def test_bad_input_is_named(change, keywords, message):
    with pytest.raises(ValueError, match=message):
        knn_shapley_regression(*[change.get(place, value) for place, value in enumerate(GOOD)], **keywords)
