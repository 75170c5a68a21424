import numpy as np
import pytest

from assay.config import Evaluate, Select
from assay.evaluation.holdout import holdout
from assay.findings.rules import Rule, mine
from assay.findings.segments import attributes
from assay.importance.influence import Influence
from assay.importance.predicted import Loss
from assay.importance.valuer import Importance
from assay.models.logistic import LogisticRegression
from assay.samples.table import Samples
from assay.testing.data import make_samples
from assay.trials.curve import ONE_COPY, Arm, against_rule, choose, declare, same_size, try_arms

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
    popularity = np.bincount(train.item, train.label, minlength=60).astype(np.int64)
    judge = holdout(tuning, None, None, "tuning", popularity, Evaluate(resamples=50), 7)
    model = LogisticRegression(3.0).fit(train, rng=np.random.default_rng(0))
    asked = {"model": model, "utility": "log_loss", "folds": 6, "rng": np.random.default_rng(0)}
    found = Influence().value(train, samples.split("validation"), **asked)
    described = attributes(train, 7)
    rules = mine(described, found)
    arms = declare(train, found, rules, described, section)
    return train, judge, model, described, arms, try_arms(model, train, judge, arms, "influence")


def test_turned_labels_of_a_category_are_taken_out_and_that_is_seen_on_tuning():
    train, judge, model, described, arms, found = tried(flipped(make_samples(20_000), 0.9))
    assert found.chosen.how != "nothing"
    lines = {line["arm"]: line for line in found.curve["arms"]}
    assert found.curve["chosen"] == found.chosen.name
    gain = lines[found.chosen.name]["difference"]["log_loss"]
    assert gain["high"] < 0
    assert set(lines) == {arm.name for arm in arms}
    assert any(arm.how.startswith("rule") for arm in arms)
    changed = found.chosen.weight < train.weight
    wine = np.array(train.features["category"].to_pylist()) == "wine"
    assert wine[changed].mean() > 3 * wine.mean()
    explained = against_rule(model, train, judge, found.chosen, described)
    assert "wine" in explained["rule"]
    assert set(explained["difference"]) <= {"auc", "log_loss", "ndcg@10"}
    assert 0 < explained["covers"] <= 1


def test_every_way_to_drop_can_be_an_arm():
    train = make_samples(2_000).split("train")
    per_fold = np.random.default_rng(0).normal(size=(5, len(train)))
    values = Importance(np.arange(len(train)), per_fold.mean(axis=0), per_fold)
    section = Select(fractions=[0.01], counts=[30, 10**9], below=[-0.5], harmful=[1.0], floor=0.01)
    arms = {arm.name: arm.weight for arm in declare(train, values, [], [], section)}
    gone = {name: int((weight == 0).sum()) for name, weight in arms.items()}
    assert gone["without the lowest 30 by influence"] == 30
    assert gone["without the lowest 1,000,000,000 by influence"] < len(train)
    assert np.all(values.value[arms["without values below -0.5 by influence"] == 0] < -0.5)
    assert np.all(values.z[arms["without z-scores below -1 by influence"] == 0] < -1.0)
    assert min(gone[name] for name in gone if name.startswith("without")) > 0


def test_one_copy_of_each_is_an_arm_only_where_there_are_copies():
    samples = make_samples(2_000).split("train")
    _, once = np.unique(np.stack([samples.request, samples.item]), axis=1, return_index=True)
    single = samples.take(np.sort(once))
    twice = single.take(np.concatenate((np.arange(len(single)), np.arange(40))))
    for train, found in ((single, False), (twice, True)):
        values = Importance(np.arange(len(train)), np.arange(len(train), dtype=float))
        weight = {arm.name: arm.weight for arm in declare(train, values, [], [], SECTION)}.get(ONE_COPY)
        assert (weight is not None) == found
    assert weight.sum() == len(single)
    np.testing.assert_array_equal(np.flatnonzero(weight == 0.5), [*range(40), *range(len(single), len(twice))])


