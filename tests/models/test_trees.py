import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from assay.errors import InputError
from assay.models.trees import DecisionTree, Forest, RandomForest
from assay.testing.data import make_samples


def problem(seed, n, d, steps):
    """Columns with many equal values: thresholds fall on them and between them."""
    rng = np.random.default_rng(seed)
    X = np.round(rng.normal(size=(n, d)) * steps).astype(np.float32) / np.float32(steps)
    y = (X[:, 0] + 0.5 * rng.normal(size=n) > 0).astype(np.int8)
    y[:2] = [0, 1]
    return X, y, rng.uniform(0.5, 3.0, n)


@settings(max_examples=40, deadline=None)
@given(h.integers(0, 10_000), h.integers(5, 700), h.integers(1, 6), h.sampled_from([1, 3, 1000]), h.booleans())
def test_one_tree_predicts_as_scikit_learn_does(seed, n, d, steps, best_first):
    X, y, weight = problem(seed, n, d, steps)
    tree = DecisionTreeClassifier(max_leaf_nodes=20 if best_first else None, random_state=0).fit(X, y, weight)
    others = np.vstack([X, problem(seed + 1, 50, d, 7)[0], np.full((1, d), np.inf), np.full((1, d), -np.inf)])
    finite = np.clip(others, np.finfo(np.float32).min, np.finfo(np.float32).max)
    found = Forest.of([tree]).predict(others.astype(np.float32))
    np.testing.assert_allclose(found, tree.predict_proba(finite)[:, 1], rtol=0, atol=1e-12)


def test_values_at_and_beside_a_threshold_go_the_way_of_scikit_learn():
    X, y, _ = problem(4, 400, 3, 1000)
    tree = DecisionTreeClassifier(random_state=0).fit(X, y)
    edges = tree.tree_.threshold[tree.tree_.feature >= 0].astype(np.float32)
    beside = np.concatenate([np.nextafter(edges, np.float32(s)) for s in (-np.inf, np.inf)] + [edges])
    rows = np.repeat(beside[:, None], 3, axis=1)
    np.testing.assert_array_equal(Forest.of([tree]).predict(rows), tree.predict_proba(rows)[:, 1])


@pytest.mark.parametrize("rows", [1, 511, 512, 513, 1500])
def test_a_forest_predicts_as_scikit_learn_does(rows):
    X, y, weight = problem(1, 1500, 5, 30)
    forest = RandomForestClassifier(25, max_depth=9, random_state=0).fit(X, y, weight)
    found = Forest.of(forest.estimators_).predict(X[:rows])
    np.testing.assert_allclose(found, forest.predict_proba(X[:rows])[:, 1], rtol=0, atol=1e-12)


def test_a_tree_without_a_split_predicts_the_share_of_positives():
    X, y = np.zeros((10, 2), np.float32), np.array([0, 1] * 5)
    np.testing.assert_array_equal(Forest.of([DecisionTreeClassifier().fit(X, y)]).predict(X), np.full(10, 0.5))


@pytest.mark.parametrize("model", [DecisionTree(subsample=800), RandomForest(subsample=800, trees=5)])
def test_the_subsample_does_not_depend_on_row_order(model):
    train = make_samples(3_000).split("train")
    order = np.random.default_rng(0).permutation(len(train))
    found = model.fresh().fit(train, rng=np.random.default_rng(1)).predict(train)
    shuffled = model.fresh().fit(train.take(order), rng=np.random.default_rng(1)).predict(train)
    np.testing.assert_array_equal(found, shuffled)


def test_a_missing_feature_is_named():
    train = make_samples(2_000).split("train")
    model = DecisionTree().fit(train, rng=np.random.default_rng(1))
    without = make_samples(2_000, features=["user", "category", "noise"])
    with pytest.raises(InputError, match="no feature 'item_buyers_4'"):
        model.predict(without)
