"""Weights of groups: what is learnt where the best weights are known, and where nothing is to be learnt."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.findings.labels import Wording
from assay.findings.segments import attributes
from assay.models.logistic import LogisticRegression
from assay.numerics.families import LOGIT
from assay.numerics.products import margins
from assay.selection.arms import of_groups
from assay.selection.groups import SLICES, TOGETHER, Grouping, Slopes, direction, groupings, learn, shrunk
from assay.task import Task
from assay.testing.data import make_samples

TASK = Task("purchase", 7, "user")


def slopes_of(train, validation):
    model = LogisticRegression(l2=3.0).fit(train, rng=np.random.default_rng(0))
    return Slopes(model, train, validation, folds=5, seed=0)


def validation_loss(slopes, weight):
    model = slopes.model.fresh().fit(slopes.train.with_weight(weight), rng=np.random.default_rng(0))
    found = LOGIT.losses(margins(slopes.validation.matrix(), model.coef_), slopes.validation.label)
    return float(np.average(found, weights=slopes.validation.weight))


@pytest.fixture(scope="module")
def swapped():
    """Labels of every tenth user mean the opposite."""
    samples = make_samples(12_000, users=200, seed=2)
    train = samples.split("train")
    mask = train.user % 10 == 0
    train = train.with_label(np.where(mask, 1 - train.label, train.label))
    return slopes_of(train, samples.split("validation")), mask


def test_kinds_of_groups_are_told_by_what_samples_have(swapped):
    slopes, _ = swapped
    train = slopes.train
    names = [grouping.name for grouping in groupings(train, attributes(train, Wording()), TASK)]
    assert names == ["users", "items", "categories", "weeks", SLICES]
    alone = train.take(np.unique(train.user, return_index=True)[1])
    assert "users" not in [grouping.name for grouping in groupings(alone, attributes(alone, Wording()), TASK)]


def test_users_of_swapped_labels_lose_weight_and_the_loss_falls(swapped):
    slopes, mask = swapped
    kinds = groupings(slopes.train, attributes(slopes.train, Wording()), TASK)
    by_name = {learnt.grouping: learnt for learnt in learn(slopes, kinds)}
    learnt = by_name["users"]
    weight = learnt.weight(slopes.train.weight)
    assert learnt.step > 0
    assert all(gain > 0 for gain in learnt.gains)
    assert len(learnt.gains) == len(list(slopes.rounds()))
    assert weight[mask].mean() < 0.8 * weight[~mask].mean()
    assert weight.sum() == pytest.approx(slopes.train.weight.sum())
    assert validation_loss(slopes, weight) < validation_loss(slopes, slopes.train.weight)
    arm = of_groups(slopes.train, learnt)
    assert arm.family == "groups"
    assert arm.name.startswith("weights of users, 0.")
    np.testing.assert_array_equal(arm.weight, weight)


def test_kinds_that_move_move_together_too(swapped):
    slopes, mask = swapped
    kinds = groupings(slopes.train, attributes(slopes.train, Wording()), TASK)
    *alone, together = learn(slopes, kinds)
    assert [moved.grouping for moved in alone] == [kind.name for kind in kinds]
    assert together.grouping == TOGETHER
    assert np.mean(together.gains) > max(np.mean(moved.gains) for moved in alone if moved.step)
    weight = together.weight(slopes.train.weight)
    assert weight[mask].mean() < 0.8 * weight[~mask].mean()
    assert np.abs(together.direction).max() == pytest.approx(1.0)


def test_the_gain_of_a_small_step_is_that_of_retraining(swapped):
    slopes, _ = swapped
    everything = np.ones(len(slopes.fold), np.bool_)
    kind = Grouping("users", (slopes.train.user,))
    along = direction(kind, slopes.values(everything), slopes.train.weight)
    step = 0.02
    found = slopes.gain(everything, slopes.response(along), np.array([step]))[0]
    exact = validation_loss(slopes, slopes.train.weight) - validation_loss(slopes, slopes.train.weight * np.exp(step * along))
    assert found == pytest.approx(exact, rel=0.05)
    assert found > 0


def test_every_round_is_judged_on_rows_that_it_did_not_learn_from(swapped):
    slopes, _ = swapped
    period = slopes.validation.period
    for learnt, judged in slopes.rounds():
        assert period[learnt].max() < period[judged].min()
    one = slopes.validation.take(np.flatnonzero(period == period[0]))
    for learnt, judged in slopes_of(slopes.train, one).rounds():
        np.testing.assert_array_equal(learnt, ~judged)
        assert not set(one.user[learnt]) & set(one.user[judged])


def test_one_fold_alone_moves_nothing(swapped):
    slopes, _ = swapped
    one = slopes.validation.take(np.flatnonzero(slopes.validation.period == slopes.validation.period[0]))
    few = Slopes(slopes.model, slopes.train, one, folds=2, seed=0)
    for learnt in learn(few, groupings(few.train, attributes(few.train, Wording()), TASK)):
        assert learnt.step == 0
        assert learnt.gains == []
        np.testing.assert_allclose(learnt.weight(few.train.weight), few.train.weight)


def test_groups_by_chance_move_nothing():
    samples = make_samples(12_000, users=200, seed=5)
    slopes = slopes_of(samples.split("train"), samples.split("validation"))
    moved = []
    for seed in range(10):
        code = np.random.default_rng(seed).integers(0, 40, len(slopes.train))
        learnt = learn(slopes, [Grouping("by chance", (code,))])[0]
        moved.append(learnt.step > 0)
        if not learnt.step:
            assert learnt.gains == []
            np.testing.assert_allclose(learnt.weight(slopes.train.weight), slopes.train.weight)
    assert np.mean(moved) <= 0.3


@settings(deadline=None)
@given(h.integers(0, 2**31), h.integers(2, 6), h.integers(1, 30), h.floats(0, 5))
def test_shrunk_means_lie_between_nothing_and_what_was_seen(seed, folds, groups, spread):
    rng = np.random.default_rng(seed)
    mass = rng.integers(0, 5, groups).astype(float)
    mass[0] = 1.0
    total = (rng.normal(size=groups) * spread + rng.normal(size=(folds, groups))) * mass
    found = shrunk(total, mass)
    rate = np.divide(total.mean(axis=0), mass, out=np.zeros(groups), where=mass > 0)
    gap = rate - (rate @ mass) / mass.sum()
    assert np.all(found[mass == 0] == 0)
    assert np.all(np.abs(found) <= np.abs(gap) + 1e-12)
    assert np.all(found * gap >= 0)
    np.testing.assert_allclose(shrunk(3 * total, mass), 3 * found, atol=1e-9)


def test_shrinking_lowers_the_error_of_the_means():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=400)
    truth -= truth.mean()
    seen = truth + 2.0 * rng.normal(size=(5, 400))
    found = shrunk(seen, np.ones(400))
    assert np.mean((found - truth) ** 2) < 0.7 * np.mean((seen.mean(axis=0) - truth) ** 2)


def test_means_without_noise_stay():
    total = np.tile(np.array([1.0, -1.0, 0.0]), (3, 1))
    np.testing.assert_array_equal(shrunk(total, np.ones(3)), total[0])
