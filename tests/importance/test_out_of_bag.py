"""Data-OOB against a loop over bags."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from assay.importance import data_oob


def data(seed=0, n=300, flipped=0.1, names=(0, 1)):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    wrong = rng.random(n) < flipped
    return X, np.array(names)[np.where(wrong, 1 - y, y)], wrong


def by_hand(model, X, y):
    hits, seen = np.zeros(len(y)), np.zeros(len(y))
    for estimator, drawn, columns in zip(
        model.estimators_, model.estimators_samples_, getattr(model, "estimators_features_", [None] * 999), strict=False
    ):
        for i in sorted(set(range(len(y))) - set(drawn.tolist())):
            row = X[i : i + 1] if columns is None else X[i : i + 1][:, columns]
            guess = estimator.predict(row)[0]
            guess = model.classes_[int(guess)] if estimator.classes_.dtype != model.classes_.dtype else guess
            hits[i] += guess == y[i]
            seen[i] += 1
    return hits / seen


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(40, random_state=1),
        BaggingClassifier(DecisionTreeClassifier(), 40, random_state=1),
        BaggingClassifier(LogisticRegression(), 40, random_state=1, max_features=0.6),
    ],
    ids=["forest", "trees", "linear"],
)
def test_values_are_shares_of_bags_without_the_row(model):
    X, y, _ = data()
    model.fit(X, y)
    np.testing.assert_allclose(data_oob(model, X, y), by_hand(model, X, y), atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("names", [("no", "yes"), (3, 7), (False, True)])
def test_classes_of_any_kind(names):
    X, y, _ = data(names=names)
    codes = np.searchsorted(np.unique(y), y)
    for model in (RandomForestClassifier(40), LogisticRegression()):
        np.testing.assert_array_equal(data_oob(model, X, y), data_oob(model, X, codes))


@pytest.mark.slow
def test_flipped_labels_are_low_with_every_kind_of_model():
    X, y, wrong = data(n=600)
    for model in (DecisionTreeClassifier(), LogisticRegression(), LinearSVC(), RandomForestClassifier(100)):
        found = data_oob(model, X, y)
        assert found.shape == (600,)
        assert np.mean(found[wrong]) < 0.4 < 0.7 < np.mean(found[~wrong])
        assert np.isfinite(found.stderr).all()
        np.testing.assert_array_equal(found, data_oob(model, X, y))
    rows = sparse.csr_array(X)
    np.testing.assert_allclose(data_oob(DecisionTreeClassifier(), rows, y), data_oob(DecisionTreeClassifier(), X, y), atol=0.2)


@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(30, random_state=1),
        BaggingRegressor(DecisionTreeRegressor(), 30, random_state=1),
        BaggingRegressor(LinearRegression(), 30, random_state=1, max_features=0.6),
    ],
    ids=["forest", "trees", "linear"],
)
def test_values_of_amounts_are_minus_the_mean_squared_error_of_bags_without_the_row(model):
    X, _, wrong = data(n=120)
    y = 20 + 5 * X[:, 0] + np.random.default_rng(1).normal(size=120) + 40 * wrong
    model.fit(X, y)
    scores = [[] for _ in y]
    columns = getattr(model, "estimators_features_", [np.arange(5)] * 30)
    for estimator, drawn, some in zip(model.estimators_, model.estimators_samples_, columns, strict=True):
        for i in sorted(set(range(120)) - set(drawn.tolist())):
            scores[i].append(-((estimator.predict(X[i : i + 1][:, some])[0] - y[i]) ** 2))
    found = data_oob(model, X, y)
    np.testing.assert_allclose(found, [np.mean(one) for one in scores], rtol=1e-9)
    np.testing.assert_allclose(found.stderr, [np.std(one, ddof=1) / len(one) ** 0.5 for one in scores], rtol=1e-6)
    assert np.median(found[wrong]) < np.quantile(found[~wrong], 0.1)


@pytest.mark.slow
def test_any_regressor_is_bagged():
    X, _, wrong = data(n=300)
    y = 20 + 5 * X[:, 0] + 40 * wrong
    for model in (DecisionTreeRegressor(), LinearRegression(), RandomForestRegressor(50)):
        found = data_oob(model, X, y)
        assert found.shape == (300,)
        assert (found <= 0).all()
        assert np.median(found[wrong]) < np.quantile(found[~wrong], 0.1)
        np.testing.assert_array_equal(found, data_oob(model, X, y))


def test_an_unfitted_model_stays_unfitted_and_a_fitted_one_as_it_was():
    X, y, _ = data()
    model = RandomForestClassifier(30)
    data_oob(model, X, y, seed=3)
    assert not hasattr(model, "estimators_")
    model.fit(X, y)
    before = model.predict_proba(X)
    data_oob(model, X, y)
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_bad_input_is_named():
    X, y, _ = data()
    fitted = RandomForestClassifier(30, random_state=0).fit(X, y)
    for arguments, message in [
        ((KMeans(), X, y), "not a scikit-learn classifier or regressor"),
        ((RandomForestRegressor(), X, np.array(["a", "b"])[y]), "y holds <U1, not numbers"),
        ((RandomForestRegressor(1), X, y), "is in all of its 1 bags"),
        ((fitted, X[:100], y[:100]), "fitted on other rows"),
        ((fitted, X, y + 5), "y holds classes"),
        ((fitted, X, y[:10]), "y has shape"),
        ((fitted, np.full_like(X, np.nan), y), "X holds NaN"),
        ((RandomForestClassifier(1), X, y), "is in all of its 1 bags"),
        ((RandomForestClassifier(5, bootstrap=False), X, y), "is in all of its 5 bags"),
    ]:
        with pytest.raises(ValueError, match=message):
            data_oob(*arguments)
