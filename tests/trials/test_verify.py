"""Verification on sets whose answer is known."""

import numpy as np
import pytest

from assay.config import Evaluate, Select
from assay.evaluation.holdout import holdout
from assay.importance.influence import Influence, influence
from assay.importance.predicted import Random, SelfScore
from assay.importance.valuer import Importance
from assay.models.logistic import LogisticRegression
from assay.numerics.glm import fit
from assay.selection.arms import declare
from assay.testing.data import make_samples
from assay.trials import curve
from assay.trials import verify as trials
from tests.importance.test_influence import problem
from tests.trials.pasts import NOTHING


@pytest.fixture(scope="module")
def world():
    """Samples with a tenth of the training labels flipped, a model of them, and what is left to judge on."""
    samples = make_samples(6_000, seed=5)
    train, wrong = trials.planted(samples.split("train"), "flipped labels", 0.1, seed=1)
    model = LogisticRegression(l2=3.0).fit(train, rng=np.random.default_rng(0))
    tuning = holdout(samples.split("tuning"), None, None, "tuning", NOTHING, Evaluate(resamples=100), 0)
    return train, wrong, samples.split("validation"), tuning, model


def test_the_true_order_is_better_than_random_and_its_reverse_is_not_to_be_used(world):
    train, wrong, _, tuning, model = world
    rng = np.random.default_rng(0)
    oracle = np.argsort(~wrong, kind="stable")
    best_first = np.argsort(wrong * 1.0, kind="stable")
    lines = trials.curves(model, train, tuning, rng.permutation(len(train)), {"oracle": oracle, "reverse": best_first}, floor=0.0)
    assert {line["kind"] for line in lines} == {"removal", "addition"}
    good, bad = trials.verdict(lines, "oracle"), trials.verdict(lines, "reverse")
    assert good["usable"]
    assert good["better"]
    assert "better than removing at random" in good["sentence"]
    assert not bad["better"]
    by_ten = {
        line["valuer"]: line["difference"]["log_loss"]["value"]
        for line in lines
        if line["fraction"] == 0.1 and line["kind"] == "removal"
    }
    assert by_ten["oracle"] < by_ten[None] <= by_ten["reverse"] + 0.01
    for line in lines:
        found = line["difference"]["log_loss"]
        assert found["low"] <= found["value"] <= found["high"]


def test_a_valuer_called_random_is_judged_like_any_other(world):
    train, _, _, tuning, model = world
    chance = np.random.default_rng(0).permutation(len(train))
    lines = trials.curves(model, train, tuning, chance, {"random": chance}, floor=0.0)
    assert {line["valuer"] for line in lines} == {None, "random"}
    assert {"against_random" in line for line in lines if line["valuer"] == "random"} == {True}
    assert "cannot be told" in trials.verdict(lines, "random")["sentence"]


def test_a_verdict_of_every_kind():
    def line(fraction, value, p):
        entry = {"value": value, "low": value - 0.1, "high": value + 0.1, "p": p}
        return {"valuer": "x", "kind": "removal", "fraction": fraction, "against_random": {"log_loss": entry}}

    better, worse, even = line(0.01, -1, 1e-6), line(0.02, 1, 1e-6), line(0.05, 0.1, 0.6)
    assert trials.verdict([better, even], "x")["usable"]
    assert not trials.verdict([worse, even], "x")["usable"]
    assert "not" in trials.verdict([worse], "x")["sentence"].lower()
    assert "small amounts" in trials.verdict([better, worse], "x")["sentence"]
    assert "cannot be told" in trials.verdict([even], "x")["sentence"]
    barely = line(0.01, 1, 0.03)
    assert trials.verdict([barely, even, line(0.1, 0, 0.9)], "x")["usable"]  # Holm over the amounts
    few = line(0.01, 1, 1e-6)
    few["against_random"]["log_loss"]["needs"] = 4000
    assert trials.verdict([few], "x")["usable"]
    assert "take some 4,000" in trials.verdict([few], "x")["sentence"]


def test_values_worse_than_random_are_barred_from_selection(world):
    train, wrong, _, tuning, model = world
    section = Select(fractions=[0.05, 0.1], floor=0.01, valuer="influence")
    ids = train.keys.column("sample_id").to_numpy()
    for value, usable in ((-wrong.astype(float), True), (wrong + 0.0, False)):
        # Upside down, the most typical samples go first: worse than at random.
        score = SelfScore().value(train, train, model=model, utility="log_loss", folds=2, rng=np.random.default_rng(0)).value
        per_fold = (
            np.stack([value * 10 + (score if usable else -score)] * 4)
            + np.random.default_rng(1).normal(size=(4, len(ids))) * 1e-3
        )
        arms = declare(train, Importance(ids, per_fold.mean(axis=0), per_fold), [], [], section)
        tried = curve.try_arms(model, train, tuning, arms)
        assert tried.curve["usable"] == usable
        assert tried.chosen.family != "random"
        if not usable:
            assert tried.chosen.family not in ("removal", "damping")


