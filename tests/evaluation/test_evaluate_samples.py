import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.errors import InputError, SplitError
from assay.evaluation import calibration, compare_samples, evaluate_samples, group_samples
from assay.evaluation.samples import score_samples
from assay.evaluation.scores import holm_together
from assay.numerics import measures as ms


def logged(users=60, rows=1500, seed=0):
    rng = np.random.default_rng(seed)
    user = rng.integers(0, users, rows)
    score = np.clip(rng.random(rows) * 0.8 + 0.2 * rng.random(users)[user], 0.001, 0.999)
    return (rng.random(rows) < score).astype(np.int8), score, user, rng.integers(0, 3, rows).astype(float)


def test_values_are_those_of_the_measures():
    label, score, user, weight = logged()
    found = evaluate_samples(label, score, user, weight=weight, threshold=0.4, resamples=100, seed=1)
    assert list(found) == list(ms.POINTWISE)
    for name, figures in found.items():
        options = {"threshold": 0.4} if name in ("accuracy", "precision", "recall", "f1") else {}
        columns = (label, score, user, weight) if name == "user_auc" else (label, score, weight)
        assert figures["value"] == pytest.approx(getattr(ms, name)(*columns, **options), rel=1e-9), name
        assert figures["low"] < figures["value"] < figures["high"], name
    json.dumps(found, allow_nan=False)


def test_a_resample_equals_the_measure_of_the_drawn_rows():
    label, score, user, weight = logged(users=8, rows=200)
    scores = score_samples(label, score, user, weight=weight)
    counts = np.array([[2.0, 0, 1, 3, 1, 0, 1, 0]])
    rows = np.repeat(np.arange(200), counts[0][user].astype(int))
    drawn = dict(zip(scores.measures, scores.statistic(counts)[0], strict=True))
    for name in ("auc", "log_loss", "accuracy", "precision", "recall", "f1"):
        assert drawn[name] == pytest.approx(getattr(ms, name)(label[rows], score[rows], weight[rows])), name


def test_same_seed_same_figures_in_any_row_order():
    label, score, user, weight = logged()
    first = evaluate_samples(label, score, user, weight=weight, resamples=50, seed=3)
    assert first == evaluate_samples(label, score, user, weight=weight, resamples=50, seed=3)
    order = np.random.default_rng(0).permutation(len(label))
    again = evaluate_samples(label[order], score[order], user[order], weight=weight[order], resamples=50, seed=3)
    for name in first:
        assert again[name] == pytest.approx(first[name], rel=1e-9)


def test_equal_arms_do_not_differ():
    label, score, user, _ = logged()
    for figures in compare_samples(label, score, score.copy(), user, resamples=50).values():
        assert figures == {"value": 0, "low": 0, "high": 0, "p": 1, "p_holm": 1, "effect": 0}


def test_a_better_arm_is_found():
    label, score, user, _ = logged()
    noise = np.random.default_rng(1).random(len(label))
    found = compare_samples(label, noise, score, user, resamples=100)
    assert found["auc"]["value"] == pytest.approx(ms.auc(label, score) - ms.auc(label, noise))
    assert found["auc"]["low"] > 0
    assert found["log_loss"]["high"] < 0
    assert found["auc"]["p"] <= found["auc"]["p_holm"] < 0.001
    assert found["auc"]["effect"] > 0 > found["log_loss"]["effect"]
    both = holm_together({"ours": found, "theirs": found})
    assert both["ours"]["f1"]["p_holm"] >= found["f1"]["p_holm"]


