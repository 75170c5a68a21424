"""Arms: what is declared before anything is tried."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.config import Select
from assay.findings.labels import Wording
from assay.findings.rules import Rule
from assay.findings.segments import attributes
from assay.importance.predicted import Loss
from assay.importance.valuer import Importance
from assay.models.logistic import LogisticRegression
from assay.samples.table import Samples
from assay.selection.arms import ONE_COPY, Arm, declare, same_size
from assay.testing.data import make_samples

SECTION = Select(fractions=[0.02, 0.1])


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
    arms = declare(alone, values, [rule], attributes(alone, Wording()), Select(below=[0.0]))
    names = {arm.name for arm in arms}
    assert "half weight where label is positive" in names
    assert not {"without samples where label is positive", "without values below 0 by influence"} & names


@pytest.mark.parametrize("how", ["removal", "damping", "nothing"])
def test_rivals_get_the_same_change_in_other_hands(how):
    train = make_samples(4_000).split("train")
    rows = np.random.default_rng(0).permutation(len(train))[:100]
    weight = train.weight.copy()
    weight[rows] = {"removal": 0.0, "damping": 0.5, "nothing": 1.0}[how]
    model = LogisticRegression(3.0).fit(train, rng=np.random.default_rng(0))
    loss = Loss().value(train, train, model=model, utility="log_loss", folds=2, rng=np.random.default_rng(0))
    rivals = same_size(train, loss, Arm("chosen", "removal", weight), 60, 0.1, 7)
    assert set(rivals) == {"random", "recency", "popularity", "loss"}
    for arm in rivals.values():
        np.testing.assert_array_equal(np.sort(arm.weight), np.sort(weight))
    if how == "damping":
        np.testing.assert_array_equal(np.sort(loss.order()[:100]), np.flatnonzero(rivals["loss"].weight == 0.5))
        assert train.period[rivals["recency"].weight == 0.5].max() <= np.sort(train.period)[100]


@cache
def shop():
    """Training samples of 40 users, and values with folds that are drawn by chance."""
    train = make_samples(400, users=40, items=20).split("train")
    per_fold = np.random.default_rng(0).normal(size=(5, len(train)))
    return train, Importance(np.arange(len(train)), per_fold.mean(axis=0), per_fold)


def sizes(arms, family):
    return sorted(int((arm.weight == 0).sum()) for arm in arms if arm.family == family)


SECTIONS = h.builds(
    Select,
    valuer=h.sampled_from(["influence", "random", "recency", "loss", "package.module:Mine"]),
    fractions=h.lists(h.floats(0.001, 0.999), max_size=4),
    counts=h.lists(h.integers(1, 1_000), max_size=3),
    below=h.lists(h.floats(-5, 5), max_size=3),
    harmful=h.lists(h.floats(0, 5), max_size=3),
    floor=h.floats(0.01, 0.99),
)


@settings(max_examples=60)
@given(SECTIONS)
def test_arms_of_any_section_have_names_of_their_own_and_can_be_trained(section):
    train, values = shop()
    arms = declare(train, values, [], [], section)
    assert (arms[0].name, arms[0].family) == ("nothing", "nothing")
    np.testing.assert_array_equal(arms[0].weight, train.weight)
    assert len({arm.name for arm in arms}) == len(arms)
    for arm in arms[1:]:
        assert set(train.label[arm.weight > 0]) == {0, 1}
        assert (arm.weight != train.weight).any()
        assert arm.valuer == (section.valuer if arm.family in ("removal", "damping") else None)
        if arm.family in ("removal", "random"):
            rows, left = (np.bincount(train.user, weights=which, minlength=40) for which in (np.ones(len(train)), arm.weight > 0))
            assert (left >= np.floor(section.floor * rows)).all()
    if not any((section.fractions, section.counts, section.below, section.harmful)):
        assert not {arm.family for arm in arms} & {"removal", "random"}


@pytest.mark.parametrize(
    "lists", [{"counts": [20, 5, 40]}, {"below": [-0.9]}, {"harmful": [1.0]}, {"fractions": [0.1, 0.02, 0.05]}]
)
def test_chance_takes_as_many_rows_as_the_middle_removal(lists):
    arms = declare(*shop(), [], [], Select(**{"fractions": [], "floor": 0.01} | lists))
    removed = sizes(arms, "removal")
    assert len(removed) == len(next(iter(lists.values())))
    assert sizes(arms, "random") == [removed[len(removed) // 2]]


def test_an_arm_that_changes_nothing_is_none():
    arms = declare(*shop(), [], [], Select(fractions=[1e-6], below=[-99.0], harmful=[99.0]))
    assert sizes(arms, "removal") == sizes(arms, "random") == []
    assert sizes(arms, "damping") == [0, 0]


@pytest.mark.parametrize("valuer", ["random", "recency", "copies"])
def test_a_valuer_may_be_called_as_a_family_is(valuer):
    arms = declare(*shop(), [], [], Select(fractions=[0.02], valuer=valuer))
    assert [arm.valuer for arm in arms if arm.family == "removal"] == [valuer]
    assert [arm.valuer for arm in arms if arm.family in ("random", "recency")] == [None] * 3
