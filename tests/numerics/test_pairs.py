"""NDCG slopes of graded requests against differences of the surrogate, and both against their definitions by brute force."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.numerics import pairs

K = 3
STEP = 1e-6


def discount(place, k):
    return 1 / np.log2(place + 2) if place < k else 0.0


def dcg(gains, k):
    return sum(gain * discount(place, k) for place, gain in enumerate(gains))


def requests(seed, n=3, most=6, grades=(0, 0, 1, 3, 2.5)):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, most, n)
    gain = rng.choice(grades, sizes.sum())
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    gain[offsets[:-1]], gain[offsets[:-1] + 1] = max(grades), 0  # each has something to order
    return rng.normal(size=len(gain)), gain.astype(float), offsets


def surrogate(score, gain, offsets, k, at):
    """Pairs of each request, weighted by what swapping the two would change of NDCG in the order by `at`."""
    total = 0.0
    for low, high in pairwise(offsets):
        s, g = score[low:high], gain[low:high]
        order = np.argsort(-at[low:high], kind="stable")
        ideal = dcg(sorted(g, reverse=True), k)
        for i in range(len(g)):
            for j in range(len(g)):
                if g[i] > g[j]:
                    other = order.copy()
                    a, b = np.flatnonzero(order == i)[0], np.flatnonzero(order == j)[0]
                    other[a], other[b] = order[b], order[a]
                    weight = abs(dcg(g[order], k) - dcg(g[other], k)) / ideal
                    total += weight * np.logaddexp(0, s[j] - s[i])
    return total


@settings(max_examples=25)
@given(h.integers(0, 10_000), h.integers(1, 5))
def test_slopes_are_those_of_the_surrogate(seed, k):
    score, gain, offsets = requests(seed)
    found = pairs.ndcg_slopes(score, gain, np.ones(len(score)), offsets, k)
    for row in range(len(score)):
        step = np.where(np.arange(len(score)) == row, STEP, 0)
        rise = surrogate(score + step, gain, offsets, k, score) - surrogate(score - step, gain, offsets, k, score)
        assert found[row] == pytest.approx(rise / (2 * STEP), abs=1e-7)


@settings(max_examples=40)
@given(h.integers(0, 10_000), h.integers(1, 5), h.booleans())
def test_ndcg_is_over_the_sorted_gains_and_averages_ties(seed, k, ties):
    score, gain, offsets = requests(seed)
    score = np.round(score) if ties else score
    found = pairs.ndcg(score, gain, np.ones(len(score)), offsets, k)
    for r, (low, high) in enumerate(pairwise(offsets)):
        s, g = score[low:high], gain[low:high]
        orders = [order for order in permutations(range(len(g))) if (np.diff(s[list(order)]) <= 0).all()]
        expected = np.mean([dcg(g[list(order)], k) for order in orders]) / dcg(sorted(g, reverse=True), k)
        assert found[r] == pytest.approx(expected)


@settings(max_examples=25)
@given(h.integers(0, 10_000), h.integers(1, 5))
def test_a_weight_is_a_number_of_rows_with_that_gain(seed, k):
    score, gain, offsets = requests(seed, n=1)
    weight = np.random.default_rng(seed).integers(1, 4, len(score))
    again = [np.repeat(column, weight) for column in (score, gain)]
    whole = np.array([0, weight.sum()])
    found = pairs.ndcg(score, gain, weight.astype(float), offsets, k)
    np.testing.assert_allclose(found, pairs.ndcg(*again, np.ones(weight.sum()), whole, k))
    slopes = pairs.ndcg_slopes(*again, np.ones(weight.sum()), whole, k)
    by_row = np.bincount(np.repeat(np.arange(len(weight)), weight), slopes)
    np.testing.assert_allclose(pairs.ndcg_slopes(score, gain, weight.astype(float), offsets, k), by_row, atol=1e-12)


def test_grades_of_0_and_1_are_labels_and_their_unit_does_not_matter():
    score, gain, offsets = requests(4, n=20, grades=(0, 0, 1))
    weight = np.random.default_rng(4).uniform(0.5, 2, len(score))
    for of in (pairs.ndcg, pairs.ndcg_slopes):
        label = of(score, gain.astype(np.int8), weight, offsets, K)
        np.testing.assert_array_equal(of(score, gain, weight, offsets, K), label)
        np.testing.assert_allclose(of(score, 7 * gain, weight, offsets, K), label, rtol=1e-12)


def test_without_a_gain_there_is_no_ndcg_and_no_slope():
    score, gain, offsets = np.arange(3.0), np.zeros(3), np.array([0, 3])
    assert np.isnan(pairs.ndcg(score, gain, np.ones(3), offsets, K)).all()
    assert pairs.ndcg_slopes(score, gain, np.ones(3), offsets, K).tolist() == [0, 0, 0]
