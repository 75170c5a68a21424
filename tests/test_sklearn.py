"""The classifier for scikit-learn: values as the array functions give them, weights by the rule, and what they are good for."""

import doctest
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import assay
import assay.sklearn
from assay.sklearn import SampleValuer

FUNCTIONS = {
    "knn_shapley": lambda *rows, folds=None: assay.knn_shapley(*rows, k=3, folds=folds),
    "knn_banzhaf": lambda *rows, folds=None: assay.knn_banzhaf(*rows, k=3, folds=folds),
    "influence": lambda X, y, X_val, y_val, folds=None: assay.influence(ones(X), y, ones(X_val), y_val, l2=0.7, folds=folds),
}


def ones(X):
    return np.column_stack([X, np.ones(len(X))])


def table(seed=0, rows=90, classes=("no", "yes")):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 4))
    return X, np.array(classes)[np.digitize(X[:, 0] + rng.normal(size=rows), [-0.7, 0.9][: len(classes) - 1])]


def planted(seed, rows=1_500, later=4_000):
    """Clusters of two classes, a tenth of the training labels turned round, then rows with true labels."""
    X, y = make_classification(rows + later, 20, n_informative=8, n_redundant=2, class_sep=1.5, flip_y=0, random_state=seed)
    wrong = np.random.default_rng(seed).choice(rows, rows // 10, replace=False)
    y_train = y[:rows].copy()
    y_train[wrong] = 1 - y_train[wrong]
    return X[:rows], y_train, X[rows:], y[rows:], wrong


@parametrize_with_checks([
    SampleValuer(LogisticRegression()),
    SampleValuer(LogisticRegression(), "influence", harmful_weight=0.5),
    SampleValuer(KNeighborsClassifier(), "knn_banzhaf"),
])  # fmt: skip
def test_it_is_an_estimator_as_scikit_learn_defines_one(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks' own data: few rows of a class, constant columns
        check(estimator)


def test_the_example_gives_what_it_says():
    assert doctest.testmod(assay.sklearn).attempted > 5
    assert doctest.testmod(assay.sklearn).failed == 0


@pytest.mark.parametrize("method", FUNCTIONS)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, sparse.csc_matrix])
def test_a_rows_values_are_those_of_the_folds_that_it_is_not_in(method, kind):
    X, y = table()
    model = SampleValuer(LogisticRegression(), method, cv=4, l2=0.7, k=3).fit(kind(X), y)
    values = [[] for _ in y]
    for train, test in StratifiedKFold(4).split(X, y):
        part = FUNCTIONS[method](X[train], (y == "yes").astype(int)[train], X[test], (y == "yes").astype(int)[test])
        for row, value in zip(train, part, strict=True):
            values[row].append(value)
    values = np.array(values)
    assert values.shape == (90, 3)
    importance = model.importance_
    assert importance.sample_id.tolist() == list(range(90))
    np.testing.assert_allclose(importance.value, values.mean(axis=1), atol=1e-9)
    np.testing.assert_allclose(importance.stderr, values.std(axis=1, ddof=1) / np.sqrt(3), atol=1e-9)
    assert importance.metadata["method"] == method


@pytest.mark.parametrize("method", FUNCTIONS)
def test_values_by_a_validation_set_are_those_of_the_function(method):
    (X, y), (X_val, y_val) = table(1), table(2, 60)
    model = SampleValuer(LogisticRegression(), method, cv=KFold(6), l2=0.7, k=3).fit(X, y, X_val=X_val, y_val=y_val)
    folds = np.repeat(np.arange(6), 10)
    expected = FUNCTIONS[method](X, (y == "yes").astype(int), X_val, (y_val == "yes").astype(int), folds=folds)
    np.testing.assert_allclose(model.importance_.value, expected, atol=1e-12)
    np.testing.assert_allclose(model.importance_.z, expected.z, atol=1e-9)


def test_several_classes_by_neighbours_and_two_by_influence():
    X, y = table(3, 120, ("a", "b", "c"))
    model = SampleValuer(LogisticRegression(), cv=3).fit(X, y)
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert model.predict_proba(X).shape == (120, 3)
    with pytest.raises(ValueError, match="Only binary classification"):
        SampleValuer(LogisticRegression(), "influence").fit(X, y)


@pytest.mark.parametrize("weight", [0.0, 0.25])
def test_the_rule_and_the_fit_under_its_weights(weight):
    X, y, later, _, _ = planted(0, 300, 100)
    X = StandardScaler().fit_transform(X)
    model = SampleValuer(LogisticRegression(), harmful_weight=weight).fit(X, y)
    harmful = model.importance_.z < -1.0
    assert 5 < harmful.sum() < 100  # fewer than half of either class: nothing is held back
    assert model.sample_weight_.tolist() == np.where(harmful, weight, 1.0).tolist()
    by_hand = LogisticRegression().fit(X, y, sample_weight=np.where(harmful, weight, 1.0))
    np.testing.assert_allclose(model.predict_proba(later), by_hand.predict_proba(later), atol=1e-4)
    assert model.score(X, y) == by_hand.score(X, y)


def test_half_of_each_class_keeps_its_weight():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(200, 2))
    y = np.zeros(200, int)
    y[rng.choice(200, 24, replace=False)] = 1  # a rare class, at random: its rows harm their neighbours
    model = SampleValuer(LogisticRegression(), harmful_z=0.0).fit(X, y)
    assert (model.importance_.z[y == 1] < 0).sum() > 12
    assert (model.sample_weight_[y == 1] == 0).sum() == 12
    gone, held = (np.flatnonzero((y == 1) & (model.importance_.z < 0) & (model.sample_weight_ == w)) for w in (0, 1))
    assert model.importance_.z[gone].max() <= model.importance_.z[held].min()