@pytest.mark.parametrize("kind", trials.NOISES)
def test_planted_noise_is_where_it_was_planted(world, kind):
    train = world[0]
    noisy, wrong = trials.planted(train, kind, 0.05, seed=2)
    assert wrong.sum() == round(0.05 * len(train))
    np.testing.assert_array_equal(noisy.label != train.label, wrong)
    if kind != "flipped labels":
        assert np.all(noisy.label[wrong] == 1)
    np.testing.assert_array_equal(trials.planted(train, kind, 0.05, seed=2)[1], wrong)
    with pytest.raises(ValueError, match="kind is 'gremlins'"):
        trials.planted(train, "gremlins", 0.05, seed=2)


def test_detection_finds_flips_and_chance_finds_none():
    train, validation = (make_samples(4_000, seed=6).split(name) for name in ("train", "validation"))
    model = LogisticRegression(l2=3.0).fit(train, rng=np.random.default_rng(0))
    lines = trials.detection(model, train, validation, [SelfScore(), Random()], share=0.05, folds=3, seed=0)
    assert len(lines) == 2 * len(trials.NOISES)
    by = {(line["noise"], line["valuer"]): line for line in lines}
    assert by["flipped labels", "self_score"]["auc"]["low"] > 0.6
    assert by["flipped labels", "self_score"]["precision"]["value"] > 3 * by["flipped labels", "random"]["chance"]
    chance = by["flipped labels", "random"]["auc"]
    assert chance["low"] < 0.5 < chance["high"] + 0.02


def test_detected_by_hand():
    wrong = np.array([True, False, True, False, False])
    found = trials.detected(wrong, np.array([5.0, 4.0, 3.0, 2.0, 1.0]))
    assert found["auc"]["value"] == pytest.approx(5 / 6)
    assert found["precision"]["value"] == 0.5
    assert found["chance"] == 0.4


def test_the_datamodeling_score_of_influence_is_high_and_that_of_chance_is_not(world):
    train, _, validation, tuning, model = world
    values = {
        valuer.name: valuer.value(train, validation, model=model, utility="log_loss", folds=3, rng=np.random.default_rng(0)).value
        for valuer in (Influence(), Random())
    }
    scores = trials.datamodel_score(
        lambda weight: curve.refit(model, train, weight), train, validation, tuning, values, subsets=40, share=0.9, seed=0
    )
    assert set(scores) == {"datamodel_score"}  # nothing is ranked here
    found = scores["datamodel_score"]
    assert found["influence"]["value"] >= 0.9
    assert found["influence"]["low"] < found["influence"]["value"] < found["influence"]["high"]
    assert abs(found["random"]["value"]) < 0.5


@pytest.mark.parametrize("seed", range(3))
def test_the_surrogate_predicts_random_subsets(seed):
    X, y, X_val, y_val = problem(400, 6, m=200, seed=seed)
    value = influence(X, y, X_val, y_val, l2=1.0)
    rng = np.random.default_rng(seed)
    sums, utilities = [], []
    for _ in range(80):
        kept = rng.random(400) < 0.9
        b = fit(X[kept], y[kept], l2=1.0).coef
        sums.append(value[kept].sum())
        utilities.append(-np.mean(np.logaddexp(0, -(2.0 * y_val - 1) * (X_val @ b))))
    assert trials.rank_correlation(np.array(sums), np.array(utilities))["value"] >= 0.95


def test_stability_is_1_of_equal_values_and_about_0_of_random_ones():
    rng = np.random.default_rng(0)
    fixed = rng.normal(size=(4, 2_000))
    one = Importance(np.arange(2_000), fixed.mean(axis=0), fixed)
    same = trials.stability([one, one, one])
    assert same["seeds"]["value"] == pytest.approx(1)
    assert same["lowest"]["value"] == 1
    assert abs(same["folds"]["value"]) < 0.1
    drawn = [Importance(np.arange(2_000), rng.normal(size=2_000)) for _ in range(3)]
    assert abs(trials.stability(drawn)["seeds"]["value"]) < 0.1
    assert "folds" not in trials.stability(drawn)
