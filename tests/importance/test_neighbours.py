"""Values of the k-nearest-neighbour games against the utility of every subset."""

import dp_accounting
import numpy as np
import pytest
from dp_accounting import rdp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from assay.importance import knn_banzhaf, knn_shapley, threshold_knn_shapley
from assay.importance.privacy import noise_scale
from tests.importance.games import semivalue, subsets, tied_orders, top_k


def squared(X, v):
    return ((X - v) ** 2).sum(axis=1)


def brute(X, y, X_val, y_val, k, kind="hard"):
    """Mean over validation rows and over the orders of ties, from all subsets."""
    n, classes, out = len(y), len(set(y) | set(y_val)), np.zeros(len(y))
    for v, label in zip(X_val, y_val, strict=True):
        orders = list(tied_orders(squared(X, v)))
        match = y == label
        for order in orders:
            utility = top_k(order, match, k)
            if kind == "soft":
                size = np.minimum(k, subsets(n).sum(axis=1))
                utility = np.where(size > 0, utility / np.maximum(size, 1), 1 / classes)
            else:
                utility = utility / k
            out += semivalue(utility, n, "banzhaf" if kind == "banzhaf" else "shapley") / len(orders)
    return out / len(y_val)


def game(seed, most=8, grid=None):
    rng = np.random.default_rng(seed)
    n, m, classes = rng.integers(1, most + 1), rng.integers(1, 3), rng.integers(1, 4)
    draw = (lambda *s: rng.normal(size=s)) if grid is None else (lambda *s: rng.integers(0, grid, s).astype(float))
    return draw(n, 2), rng.integers(classes, size=n), draw(m, 2), rng.integers(classes, size=m), int(rng.integers(1, 11))


CASES = {
    "hard": lambda *a, k: knn_shapley(*a, k=k),
    "soft": lambda *a, k: knn_shapley(*a, k=k, soft=True),
    "banzhaf": lambda *a, k: knn_banzhaf(*a, k=k),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", CASES)
def test_a_thousand_games_without_ties(kind):
    for seed in range(1000):
        *data, k = game(seed)
        np.testing.assert_allclose(CASES[kind](*data, k=k), brute(*data, k, kind), atol=1e-10, err_msg=f"seed {seed}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", CASES)
def test_ties_are_averaged_over_their_orders(kind):
    for seed in range(300):
        *data, k = game(seed, most=5, grid=3)
        expected = brute(*data, k, kind)
        np.testing.assert_allclose(CASES[kind](*data, k=k), expected, atol=1e-10, err_msg=f"seed {seed}")
        X, y, X_val, y_val = data
        found = CASES[kind](sparse.csr_array(X), y, sparse.csr_array(X_val), y_val, k=k)
        np.testing.assert_allclose(found, expected, atol=1e-10, err_msg=f"sparse, seed {seed}")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([None, 2, 4]), st.sampled_from(sorted(CASES)))
def test_permuted_rows_have_permuted_values(seed, grid, kind):
    rng = np.random.default_rng(seed)
    n, m = 200, 9
    draw = (lambda *s: rng.normal(size=s)) if grid is None else (lambda *s: rng.integers(0, grid, s).astype(float))
    X, X_val, y, y_val = draw(n, 3), draw(m, 3), rng.integers(2, size=n), rng.integers(2, size=m)
    order = rng.permutation(n)
    found = CASES[kind](X, y, X_val, y_val, k=5)
    np.testing.assert_allclose(CASES[kind](X[order], y[order], X_val, y_val, k=5), found[order], rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(CASES[kind](X, y, X_val, y_val, k=5), found)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_values_sum_to_the_utility_of_all(seed, k):
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 60)), 7
    X, X_val, y, y_val = rng.normal(size=(n, 3)), rng.normal(size=(m, 3)), rng.integers(3, size=n), rng.integers(3, size=m)
    hits = [(y[np.argsort(squared(X, v))[:k]] == label) for v, label in zip(X_val, y_val, strict=True)]
    assert knn_shapley(X, y, X_val, y_val, k=k).sum() == pytest.approx(np.mean([h.sum() / k for h in hits]))
    classes = len(set(y) | set(y_val))
    soft = knn_shapley(X, y, X_val, y_val, k=k, soft=True).sum()
    assert soft == pytest.approx(np.mean([h.mean() for h in hits]) - 1 / classes)


