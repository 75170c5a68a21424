"""A holdout of continuous or graded labels measures what their kind says, against scikit-learn, SciPy and pytrec_eval."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import pytrec_eval
from scipy import stats
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from assay.config import Evaluate
from assay.errors import ConfigError, SplitError
from assay.evaluation.amounts import calibration_of_amounts
from assay.evaluation.beyond import Past
from assay.evaluation.claims import claims, decides, helps, hurts
from assay.evaluation.groups import group_predictions
from assay.evaluation.holdout import best_model, claimed, holdout, own_measures
from assay.evaluation.leakage import leaks
from assay.models.baselines import Popularity
from assay.models.boosting import LightGBM
from assay.models.ridge import Ridge
from assay.numerics.measures import AMOUNTS, POINTWISE, bounds
from assay.samples.rows import gain_lists
from assay.task import ABSOLUTE, BINARY, GRADED, SQUARED, of_measures
from assay.testing.data import make_samples

MISSED = 2.5  # gain of one more thing that every request took, and no candidate list holds


def judge(labels, ranked=True):
    """A holdout of test samples whose requests took one thing more than is on their lists, and the training samples."""
    samples = make_samples(6_000, labels=labels)
    test = samples.split("test")
    if not ranked:
        return holdout(test, None, None, "test", Past.of_training(samples.split("train"), 60), Evaluate(resamples=40), 7), samples
    _, once = np.unique(np.stack([test.request, test.item]), axis=1, return_index=True)
    test = test.take(np.sort(once))
    request, first, code = np.unique(test.request, return_index=True, return_inverse=True)
    gains = gain_lists(
        np.append(code, np.arange(len(request))), np.append(test.gain, np.full(len(request), MISSED)), len(request)
    )
    columns = {"request_id": request, "user_code": test.user[first], "split": ["test"] * len(first)}
    columns |= {"truth_count": pa.compute.list_value_length(gains).cast(pa.int32()), "gains": gains}
    requests = pa.table(columns).take(np.random.default_rng(0).permutation(len(request)))  # in no order
    past = Past.of_training(samples.split("train"), 60)
    return holdout(test, test, requests, "test", past, Evaluate(resamples=40), 7), samples


def fitted(model, samples):
    return model.fit(samples.split("train"), rng=np.random.default_rng(0))


@pytest.mark.parametrize("labels", [SQUARED, ABSOLUTE], ids=lambda kind: kind.loss)
def test_measures_of_amounts_are_those_of_scikit_learn(labels):
    tested, samples = judge(labels, ranked=False)
    model, test = fitted(Ridge(), samples), samples.split("test")
    found, predicted = tested.score(model.predict).measures, model.predict(samples.split("test"))
    expected = {
        "mse": mean_squared_error(test.response, predicted),
        "rmse": mean_squared_error(test.response, predicted) ** 0.5,
        "mae": mean_absolute_error(test.response, predicted),
        "r2": r2_score(test.response, predicted),
        "spearman": stats.spearmanr(test.response, predicted).statistic,
    }
    if labels is ABSOLUTE:
        del expected["mse"]  # claims are made on the other
    assert {name: one["value"] for name, one in found.items()} == pytest.approx(expected)
    assert decides(found) == tested.loss == labels.loss
    assert claims(found) == [name for name in labels.claims if "@" not in name]
    for name, one in found.items():
        low, high = bounds(name)
        assert low <= one["low"] <= one["value"] <= one["high"] <= high


@pytest.mark.parametrize("labels", [GRADED, SQUARED], ids=lambda kind: kind.name)
def test_ndcg_counts_gains_also_of_what_no_list_holds(labels):
    """Gains in thousandths: trec_eval's are whole numbers."""
    tested, samples = judge(labels)
    model = fitted(Popularity(), samples)
    scored = tested.score(model.predict)
    test = tested.candidates
    truth, run = {}, {}
    whole = np.rint(1000 * test.gain).astype(int)
    for r, item, gain, score in zip(test.request, test.keys["item_id"].to_pylist(), whole, scored.chances, strict=True):
        truth.setdefault(str(r), {"missed": int(1000 * MISSED)})[item] = int(gain)
        run.setdefault(str(r), {})[item] = float(score)
    expected = pytrec_eval.RelevanceEvaluator(truth, {"ndcg_cut_10"}).evaluate(run)
    for r, value in zip(*(scored.per_request.column(name).to_pylist() for name in ("request", "ndcg@10")), strict=True):
        assert value == pytest.approx(expected[str(r)]["ndcg_cut_10"], abs=1e-3)
    mean = np.mean([one["ndcg_cut_10"] for one in expected.values()])
    assert scored.measures["ndcg@10"]["value"] == pytest.approx(mean, abs=1e-3)
    assert 0 < tested.decided(model.predict) < 1
    chance = tested.chance(0.3)
    rng = np.random.default_rng(0)
    random = [tested.score(lambda s: rng.random(len(s)), resamples=2).measures["ndcg@10"]["value"] for _ in range(30)]
    assert chance.measures["ndcg@10"]["value"] == pytest.approx(np.mean(random), abs=4 * np.std(random) / np.sqrt(30))