def test_edges():
    label, score, user, _ = logged()
    with pytest.raises(SplitError, match="every label is 1"):
        evaluate_samples(np.ones(9), score[:9], user[:9])
    with pytest.raises(SplitError, match="every label is 0"):
        evaluate_samples([0, 0, 1], [0.1, 0.2, 0.3], [1, 2, 3], weight=[1, 1, 0])
    with pytest.raises(InputError, match="only one user"):
        evaluate_samples(label, score, np.zeros(len(label)))
    with pytest.raises(InputError, match="no rows"):
        evaluate_samples([], [], [])
    with pytest.raises(InputError, match="row 2 is NaN"):
        evaluate_samples([0, 1, 1], [0.1, 0.2, np.nan], [1, 2, 3])
    with pytest.raises(InputError, match="one user per row"):
        evaluate_samples([0, 1, 1], [0.1, 0.2, 0.4], [1, 2])
    assert "user_auc" not in evaluate_samples([0, 0, 1, 1], [0.1, 0.2, 0.4, 0.3], ["א", "b", "🛒", "d"], resamples=50)
    tied = evaluate_samples(label, np.full(len(label), 0.5), user, resamples=20)
    assert tied["auc"] == {"value": 0.5, "low": 0.5, "high": 0.5}


def test_groups():
    label, score, user, weight = logged()
    group = np.array(["vieux", "新", None], dtype=object)[user % 3]
    table = group_samples(label, score, user, group, weight=weight, resamples=20)
    assert table.column("group").unique().to_pylist() == ["vieux", "新", None]
    assert table.num_rows == 3 * len(ms.POINTWISE)
    mine = (user % 3 == 1) & (weight > 0)
    line = next(r for r in table.to_pylist() if r["group"] == "新" and r["measure"] == "auc")
    assert line["value"] == pytest.approx(ms.auc(label[mine], score[mine], weight[mine]))
    assert (line["rows"], line["users"]) == (mine.sum(), len(set(user[mine])))
    one = group_samples([1, 1, 0], [0.2, 0.4, 0.6], [5, 5, 6], [0, 0, 1], resamples=20).to_pylist()
    assert one[0]["measure"] == "auc"
    assert one[0]["value"] is one[0]["low"] is None
    assert one[3]["value"] == 0.0
    with pytest.raises(InputError, match="2 entries for 3 rows"):
        group_samples([1, 1, 0], [0.2, 0.4, 0.6], [5, 5, 6], [0, 0])


def test_calibration_table():
    label, score, _, weight = logged()
    table = calibration(label, score, weight=weight, bins=10)
    assert sum(table.column("rows").to_pylist()) == (weight > 0).sum()
    np.testing.assert_allclose(table.column("weight").to_numpy(), weight.sum() / 10, rtol=0.05)


ROW = h.tuples(
    h.sampled_from([0, 1]),
    h.one_of(h.floats(0, 1), h.sampled_from([0.0, 0.5, 1.0, np.nan, np.inf, -1.0])),
    h.sampled_from(["מ", "用户", "👤", "u"]),
    h.sampled_from([0.0, 1e-300, 1.0, 2.5, 1e12]),
)


@given(h.lists(ROW, max_size=25))
@settings(max_examples=150, deadline=None)
def test_any_rows_give_finite_ordered_figures_or_a_clear_error(rows):
    label, score, user, weight = [list(column) for column in zip(*rows, strict=True)] or [[]] * 4
    try:
        found = evaluate_samples(label, score, user, weight=weight, resamples=60)
    except InputError:
        return
    for figures in found.values():
        assert np.isfinite(list(figures.values())).all()
        assert figures["low"] <= figures["high"]


def test_a_a_comparisons_of_auc_and_f1_reject_in_one_of_twenty():
    rng = np.random.default_rng(11)
    rejected = np.zeros(2)
    for trial in range(400):
        user = np.repeat(np.arange(50), 6)
        skill = rng.normal(size=50)[user]
        label = (rng.random(300) < 1 / (1 + np.exp(-skill))).astype(np.int8)
        a, b = (1 / (1 + np.exp(-0.5 * skill - rng.normal(size=50)[user] - rng.normal(size=300))) for _ in "ab")
        found = compare_samples(label, a, b, user, resamples=100, seed=trial)
        rejected += [found["auc"]["p"] < 0.05, found["f1"]["p"] < 0.05]
    assert np.all((rejected / 400 > 0.02) & (rejected / 400 < 0.085)), rejected
