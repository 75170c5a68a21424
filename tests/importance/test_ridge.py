"""Values of continuous labels are those of retraining without each sample."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, mean_squared_error

from assay import ridge_influence

MEASURES = {"squared": mean_squared_error, "absolute": mean_absolute_error}


def made(seed: int, n: int = 30, p: int = 4, m: int = 20):
    rng = np.random.default_rng(seed)
    X, X_val, truth = rng.normal(size=(n, p)), rng.normal(size=(m, p)), rng.normal(size=p)
    return X, X @ truth + rng.normal(size=n), X_val, X_val @ truth + rng.normal(size=m)


def retrained(X, y, X_val, y_val, l2, weight, loss, rows) -> np.ndarray:
    """The rise of the loss without each sample, by scikit-learn's ridge regression."""

    def lost(kept):
        model = Ridge(alpha=l2, fit_intercept=False).fit(X[kept], y[kept], weight[kept])
        return MEASURES[loss](y_val[rows], model.predict(X_val[rows]))

    everything = np.ones(len(y), bool)
    return np.array([lost(np.arange(len(y)) != i) - lost(everything) for i in range(len(y))])


@given(
    seed=st.integers(0, 10_000),
    l2=st.sampled_from([0.01, 1.0, 50.0]),
    loss=st.sampled_from(sorted(MEASURES)),
    p=st.integers(1, 40),
)
def test_values_are_those_of_retraining(seed, l2, loss, p):
    X, y, X_val, y_val = made(seed, n=12, p=p)
    weight = np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 3.0], len(y))
    folds = np.arange(len(y_val)) % 3
    value = ridge_influence(X, y, X_val, y_val, l2=l2, sample_weight=weight, loss=loss, folds=folds)
    for fold in range(3):
        expected = retrained(X, y, X_val, y_val, l2, weight, loss, folds == fold)
        np.testing.assert_allclose(value.per_fold[fold], expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(value, value.per_fold.mean(axis=0))
    assert (np.asarray(value)[weight == 0] == 0).all()


def test_sparse_rows_and_blocks_of_rows_change_nothing(monkeypatch):
    X, y, X_val, y_val = made(1, n=200)
    X[X < 0], X_val[X_val < 0] = 0, 0
    value = ridge_influence(X, y, X_val, y_val, l2=1.0)
    np.testing.assert_allclose(ridge_influence(sparse.csr_array(X), y, sparse.csr_array(X_val), y_val, l2=1.0), value, atol=1e-12)
    monkeypatch.setattr("assay.importance.ridge._CELLS", 60)
    np.testing.assert_allclose(ridge_influence(X, y, X_val, y_val, l2=1.0), value, atol=1e-12)


def test_wrong_labels_are_worth_less():
    X, y, X_val, y_val = made(2, n=400, m=300)
    y[:20] += 15.0
    value = ridge_influence(X, y, X_val, y_val, l2=1.0, folds=np.arange(300) % 5)
    assert set(np.argsort(value.z)[:20].tolist()) <= set(np.argsort(value)[:60].tolist())
    assert np.median(value[:20]) < np.quantile(value[20:], 0.05)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"loss": "huber"}, "loss is 'huber'; give one of squared, absolute"),
        ({"l2": 0.0}, "l2 is 0.0"),
        ({"y": np.array([np.nan] * 30)}, "y holds NaN"),
        ({"sample_weight": -np.ones(30)}, "sample_weight holds -1"),
        ({"X": np.ones((30, 20_001)), "X_val": np.zeros((20, 20_001))}, "at most 20,000"),
    ],
)
def test_what_cannot_be_is_named(changed, says):
    X, y, X_val, y_val = made(0)
    arguments = {"X": X, "y": y, "X_val": X_val, "y_val": y_val, "l2": 1.0} | changed
    with pytest.raises(ValueError, match=says):
        ridge_influence(**arguments)
    with pytest.raises(ValueError, match="X_val is"):
        ridge_influence(X, y, X[:5], y[:5], l2=1.0)
