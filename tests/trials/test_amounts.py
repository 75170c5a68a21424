"""Trials on continuous labels: swapped labels are found, leaving them out helps on tuning, and what is planted is known."""

import numpy as np
import pytest

from assay.config import Evaluate, Select
from assay.evaluation.beyond import Past
from assay.evaluation.holdout import holdout
from assay.findings.anomalies import noisy_samples
from assay.findings.labels import Wording
from assay.findings.rules import mine
from assay.findings.segments import attributes
from assay.importance.influence import Influence
from assay.importance.predicted import SelfScore, surprise
from assay.models.ridge import Ridge
from assay.selection.arms import Arm, declare
from assay.selection.groups import Slopes
from assay.selection.weights import labels_differ
from assay.task import ABSOLUTE, SQUARED
from assay.testing.data import make_samples
from assay.testing.defects import duplicated_sessions
from assay.trials import curve
from assay.trials.curve import against_rule, mended, refit, swapped, try_arms
from assay.trials.subsample import draws
from assay.trials.verify import SWAPPED, curves, datamodel_score, detected, detection, noises, planted, verdict
from assay.trials.weights import learn_weights
from tests.trials.pasts import NOTHING

L2 = 3.0


def fitted(train):
    return Ridge(L2).fit(train, rng=np.random.default_rng(0))


def valued(train, validation, model, folds=6):
    rng = np.random.default_rng(0)
    return Influence().value(train, validation, model=model, utility=train.label_type.loss, folds=folds, rng=rng)


def tuning_of(samples):
    past = Past.of_training(samples.split("train"), 60)
    return holdout(samples.split("tuning"), None, None, "tuning", past, Evaluate(resamples=50), 7)


def test_swapped_labels_are_those_of_the_others_and_no_more():
    train = make_samples(2_000, labels=SQUARED).split("train")
    response, wrong = swapped(train, 0.1, np.random.default_rng(3))
    assert wrong.sum() == round(0.1 * len(train))
    np.testing.assert_array_equal(response[~wrong], train.response[~wrong])
    np.testing.assert_array_equal(np.sort(response[wrong]), np.sort(train.response[wrong]))
    assert (response[wrong] != train.response[wrong]).all()
    noisy, again = planted(train, SWAPPED, 0.1, seed=1)
    np.testing.assert_array_equal(noisy.response != train.response, again)
    assert planted(train, SWAPPED, 0.1, seed=1)[0].response.tolist() == noisy.response.tolist()
    assert noises(train) == (SWAPPED,)
    with pytest.raises(ValueError, match="give one of swapped labels"):
        planted(train, "flipped labels", 0.1, seed=1)


def defective(labels, rows=12_000):
    """Samples of which the training rows of one category are mostly swapped with each other's far end."""
    samples = make_samples(rows, labels=labels)
    train = np.array(samples.keys["split"].to_pylist()) == "train"
    wine = np.array(samples.features["category"].to_pylist()) == "wine"
    wrong = train & wine & (np.random.default_rng(1).random(rows) < 0.8)
    return samples.with_response(np.where(wrong, -samples.response, samples.response)), wrong[train]


@pytest.mark.parametrize("labels", [SQUARED, ABSOLUTE], ids=lambda kind: kind.loss)
def test_wrong_labels_of_a_category_are_taken_out_and_that_is_seen_on_tuning(labels):
    samples, _ = defective(labels)
    train, judge = samples.split("train"), tuning_of(samples)
    model = fitted(train)
    importance = valued(train, samples.split("validation"), model)
    described = attributes(train, Wording())
    rules = mine(described, importance)
    arms = declare(train, importance, rules, described, Select(fractions=[0.02, 0.1]))
    found = try_arms(model, train, judge, arms)
    assert found.chosen.family != "nothing"
    lines = {line["arm"]: line for line in found.curve["arms"]}
    gain = lines[found.chosen.name]["difference"]
    assert set(gain) == {labels.loss, "spearman"}
    assert gain[labels.loss]["high"] < 0
    tuning = samples.split("tuning")
    after = labels.losses(refit(model, train, found.chosen.weight).predict(tuning), tuning.response).mean()
    before = labels.losses(model.predict(tuning), tuning.response).mean()
    assert gain[labels.loss]["value"] == pytest.approx(after - before, abs=1e-6)
    changed = found.chosen.weight < train.weight
    wine = np.array(train.features["category"].to_pylist()) == "wine"
    assert wine[changed].mean() > 3 * wine.mean()
    explained = against_rule(model, train, judge, found.chosen, described)
    assert "wine" in explained["rule"]
    assert set(explained["against_chosen"]) == {labels.loss, "spearman"}


def test_mending_a_planted_defect_is_a_gain_that_grows_with_it(monkeypatch):
    samples = make_samples(12_000, labels=SQUARED)
    train = samples.split("train")
    judge = holdout(samples.split("tuning"), None, None, "tuning", NOTHING, Evaluate(resamples=50), 7)
    model = fitted(train)
    few = mended(model, train, judge, 0)["mse"]
    monkeypatch.setattr(curve, "PLANTED", 0.2)
    many = mended(model, train, judge, 0)["mse"]
    assert many["high"] < 0
    assert many["value"] < few["value"]


def test_planted_amounts_are_detected_and_flagged():
    samples = make_samples(8_000, labels=SQUARED)
    train, validation = samples.split("train"), samples.split("validation")
    model = fitted(train)
    lines = detection(model, train, validation, [Influence(), SelfScore()], folds=4, share=0.05, seed=1)
    assert [line["noise"] for line in lines] == [SWAPPED] * 2
    assert [line["valuer"] for line in lines] == ["influence", "self_score"]
    assert lines[1]["auc"]["low"] > 0.5
    assert lines[1]["precision"]["low"] > lines[1]["chance"]
    noisy, wrong = planted(train, SWAPPED, 0.05, seed=1)
    far = wrong & (np.abs(noisy.response - train.response) > 8)
    assert surprise(noisy, fitted(noisy))[far].max() < 0 < np.median(surprise(noisy, fitted(noisy))[~wrong])


