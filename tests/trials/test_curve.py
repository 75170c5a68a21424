from dataclasses import replace
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest

from assay.config import Evaluate, Select
from assay.evaluation.beyond import Past
from assay.evaluation.holdout import best_model, holdout
from assay.evaluation.windows import Windows
from assay.findings.labels import Wording
from assay.findings.rules import mine
from assay.findings.segments import attributes
from assay.importance.influence import Influence
from assay.importance.valuer import Importance
from assay.models.logistic import LogisticRegression
from assay.samples.table import Samples
from assay.selection.arms import Arm, declare
from assay.task import BINARY
from assay.testing.data import make_samples
from assay.trials import curve
from assay.trials.curve import against_rule, choose, mended, try_arms
from assay.trials.verify import planted
from tests.trials.pasts import NOTHING

SECTION = Select(fractions=[0.02, 0.1])


def flipped(samples, share):
    """The samples with the labels of some training rows of one category turned over."""
    train = np.array(samples.keys["split"].to_pylist()) == "train"
    wine = np.array(samples.features["category"].to_pylist()) == "wine"
    turned = train & wine & (np.random.default_rng(1).random(len(samples)) < share)
    label = np.where(turned, 1 - samples.label, samples.label).astype(np.int8)
    at = samples.keys.column_names.index("label")
    keys = samples.keys.set_column(at, "label", [label])
    return Samples(keys, samples.features, samples.encoder)


def tried(samples, section=SECTION):
    train, tuning = samples.split("train"), samples.split("tuning")
    judge = holdout(tuning, None, None, "tuning", Past.of_training(train, 60), Evaluate(resamples=50), 7)
    model = LogisticRegression(3.0).fit(train, rng=np.random.default_rng(0))
    asked = {"model": model, "utility": "log_loss", "folds": 6, "rng": np.random.default_rng(0)}
    found = Influence().value(train, samples.split("validation"), **asked)
    described = attributes(train, Wording())
    rules = mine(described, found)
    arms = declare(train, found, rules, described, section)
    return train, judge, model, described, arms, try_arms(model, train, judge, arms)


def test_mending_a_planted_defect_is_a_gain_that_grows_with_it(monkeypatch):
    samples = make_samples(20_000)
    train = samples.split("train")
    judge = holdout(samples.split("tuning"), None, None, "tuning", NOTHING, Evaluate(resamples=50), 7)
    model = LogisticRegression(3.0).fit(train, rng=np.random.default_rng(0))
    few = mended(model, train, judge, 0)["log_loss"]
    assert mended(model, train, judge, 0)["log_loss"] == few
    monkeypatch.setattr(curve, "PLANTED", 0.2)
    many = mended(model, train, judge, 0)["log_loss"]
    assert many["high"] < 0
    assert many["value"] < few["value"]
    one_of_each = train.take(np.array([train.label.argmax(), train.label.argmin()]))
    assert mended(model, one_of_each, judge, 0) == {}


def test_turned_labels_of_a_category_are_taken_out_and_that_is_seen_on_tuning():
    train, judge, model, described, arms, found = tried(flipped(make_samples(20_000), 0.9))
    assert found.chosen.family != "nothing"
    lines = {line["arm"]: line for line in found.curve["arms"]}
    assert found.curve["chosen"] == found.chosen.name
    gain = lines[found.chosen.name]["difference"]["log_loss"]
    assert gain["high"] < 0
    assert set(lines) == {arm.name for arm in arms}
    assert any(arm.family == "rule" for arm in arms)
    changed = found.chosen.weight < train.weight
    wine = np.array(train.features["category"].to_pylist()) == "wine"
    assert wine[changed].mean() > 3 * wine.mean()
    explained = against_rule(model, train, judge, found.chosen, described)
    assert "wine" in explained["rule"]
    assert set(explained["difference"]) <= {"auc", "log_loss", "ndcg@10"}
    assert 0 < explained["covers"] <= 1


def test_nothing_has_nothing_to_explain():
    samples = make_samples(2_000).split("train")
    nothing = Arm("nothing", "nothing", samples.weight)
    assert against_rule(None, samples, None, nothing, attributes(samples, Wording())) is None


def difference(value, half, p):
    return {"value": value, "low": value - half, "high": value + half, "p": p, "p_holm": p, "effect": None}


def judged(log_loss, ndcg=(0.0, 0.01, 0.9), auc=(0.0, 0.01, 0.9)):
    return {"auc": difference(*auc), "log_loss": difference(*log_loss), "ndcg@10": difference(*ndcg)}


def chosen(arms, compared, windows=3, last=None, fewest=3):
    """Name of the arm that is chosen where every window shows the same; last: what the last of them shows instead."""
    of = {}
    for name, changes in compared.items():
        mean = {"log_loss": changes["log_loss"]} if changes else {}
        of[name] = Windows(mean, {measure: [one] * (windows - 1) + [last or one] for measure, one in mean.items()})
    return choose(arms, compared, of, fewest=fewest).name


