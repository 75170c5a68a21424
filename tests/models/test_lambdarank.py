"""LambdaRank learns the order within requests, and its probabilities keep it."""

from dataclasses import replace

import lightgbm
import numpy as np
import pyarrow as pa
import pytest

from assay.errors import InputError
from assay.models.boosting import LightGBM, request_weights
from assay.models.dense import Dense
from assay.models.lambdarank import LambdaRank
from assay.models.rounds import held_back, regularised
from assay.testing.data import make_samples


def fitted(model, train):
    return model.fit(train, rng=np.random.default_rng(0))


def with_requests(samples, request):
    at = samples.keys.column_names.index("request_id")
    return replace(samples, keys=samples.keys.set_column(at, "request_id", pa.array(request, pa.int64())))


def test_probabilities_are_in_the_strict_order_of_the_scores():
    samples = make_samples(20_000)
    train, test = samples.split("train"), samples.split("test")
    model = fitted(LambdaRank(trees=20, leaves=7), train)
    score = model.booster_.predict(np.ascontiguousarray(model.layout_.matrix(test.features)))
    predicted = model.predict(test)
    order = np.argsort(score, kind="stable")
    rises = np.diff(score[order]) > 1e-9
    assert rises.sum() > 100
    assert np.all(np.diff(predicted[order])[rises] > 0)
    assert abs(predicted.mean() - test.label.mean()) < 0.03


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


def ranker(train, rows, rounds, **settings):
    """LightGBM's own, on rows in order of request, and its scores of any samples."""
    rows = rows[np.argsort(train.request[rows], kind="stable")]
    layout = Dense.learn(train, rows, most_native=1000, impute=False)
    _, group = np.unique(train.request[rows], return_counts=True)
    settings = {"max_bin": 63, "lambdarank_truncation_level": 4, "deterministic": True, "force_row_wise": True, **settings}
    theirs = lightgbm.LGBMRanker(n_estimators=rounds, learning_rate=0.1, n_jobs=2, verbosity=-1, **settings)
    native = [layout.names.index(name) for name in layout.native]
    X = np.ascontiguousarray(layout.matrix(train.features)[rows])
    theirs.fit(X, train.label[rows], group=group, categorical_feature=native)
    return lambda samples: theirs.predict(np.ascontiguousarray(layout.matrix(samples.features)))


def test_the_trees_are_lightgbms_own_whatever_the_order_of_the_rows():
    train = make_samples(3_000, users=20).split("train")
    model = fitted(LambdaRank(trees=30, leaves=5, truncation=4), train)
    theirs = ranker(train, np.arange(len(train)), model.rounds_, **regularised(len(train), 5))
    np.testing.assert_allclose(np.log(model.raw(train)), theirs(train), atol=1e-9)


def test_rounds_are_best_for_ndcg_of_late_requests_and_the_table_is_learnt_of_them():
    train = make_samples(12_000, users=60).split("train")
    train = train.with_weight(np.where(train.label > 0, 1.0, 4.0))
    model = fitted(LambdaRank(trees=40, leaves=5, truncation=4), train)
    held = held_back(train, np.arange(len(train)))
    late, small = train.take(held.late), regularised(len(held.early), 5)

    def ndcg(rounds):
        score, total, requests = ranker(train, held.early, rounds, **small)(late), 0.0, np.unique(late.request)
        for request in requests:
            rows = late.request == request
            label = late.label[rows]
            gains = label[np.argsort(-score[rows], kind="stable")][:10] @ (1 / np.log2(np.arange(2, 2 + min(len(label), 10))))
            ideal = (1 / np.log2(np.arange(2, 2 + min(label.sum(), 10)))).sum()
            total += gains / ideal if ideal else 1.0
        return total / len(requests)

    assert ndcg(model.rounds_) >= max(ndcg(rounds) for rounds in range(1, 41, 3)) - 0.003  # ties of scores are broken otherwise
    raw = np.exp(ranker(train, held.early, model.rounds_, **small)(late))
    assert model.at_[0] >= raw.min() - 1e-9
    assert model.at_[-1] == pytest.approx(raw[raw > model.at_[-2] + 1e-9].mean(), rel=0.02)
    # The table keeps the weighted share of positives, also above and below the middle.
    table = np.interp(raw, model.at_, model.share_)
    for side in (raw > 0, raw > np.median(raw), raw <= np.median(raw)):
        share = np.average(late.label[side], weights=late.weight[side])
        assert np.average(table[side], weights=late.weight[side]) == pytest.approx(share, rel=0.08)


def test_weights_of_rows_are_no_weights_of_pairs_to_lightgbm():
    """A positive and a negative in one leaf, and another negative: weights of 10 on negatives turn the leaf's sign."""
    X, label, group = np.array([[0.0], [0.0], [1.0]] * 50), np.array([1, 0, 0] * 50), [3] * 50

    def leaf(weight):
        settings = {"num_leaves": 2, "min_child_samples": 1, "min_child_weight": 0, "verbosity": -1}
        model = lightgbm.LGBMRanker(n_estimators=1, learning_rate=1.0, **settings)
        return model.fit(X, label, group=group, sample_weight=weight).predict(X[:1])[0]

    plain = leaf(np.ones(150))
    assert plain > 0.5
    assert leaf(np.full(150, 10.0)) == pytest.approx(plain)
    assert leaf(np.tile([1.0, 10.0, 10.0], 50)) < -0.5


def test_weights_of_negatives_reach_the_table_and_not_the_pairs():
    train = make_samples(20_000, users=100).split("train")
    plain = fitted(LambdaRank(trees=20, leaves=7), train)
    heavy = fitted(LambdaRank(trees=20, leaves=7), train.with_weight(np.where(train.label > 0, 1.0, 9.0)))
    assert heavy.booster_.model_to_string() == plain.booster_.model_to_string()
    odds = [p / (1 - p) for p in (model.predict(train) for model in (plain, heavy))]
    assert np.median(odds[0] / odds[1]) == pytest.approx(9.0, rel=0.1)


def test_a_request_counts_as_much_as_its_positives_weigh():
    train = make_samples(2_000, users=20).split("train")
    train = train.with_weight(np.random.default_rng(0).random(len(train)) + 0.1)
    found = request_weights(train, np.arange(len(train)))
    for row in range(len(train)):
        own = (train.request == train.request[row]) & (train.label > 0)
        assert found[row] == pytest.approx(train.weight[own].mean() if own.any() else 1.0)


def test_a_request_too_long_is_refused():
    train = make_samples(22_000).split("train")
    with pytest.raises(InputError, match="the largest request has"):
        fitted(LambdaRank(trees=1), with_requests(train, np.zeros(len(train))))