@pytest.mark.parametrize("seed", range(3))
def test_amounts_that_are_far_off_are_anomalies_and_sound_ones_are_none(seed):
    samples = make_samples(6_000, users=200, seed=seed, labels=SQUARED)
    _, once = np.unique(np.stack([samples.request, samples.item]), axis=1, return_index=True)
    train = samples.take(np.sort(once)).split("train")
    assert not noisy_samples(train, fitted(train)).flagged.any()
    rows = np.random.default_rng(seed).choice(len(train), 20, replace=False)
    response = train.response.copy()
    spread = np.std(train.response - fitted(train).predict(train))
    response[rows] += np.where(np.arange(20) % 2 == 0, 15.0, -15.0) * spread
    far = train.with_response(response)
    found, wrong = noisy_samples(far, fitted(far)), np.isin(np.arange(len(train)), rows)
    np.testing.assert_array_equal(found.flagged, wrong)
    assert detected(wrong, found.suspicion)["precision"]["value"] == 1.0
    ranked = noisy_samples(far, fitted(far), valued(far, samples.split("validation"), fitted(far)))
    np.testing.assert_array_equal(ranked.flagged, wrong)
    assert detected(wrong, ranked.suspicion)["auc"]["low"] > 0.8
    again, copied = duplicated_sessions(train, np.random.default_rng(0))
    np.testing.assert_array_equal(noisy_samples(again, fitted(again)).flagged, copied)


def test_values_of_amounts_forecast_what_retraining_on_subsets_says():
    samples = make_samples(3_000, labels=SQUARED)
    train, validation = samples.split("train"), samples.split("validation")
    model = fitted(train)
    found = datamodel_score(
        lambda weight: refit(model, train, weight), train, validation, tuning_of(samples),
        {"influence": valued(train, validation, model).value, "chance": np.random.default_rng(0).random(len(train))},
        subsets=24, share=0.5, seed=1,
    )["datamodel_score"]  # fmt: skip
    assert found["influence"]["low"] > 0.3
    assert found["influence"]["value"] > 0.7
    assert abs(found["chance"]["value"]) < 0.6


def test_removal_by_value_is_judged_in_the_loss():
    samples, wrong = defective(SQUARED, 6_000)
    train, judge = samples.split("train"), tuning_of(samples)
    model = fitted(train)
    order = np.argsort(~wrong, kind="stable")  # those that are wrong come first
    chance = np.random.default_rng(0).permutation(len(train))
    lines = curves(model, train, judge, chance, {"oracle": order}, 0.0)
    assert {name for line in lines for name in line["difference"]} == {"mse", "spearman"}
    found = verdict(lines, "oracle")
    assert found["usable"]
    assert found["better"]
    assert not found["worse"]


def test_what_leaves_labels_that_do_not_differ_is_no_arm():
    train = make_samples(400, labels=SQUARED).split("train")
    one = np.zeros(len(train))
    one[0] = 1
    assert not labels_differ(train, one)
    assert labels_differ(train, train.weight)
    half = np.where(np.arange(len(train)) % 2, train.weight, 0)
    assert Arm("half", "random", half).weight.sum() == len(train) // 2


def test_draws_of_amounts_keep_the_weight_and_prefer_what_is_far_off():
    samples = make_samples(4_000, labels=SQUARED)
    train = samples.split("train")
    found = draws(train, 0.2, Ridge(L2), seed=3)
    size = np.abs(train.response - fitted(train).predict(train))
    for weight in found.values():
        assert weight.sum() == pytest.approx(0.2 * len(train), rel=0.2)
        assert np.count_nonzero(weight) == pytest.approx(0.2 * len(train), rel=0.2)
    assert size[found["weighted"] > 0].mean() > 1.2 * size[found["uniform"] > 0].mean()


def test_slopes_of_groups_are_those_of_the_loss():
    """What the validation loss falls by where some samples weigh a little more, by fitting again."""
    samples = make_samples(3_000, labels=SQUARED)
    train, validation = samples.split("train"), samples.split("validation")
    model = fitted(train)
    slopes = Slopes(model, train, validation, folds=2, seed=1)
    every = np.ones(len(validation), bool)
    values = slopes.values(every).mean(axis=0)
    assert values.shape == (len(train),)

    def loss(weight):
        return ((refit(model, train, weight).predict(validation) - validation.response) ** 2)[slopes.fold == 0].mean()

    rows = np.arange(len(train)) % 7 == 0
    step = 1e-3
    fall = loss(np.where(rows, train.weight * (1 - step), train.weight)) - loss(
        np.where(rows, train.weight * (1 + step), train.weight)
    )
    assert slopes.values(every)[0][rows].sum() == pytest.approx(fall / (2 * step), rel=1e-3)


def test_learnt_weights_lower_the_loss_of_amounts():
    samples, _ = defective(SQUARED)
    train, validation = samples.split("train"), samples.split("validation")
    found = learn_weights(fitted(train), train, validation, attributes(train, Wording()), family="all")
    assert found.path[-1] > found.path[0]
    assert found.weight.sum() == pytest.approx(train.weight.sum())
    wine = np.array(train.features["category"].to_pylist()) == "wine"
    assert found.weight[wine].mean() < found.weight[~wine].mean()