def test_an_arm_that_loses_in_one_window_or_is_seen_in_two_is_not_chosen():
    gained = {"nothing": {}, "small": judged((-0.02, 0.005, 1e-5))}
    assert chosen(ARMS[:2], gained) == "small"
    assert chosen(ARMS[:2], gained, last=difference(0.01, 0.02, 0.3)) == "small"
    assert chosen(ARMS[:2], gained, last=difference(0.01, 0.005, 0.01)) == "nothing"
    assert chosen(ARMS[:2], gained, windows=2) == "nothing"
    assert chosen(ARMS[:2], gained, windows=1, fewest=1) == "small"  # rows that were not split by time


def test_rows_that_were_not_split_by_time_need_no_windows():
    """The same labels turned round, and no row with a time: people alone are chance, and the arm is chosen all the same."""
    samples = flipped(make_samples(20_000), 0.9)
    columns = {"period": np.zeros(len(samples), np.int32), "timestamp": np.zeros(len(samples), np.int64)}
    keys = samples.keys
    for name, values in columns.items():
        at = keys.column_names.index(name)
        keys = keys.set_column(at, name, pa.array(values).cast(keys.schema.field(name).type))
    *_, found = tried(replace(samples, keys=keys))
    assert found.chosen.family != "nothing"
    assert next(line for line in found.curve["arms"] if line["arm"] == found.chosen.name)["difference"]["log_loss"]["high"] < 0


ARMS = [Arm(name, "nothing" if name == "nothing" else "removal", np.ones(1)) for name in ("nothing", "small", "large")]


@pytest.mark.parametrize(
    ("small", "large", "wins"),
    [
        (judged((-0.01, 0.005, 1e-4)), judged((-0.02, 0.005, 1e-5)), "large"),
        (judged((-0.01, 0.005, 1e-4)), judged((-0.02, 0.005, 1e-5), ndcg=(-0.02, 0.01, 1e-4)), "small"),
        (judged((-0.01, 0.005, 1e-4)), judged((-0.02, 0.005, 1e-5), auc=(-0.02, 0.01, 1e-4)), "small"),
        (judged((-0.01, 0.005, 1e-4)), judged((-0.02, 0.03, 0.2)), "small"),  # a low but uncertain arm hides nothing
        (judged((-0.01, 0.02, 0.3)), judged((-0.02, 0.03, 0.2)), "nothing"),
        (judged((-0.01, 0.0099, 0.03)), judged((0.02, 0.05, 0.5)), "nothing"),  # not beyond chance over two arms
        (judged((0.01, 0.005, 1e-4)), judged((0.02, 0.005, 1e-5)), "nothing"),
    ],
)
def test_the_lowest_log_loss_of_the_harmless_wins_if_beyond_chance(small, large, wins):
    assert chosen(ARMS, {"nothing": {}, "small": small, "large": large}) == wins


def test_with_too_few_requests_nothing_is_chosen():
    compared = judged((-0.02, 0.005, 1e-5))
    assert chosen(ARMS[:2], {"nothing": {}, "small": compared}) == "small"
    few = {measure: one | {"needs": 4000} for measure, one in compared.items()}
    assert chosen(ARMS[:2], {"nothing": {}, "small": few}) == "nothing"


def test_with_nothing_to_compare_nothing_wins():
    assert chosen(ARMS[:1], {"nothing": {}}) == "nothing"
    assert chosen(ARMS, {"nothing": {}, "small": {}, "large": {}}) == "nothing"


def test_random_values_change_nothing_nearly_always():
    samples = make_samples(6_000)
    train, tuning = samples.split("train"), samples.split("tuning")
    judge = holdout(tuning, None, None, "tuning", NOTHING, Evaluate(resamples=50), 7)
    model = LogisticRegression(3.0).fit(train, rng=np.random.default_rng(0))
    chosen = []
    for seed in range(10):
        per_fold = np.random.default_rng(seed).normal(size=(5, len(train)))
        noise = Importance(np.arange(len(train)), per_fold.mean(axis=0), per_fold)
        arms = [arm for arm in declare(train, noise, [], [], SECTION) if arm.family != "recency"]
        chosen.append(try_arms(model, train, judge, arms).chosen.family)
    assert chosen.count("nothing") >= 8


def ranked_world(k, rows=3_000):
    """Samples whose requests are ranked too, and a judge that shows the measures at k."""
    samples = make_samples(rows)
    train, tuning = samples.split("train"), samples.split("tuning")
    request, first, code = np.unique(tuning.request, return_index=True, return_inverse=True)
    truth = np.bincount(code, tuning.label).astype(np.int32)
    columns = {"request_id": request, "user_code": tuning.user[first], "truth_count": truth, "split": ["tuning"] * len(request)}
    requests = pa.table(columns)
    return samples, holdout(tuning, tuning, requests, "tuning", Past.of_training(train, 60), Evaluate(resamples=50, k=k), 7)