def test_grades_move_ndcg_and_not_what_is_learnt_of_single_samples():
    tested, samples = judge(GRADED)
    model = fitted(LightGBM(trees=5), samples)
    found = tested.score(model.predict).measures
    binary = replace(
        tested, samples=replace(tested.samples, label_type=BINARY), candidates=replace(tested.candidates, label_type=BINARY)
    )
    plain = binary.score(model.predict).measures
    assert set(POINTWISE) <= set(found)
    assert {name: found[name] for name in POINTWISE} == {name: plain[name] for name in POINTWISE}
    assert found["ndcg@10"]["value"] != pytest.approx(plain["ndcg@10"]["value"], abs=1e-3)
    assert found["recall@10"] == plain["recall@10"]


def test_the_better_model_is_chosen_and_its_gain_shown_in_windows():
    tested, samples = judge(SQUARED, ranked=False)
    ridge, popular = fitted(Ridge(), samples), fitted(Popularity(), samples)
    assert best_model(tested, {"popularity": popular.predict, "ridge": ridge.predict}) == "ridge"
    test = samples.split("test")
    losses = [(model.predict(test) - test.response) ** 2 for model in (popular, ridge)]
    assert tested.decided(ridge.predict) == pytest.approx(-losses[1].mean())
    a, b = (tested.score(model.predict) for model in (popular, ridge))
    change = tested.difference(a, b)
    assert change["mse"]["value"] == pytest.approx((losses[1] - losses[0]).mean())
    assert set(claimed(change)) == {"mse", "spearman"}
    assert helps({name: one | {"needs": None} for name, one in change.items()})
    assert hurts(tested.difference(b, a))
    windows = tested.windows(a, b)
    assert set(windows.mean) == {"mse"}
    period = test.period
    by_window = [(losses[1] - losses[0])[period == p].mean() for p in np.unique(period)]
    assert [one["value"] for one in windows.each["mse"]] == pytest.approx(by_window)


def test_groups_of_amounts_have_the_loss_of_their_rows():
    _, samples = judge(ABSOLUTE, ranked=False)
    test = samples.split("test")
    predicted = fitted(Ridge(), samples).predict(test)
    group = np.where(test.user % 3 == 0, "third", "rest")
    table = group_predictions(test, predicted, group).to_pylist()
    for name in ("third", "rest"):
        row = next(row for row in table if (row["group"], row["measure"]) == (name, "mae"))
        assert row["value"] == pytest.approx(np.abs(predicted - test.response)[group == name].mean())
        assert row["rows"] == (group == name).sum()


def test_what_was_predicted_and_came_is_told_by_bins():
    label, predicted = np.arange(100.0), np.arange(100.0) // 10
    table = calibration_of_amounts(label, predicted, bins=10).to_pydict()
    assert table["score"] == pytest.approx(np.arange(10.0))
    assert table["label"] == pytest.approx(np.arange(10) * 10 + 4.5)


def test_amounts_that_are_all_alike_cannot_be_measured():
    tested, samples = judge(SQUARED, ranked=False)
    alike = tested.samples.with_response(np.full(len(tested.samples), 3.0))
    with pytest.raises(SplitError, match=r"every label is 3, in all .* rows of the samples"):
        replace(tested, samples=alike).score(fitted(Ridge(), samples).predict)


@pytest.mark.parametrize("name", AMOUNTS)
def test_own_measures_may_not_hide_ours(name):
    with pytest.raises(ConfigError, match=f"'{name}' is the name of a built-in measure"):
        own_measures(Evaluate(measures={name: "numpy:mean"}))


def test_measures_tell_the_kind_of_labels():
    assert of_measures(["auc", "log_loss"]) is BINARY
    assert of_measures(["spearman", "mse", "rmse", "mae"]) is SQUARED
    assert of_measures(["mae", "r2"]) is ABSOLUTE
    assert of_measures(["ndcg@10"]) is BINARY


def test_an_amount_in_disguise_is_found():
    samples = make_samples(2_000, labels=SQUARED)
    found = [leak.check for leak in leaks(samples)]
    noise = np.random.default_rng(0).normal(size=len(samples))
    told = samples.features.append_column("told", pa.array((3 * samples.response + 1e-3 * noise).astype(np.float32)))
    more = [leak for leak in leaks(replace(samples, features=told)) if leak.check not in found]
    assert [leak.check for leak in more] == ["label_in_disguise"]
    assert "'told'" in more[0].message
