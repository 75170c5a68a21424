"""The best few of many, against a sort."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as h

from assay.numerics.heaps import best_first, push


@given(h.lists(h.integers(-3, 3), max_size=40), h.integers(0, 12), h.integers(0, 5))
def test_the_best_are_those_of_a_sort_whatever_the_order_they_come_in(scores, size, seed):
    score, item, count = np.empty(size), np.empty(size, np.int64), 0
    for k in np.random.default_rng(seed).permutation(len(scores)):
        count = push(score, item, count, float(scores[k]), int(k))
    best_first(score, item, count)
    expected = sorted(range(len(scores)), key=lambda k: (-scores[k], k))[:size]
    assert count == len(expected)
    assert item[:count].tolist() == expected
    assert score[:count].tolist() == [scores[k] for k in expected]
