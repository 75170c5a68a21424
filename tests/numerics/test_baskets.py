"""Baskets, sums and mixtures against plain Python."""

import numpy as np
import pytest
from scipy import sparse

from assay.numerics.baskets import Baskets, ages, mixtures, nearest, products, ranges


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(0)
    rows = np.stack([rng.integers(6, size=300) * 2, rng.integers(9, size=300), rng.integers(-3, 12, size=300)])
    return rows[:, np.lexsort((rows[1], rows[2], rows[0]))]


def held(events):
    """By user: by period, the set of items."""
    users = {}
    for user, item, period in events.T.tolist():
        users.setdefault(user, {}).setdefault(period, set()).add(item)
    return users


def test_baskets_hold_what_was_taken_once(events):
    baskets = Baskets.of(*events, users=14)
    expected = held(events)
    for user in range(14):
        own = range(baskets.of_user[user], baskets.of_user[user + 1])
        found = [(baskets.period[b], baskets.items[baskets.starts[b] : baskets.starts[b + 1]].tolist()) for b in own]
        assert found == [(period, sorted(items)) for period, items in sorted(expected.get(user, {}).items())]
    none = np.empty(0, np.int64)
    assert len(Baskets.of(none, none, none, users=2).items) == 0


def test_baskets_before_a_period(events):
    baskets, expected = Baskets.of(*events, users=14), held(events)
    user, period = (part.ravel() for part in np.meshgrid(np.arange(17), np.arange(-4, 14)))
    for u, t, low, high in zip(user, period, *baskets.before(user, period), strict=True):
        assert baskets.period[low:high].tolist() == sorted(p for p in expected.get(u, {}) if p < t)


def test_weighted_sums_keep_entries_of_weight_0(events):
    baskets, expected = Baskets.of(*events, users=14), held(events)
    user, period = np.array([2, 2, 5, 4, 99]), np.array([12, 4, 12, -3, 5])
    low, high = baskets.before(user, period)
    age, count = ages(low, high)
    rows = baskets.sums(low, high, np.where(age < 2, 10.0 * count + age, 0.0), 9)
    for r, (u, t) in enumerate(zip(user, period, strict=True)):
        past = [items for p, items in sorted(expected.get(u, {}).items(), reverse=True) if p < t]
        dense = np.zeros(9)
        for a, items in enumerate(past[:2]):
            dense[list(items)] += 10.0 * len(past) + a
        np.testing.assert_array_equal(rows[[r]].toarray()[0], dense)
        stored = rows.indices[rows.indptr[r] : rows.indptr[r + 1]]
        assert stored.tolist() == sorted(set().union(*past))


def test_ranges():
    assert ranges(np.array([3, 5, 0]), np.array([5, 5, 3])).tolist() == [3, 4, 0, 1, 2]
    assert ranges(np.empty(0, np.int64), np.empty(0, np.int64)).tolist() == []


def test_the_nearest_share_alike_and_ties_go_to_the_first():
    distance = np.array([[3.0, 1.0, 2.0, 2.0, 2.0], [np.inf, 5.0, np.inf, 4.0, np.inf], [np.inf] * 5, [0.0] * 5])
    third = 1 / 3
    expected = [[0, third, third, third, 0], [0, 0.5, 0, 0.5, 0], [0] * 5, [third, third, third, 0, 0]]
    np.testing.assert_array_equal(nearest(distance, 3), expected)
    assert (nearest(distance, 50) > 0).sum(axis=1).tolist() == [5, 2, 0, 5]


@pytest.mark.parametrize("asked", [2, 40], ids=["few columns", "many columns"])
def test_products_and_mixtures_are_those_of_dense_matrices(asked):
    rng = np.random.default_rng(asked)
    crowd = sparse.csr_array(rng.random((7, 30)) * (rng.random((7, 30)) < 0.3))
    own = sparse.csr_array(rng.random((4, 30)) * (rng.random((4, 30)) < 0.3))
    by_item = sparse.csr_array(crowd.T)
    np.testing.assert_allclose(products(own, by_item), own.toarray() @ crowd.toarray().T, atol=1e-12)
    share = rng.random((4, 7)) * (rng.random((4, 7)) < 0.6)
    columns = rng.integers(-1, 30, size=3 * asked)
    starts = np.array([0, asked, asked, 2 * asked, 3 * asked])
    every = np.column_stack([share @ crowd.toarray(), np.zeros(4)])  # column -1 is the last one, of zeros
    expected = every[np.repeat(np.arange(4), np.diff(starts)), columns]
    np.testing.assert_allclose(mixtures(share, crowd, by_item, starts, columns), expected, atol=1e-12)