def test_an_arm_that_leaves_one_class_is_none():
    train = make_samples(2_000, features=["noise"]).split("train")
    keys = train.keys
    for name in ("user_code", "item_code"):  # nothing is grouped, so no floor protects a class
        keys = keys.set_column(keys.column_names.index(name), name, [np.arange(len(train), dtype=np.int32)])
    alone = Samples(keys, train.features, train.encoder)
    rule = Rule((("label", frozenset({1})),), "label is positive", 1, 0.5, confirmed=True)
    values = Importance(np.arange(len(alone)), -alone.label.astype(float))
    arms = declare(alone, values, [rule], attributes(alone, 7), Select(below=[0.0]))
    names = {arm.name for arm in arms}
    assert "half weight where label is positive" in names
    assert not {"without label is positive", "without values below 0 by influence"} & names


def test_nothing_has_nothing_to_explain():
    samples = make_samples(2_000).split("train")
    nothing = Arm("nothing", "nothing", samples.weight)
    assert against_rule(None, samples, None, nothing, attributes(samples, 7)) is None


def difference(value, half, p):
    return {"value": value, "low": value - half, "high": value + half, "p": p, "p_holm": p, "effect": None}


def judged(log_loss, ndcg=(0.0, 0.01, 0.9), auc=(0.0, 0.01, 0.9)):
    return {"auc": difference(*auc), "log_loss": difference(*log_loss), "ndcg@10": difference(*ndcg)}


ARMS = [Arm(name, name, np.ones(1)) for name in ("nothing", "small", "large")]


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
    assert choose(ARMS, {"nothing": {}, "small": small, "large": large}).name == wins


def test_with_nothing_to_compare_nothing_wins():
    assert choose(ARMS[:1], {"nothing": {}}).name == "nothing"
    assert choose(ARMS, {"nothing": {}, "small": {}, "large": {}}).name == "nothing"


def test_random_values_change_nothing_nearly_always():
    samples = make_samples(6_000)
    train, tuning = samples.split("train"), samples.split("tuning")
    judge = holdout(tuning, None, None, "tuning", np.ones(60, np.int64), Evaluate(resamples=50), 7)
    model = LogisticRegression(3.0).fit(train, rng=np.random.default_rng(0))
    chosen = []
    for seed in range(10):
        per_fold = np.random.default_rng(seed).normal(size=(5, len(train)))
        noise = Importance(np.arange(len(train)), per_fold.mean(axis=0), per_fold)
        arms = [arm for arm in declare(train, noise, [], [], SECTION) if arm.how != "recency"]
        chosen.append(try_arms(model, train, judge, arms, "noise").chosen.how)
    assert chosen.count("nothing") >= 8


@pytest.mark.parametrize("how", ["removal", "damping", "nothing"])
def test_rivals_get_the_same_change_in_other_hands(how):
    train = make_samples(4_000).split("train")
    rows = np.random.default_rng(0).permutation(len(train))[:100]
    weight = train.weight.copy()
    weight[rows] = {"removal": 0.0, "damping": 0.5, "nothing": 1.0}[how]
    model = LogisticRegression(3.0).fit(train, rng=np.random.default_rng(0))
    loss = Loss().value(train, train, model=model, utility="log_loss", folds=2, rng=np.random.default_rng(0))
    rivals = same_size(train, loss, Arm("chosen", "chosen", weight), 60, 0.1, 7)
    assert set(rivals) == {"random", "recency", "popularity", "loss"}
    for arm in rivals.values():
        np.testing.assert_array_equal(np.sort(arm.weight), np.sort(weight))
    if how == "damping":
        np.testing.assert_array_equal(np.sort(loss.order()[:100]), np.flatnonzero(rivals["loss"].weight == 0.5))
        assert train.period[rivals["recency"].weight == 0.5].max() <= np.sort(train.period)[100]