def test_what_is_shown_does_not_change_what_is_chosen():
    pages, served = [], []
    for k in ([5], [10], [1, 20]):
        samples, judge = ranked_world(k)
        train = samples.split("train")
        models = {"l2 of 1": LogisticRegression(1.0), "l2 of 300": LogisticRegression(300.0)}
        for model in models.values():
            model.fit(train, rng=np.random.default_rng(0))
        ids = np.arange(len(train))
        arms = declare(train, Importance(ids, -train.label.astype(float)), [], [], Select(fractions=[0.05]))
        pages.append(try_arms(models["l2 of 1"], train, judge, arms).curve)
        served.append(best_model(judge, {name: model.predict for name, model in models.items()}))
        for line in pages[-1]["arms"][1:]:
            assert set(line["tuning"]) == set(line["difference"]) == set(BINARY.claims)
        measured = judge.score(models["l2 of 1"].predict).measures
        assert {name for name in measured if name.startswith("ndcg@")} == {f"ndcg@{cut}" for cut in {*k, 10}}
        assert {name for name in measured if name.startswith("recall@")} == {f"recall@{cut}" for cut in k}
    assert served == served[:1] * 3
    for page in pages[1:]:
        assert (page["chosen"], page["usable"]) == (pages[0]["chosen"], pages[0]["usable"])
        for line, first in zip(page["arms"], pages[0]["arms"], strict=True):
            for measure, change in line["difference"].items():
                assert change == pytest.approx(first["difference"][measure], abs=1e-12)


def test_an_arm_that_ranks_worse_is_not_chosen_whatever_is_shown():
    samples, judge = ranked_world([5])
    train = samples.split("train")
    model = LogisticRegression(1.0).fit(train, rng=np.random.default_rng(0))
    good, bad = judge.score(model.predict), judge.score(lambda rows: 1.0 - model.predict(rows))
    worse = judge.difference(good, bad)
    assert worse["ndcg@10"]["high"] < 0
    gained = {"log_loss": difference(-0.02, 0.005, 1e-5), "ndcg@10": worse["ndcg@10"]}
    assert chosen(ARMS[:2], {"nothing": {}, "small": gained}) == "nothing"


def test_the_best_model_is_the_first_of_the_best_on_tuning():
    samples, judge = ranked_world([5])
    plain = holdout(samples.split("tuning"), None, None, "tuning", NOTHING, Evaluate(resamples=50), 7)
    model = LogisticRegression(1.0).fit(samples.split("train"), rng=np.random.default_rng(0))
    shifted = {"plain": lambda rows: 0.5 + 0.01 * model.predict(rows), "sharp": model.predict, "again": model.predict}
    assert best_model(judge, shifted) == "plain"  # their orders are alike
    assert best_model(plain, shifted) == "sharp"  # their losses are not
    assert best_model(judge, {"reverse": lambda rows: 1.0 - model.predict(rows)} | shifted) == "plain"


LISTS = {"fractions": [0.02, 0.05], "counts": [30], "below": [-1.0], "harmful": [1.5]}


@pytest.mark.slow
@pytest.mark.parametrize("named", [some for size in range(5) for some in combinations(LISTS, size)])
def test_every_set_of_arms_is_tried(named):
    samples = make_samples(1_500)
    train, tuning = samples.split("train"), samples.split("tuning")
    judge = holdout(tuning, None, None, "tuning", NOTHING, Evaluate(resamples=20), 7)
    model = LogisticRegression(3.0).fit(train, rng=np.random.default_rng(0))
    per_fold = np.random.default_rng(0).normal(size=(5, len(train)))
    values = Importance(np.arange(len(train)), per_fold.mean(axis=0), per_fold)
    section = Select(**{name: LISTS[name] if name in named else [] for name in LISTS}, floor=0.1)
    page = try_arms(model, train, judge, declare(train, values, [], [], section)).curve
    assert page["chosen"] in {line["arm"] for line in page["arms"]}
    removals = [line for line in page["arms"] if line["family"] == "removal"]
    assert len(removals) == sum(len(LISTS[name]) for name in named)
    assert any(line["family"] == "random" for line in page["arms"]) == bool(named)


@pytest.mark.parametrize("valuer", ["random", "recency"])
def test_good_values_are_chosen_by_whatever_their_valuer_is_called(valuer):
    samples = make_samples(20_000)
    train, wrong = planted(samples.split("train"), "flipped labels", 0.3, seed=1)
    judge = holdout(samples.split("tuning"), None, None, "tuning", NOTHING, Evaluate(resamples=50), 7)
    model = LogisticRegression(3.0).fit(train, rng=np.random.default_rng(0))
    oracle = Importance(np.arange(len(train)), -wrong.astype(float))
    arms = declare(train, oracle, [], [], Select(fractions=[0.1, 0.3], floor=0.01, valuer=valuer))
    tried = try_arms(model, train, judge, arms)
    assert tried.curve["usable"]
    assert (tried.chosen.family, tried.chosen.valuer) == ("removal", valuer)