@pytest.mark.parametrize("top", [10, 40, 200])
def test_a_truncated_value_is_within_its_bound(top):
    rng = np.random.default_rng(1)
    X, X_val, y, y_val = rng.normal(size=(500, 4)), rng.normal(size=(30, 4)), rng.integers(2, size=500), rng.integers(2, size=30)
    full = knn_shapley(X, y, X_val, y_val, k=10)
    cut = knn_shapley(X, y, X_val, y_val, k=10, top=top)
    assert 0 < np.abs(full - cut).max() < 1 / top
    np.testing.assert_array_equal(knn_shapley(X, y, X_val, y_val, k=10, top=500), full)
    one = knn_shapley(X, y, X_val[:1], y_val[:1], k=10, top=top)
    assert np.count_nonzero(one) <= top
    banzhaf = knn_banzhaf(X, y, X_val, y_val, k=10)
    assert np.abs(banzhaf - knn_banzhaf(X, y, X_val, y_val, k=10, top=top)).max() <= stats.binom.cdf(9, top, 0.5) / 10


def test_cosine_looks_at_directions_alone():
    rng = np.random.default_rng(2)
    X, X_val, y, y_val = rng.normal(size=(40, 3)), rng.normal(size=(6, 3)), rng.integers(2, size=40), rng.integers(2, size=6)
    found = knn_shapley(X, y, X_val, y_val, metric="cosine")
    np.testing.assert_allclose(knn_shapley(X * rng.uniform(1, 9, (40, 1)), y, X_val, y_val, metric="cosine"), found, atol=1e-12)
    unit, unit_val = (A / np.linalg.norm(A, axis=1, keepdims=True) for A in (X, X_val))
    np.testing.assert_allclose(knn_shapley(unit, y, unit_val, y_val), found, atol=1e-12)
    np.testing.assert_allclose(
        knn_shapley(sparse.csr_array(X), y, sparse.csr_array(X_val), y_val, metric="cosine"), found, atol=1e-12
    )
    with pytest.raises(ValueError, match="X: row 1 is all zeros"):
        knn_shapley([[1.0, 0], [0, 0]], [0, 1], [[1.0, 1]], [0], metric="cosine")


def threshold_utility(X, y, v, label, radius, classes):
    near = squared(X, v) <= radius**2
    inside = subsets(len(y)) & near
    size = inside.sum(axis=1)
    return np.where(size > 0, (inside & (y == label)).sum(axis=1) / np.maximum(size, 1), 1 / classes)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_threshold_values_against_all_subsets(make):
    for seed in range(300):
        X, y, X_val, y_val, _ = game(seed, grid=4 if seed % 2 else None)
        radius, classes = 0.3 + (seed % 5) / 2 + 1e-6, len(set(y) | set(y_val))
        expected = [semivalue(threshold_utility(X, y, v, c, radius, classes), len(y)) for v, c in zip(X_val, y_val, strict=True)]
        found = threshold_knn_shapley(make(X), y, make(X_val), y_val, radius=radius)
        np.testing.assert_allclose(found, np.mean(expected, axis=0), atol=1e-10, err_msg=f"seed {seed}")


def test_private_values_are_noised_by_the_accounted_amount():
    m, epsilon, delta = 50, 1.0, 1e-5
    scale = noise_scale(epsilon, delta, m)
    spent = rdp.RdpAccountant().compose(dp_accounting.GaussianDpEvent(scale / np.sqrt(2)), m).get_epsilon(delta)
    assert 0.99 * epsilon < spent <= epsilon + 1e-6
    rng = np.random.default_rng(3)
    X, X_val, y, y_val = rng.normal(size=(3000, 2)), rng.normal(size=(m, 2)), rng.integers(2, size=3000), rng.integers(2, size=m)
    plain = threshold_knn_shapley(X, y, X_val, y_val, radius=1.0)

    def private(e, seed=0):
        return threshold_knn_shapley(X, y, X_val, y_val, radius=1.0, epsilon=e, delta=delta, rng=np.random.default_rng(seed))

    np.testing.assert_array_equal(private(1.0), private(1.0))
    assert not np.array_equal(private(1.0), private(1.0, seed=1))
    assert np.abs(private(100.0) - plain).mean() < np.abs(private(0.5) - plain).mean()
    assert np.isfinite(private(0.01)).all()


