"""Which rows stop a boosted model, and how small its trees are, by hand."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from assay.models import rounds
from assay.models.rounds import held_back, regularised
from assay.testing.data import make_samples


def changed(samples, **columns):
    keys = samples.keys
    for name, values in columns.items():
        at = keys.column_names.index(name)
        keys = keys.set_column(at, name, pa.array(values, keys.schema.field(name).type))
    return replace(samples, keys=keys)


@pytest.fixture(scope="module")
def train():
    return make_samples(3_000, users=30).split("train")


def test_the_last_fifth_by_period_is_late(train):
    rows = np.flatnonzero(np.arange(len(train)) % 5 > 0)
    held = held_back(train, rows)
    assert sorted([*held.early, *held.late]) == rows.tolist()
    assert held.stopping.tolist() == held.late.tolist()
    assert train.period[held.early].max() < train.period[held.late].min()
    assert (
        len(held.late)
        <= 0.2 * len(rows)
        < len(held.late) + np.count_nonzero(train.period[rows] == train.period[held.early].max())
    )


def test_a_long_last_period_is_late_alone(train):
    period = np.where(train.period > 2_503, 2_510, train.period)
    held = held_back(changed(train, period=period), np.arange(len(train)))
    assert set(period[held.late]) == {2_510}
    assert set(period[held.early]) == {2_500, 2_501, 2_502, 2_503}


def test_of_two_periods_some_requests_are_late(train):
    samples = changed(train, period=2_500 + np.arange(len(train)) % 2)
    held = held_back(samples, np.arange(len(train)))
    assert sorted([*held.early, *held.late]) == list(range(len(train)))
    assert not set(train.request[held.early]) & set(train.request[held.late])
    assert 0.15 * len(train) < len(held.late) <= 0.2 * len(train)
    # The same requests, whatever the order of the rows.
    order = np.random.default_rng(0).permutation(len(train))
    other = held_back(samples.take(order), np.arange(len(train)))
    assert set(order[other.late]) == set(held.late)


def test_both_sides_are_bounded_by_whole_requests(train, monkeypatch):
    whole = held_back(train, np.arange(len(train)))
    monkeypatch.setattr(rounds, "_MOST_EARLY", 300)
    monkeypatch.setattr(rounds, "_MOST_LATE", 70)
    held = held_back(train, np.arange(len(train)))
    assert held.late.tolist() == whole.late.tolist()
    for few, every, most in ((held.early, whole.early, 300), (held.stopping, whole.late, 70)):
        assert most - 60 < len(few) <= most
        assert set(few) <= set(every)
        assert set(few) == {row for row in every if train.request[row] in set(train.request[few])}


def test_none_where_a_side_has_one_label_or_all_is_one_request(train):
    rows = np.arange(len(train))
    late = train.period >= train.period[held_back(train, rows).late].min()
    for label in (0, 1):
        assert held_back(changed(train, label=np.where(late, label, train.label)), rows) is None
        assert held_back(changed(train, label=np.where(late, train.label, label)), rows) is None
    one = changed(train, period=np.zeros(len(train), int), request_id=np.zeros(len(train), int))
    assert held_back(one, rows) is None


def test_trees_grow_with_the_logarithm_of_the_rows():
    sizes = [regularised(n, 63) for n in (1, 500, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)]
    assert [size["num_leaves"] for size in sizes] == [4, 4, 7, 26, 44, 63, 63]
    assert [size["min_data_in_leaf"] for size in sizes] == [20, 20, 23, 46, 69, 92, 115]
    assert regularised(10**6, 3)["num_leaves"] == 3
