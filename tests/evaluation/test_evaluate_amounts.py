import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.errors import InputError
from assay.evaluation import compare_amounts, evaluate_amounts
from assay.evaluation.amounts import score_amounts
from assay.numerics import measures as ms
from assay.numerics import regression as rg


def logged(users=60, rows=1500, seed=0):
    rng = np.random.default_rng(seed)
    user = rng.integers(0, users, rows)
    minutes = rng.gamma(2.0, 10.0, rows) + 5 * rng.normal(size=users)[user]
    return minutes, minutes + rng.normal(0, 8, rows), user, rng.integers(0, 3, rows).astype(float)


def test_values_are_those_of_the_measures():
    label, prediction, user, weight = logged()
    found = evaluate_amounts(label, prediction, user, weight=weight, resamples=100, seed=1)
    assert list(found) == list(ms.AMOUNTS)
    for name, figures in found.items():
        assert figures["value"] == pytest.approx(getattr(rg, name)(label, prediction, weight), rel=1e-9), name
        assert figures["low"] < figures["value"] < figures["high"], name
    json.dumps(found, allow_nan=False)


def test_a_resample_equals_the_measure_of_the_drawn_rows():
    label, prediction, user, weight = logged(users=8, rows=200)
    own = {"mean": lambda y, p, w: float(np.average(p - y, weights=w))}
    scores = score_amounts(label, prediction, user, weight=weight, more=own)
    counts = np.array([[2.0, 0, 1, 3, 1, 0, 1, 0]])
    rows = np.repeat(np.arange(200), counts[0][user].astype(int))
    drawn = dict(zip(scores.measures, scores.statistic(counts)[0], strict=True))
    for name in ms.AMOUNTS:
        assert drawn[name] == pytest.approx(getattr(rg, name)(label[rows], prediction[rows], weight[rows]), rel=1e-9), name
    assert drawn["mean"] == pytest.approx(own["mean"](label[rows], prediction[rows], weight[rows]))


def test_same_seed_same_figures_in_any_row_order():
    label, prediction, user, weight = logged()
    first = evaluate_amounts(label, prediction, user, weight=weight, resamples=50, seed=3)
    assert first == evaluate_amounts(label, prediction, user, weight=weight, resamples=50, seed=3)
    order = np.random.default_rng(0).permutation(len(label))
    again = evaluate_amounts(label[order], prediction[order], user[order], weight=weight[order], resamples=50, seed=3)
    for name in first:
        assert again[name] == pytest.approx(first[name], rel=1e-9)


def test_equal_arms_do_not_differ_and_a_better_one_is_found():
    label, prediction, user, _ = logged()
    for figures in compare_amounts(label, prediction, prediction.copy(), user, resamples=50).values():
        assert figures == {"value": 0, "low": 0, "high": 0, "p": 1, "p_holm": 1, "effect": 0}
    noise = np.random.default_rng(1).permutation(label)
    found = compare_amounts(label, noise, prediction, user, resamples=100)
    for name, change in found.items():
        assert change["value"] == pytest.approx(getattr(rg, name)(label, prediction) - getattr(rg, name)(label, noise))
        assert change["p"] <= change["p_holm"] < 0.001
        assert (change["high"] < 0) == (name in ms.LOWER_IS_BETTER)
        assert (change["low"] > 0) == (name not in ms.LOWER_IS_BETTER)


def test_edges():
    label, prediction, user, _ = logged()
    with pytest.raises(InputError, match="only one user"):
        evaluate_amounts(label, prediction, np.zeros(len(label)))
    with pytest.raises(InputError, match="only one user"):
        evaluate_amounts([1, 2, 3], [1, 2, 4], ["a", "a", "b"], weight=[1, 1, 0])
    with pytest.raises(InputError, match="no rows"):
        evaluate_amounts([], [], [])
    with pytest.raises(InputError, match="one user per row"):
        evaluate_amounts([0, 1, 1], [0.1, 0.2, 0.4], [1, 2])
    alike = evaluate_amounts(np.full(9, 0.1), prediction[:9], np.arange(9), resamples=20)
    assert list(alike) == ["mse", "rmse", "mae"]
    constant = np.full(len(label), 20.0)
    assert list(evaluate_amounts(label, constant, user, resamples=20)) == ["mse", "rmse", "mae", "r2"]
    assert list(compare_amounts(label, constant, prediction, user, resamples=20)) == ["mse", "rmse", "mae", "r2"]
    assert list(compare_amounts(label, prediction, constant, user, resamples=20)) == ["mse", "rmse", "mae", "r2"]


ROW = h.tuples(
    h.one_of(h.floats(-1e3, 1e3), h.sampled_from([0.0, 1.0, 5e99, np.nan, np.inf])),
    h.one_of(h.floats(-1e3, 1e3), h.sampled_from([0.0, 0.5, 5e99, 1e300, np.nan, -np.inf])),
    h.sampled_from(["מ", "用户", "👤", "u"]),
    h.sampled_from([0.0, 1e-300, 1.0, 2.5, 1e12]),
)


@given(h.lists(ROW, max_size=25))
@settings(max_examples=150, deadline=None)
def test_any_rows_give_finite_ordered_figures_or_a_clear_error(rows):
    label, prediction, user, weight = [list(column) for column in zip(*rows, strict=True)] or [[]] * 4
    try:
        found = evaluate_amounts(label, prediction, user, weight=weight, resamples=60)
    except InputError:
        return
    for figures in found.values():
        assert np.isfinite(list(figures.values())).all()
        assert figures["low"] <= figures["high"]


@pytest.mark.slow
def test_a_a_comparisons_reject_in_one_of_twenty():
    rng = np.random.default_rng(11)
    rejected = np.zeros(len(ms.AMOUNTS))
    for trial in range(400):
        user = np.repeat(np.arange(50), 6)
        of_user = rng.normal(size=50)[user]
        label = of_user + rng.normal(size=300)
        a, b = (0.5 * of_user + rng.normal(size=50)[user] + rng.normal(size=300) for _ in "ab")
        found = compare_amounts(label, a, b, user, resamples=100, seed=trial)
        rejected += [found[name]["p"] < 0.05 for name in ms.AMOUNTS]
    assert np.all((rejected / 400 > 0.02) & (rejected / 400 < 0.085)), rejected
