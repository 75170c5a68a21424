import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.errors import InputError
from assay.importance.subsampling import inclusion
from assay.importance.valuer import Importance
from assay.runs.store import Folder
from assay.selection import weights as s
from assay.testing.data import make_samples

N = 300


def values(seed=0, n=N, folds=True):
    per_fold = np.random.default_rng(seed).normal(size=(5, n))
    return Importance(np.arange(n), per_fold.mean(axis=0), per_fold if folds else None)


@settings(max_examples=60, deadline=None)
@given(h.integers(0, 10_000), h.integers(1, 80), h.integers(1, 3), h.sampled_from([0.1, 0.5, 0.9]), h.integers(0, 90))
def test_rows_go_in_order_while_their_groups_keep_their_floors(seed, n, kinds, floor, limit):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, rng.integers(1, 12), (kinds, n))
    order = rng.permutation(n)[: rng.integers(0, n + 1)]
    gone = s.remove(order, limit, groups, floor)
    left = [np.bincount(codes).astype(float) for codes in groups]
    least = [np.maximum(np.ceil(floor * counts), 1) for counts in left]
    expected = np.zeros(n, bool)
    for row in order:  # the rule, said once more in plain Python
        if expected.sum() < limit and all(left[g][groups[g, row]] > least[g][groups[g, row]] for g in range(kinds)):
            expected[row] = True
            for g in range(kinds):
                left[g][groups[g, row]] -= 1
    np.testing.assert_array_equal(gone, expected)


def test_no_user_item_or_category_disappears():
    samples = make_samples(N)
    weight = s.drop_fraction(samples.weight, values(), 0.9, s.floor_groups(samples), 0.3)
    kept = weight > 0
    assert 0 < kept.sum() < N
    category = np.array(samples.features["category"].to_pylist())
    for codes in (samples.user, samples.item, category):
        for code in np.unique(codes):
            of = codes == code
            assert kept[of].sum() >= max(1, np.ceil(0.3 * of.sum()))


def test_columns_that_group_nothing_protect_nothing():
    samples = make_samples(N, features=["noise"])
    keys = samples.keys
    for name in ("user_code", "item_code"):
        keys = keys.set_column(keys.column_names.index(name), name, [np.arange(N, dtype=np.int32)])
    alone = type(samples)(keys, samples.features)
    groups = s.floor_groups(alone)
    assert groups.shape == (0, N)
    assert (s.drop_count(alone.weight, values(), 100, groups, 0.5) == 0).sum() == 100


def test_ways_to_drop():
    free, weight, found = np.zeros((0, N), np.int64), np.full(N, 2.0), values(1)
    lowest = found.order()
    np.testing.assert_array_equal(np.flatnonzero(s.drop_count(weight, found, 7, free, 0.5) == 0), np.sort(lowest[:7]))
    assert (s.drop_fraction(weight, found, 0.1, free, 0.5) == 0).sum() == 30
    below = s.drop_below(weight, found, -0.3, free, 0.5)
    np.testing.assert_array_equal(below == 0, found.value < -0.3)
    harmful = s.drop_harmful(weight, found, 1.0, free, 0.5)
    np.testing.assert_array_equal(harmful == 0, found.z < -1.0)
    damped = s.damp(weight, found, 0.1, 0.25)
    np.testing.assert_array_equal(np.flatnonzero(damped == 0.5), np.sort(lowest[:30]))
    assert (damped == 2).sum() == N - 30
    for kept in (below, harmful):
        assert set(kept) == {0.0, 2.0}
    np.testing.assert_array_equal(weight, 2.0)
    assert s.removed_share(weight, below) == pytest.approx((found.value < -0.3).mean())


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda w, f, g: s.drop_count(w, f, N + 1, g, 0.5), "cannot remove 301 of 300"),
        (lambda w, f, g: s.drop_fraction(w, f, 1.0, g, 0.5), "cannot remove the fraction 1.0"),
        (lambda w, f, g: s.drop_harmful(w, values(folds=False), 1.0, g, 0.5), "no standard errors"),
        (lambda w, f, g: inclusion(np.ones(3), 0.0), "cannot draw the fraction"),
    ],
)
def test_what_cannot_be_done_is_said(act, says):
    with pytest.raises(InputError, match=says):
        act(np.ones(N), values(), np.zeros((0, N), np.int64))