def test_folds_average_to_the_whole_and_give_errors():
    rng = np.random.default_rng(4)
    X, X_val, y, y_val = rng.normal(size=(50, 2)), rng.normal(size=(12, 2)), rng.integers(2, size=50), rng.integers(2, size=12)
    folds = np.arange(12) % 3
    found = knn_shapley(X, y, X_val, y_val, folds=folds)
    np.testing.assert_allclose(found, knn_shapley(X, y, X_val, y_val), atol=1e-12)
    each = np.stack([knn_shapley(X, y, X_val[folds == f], y_val[folds == f]) for f in range(3)])
    np.testing.assert_allclose(found.per_fold, each, atol=1e-12)
    np.testing.assert_allclose(found.stderr, each.std(axis=0, ddof=1) / np.sqrt(3), atol=1e-12)
    np.testing.assert_allclose(found.z, found / (found.stderr + np.median(found.stderr)), atol=1e-12)
    assert np.isnan(knn_shapley(X, y, X_val, y_val).stderr).all()


def test_edges():
    assert knn_shapley([[0.5]], ["a"], [[0.0]], ["a"], k=9) == pytest.approx([1 / 9])
    assert knn_shapley([[0.5]], ["a"], [[0.0]], ["b"], soft=True) == pytest.approx([-0.5])
    constant = knn_shapley(np.ones((6, 2)), [0, 1] * 3, np.ones((1, 2)), [1], k=2)  # zero variance: one tie of all
    np.testing.assert_allclose(constant[1::2], constant[1])
    assert constant[1] > constant[0]
    single = knn_shapley(np.arange(4.0)[:, None], [1] * 4, [[0.2]], [1], k=2)
    assert single.sum() == pytest.approx(1)


GOOD = (np.array([[0.5, 1.2], [1.1, 0.3]]), np.array([0, 1]), np.array([[0.1, 0.2]]), np.array([1]))


@pytest.mark.parametrize(
    ("change", "keywords", "message"),
    [
        ({0: np.array([[np.nan, 1], [1, 1]])}, {}, "X holds NaN"),
        ({2: np.array([[np.inf, 1]])}, {}, "X_val holds NaN or infinite"),
        ({0: np.empty((0, 2)), 1: []}, {}, "X has no rows"),
        ({2: np.empty((0, 2)), 3: []}, {}, "X_val has no rows"),
        ({0: np.ones(2)}, {}, "X has 1 dimension"),
        ({2: np.ones((1, 3))}, {}, "X has 2 columns and X_val has 3"),
        ({1: [0, 1, 1]}, {}, "y has shape"),
        ({3: [0, 1]}, {}, "y_val has shape"),
        ({1: [0, np.nan]}, {}, "y holds NaN"),
        ({}, {"k": 0}, "k is 0"),
        ({}, {"k": 2.5}, "k is 2.5"),
        ({}, {"k": 2, "top": 1}, "top is 1, k is 2"),
        ({}, {"metric": "hamming"}, "metric is 'hamming'"),
        ({}, {"folds": [1]}, "folds holds"),
        ({}, {"folds": [0, 1]}, "folds has shape"),
        ({2: GOOD[0][:1], 3: [0]}, {}, "X_val is"),
        ({2: GOOD[0][:1].copy(), 3: [0]}, {}, "X_val: 1 of its rows are training rows"),
        ({0: np.array([["a", "b"], ["c", "d"]])}, {}, "not numbers"),
    ],
)
def test_bad_input_is_named(change, keywords, message):
    data = [change.get(k, value) for k, value in enumerate(GOOD)]
    for function in (knn_shapley, knn_banzhaf):
        with pytest.raises(ValueError, match=message):
            function(*data, **keywords)


def test_bad_settings_of_the_threshold_and_of_truncation_are_named():
    with pytest.raises(ValueError, match="soft=True"):
        knn_shapley(*GOOD, soft=True, top=5)
    for keywords, message in [
        ({"radius": 0}, "radius is 0"),
        ({"radius": 1.0, "epsilon": 1.0}, "epsilon needs delta"),
        ({"radius": 1.0, "delta": 0.1}, "delta without epsilon"),
        ({"radius": 1.0, "epsilon": -1.0, "delta": 0.1, "rng": np.random.default_rng(0)}, "epsilon is -1"),
        ({"radius": 1.0, "epsilon": 1.0, "delta": 2.0, "rng": np.random.default_rng(0)}, "delta is 2"),
    ]:
        with pytest.raises(ValueError, match=message):
            threshold_knn_shapley(*GOOD, **keywords)
