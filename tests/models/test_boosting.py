"""LightGBM stops early on late rows, and never does much worse than a constant."""

from dataclasses import replace

import lightgbm
import numpy as np
import pyarrow as pa
import pytest

from assay.models import boosting
from assay.models.boosting import LightGBM, shrinkage
from assay.models.dense import Dense
from assay.models.lambdarank import LambdaRank
from assay.models.rounds import held_back, regularised
from assay.models.scorer import Training
from assay.models.trees import DecisionTree
from assay.testing.data import make_samples


def fitted(model, train, **told):
    return model.fit(train, rng=np.random.default_rng(0), **told)


def log_loss(samples, predicted):
    return -np.average(np.log(np.where(samples.label > 0, predicted, 1 - predicted)), weights=samples.weight)


def classifier(train, rows, rounds, **settings):
    """LightGBM's own, and its probabilities of any samples."""
    layout = Dense.learn(train, rows, most_native=1000, impute=False)
    settings = {"max_bin": 63, "deterministic": True, "force_row_wise": True, **settings}
    theirs = lightgbm.LGBMClassifier(n_estimators=rounds, learning_rate=0.1, n_jobs=2, verbosity=-1, **settings)
    native = [layout.names.index(name) for name in layout.native]
    X = np.ascontiguousarray(layout.matrix(train.features)[rows])
    theirs.fit(X, train.label[rows], sample_weight=train.weight[rows], categorical_feature=native)
    return lambda samples: theirs.predict_proba(np.ascontiguousarray(layout.matrix(samples.features)))[:, 1]


@pytest.mark.parametrize("negative", [1.0, 10.0])
def test_rounds_are_best_for_late_rows_and_trees_are_of_all(negative):
    train = make_samples(4_000).split("train")
    train = train.with_weight(np.where(train.label > 0, 1.0, negative))
    model, rows = fitted(LightGBM(trees=60, leaves=9), train), np.arange(len(train))
    held = held_back(train, rows)
    shrunk = {"lambda_l2": shrinkage(train, rows)}
    small = regularised(len(held.early), 9) | shrunk
    late = train.take(held.late)
    losses = [log_loss(late, classifier(train, held.early, rounds, **small)(late)) for rounds in range(1, model.rounds_ + 21)]
    assert 1 < model.rounds_ == 1 + int(np.argmin(losses)) < 60
    every = classifier(train, rows, model.rounds_, **regularised(len(train), 9), **shrunk)
    np.testing.assert_allclose(model.predict(train), every(train), rtol=1e-9)
    predicted, label = np.average(model.predict(train), weights=train.weight), np.average(train.label, weights=train.weight)
    assert predicted == pytest.approx(label, rel=0.05)


def test_told_rounds_are_grown():
    train = make_samples(2_000).split("train")
    like = LightGBM()
    like.rounds_ = 17
    model = fitted(LightGBM(trees=9), train, training=Training(like=like))
    assert model.rounds_ == model.booster_.num_trees() == 17


def noisy(n, periods):
    """Samples of which 20 features tell nothing."""
    rng = np.random.default_rng(1)
    samples = make_samples(n, users=n // 20, seed=3)
    keys = samples.keys
    for name, values in (("label", rng.random(n) < 0.155), ("period", samples.period if periods > 1 else np.zeros(n))):
        at = keys.column_names.index(name)
        keys = keys.set_column(at, name, pa.array(values.astype(np.int32), keys.schema.field(name).type))
    features = pa.table({f"x{j}": pa.array(rng.normal(size=n), pa.float32()) for j in range(20)})
    return replace(samples, keys=keys, features=features, encoder=None)


@pytest.mark.parametrize("periods", [20, 1])
@pytest.mark.parametrize("n", [400, 3_000])
@pytest.mark.parametrize("model", [LightGBM(), LambdaRank()], ids=lambda model: model.name)
def test_of_noise_it_learns_little_more_than_the_share_of_positives(model, n, periods):
    samples = noisy(n, periods)
    train, test = samples.split("train"), samples.split("test")
    constant = log_loss(test, np.full(len(test), train.label.mean()))
    assert log_loss(test, fitted(model.fresh(), train).predict(test)) < constant + 0.05
    if model.name == "lightgbm":  # nor where nothing stops it
        like = LightGBM()
        like.rounds_ = 150
        late = log_loss(test, fitted(model.fresh(), train, training=Training(like=like)).predict(test))
        assert late < constant + 0.05


def heavy(n=2_000):
    """Samples whose negatives stand for 90 each."""
    samples = make_samples(n, users=n // 40, seed=5)
    return samples.with_weight(np.where(samples.label > 0, 1.0, 90.0))


def test_leaves_with_few_heavy_negatives_are_shrunk(monkeypatch):
    train, test = heavy().split("train"), heavy().split("test")
    share = float(np.average(train.label, weights=train.weight))
    assert shrinkage(train, np.arange(len(train))) == pytest.approx(100 * 90.0 * share * (1 - share))
    constant = log_loss(test, np.full(len(test), share))
    assert log_loss(test, fitted(LightGBM(), train).predict(test)) < constant
    monkeypatch.setattr(boosting, "shrinkage", lambda *_: 0.0)
    assert log_loss(test, fitted(LightGBM(), train).predict(test)) > constant


def test_a_tree_promises_no_1_where_it_saw_no_heavy_negative():
    train, test = heavy().split("train"), heavy().split("test")
    share = float(np.average(train.label, weights=train.weight))
    tree = fitted(DecisionTree(leaves=60, least=10), train)
    assert tree.predict(train).max() < 0.5
    assert log_loss(test, tree.predict(test)) < log_loss(test, np.full(len(test), share)) + 0.005
