import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.errors import InputError, SplitError
from assay.importance.influence import Influence
from assay.importance.predicted import Loss, Probability
from assay.importance.valuer import Importance, user_folds
from assay.models.baselines import Popularity
from assay.testing.data import make_samples


@given(h.lists(h.lists(h.floats(-1e3, 1e3), min_size=3, max_size=3), min_size=2, max_size=8))
def test_stderr_is_that_of_the_mean_over_folds(folds):
    per_fold = np.array(folds)
    found = Importance(np.arange(3), per_fold.mean(axis=0), per_fold)
    np.testing.assert_allclose(found.stderr, per_fold.std(axis=0, ddof=1) / np.sqrt(len(folds)), atol=1e-9)
    scale = found.stderr + np.median(found.stderr)
    np.testing.assert_allclose(found.z * scale, np.where(scale > 0, found.value, 0.0), atol=1e-6)


def test_without_folds_there_is_no_error_and_value_decides():
    found = Importance(np.array([9, 4, 7]), np.array([1.0, -1.0, -1.0]))
    assert np.isnan(found.stderr).all()
    assert np.isnan(found.z).all()
    assert found.order().tolist() == [1, 2, 0]  # ties by sample_id


def test_a_certain_small_value_comes_before_an_uncertain_large_one():
    per_fold = np.array([[-1.0, -9.0, 0.0], [-1.1, 5.0, 0.0], [-0.9, -2.9, 0.0]])
    assert Importance(np.arange(3), per_fold.mean(axis=0), per_fold).order()[0] == 0


@settings(max_examples=20, deadline=None)
@given(h.integers(2, 8), h.integers(0, 10_000))
def test_all_rows_of_a_user_share_a_fold_in_any_order(folds, seed):
    samples = make_samples(600)
    fold = user_folds(samples, folds, seed)
    assert set(fold) == set(range(folds))
    for user in np.unique(samples.user):
        assert len(set(fold[samples.user == user])) == 1
    order = np.random.default_rng(seed).permutation(len(samples))
    np.testing.assert_array_equal(user_folds(samples.take(order), folds, seed), fold[order])


def test_too_few_users_for_so_many_folds():
    with pytest.raises(SplitError, match=r"2 validation users do not fill 5 folds; lower \[value\] folds"):
        user_folds(make_samples(50, users=2), 5, 1)


def test_the_simplest_values_are_read_off_the_predictions():
    samples = make_samples(800)
    train, validation = samples.split("train"), samples.split("validation")
    model = Popularity().fit(train, rng=np.random.default_rng(0))
    asked = {"model": model, "folds": 3, "rng": np.random.default_rng(0)}
    p = model.predict(train)
    np.testing.assert_array_equal(Probability().value(train, validation, utility="auc", **asked).value, p)
    found = Loss().value(train, validation, utility="log_loss", **asked)
    np.testing.assert_allclose(found.value, np.log(np.where(train.label == 1, p, 1 - p)))
    with pytest.raises(InputError, match="auc"):
        Loss().value(train, validation, utility="auc", **asked)
    with pytest.raises(InputError, match="needs a linear model, not 'popularity'"):
        Influence().value(train, validation, utility="log_loss", **asked)


@given(h.lists(h.tuples(h.sampled_from(["a", "用户", "חלב", None]), h.floats(-5, 5)), min_size=1, max_size=30), h.integers(1, 4))
def test_groups_are_worth_the_sums_of_their_samples_fold_by_fold(rows, folds):
    group, first = [g for g, _ in rows], np.array([v for _, v in rows])
    per_fold = np.stack([first * (k + 1) for k in range(folds)])
    found = Importance(np.arange(len(rows)), per_fold.mean(axis=0), per_fold)
    made = found.rolled_up(pa.array(group, pa.string()))
    assert made["group"].to_pylist() == sorted({g for g in group if g is not None}, key=lambda g: g.encode())
    for line in made.to_pylist():
        inside = np.array([g == line["group"] for g in group])
        sums = per_fold[:, inside].sum(axis=1)
        assert line["samples"] == inside.sum()
        np.testing.assert_allclose(line["value"], sums.mean(), atol=1e-9)
        if folds > 1:
            np.testing.assert_allclose(line["stderr"], sums.std(ddof=1) / np.sqrt(folds), atol=1e-9)
        else:
            assert np.isnan(line["stderr"])
            assert np.isnan(line["z"])


def test_groups_of_another_length_are_refused():
    found = Importance(np.arange(3), np.zeros(3))
    with pytest.raises(ValueError, match="group has 2 entries for 3 samples"):
        found.rolled_up(pa.array([1, 2]))
    assert found.rolled_up(pa.array([1, 2, 1]))["samples"].to_pylist() == [2, 1]