def test_rows_of_weight_0_need_no_sample_weight_of_the_estimator():
    X, y = table()
    model = SampleValuer(KNeighborsClassifier(3), harmful_z=0.5).fit(X, y)
    kept = model.sample_weight_ > 0
    assert 0 < (~kept).sum() < 45
    assert (model.predict(X) == KNeighborsClassifier(3).fit(X[kept], y[kept]).predict(X)).all()
    with pytest.raises(ValueError, match="KNeighborsClassifier takes no sample_weight"):
        SampleValuer(KNeighborsClassifier(3), harmful_weight=0.5).fit(X, y)


def test_rows_of_a_group_share_a_fold():
    X, y = table()
    groups = np.arange(90) // 3
    model = SampleValuer(LogisticRegression(), cv=GroupKFold(3)).fit(X, y, groups=groups)
    usual = SampleValuer(LogisticRegression(), cv=3).fit(X, y, groups=groups)
    plain = SampleValuer(LogisticRegression(), cv=3).fit(X, y)
    for valuer in (model, usual):
        assert not np.array_equal(valuer.importance_.value, plain.importance_.value)
    # A copy of every row in another fold is its own nearest neighbour: by groups it is in the same fold, and of no use.
    twice, labels = np.repeat(X, 2, axis=0), np.repeat(y, 2)
    apart = SampleValuer(LogisticRegression(), cv=KFold(3, shuffle=True, random_state=0), k=1).fit(twice, labels)
    together = SampleValuer(LogisticRegression(), cv=3, k=1).fit(twice, labels, groups=np.repeat(np.arange(90), 2))
    assert apart.importance_.value.mean() > 1.1 * together.importance_.value.mean()


def test_equal_rows_in_two_folds_are_two_samples():
    X, y = table()
    for method in FUNCTIONS:  # of a validation set that is given they are a mistake
        with pytest.raises(ValueError, match="rows are training rows"):
            SampleValuer(LogisticRegression(), method, cv=3).fit(X, y, X_val=X[:30].copy(), y_val=y[:30])
    X[50], y[50] = X[3], y[3]
    for method in FUNCTIONS:
        assert np.isfinite(SampleValuer(LogisticRegression(), method, cv=KFold(3)).fit(X, y).importance_.z).all()


def test_it_works_in_a_pipeline_and_is_cloned():
    X, y = table()
    model = make_pipeline(StandardScaler(), SampleValuer(RandomForestClassifier(10, random_state=0), cv=3))
    assert cross_val_score(model, X, y, scoring="roc_auc", cv=3).mean() > 0.6
    model.fit(X, y)
    valued = SampleValuer(RandomForestClassifier(10, random_state=0), cv=3).fit(StandardScaler().fit_transform(X), y)
    assert np.array_equal(model[-1].importance_.value, valued.importance_.value)
    assert np.array_equal(clone(valued).fit(StandardScaler().fit_transform(X), y).sample_weight_, valued.sample_weight_)
    assert not hasattr(valued, "decision_function")


@pytest.mark.parametrize(
    ("settings", "rows", "message"),
    [
        ({"method": "shapley"}, {}, "method is 'shapley'; give one of knn_shapley, knn_banzhaf, influence"),
        ({"harmful_z": -1}, {}, "harmful_z is -1; give 0 or more"),
        ({"harmful_weight": 1.0}, {}, "harmful_weight is 1.0"),
        ({"l2": 0}, {}, "l2 is 0; give a number above 0"),
        ({"k": 0}, {}, "k is 0"),
        ({"cv": 2}, {}, "cv makes 2 folds; a standard error takes 3"),
        ({"cv": TimeSeriesSplit(3)}, {}, "cv: row 0 is in 0 test sets"),
        ({}, {"X_val": np.ones((9, 4))}, "X_val without y_val"),
        ({}, {"X_val": np.ones((9, 4)), "y_val": ["maybe"] * 9}, "y_val holds the class 'maybe'"),
        ({}, {"X_val": np.ones((9, 3)), "y_val": ["no"] * 9}, "features"),
    ],
)
def test_what_it_cannot_take_it_says(settings, rows, message):
    with pytest.raises(ValueError, match=message):
        SampleValuer(LogisticRegression(), **settings).fit(*table(), **rows)


def losses(model, X, y):
    return -np.log(np.clip(model.predict_proba(X)[np.arange(len(y)), y], 1e-6, 1))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("estimator", [LogisticRegression(), RandomForestClassifier(50, min_samples_leaf=3, random_state=0)])
def test_wrong_labels_have_low_values_and_the_fit_without_them_is_better(seed, estimator):
    X, y, later, labels, wrong = planted(seed)
    model = SampleValuer(estimator).fit(X, y)
    lowest = model.importance_.order()[: len(wrong)]
    assert np.isin(lowest, wrong).mean() > 0.75  # a tenth by chance
    assert np.isin(np.flatnonzero(model.sample_weight_ == 0), wrong).mean() > 0.8
    gain = losses(clone(estimator).fit(X, y), later, labels) - losses(model, later, labels)
    assert gain.mean() - 1.96 * gain.std() / np.sqrt(len(gain)) > 0  # nats per later row


@pytest.mark.parametrize("seed", range(5))
def test_influence_finds_them_by_a_validation_set_with_true_labels(seed):
    X, y, later, labels, wrong = planted(seed)
    model = SampleValuer(LogisticRegression(), "influence").fit(X, y, X_val=later[:500], y_val=labels[:500])
    lowest = model.importance_.order()[: len(wrong)]
    assert np.isin(lowest, wrong).mean() > 0.6
