"""LambdaRank learns the order within requests, and its probabilities keep it."""

from dataclasses import replace

import lightgbm
import numpy as np
import pyarrow as pa
import pytest

from assay.errors import InputError
from assay.models.boosting import LightGBM
from assay.models.lambdarank import LambdaRank
from assay.testing.data import make_samples


def fitted(model, train):
    return model.fit(train, rng=np.random.default_rng(0))


def with_requests(samples, request):
    at = samples.keys.column_names.index("request_id")
    return replace(samples, keys=samples.keys.set_column(at, "request_id", pa.array(request, pa.int64())))


def test_probabilities_are_in_the_strict_order_of_the_scores():
    samples = make_samples(4_000)
    train, test = samples.split("train"), samples.split("test")
    model = fitted(LambdaRank(trees=20, leaves=7), train)
    score = model.booster_.predict(np.ascontiguousarray(model.layout_.matrix(test.features)))
    predicted = model.predict(test)
    order = np.argsort(score, kind="stable")
    rises = np.diff(score[order]) > 1e-9
    assert rises.sum() > 100
    assert np.all(np.diff(predicted[order])[rises] > 0)
    assert abs(model.predict(train).mean() - train.label.mean()) < 0.01


def test_what_all_samples_of_a_request_share_is_not_learnt():
    """No pair of a request differs in it, so that a stump on it gains nothing; to a pointwise model it tells most."""
    samples = make_samples(6_000, features=["noise", "price"]).split("train")
    rng = np.random.default_rng(1)
    request = np.sort(rng.integers(300, size=len(samples)))
    mood = rng.normal(size=300)[request]
    price = rng.normal(size=len(samples))
    label = (rng.random(len(samples)) < 1 / (1 + np.exp(-3 * mood - price))).astype(np.int8)
    features = pa.table({"mood": pa.array(mood, pa.float32()), "price": pa.array(price, pa.float32())})
    at = samples.keys.column_names.index("label")
    samples = replace(samples, keys=samples.keys.set_column(at, "label", pa.array(label)), features=features, encoder=None)
    samples = with_requests(samples, request)
    gains = {}
    for model in (LambdaRank(trees=15, leaves=2), LightGBM(trees=15, leaves=2)):
        gains[model.name] = fitted(model, samples).booster_.feature_importance("gain")
    assert gains["lambdarank"][0] < 0.01 * gains["lambdarank"][1]
    assert gains["lightgbm"][0] > 2 * gains["lightgbm"][1]


def test_the_trees_are_lightgbms_own_whatever_the_order_of_the_rows():
    train = make_samples(3_000, users=20).split("train")
    model = fitted(LambdaRank(trees=8, leaves=5, truncation=4), train)
    order = np.argsort(train.request, kind="stable")
    X = np.ascontiguousarray(model.layout_.matrix(train.features)[order])
    _, group = np.unique(train.request, return_counts=True)
    settings = {"max_bin": 63, "num_leaves": 5, "lambdarank_truncation_level": 4, "deterministic": True, "force_row_wise": True}
    theirs = lightgbm.LGBMRanker(n_estimators=8, learning_rate=0.1, n_jobs=2, verbosity=-1, **settings)
    native = [model.layout_.names.index(name) for name in model.layout_.native]
    theirs.fit(X, train.label[order], group=group, categorical_feature=native)
    np.testing.assert_allclose(model.booster_.predict(X), theirs.predict(X), atol=1e-12)


def test_a_request_too_long_is_refused():
    train = make_samples(22_000).split("train")
    with pytest.raises(InputError, match="the largest request has"):
        fitted(LambdaRank(trees=1), with_requests(train, np.zeros(len(train))))
