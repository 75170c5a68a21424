"""Learnt weights on sets whose best weights are known."""

import numpy as np
import pyarrow as pa
import pytest

from assay.findings.labels import Wording
from assay.findings.segments import attributes
from assay.models.logistic import LogisticRegression
from assay.selection.groups import Grouping
from assay.testing.data import make_samples
from assay.testing.defects import broken_week, swapped_category
from assay.trials import weights
from assay.trials.verify import planted
from assay.trials.weights import learn_weights


def fitted(train):
    return LogisticRegression(l2=3.0).fit(train, rng=np.random.default_rng(0))


def learn(train, validation, family):
    return learn_weights(fitted(train), train, validation, attributes(train, Wording()), family=family)


def test_a_swapped_category_loses_weight():
    samples = make_samples(24_000, users=200, seed=3)
    train, mask = swapped_category(samples.split("train"), np.random.default_rng(3))
    found = learn(train, samples.split("validation"), "slices")
    assert found.weight[mask].mean() < 0.6 * found.weight[~mask].mean()
    assert found.weight.sum() == pytest.approx(train.weight.sum())
    assert all(b > a for a, b in zip(found.path, found.path[1:], strict=False))
    assert "times where" in found.sentence()


def test_an_old_world_that_is_no_more_decays():
    samples = make_samples(12_000, users=200, seed=3)
    train = samples.split("train")
    old = train.period < np.quantile(train.period, 0.5)
    labels = np.where(old, 1 - train.label, train.label).astype(np.int8)
    at = train.keys.column_names.index("label")
    train = type(train)(train.keys.set_column(at, "label", pa.array(labels)), train.features, train.encoder)
    found = learn(train, samples.split("validation"), "recency")
    assert found.parameters.half_life < 8
    assert found.weight[~old].mean() > 1.5 * found.weight[old].mean()
    assert found.arm().family == "learnt"


def test_users_of_swapped_labels_lose_weight():
    samples = make_samples(12_000, users=200, seed=2)
    train = samples.split("train")
    mask = train.user % 10 == 0
    train = train.with_label(np.where(mask, 1 - train.label, train.label))
    kinds, shown = [Grouping("users", (train.user,))], attributes(train, Wording())
    found = learn_weights(fitted(train), train, samples.split("validation"), shown, kinds, family="groups")
    nobody = learn_weights(fitted(train), train, samples.split("validation"), shown, family="groups")
    np.testing.assert_array_equal(nobody.weight, train.weight)
    assert found.weight[mask].mean() < 0.7 * found.weight[~mask].mean()
    assert found.parameters.groups["users"] > 0.2
    assert "users up to" in found.sentence()


def test_what_is_learnt_is_judged_on_a_later_period():
    samples = make_samples(12_000, users=200, seed=2)
    train, validation = samples.split("train"), samples.split("validation")
    last = validation.period == validation.period.max()
    model = fitted(train)
    found = learn_weights(model, train, validation, attributes(train, Wording()), family="recency")
    again = model.fresh().fit(train.with_weight(found.weight), rng=np.random.default_rng(0))
    judged = validation.take(np.flatnonzero(last))
    assert found.path[-1] == pytest.approx(weights._utility(again, judged), abs=1e-7)


def test_flipped_labels_are_doubted():
    samples = make_samples(12_000, users=200, seed=4)
    train, wrong = planted(samples.split("train"), "flipped labels", 0.25, seed=0)
    found = learn(train, samples.split("validation"), "noise")
    assert found.parameters.noise > 0.03
    assert found.weight[wrong].mean() < 0.95 * found.weight[~wrong].mean()


@pytest.mark.parametrize("seed", range(2))
def test_clean_data_move_little(seed):
    samples = make_samples(12_000, users=200, seed=seed)
    train, validation = samples.split("train"), samples.split("validation")
    found = learn(train, validation, "all")
    assert found.path[-1] - found.path[0] < 0.01
    assert found.weight.min() > 0.1
    again = learn(train, validation, "all")
    np.testing.assert_array_equal(again.weight, found.weight)


def test_slopes_are_those_of_finite_differences():
    samples = make_samples(5_000, seed=5)
    train, _ = broken_week(samples.split("train"), np.random.default_rng(0))
    validation, model = samples.split("validation"), fitted(train)
    features = weights._features(model, train, attributes(train, Wording()), "all")[:6]
    theta = np.array([0.03, 0.02, 0.1, 0.0, -0.1, 0.0])
    weight = weights._weights(train.weight, features, theta)
    at = model.fresh().fit(train.with_weight(weight), rng=np.random.default_rng(0))
    found, _ = weights._slopes(at, train, weight, validation, np.arange(len(validation)) % 5, features, theta)
    for k in range(6):
        step = np.zeros(6)
        step[k] = 1e-3
        utilities = []
        for sign in (1, -1):
            changed = weights._weights(train.weight, features, theta + sign * step)
            again = model.fresh().fit(train.with_weight(changed), rng=np.random.default_rng(0))
            utilities.append(weights._utility(again, validation))
        assert found[k] == pytest.approx((utilities[0] - utilities[1]) / 2e-3, rel=0.1, abs=1e-5)


def test_all_at_once_is_not_held_up_by_what_stands_at_its_bound():
    samples = make_samples(24_000, users=200, seed=3)
    train, mask = swapped_category(samples.split("train"), np.random.default_rng(3))
    validation = samples.split("validation")
    found = learn(train, validation, "all")
    assert found.path[-1] > found.path[0] + 0.5 * (learn(train, validation, "slices").path[-1] - found.path[0])
    assert found.weight[mask].mean() < 0.7 * found.weight[~mask].mean()


def test_a_sentence_has_only_what_changes_something():
    slices = {"where price is above 19,370": -0.2, "where brand is own": 0.004, "where time is peak": -0.004}
    learnt = weights.Learnt("all", weights.Parameters(0.1, slices, {"users": 0.3, "items": 0.004}, 0.004), np.ones(2), [])
    shown = "learnt weights (all): recency, half-life 7 periods; 0.82 times where price is above 19,370; users up to 1.35 times"
    assert learnt.sentence() == shown
    nothing = weights.Learnt("noise", weights.Parameters(0.0, {"where brand is own": 0.004}, {}, 0.0), np.ones(2), [])
    assert nothing.sentence() == "learnt weights (noise): as they were"
    noisy = weights.Learnt("noise", weights.Parameters(0.0, {}, {}, 0.03), np.ones(2), [])
    assert noisy.sentence() == "learnt weights (noise): 3 % of labels doubted"


def test_another_family_is_refused():
    samples = make_samples(2_000)
    train = samples.split("train")
    with pytest.raises(ValueError, match="family is 'magic'"):
        learn_weights(fitted(train), train, samples.split("validation"), [], family="magic")
