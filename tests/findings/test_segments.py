import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.findings.examples import examples, reason
from assay.findings.labels import Wording
from assay.findings.segments import attributes, distribution, patterns, rollup, sums
from assay.importance.valuer import Importance
from assay.testing.data import make_samples

N = 3_000


def noise(seed, n=N, folds=5):
    per_fold = np.random.default_rng(seed).normal(size=(folds, n))
    return Importance(np.arange(n), per_fold.mean(axis=0), per_fold)


def named(found, name):
    return next(attribute for attribute in found if attribute.name == name)


def test_attributes_put_every_sample_in_one_readable_level():
    samples = make_samples(N)
    found = attributes(samples, Wording())
    assert len({a.name for a in found}) == len(found)
    for attribute in found:
        assert attribute.codes.shape == (N,)
        assert attribute.codes.min() >= 0
        assert attribute.codes.max() < len(attribute.levels)
    assert {"label", "kind", "hour", "period", "category", "price"} <= {a.name for a in found}
    assert not {"user", "item"} & {a.name for a in found}
    band = named(found, "hour")
    assert band.levels[:2] == ("0 to 3", "3 to 6")
    np.testing.assert_array_equal(band.codes, samples.keys["hour"].to_numpy() // 3)
    category = named(found, "category")
    shown = [category.levels[c] for c in category.codes[:50]]
    assert shown == samples.features["category"].slice(0, 50).to_pylist()
    price = named(found, "price")
    known = np.bincount(price.codes)[:-1]
    assert price.ordered
    assert price.levels[-1] == "unknown"
    assert known.min() / known.max() > 0.8  # fifths
    values = samples.features["price"].to_numpy()
    tops = [np.nanmax(values[price.codes == k]) for k in range(5)]
    assert tops == sorted(tops)


@settings(max_examples=30, deadline=None)
@given(h.integers(0, 999), h.integers(1, 6))
def test_sums_are_sums_with_students_interval(seed, size):
    codes = np.random.default_rng(seed).integers(0, size, 200)
    found = noise(seed, 200)
    rows, value, low, high = sums(codes, size, found)
    for k in range(size):
        folds = found.per_fold[:, codes == k].sum(axis=1)
        assert rows[k] == (codes == k).sum()
        assert value[k] == pytest.approx(folds.mean())
        half = 2.7764451051977987 * folds.std(ddof=1) / np.sqrt(5)
        np.testing.assert_allclose([low[k], high[k]], [folds.mean() - half, folds.mean() + half], atol=1e-9)


def test_a_planted_pattern_is_told_first_and_in_words():
    samples = make_samples(N)
    found = attributes(samples, Wording())
    milk = np.array(samples.features["category"].to_pylist()) == "milk"
    values = noise(1)
    per_fold = 0.01 * values.per_fold + np.where(milk, -0.05, 0.001)
    told = patterns(found, Importance(np.arange(N), per_fold.mean(axis=0), per_fold))
    assert told[0].attribute == "category"
    assert told[0].level == "milk"
    assert told[0].sentence.startswith("category is milk: ")
    assert "costs" in told[0].sentence
    assert told[0].rows == milk.sum()
    json.dumps([pattern.model_dump() for pattern in told], allow_nan=False)
    names = [pattern.attribute for pattern in told]
    assert max(names.count(name) for name in names) <= 2


def test_on_noise_few_patterns_are_told():
    found = attributes(make_samples(N), Wording())
    levels = sum(len(a.levels) for a in found)
    told = np.mean([len(patterns(found, noise(seed))) for seed in range(8)])
    assert told < 0.12 * levels  # about one in twenty by chance


def test_rollups_are_sums_by_unit_under_readable_names():
    samples, values = make_samples(N), noise(2)
    described = attributes(samples, Wording())
    found = rollup(samples, described, values, {0: "牛奶 🥛", 1: "חלב"}, Wording())
    assert set(found) == {"user", "item", "period", "category", "department", "hour", "peak"}
    for unit in ("period", "hour", "peak"):
        assert sum(line.value for line in found[unit]) == pytest.approx(values.value.sum())
    for line in found["period"]:
        assert line.low <= line.value <= line.high
    assert len(found["user"]) == 20
    assert [line.value for line in found["user"]] == sorted((line.value for line in found["user"]), reverse=True)
    first = found["user"][0]
    own = np.array(samples.keys["user_id"].to_pylist()) == first.name
    assert first.value == pytest.approx(values.value[own].sum())
    everything = rollup(samples, [], values, {0: "牛奶 🥛"}, Wording(), shown=1_000)["item"]
    assert "牛奶 🥛" in {line.name for line in everything}


def test_rollups_have_the_values_of_rankings_beside():
    samples, values, ranking = make_samples(N), noise(2), noise(3)
    described = attributes(samples, Wording())
    alone, both = (rollup(samples, described, values, {}, Wording(), beside) for beside in (None, ranking))
    only = rollup(samples, described, ranking, {}, Wording(), shown=1_000)
    for unit, lines in both.items():
        assert [line.name for line in lines] == [line.name for line in alone[unit]]
        assert all(line.ranking is None for line in alone[unit])
        by_name = {line.name: line for line in only[unit]}
        for line in lines:
            assert line.ranking.value == pytest.approx(by_name[line.name].value)
            assert line.ranking.low <= line.ranking.value <= line.ranking.high


@pytest.mark.parametrize("value", [[0.0] * 5, [1.0] * 5, [-1.0, -2.0], [1e-300, 1.0], [-3.0, 0.0, 5.0], [-1e-9] * 3 + [7.0]])
def test_a_histogram_counts_every_value(value):
    found = distribution(Importance(np.arange(len(value)), np.array(value)))
    assert sum(found.counts) == len(value)
    assert np.all(np.diff(found.edges) > 0)
    assert found.negative_share == np.mean(np.array(value) < 0)


def test_examples_are_the_ends_of_the_order_in_words():
    samples = make_samples(N)
    values = noise(3)
    shown = examples(samples, values, {k: f"חלב {k} 🥛" for k in range(60)}, Wording(), shown=4)
    assert [len(shown.useful), len(shown.harmful)] == [4, 4]
    order = values.order()
    assert shown.harmful[0].value == values.value[order[0]]
    assert shown.useful[0].z == pytest.approx(values.z[order[-1]])
    line = shown.useful[0]
    assert line.sentence.startswith("חלב ")
    assert ("not bought" in line.sentence) == (line.label == 0)
    own = make_samples(200, features=["noise", "category"])
    plain = examples(own, noise(4, 200), {}, Wording(), shown=1).useful[0].sentence
    assert plain.startswith("label ")
    assert "noise" in plain


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ({"pair_times_bought": 1.0, "pair_periods_since": 1.0}, "bought in 1 week, last 1 week ago"),
        ({"pair_times_bought": 3.0, "pair_periods_since": None}, "bought in 3 weeks"),
        ({"pair_times_bought": None, "item_buyers_4": 1200.0}, "popular: 1,200 sales in 4 weeks"),
        (
            {"pair_times_bought": 0.0, "item_buyers_4": None, "category_times_16": 2.0, "category": "milk"},
            "0 sales in 4 weeks, from milk bought 2 times",
        ),
        ({"price": 3.0}, None),
    ],
)
def test_reasons_in_words(features, words):
    assert reason(features, Wording()) == words


def test_levels_are_dictionary_or_text_alike():
    samples = make_samples(200)
    decoded = samples.features.set_column(
        samples.features.column_names.index("category"), "category", samples.features["category"].cast(pa.string())
    )
    one, two = (named(attributes(s, Wording()), "category") for s in (samples, type(samples)(samples.keys, decoded)))
    assert [one.levels[c] for c in one.codes] == [two.levels[c] for c in two.codes]