def test_recency_halves_and_keeps_the_sum():
    period = np.array([0, 4, 8, 8], np.int32)
    found = s.recency_weights(np.ones(4), period, 4.0)
    np.testing.assert_allclose(found / found[-1], [0.25, 0.5, 1, 1])
    assert found.sum() == pytest.approx(4)


@settings(max_examples=60, deadline=None)
@given(h.lists(h.floats(0, 1e6), min_size=1, max_size=200), h.floats(0.01, 1.0))
def test_inclusion_probabilities_sum_to_what_is_asked_for(sizes, fraction):
    size = np.array(sizes)
    pi = inclusion(size, fraction)
    assert np.all((pi > 0) & (pi <= 1))
    assert pi.sum() == pytest.approx(fraction * len(size), rel=1e-6)
    assert np.all(np.diff(pi[np.argsort(size, kind="stable")]) >= -1e-12)
    assert pi.min() >= 0.1 * fraction * 0.999  # a tenth is uniform: no weight beyond 10 / fraction


def test_a_draw_is_unbiased_and_a_matter_of_the_row_alone():
    ids = np.arange(5_000, dtype=np.int64)
    pi = inclusion(np.random.default_rng(0).gamma(1.0, size=5_000), 0.1)
    total = [s.draw(np.ones(5_000), ids, pi, seed).sum() for seed in range(200)]
    error = np.std(total) / np.sqrt(len(total))
    assert abs(np.mean(total) - 5_000) < 4 * error
    once = s.draw(np.ones(5_000), ids, pi, 3)
    np.testing.assert_array_equal(s.draw(np.ones(100), ids[50:150], pi[50:150], 3), once[50:150])
    np.testing.assert_allclose(once[once > 0], 1 / pi[once > 0])


def test_the_rivals_orders():
    samples, loss = make_samples(N), values(2, folds=False)
    popularity = np.bincount(samples.item, samples.label, minlength=60).astype(np.int64)
    found = s.orders(samples, loss, popularity, 7)
    for order in found.values():
        np.testing.assert_array_equal(np.sort(order), np.arange(N))
    assert np.all(np.diff(samples.period[found["recency"]]) >= 0)
    assert np.all(np.diff(popularity[samples.item[found["popularity"]]]) >= 0)
    assert np.all(np.diff(loss.value[found["loss"]]) >= 0)
    other = s.orders(samples, loss, popularity, 8)
    assert not np.array_equal(found["random"], other["random"])


def test_weight_files_are_what_lightgbm_reads(tmp_path):
    samples, run = make_samples(N), Folder(tmp_path)
    weight = s.damp(samples.weight, values(), 0.3, 1 / 3)
    names = s.write_weights(run, samples, weight)
    assert all(run.path(name).exists() for name in names)
    table = run.read_table("selection/weights.parquet")
    assert table.column_names == ["sample_id", "weight"]
    assert table["sample_id"].equals(samples.keys["sample_id"])
    rows = np.column_stack([samples.label, np.random.default_rng(0).normal(size=(N, 2))])
    np.savetxt(tmp_path / "train.txt", rows, delimiter="\t")
    (tmp_path / "train.txt.weight").write_bytes(run.path("selection/lightgbm.weight").read_bytes())
    data = lightgbm.Dataset(str(tmp_path / "train.txt"), params={"verbose": -1}).construct()
    np.testing.assert_allclose(data.get_weight(), weight, rtol=1e-6)
