"""The cube method against designs that are known by other means."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h
from scipy import stats

from assay.numerics.cube import cube
from assay.numerics.hashing import hash_ids, mix


def order(N: int, seed: int = 0) -> np.ndarray:
    return mix(hash_ids(np.arange(N)), seed)


def many(balance: np.ndarray, inclusion: np.ndarray, draws: int) -> np.ndarray:
    return np.array([cube(balance, inclusion, order(len(inclusion), seed)) for seed in range(draws)])


def chances(rng: np.random.Generator, N: int, n: int) -> np.ndarray:
    """Unequal chances that sum to n, at most half of N."""
    raw = rng.uniform(0.5, 1.0, N)
    return n * raw / raw.sum()


def test_chances_are_met_and_totals_nearly():
    rng = np.random.default_rng(0)
    inclusion, balance = chances(rng, 30, 10), rng.normal(2, 1, (30, 3))
    drawn = many(balance, inclusion, 10_000)
    assert (drawn.sum(axis=1) == 10).all()
    z = (drawn.mean(axis=0) - inclusion) / np.sqrt(inclusion * (1 - inclusion) / 10_000)
    assert np.abs(z).max() < 4
    totals = drawn @ (balance / inclusion[:, None])
    assert np.abs((totals.mean(axis=0) - balance.sum(axis=0)) / totals.std(axis=0)).max() < 4 / np.sqrt(10_000)
    # A draw of a fixed size alone errs by this much.
    alone = many(np.empty((30, 0)), inclusion, 2000) @ (balance / inclusion[:, None])
    assert (totals.std(axis=0) < 0.6 * alone.std(axis=0)).all()


@pytest.mark.slow
def test_groups_as_columns_are_strata():
    """Each of the 36 stratified samples is drawn as often."""
    balance = np.repeat(np.eye(2), 4, axis=0) / 2
    rows = [tuple(np.flatnonzero(one)) for one in many(balance, np.full(8, 0.5), 18_000)]
    expected = [
        (*a, *b) for a, b in itertools.product(itertools.combinations(range(4), 2), itertools.combinations(range(4, 8), 2))
    ]
    counts = np.array([rows.count(sample) for sample in expected])
    assert counts.sum() == 18_000
    assert stats.chisquare(counts).pvalue > 0.001


@pytest.mark.slow
def test_without_columns_every_sample_of_the_size_is_drawn_as_often():
    rows = [tuple(np.flatnonzero(one)) for one in many(np.empty((6, 0)), np.full(6, 0.5), 10_000)]
    counts = np.array([rows.count(sample) for sample in itertools.combinations(range(6), 3)])
    assert counts.sum() == 10_000
    assert stats.chisquare(counts).pvalue > 0.001


@given(h.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_margins_of_two_attributes_are_met_exactly(seed):
    """With two margins in whole numbers the corners of the polytope are whole: nothing is left to land."""
    a, b = np.divmod(np.arange(240) % 12, 4)
    balance = np.hstack([np.eye(3)[a], np.eye(4)[b]]) / 10
    drawn = cube(balance, np.full(240, 0.1), order(240, seed))
    assert np.bincount(a[drawn]).tolist() == [8, 8, 8]
    assert np.bincount(b[drawn]).tolist() == [6, 6, 6, 6]


@given(h.integers(1, 60), h.integers(0, 8), h.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_each_column_errs_by_the_units_that_were_open_when_it_was_given_up(N, p, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, N // 2 + 1)) if N > 1 else 1
    inclusion = np.minimum(chances(rng, N, n), 1)
    balance = rng.normal(size=(N, p)) * inclusion[:, None]
    if p > 2:
        balance[:, 1] = balance[:, 0]  # a column that says nothing new
        balance[:, 2] = rng.integers(0, 2, N) * inclusion
    drawn = cube(balance, inclusion, order(N, seed))
    assert drawn.sum() == n
    each = balance / inclusion[:, None]
    gap = np.abs(each[drawn].sum(axis=0) - balance.sum(axis=0))
    assert (gap <= np.abs(each).max(axis=0, initial=0) * np.arange(2, p + 2) + 1e-6).all()


@pytest.mark.slow
def test_two_hundred_thousand_units_and_sixty_columns():
    rng = np.random.default_rng(1)
    N, n, p = 200_000, 2000, 60
    inclusion = chances(rng, N, n)
    balance = rng.normal(size=(N, p))
    drawn = cube(balance, inclusion, order(N))
    assert drawn.sum() == n
    each = balance / inclusion[:, None]
    gap = np.abs(each[drawn].sum(axis=0) - balance.sum(axis=0))
    assert (gap <= np.abs(each).max(axis=0) * np.arange(2, p + 2)).all()
    # The first columns are held to the end, and rounding does not add up over the walk.
    assert gap[0] <= 2 * np.abs(each[:, 0]).max()
    assert np.median(gap) < 0.4 * np.sqrt((each**2).sum() / p * n / N)


def test_the_same_units_in_any_order_of_the_rows():
    rng = np.random.default_rng(2)
    inclusion, balance, turn = chances(rng, 500, 60), rng.normal(size=(500, 5)), rng.permutation(500)
    drawn = cube(balance, inclusion, order(500))
    again = cube(balance[turn], inclusion[turn], order(500)[turn])
    np.testing.assert_array_equal(drawn[turn], again)
    assert (drawn != cube(balance, inclusion, order(500, 1))).any()


def test_certain_units_are_in_and_those_without_a_chance_out():
    inclusion = np.array([1.0, 0.0, 0.5, 0.5, 1.0, 0.0])
    drawn = many(np.ones((6, 1)), inclusion, 50)
    assert (drawn.sum(axis=1) == 3).all()
    assert (drawn[:, [0, 4]]).all()
    assert not (drawn[:, [1, 5]]).any()
    assert cube(np.ones((2, 1)), np.array([1.0, 0.0]), order(2)).tolist() == [True, False]


def test_a_sum_that_is_no_whole_number_ends_at_one_beside_it():
    size = many(np.ones((5, 1)), np.full(5, 0.27), 4000).sum(axis=1)
    assert set(size) == {1, 2}
    assert size.mean() == pytest.approx(1.35, abs=0.04)


def test_no_units():
    assert cube(np.empty((0, 2)), np.empty(0), order(0)).tolist() == []


@pytest.mark.parametrize(
    ("balance", "inclusion", "message"),
    [
        (np.ones((3, 1)), np.ones(2), r"balance has shape \(3, 1\), inclusion \(2,\)"),
        (np.ones(2), np.ones(2), r"balance has shape \(2,\)"),
        (np.ones((2, 1)), np.array([0.5, 1.5]), "above 1"),
        (np.ones((2, 1)), np.array([0.5, np.nan]), "or NaN"),
        (np.array([[np.inf], [1.0]]), np.array([0.5, 0.5]), "entries that are NaN or infinite"),
    ],
)
def test_refuses_what_does_not_fit(balance, inclusion, message):
    with pytest.raises(ValueError, match=message):
        cube(balance, inclusion, order(2))
