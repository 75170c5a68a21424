import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.errors import InputError
from assay.numerics import measures as ms
from assay.testing.measures import MeasureTests


class TestAuc(MeasureTests):
    measure = staticmethod(ms.auc)


class TestLogLoss(MeasureTests):
    measure = staticmethod(ms.log_loss)
    bounds = (0.0, 40.0)


class TestAccuracy(MeasureTests):
    measure = staticmethod(ms.accuracy)


class TestPrecision(MeasureTests):
    measure = staticmethod(ms.precision)


class TestRecall(MeasureTests):
    measure = staticmethod(ms.recall)


class TestF1(MeasureTests):
    measure = staticmethod(ms.f1)


class TestCalibrationError(MeasureTests):
    measure = staticmethod(ms.calibration_error)


ROWS = h.lists(
    h.tuples(
        h.integers(0, 1),
        h.one_of(h.sampled_from([0.0, 0.25, 0.5, 1.0]), h.floats(0, 1, width=32)),
        h.one_of(h.just(0.0), h.floats(0.01, 10)),
        h.sampled_from(["אבי", "名前", "🛒", "a"]),
    ),
    min_size=1,
    max_size=40,
)


@pytest.mark.slow
@given(ROWS)
@settings(max_examples=200, deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_equal_to_scikit_learn(rows):
    label, score, weight, user = (np.array(column) for column in zip(*rows, strict=True))
    if not weight.any():
        return
    predicted = score >= 0.5
    options = {"sample_weight": weight}
    close = {"rel": 1e-9, "abs": 1e-9}
    assert ms.accuracy(label, score, weight) == pytest.approx(sk.accuracy_score(label, predicted, **options), **close)
    for name, oracle in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        expected = oracle(label, predicted, zero_division=0, **options)
        assert getattr(ms, name)(label, score, weight) == pytest.approx(expected, **close)
    expected = sk.log_loss(label, score, labels=[0, 1], **options)
    assert ms.log_loss(label, score, weight) == pytest.approx(expected, **close)
    if len(set(label[weight > 0])) == 2:
        assert ms.auc(label, score, weight) == pytest.approx(sk.roc_auc_score(label, score, **options), **close)
    else:
        assert np.isnan(ms.auc(label, score, weight))
    each = []
    for one in sorted(set(user)):
        mine = (user == one) & (weight > 0)
        if len(set(label[mine])) == 2:
            each.append(sk.roc_auc_score(label[mine], score[mine], sample_weight=weight[mine]))
    expected = np.mean(each) if each else np.nan
    assert ms.user_auc(label, score, user, weight) == pytest.approx(expected, nan_ok=True, **close)


def test_calibration_error_against_a_loop():
    rng = np.random.default_rng(0)
    score = rng.permutation(np.arange(1, 1001) / 1001)
    label = rng.random(1000) < score**1.5
    by_score = np.argsort(score)
    expected = sum(len(part) / 1000 * abs(label[part].mean() - score[part].mean()) for part in np.split(by_score, 10))
    assert ms.calibration_error(label, score, bins=10) == pytest.approx(expected, abs=1e-12)
    table = ms.reliability(label, score, bins=10)
    assert table["rows"].tolist() == [100] * 10
    assert np.all(table["lowest"][1:] > table["highest"][:-1])


def test_all_scores_tied():
    label = np.array([0, 1, 1, 0, 1])
    assert ms.auc(label, np.full(5, 0.3)) == 0.5
    assert ms.calibration_error(label, np.full(5, 0.3)) == pytest.approx(0.3)
    assert len(ms.reliability(label, np.full(5, 0.3))["rows"]) == 1


def test_a_score_that_is_no_probability_has_auc_but_no_log_loss():
    assert ms.auc([0, 1], [-3.0, 8.0]) == 1
    with pytest.raises(InputError, match="row 1 is no probability"):
        ms.log_loss([0, 1], [0.0, 8.0])


def test_resampled_auc_counts_users_as_often_as_drawn():
    rng = np.random.default_rng(1)
    score = np.sort(np.round(rng.random(300), 1))
    label = rng.random(300) < score
    user = rng.integers(0, 20, 300).astype(np.int32)
    counts = rng.integers(0, 4, (7, 20)).astype(float)
    found = ms.resampled_auc(label, ms.tie_ends(score), user, np.ones(300), counts)
    for one, value in zip(counts, found, strict=True):
        rows = np.repeat(np.arange(300), one[user].astype(int))
        assert value == pytest.approx(sk.roc_auc_score(label[rows], score[rows]), abs=1e-9)


@pytest.mark.parametrize(
    ("measure", "ends"),
    [
        ("auc", (0, 1)),
        ("hit_rate@2", (0, 1)),
        ("ndcg@10", (0, 1)),
        ("coverage@5", (0, 1)),
        ("log_loss", (0, np.inf)),
        ("novelty@10", (0, np.inf)),
        ("rmse", (0, np.inf)),
        ("mae", (0, np.inf)),
        ("r2", (-np.inf, 1)),
        ("spearman", (-1, 1)),
        ("profit", (-np.inf, np.inf)),
        ("profit@10", (-np.inf, np.inf)),
    ],
)
def test_where_a_measure_can_lie(measure, ends):
    assert ms.bounds(measure) == ends


@given(h.floats(0, 1), h.floats(0, 20))
def test_intervals_of_shares_stay_there_and_keep_their_value_and_their_side_of_zero(value, half):
    low, high = ms.within("hit_rate@2", value, value - half, value + half)
    assert 0 <= low <= value <= high <= 1
    low, high = ms.within("hit_rate@2", value, value - half, value + half, difference=True)
    assert -1 <= low <= value <= high <= 1
    assert (low > 0) == (value - half > 0)
    assert ms.within("profit", value, value - half, value + half) == (value - half, value + half)
    assert np.isnan(ms.within("auc", value, np.nan, np.nan)).all()
