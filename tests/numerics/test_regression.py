import numba
import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as h
from scipy import stats

from assay.errors import InputError
from assay.numerics import measures as ms
from assay.numerics import regression as rg

AMOUNT = h.one_of(h.sampled_from([0.0, 1.0, 2.5, -4.0]), h.floats(-1e6, 1e6, width=32))
ROWS = h.lists(h.tuples(AMOUNT, AMOUNT, h.integers(0, 4)), min_size=1, max_size=30)


@given(ROWS)
@settings(max_examples=200, deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_equal_to_scikit_learn_and_scipy(rows):
    label, prediction, weight = (np.array(column) for column in zip(*rows, strict=True))
    if not weight.any():
        return
    copies = np.repeat(np.arange(len(label)), weight)
    close = {"rel": 1e-9, "abs": 1e-9}
    options = {"sample_weight": weight}
    expected = sk.root_mean_squared_error(label, prediction, **options)
    assert rg.rmse(label, prediction, weight) == pytest.approx(expected, **close)
    assert rg.mae(label, prediction, weight) == pytest.approx(sk.mean_absolute_error(label, prediction, **options), **close)
    order = stats.spearmanr(label[copies], prediction[copies]).statistic if len(copies) > 1 else np.nan
    assert rg.spearman(label, prediction, weight) == pytest.approx(order, nan_ok=True, **close)
    found = rg.r2(label, prediction, weight)
    if np.ptp(label[copies]) == 0:
        assert np.isnan(found)
    elif np.ptp(label[copies]) > 1e-6 * np.abs(label[copies]).max():  # else rounding rules
        assert found == pytest.approx(sk.r2_score(label, prediction, **options), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("measure", [rg.rmse, rg.mae, rg.r2, rg.spearman])
def test_order_copies_and_weights(measure):
    rng = np.random.default_rng(0)
    label, prediction, weight = np.round(rng.gamma(2, 5, 200)), np.round(rng.gamma(2, 5, 200)), rng.integers(0, 4, 200)
    found = measure(label, prediction, weight)
    order = rng.permutation(200)
    assert measure(label[order], prediction[order], weight[order]) == pytest.approx(found, rel=1e-9)
    copies = np.repeat(np.arange(200), weight)
    assert measure(label[copies], prediction[copies]) == pytest.approx(found, rel=1e-9)
    assert measure(label, prediction, 7.3 * weight) == pytest.approx(found, rel=1e-9)


@given(h.lists(AMOUNT, min_size=2, max_size=30, unique=True), h.integers(0, 99))
@settings(deadline=None)
def test_spearman_of_the_same_and_of_the_reverse_order(values, seed):
    label = np.random.default_rng(seed).permutation(np.array(values))
    assert rg.spearman(label, np.cbrt(label)) == pytest.approx(1, abs=1e-12)
    assert rg.spearman(label, -label) == pytest.approx(-1, abs=1e-12)


def drawn(seed):
    rng = np.random.default_rng(seed)
    label, user, weight = np.round(rng.gamma(2, 5, 300)), rng.integers(0, 20, 300).astype(np.int32), rng.integers(0, 3, 300)
    prediction = np.round(label + rng.normal(0, 4, 300))
    return label, prediction, user, weight.astype(float), rng.integers(0, 4, (7, 20)).astype(float)


def test_resamples_count_users_as_often_as_drawn():
    label, prediction, user, weight, counts = drawn(1)
    found = rg.from_sums(counts, rg.user_sums(label, prediction, weight, user, 20))
    found["spearman"] = rg.resampled_spearman(*rg.places(label, prediction), user, weight, counts)
    assert list(found) == list(ms.AMOUNTS)
    for resample, count in enumerate(counts):
        rows = np.repeat(np.arange(300), (weight * count[user]).astype(int))
        for name, values in found.items():
            assert values[resample] == pytest.approx(getattr(rg, name)(label[rows], prediction[rows]), rel=1e-9), name


def test_what_does_not_vary_has_no_order_and_no_spread():
    label, prediction = np.array([0.1, 0.1, 0.1, 3.0]), np.array([1.0, 2.0, 3.0, 4.0])
    user = np.array([0, 0, 1, 2], np.int32)
    counts = np.array([[1.0, 2, 0], [1, 0, 1], [0, 0, 0]])
    found = rg.from_sums(counts, rg.user_sums(label, prediction, np.ones(4), user, 3))
    np.testing.assert_array_equal(np.isnan(found["r2"]), [True, False, True])
    np.testing.assert_array_equal(np.isnan(found["rmse"]), [False, False, True])
    order = rg.resampled_spearman(*rg.places(label, prediction), user, np.ones(4), counts)
    np.testing.assert_array_equal(np.isnan(order), [True, False, True])
    assert np.isnan(rg.spearman(prediction, label[:1].repeat(4)))
    assert rg.r2(prediction, label[:1].repeat(4)) < 0
    assert np.isnan(rg.r2([0.0, 1e-150], [1e90, 1e90]))


def test_any_number_of_threads_gives_the_same_bytes():
    label, prediction, user, weight, counts = drawn(4)
    arguments = (*rg.places(label, prediction), user, weight / 3, np.tile(counts, (5, 1)))
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        one = rg.resampled_spearman(*arguments)
    finally:
        numba.set_num_threads(before)
    assert one.tobytes() == rg.resampled_spearman(*arguments).tobytes()


def test_reliability_against_a_loop():
    rng = np.random.default_rng(0)
    prediction = rng.permutation(np.arange(1000.0))
    label = prediction**1.1 + rng.normal(size=1000)
    by_prediction = np.split(np.argsort(prediction), 10)
    table = rg.reliability(label, prediction, bins=10)
    assert list(table) == ["rows", "weight", "prediction", "label", "lowest", "highest"]
    np.testing.assert_allclose(table["prediction"], [prediction[part].mean() for part in by_prediction])
    np.testing.assert_allclose(table["label"], [label[part].mean() for part in by_prediction])
    np.testing.assert_array_equal(table["highest"], [prediction[part].max() for part in by_prediction])
    assert len(rg.reliability(label, np.full(1000, 3.0))["rows"]) == 1


@pytest.mark.parametrize(
    ("label", "prediction", "weight", "message"),
    [
        ([], [], None, "no rows"),
        ([1, 2], [1.0, np.nan], None, "prediction of row 1 is NaN; a model must score every row"),
        ([1, 2], [1.0, np.inf], None, "prediction of row 1 is infinite"),
        ([1, np.nan], [1.0, 2.0], None, "label of row 1 is infinite or NaN"),
        ([1, 2], [1e101, 2.0], None, "prediction of row 0 is beyond 1e\\+100"),
        (["a", "b"], [1.0, 2.0], None, "label holds <U1, not numbers"),
        ([1, 2], [1.0], None, "label, prediction and weight have shapes"),
        ([1, 2], [1.0, 2.0], [0, 0], "all weights are 0"),
        ([1, 2], [1.0, 2.0], [-1, 0], "weight of row 0 is negative"),
    ],
)
def test_what_cannot_be_measured_is_named(label, prediction, weight, message):
    for measure in (rg.rmse, rg.spearman, rg.reliability):
        with pytest.raises(InputError, match=message):
            measure(label, prediction, weight)
