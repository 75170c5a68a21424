import numpy as np
import pytest

from assay.findings.labels import Wording, label
from assay.findings.rules import explain, mine
from assay.findings.segments import Attribute, attributes
from assay.importance.valuer import Importance
from assay.testing.data import make_samples

N = 12_000


@pytest.fixture(scope="module")
def samples():
    return make_samples(N)


@pytest.fixture(scope="module")
def found(samples):
    return attributes(samples, Wording())


def importance(seed, harm=None, folds=6):
    per_fold = np.random.default_rng(seed).normal(0.02, 1.0, (folds, N))
    if harm is not None:
        per_fold = per_fold - 2.0 * harm
    return Importance(np.arange(N), per_fold.mean(axis=0), per_fold)


def planted(samples, what):
    price = samples.features["price"].to_numpy()
    category = np.array(samples.features["category"].to_pylist())
    first = samples.period < samples.period.min() + 3
    if what == "one category":
        return category == "wine"
    if what == "dear wine":
        return (category == "wine") & (price > np.nanquantile(price, 0.4))
    if what == "some weeks":
        return first
    return first & (samples.label == 0)


@pytest.mark.parametrize("what", ["one category", "dear wine", "some weeks", "negatives of some weeks"])
def test_a_planted_slice_is_named_and_confirmed(samples, found, what):
    harm = planted(samples, what)
    rules = mine(found, importance(1, harm))
    confirmed = [rule for rule in rules if rule.confirmed]
    assert confirmed
    described = np.any([rule.matches(found) for rule in confirmed], axis=0)
    assert described[harm].mean() >= 0.8
    assert harm[described].mean() >= 0.8
    for rule in rules:
        assert rule.rows == rule.matches(found).sum()
        assert rule.share == pytest.approx(rule.rows / N)
        assert set(rule.to_dict()) == {"rule", "rows", "share", "z", "confirmed"}
    word = "category is wine" if "wine" in what or "category" in what else "week from is"
    assert word in confirmed[0].sentence


def test_on_noise_rules_are_hardly_ever_confirmed(found):
    runs = [any(rule.confirmed for rule in mine(found, importance(seed))) for seed in range(30)]
    assert sum(runs) <= 5  # 5 % are allowed by chance


def test_useful_samples_make_no_rule(samples, found):
    assert mine(found, importance(2, -np.ones(N))) == []


def test_without_enough_folds_nothing_can_be_confirmed(found):
    assert mine(found, importance(3, folds=3)) == []
    assert mine(found, Importance(np.arange(N), np.zeros(N))) == []
    assert mine([], importance(3)) == []


def test_the_simplest_rule_for_a_set(samples, found):
    changed = planted(samples, "dear wine")
    rule, covers, precision = explain(changed, found)
    mask = rule.matches(found)
    assert covers == pytest.approx(mask[changed].mean())
    assert precision == pytest.approx(changed[mask].mean())
    assert covers > 0.9
    assert precision > 0.8
    assert "category is wine" in rule.sentence
    assert explain(np.zeros(N, bool), found) is None
    assert explain(np.ones(N, bool), found) is None


@pytest.mark.parametrize(
    ("harmful", "sentence"),
    [
        ({0, 1}, "age is at most 2"),
        ({3, 4}, "age is above 3"),
        ({1, 2}, "age is above 1 and at most 3"),
        ({4, 5}, "age is above 4 or unknown"),
        ({5}, "age is unknown"),
    ],
)
def test_neighbouring_fifths_are_one_range(harmful, sentence):
    levels = ("at most 1", "1 to 2", "2 to 3", "3 to 4", "above 4", "unknown")
    codes = np.arange(6_000) % 6
    age = Attribute("age", "age", levels, codes, label("age", Wording()), (1.0, 2.0, 3.0, 4.0))
    rule, covers, precision = explain(np.isin(codes, list(harmful)), [age])
    assert rule.sentence == sentence
    assert covers == precision == 1
