"""Models of continuous and graded labels against closed forms, scikit-learn, and means and medians that were put there."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge as Reference
from sklearn.tree import DecisionTreeRegressor

from assay.errors import ConfigError, InputError, SplitError
from assay.models import named
from assay.models.als import Als
from assay.models.baselines import BuyItAgain, Popularity
from assay.models.boosting import LightGBM
from assay.models.dense import Dense
from assay.models.estimator import Estimator
from assay.models.lambdarank import LambdaRank, gain_levels
from assay.models.logistic import LogisticRegression
from assay.models.ridge import Ridge
from assay.models.trees import DecisionTree, Forest, RandomForest
from assay.task import ABSOLUTE, GRADED, SQUARED
from assay.testing.data import make_samples


def fitted(model, train):
    return model.fit(train, rng=np.random.default_rng(0))


def train(labels=SQUARED, n=3_000, **more):
    samples = make_samples(n, labels=labels, **more).split("train")
    return samples.with_weight(np.random.default_rng(2).integers(0, 3, len(samples)).astype(float))


def test_ridge_is_scikit_learns_and_comes_back_from_its_folder(tmp_path):
    samples = train()
    model = fitted(Ridge(l2=2.0), samples)
    reference = Reference(alpha=2.0, fit_intercept=False, solver="cholesky")
    reference.fit(samples.matrix().toarray().astype(float), samples.response, sample_weight=samples.weight)
    np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-8)
    assert model.converged_
    model.save(tmp_path)
    again = named.load(tmp_path)
    assert (type(again), again.l2, again.names_) == (Ridge, 2.0, model.names_)
    np.testing.assert_array_equal(again.predict(samples), model.predict(samples))


def test_a_linear_model_of_the_other_labels_names_the_right_one():
    with pytest.raises(InputError, match="ridge: learns continuous labels, and these are others; name 'logistic'"):
        fitted(Ridge(), make_samples(500).split("train"))
    with pytest.raises(InputError, match="logistic: learns labels of 0 and 1, and these are others; name 'ridge'"):
        fitted(LogisticRegression(), train(n=500))
    assert fitted(LogisticRegression(), train(GRADED)).converged_  # grades are 0 and 1 to what learns single samples


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (DecisionTree(leaves=12, least=20), DecisionTreeRegressor(max_leaf_nodes=12, min_samples_leaf=20, random_state=0)),
        (RandomForest(trees=8, depth=6, least=5), RandomForestRegressor(8, max_depth=6, min_samples_leaf=5, random_state=0)),
    ],
    ids=["tree", "forest"],
)
def test_trees_predict_as_scikit_learns_regressors_do(ours, theirs):
    samples = train()
    kept = samples.take(samples.weight > 0)
    layout = Dense.learn(kept, np.arange(len(kept)), most_native=0, impute=True)
    X = np.ascontiguousarray(layout.matrix(kept.features))
    theirs.fit(X, kept.response, sample_weight=kept.weight)
    found = Forest.of(getattr(theirs, "estimators_", [theirs])).predict(X)
    np.testing.assert_allclose(found, theirs.predict(X), rtol=1e-6, atol=1e-6)
    model = fitted(ours, samples)
    error = np.average((model.predict(samples) - samples.response) ** 2, weights=samples.weight)
    assert error == pytest.approx(np.average((theirs.predict(X) - kept.response) ** 2, weights=kept.weight), rel=0.05)


def skewed(labels, rows=6_000):
    """Amounts of two groups, half of each far above the rest, so that mean and median are far apart."""
    samples = make_samples(rows, features=["noise"], labels=labels)
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, rows)
    amount = 10 * group + rng.exponential(4, rows)
    keys = samples.keys.set_column(samples.keys.column_names.index("amount"), "amount", pa.array(amount))
    features = pa.table({"group": pa.array(group, pa.float32())})
    return replace(samples, keys=keys, features=features, encoder=None), group, amount


@pytest.mark.parametrize(("labels", "usual"), [(SQUARED, np.mean), (ABSOLUTE, np.median)], ids=["mean", "median"])
def test_lightgbm_learns_the_mean_or_the_median(labels, usual):
    samples, group, amount = skewed(labels)
    model = fitted(LightGBM(trees=200, leaves=3), samples)
    for one in (0, 1):
        predicted = model.predict(samples)[group == one]
        assert predicted.mean() == pytest.approx(usual(amount[group == one]), abs=0.35)


@pytest.mark.parametrize("model", [Popularity(), Popularity(window=None), BuyItAgain()], ids=["window", "all time", "again"])
@pytest.mark.parametrize("labels", [SQUARED, ABSOLUTE, GRADED], ids=lambda kind: kind.loss)
def test_simple_rules_keep_their_order_and_meet_the_mean(model, labels):
    samples = train(labels)
    model = fitted(model.fresh(), samples)
    predicted, raw = model.predict(samples), model.raw(samples)
    order = np.argsort(raw, kind="stable")
    rises = np.diff(raw[order]) > 1e-9
    assert rises.sum() > 10
    assert (np.diff(predicted[order])[rises] > 0).all()
    mean, spread = np.average(samples.response, weights=samples.weight), samples.response.std()
    assert np.average(predicted, weights=samples.weight) == pytest.approx(mean, abs=0.1 * spread)
    again = type(model).described(model.describe())
    np.testing.assert_array_equal(again.predict(samples), predicted)


def test_gain_levels_are_the_gains_themselves_or_quantiles_of_many():
    level, gains = gain_levels(np.array([2.5, 0.0, 1.0, 2.5]))
    assert (level.tolist(), gains) == ([2, 0, 1, 2], [0.0, 1.0, 2.5])
    gain = np.random.default_rng(0).gamma(2.0, 10.0, 5_000) * (np.arange(5_000) % 3 > 0)
    level, gains = gain_levels(gain)
    assert level.min() == 0
    assert len(gains) == level.max() + 1 <= 32
    assert ((level == 0) == (gain == 0)).all()
    for one in range(len(gains)):
        assert gains[one] == pytest.approx(gain[level == one].mean())
    order = np.argsort(gain)
    assert (np.diff(level[order]) >= 0).all()
    assert gain_levels(np.array([3.0, 3.0]))[0].tolist() == [1, 1]  # level 0 is that of no gain


def test_lambdarank_puts_higher_grades_first():
    """A feature tells grades apart and another nothing but what is positive: binary labels would learn the second alone."""
    samples = make_samples(6_000, labels=GRADED, features=["noise"])
    rng = np.random.default_rng(0)
    grade = rng.choice([0, 1, 3], len(samples), p=[0.4, 0.4, 0.2]).astype(float)
    features = pa.table({"grade": pa.array(grade + 0.1 * rng.normal(size=len(grade)), pa.float32())})
    keys = samples.keys
    for name, column in (("amount", pa.array(grade)), ("label", pa.array((grade > 0).astype(np.int8)))):
        keys = keys.set_column(keys.column_names.index(name), name, column)
    samples = replace(samples, keys=keys, features=features, encoder=None)
    predicted = fitted(LambdaRank(trees=20, leaves=7), samples).predict(samples)
    assert predicted[grade == 3].min() > np.quantile(predicted[grade == 1], 0.95)
    assert predicted[grade == 1].min() > np.quantile(predicted[grade == 0], 0.95)


def test_a_regressors_path_is_taken_and_a_classifiers_is_not():
    samples = train()
    model = fitted(Estimator("sklearn.linear_model:LinearRegression", "mine"), samples)
    rows = np.flatnonzero(samples.weight > 0)
    X = model.layout_.matrix(samples.features).astype(float)
    design, weight = np.column_stack([X, np.ones(len(X))]), np.sqrt(samples.weight)
    coef = np.linalg.lstsq(design[rows] * weight[rows, None], samples.response[rows] * weight[rows], rcond=None)[0]
    np.testing.assert_allclose(model.predict(samples), design @ coef, rtol=1e-3, atol=1e-3)
    with pytest.raises(ConfigError, match="has no fit and predict_proba; name a classifier"):
        fitted(Estimator("sklearn.linear_model:LinearRegression", "mine"), make_samples(500).split("train"))
    with pytest.raises(ConfigError, match="has no fit and predict; name a regressor"):
        fitted(Estimator("sklearn.preprocessing:StandardScaler", "mine"), samples)


def test_a_classifier_for_amounts_is_refused():
    with pytest.raises(ConfigError, match=r"LogisticRegression' .* name a regressor"):
        fitted(Estimator("sklearn.linear_model:LogisticRegression", "mine"), train())


def test_labels_that_are_all_alike_are_named():
    samples = train()
    with pytest.raises(SplitError, match=r"every label is 2.5, in all .* rows of the training samples of lightgbm"):
        fitted(LightGBM(), samples.with_response(np.full(len(samples), 2.5)))


def test_recommenders_take_amounts():
    samples = train()
    predicted = fitted(Als(factors=4, iterations=2), samples).predict(samples)
    assert np.isfinite(predicted).all()
    assert np.ptp(predicted) > 0


def test_a_net_that_learns_chances_of_samples_refuses_amounts():
    pytest.importorskip("torch")
    with pytest.raises(InputError, match="dcn needs labels of 0 and 1"):
        fitted(named.kind("dcn")(), train(n=500))
