"""Loops over histories against sorting and plain sums, with many ties."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.numerics import histories

rows = h.lists(h.integers(-2, 4), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(rows, h.integers(1, 14))
def test_largest_are_the_first_of_a_stable_sort_that_are_positive(row, n):
    scores = np.array([row], np.float64)
    items, best = np.full((1, n), -1, np.int32), np.zeros((1, n), np.float32)
    histories.largest(scores, n, items, best)
    expected = sorted(i for i in sorted(range(len(row)), key=lambda i: (-row[i], i))[:n] if row[i] > 0)
    assert items[0].tolist() == expected + [-1] * (n - len(expected))
    assert best[0].tolist() == [row[i] for i in expected] + [0] * (n - len(expected))


@settings(max_examples=150, deadline=None)
@given(rows, h.integers(1, 14), h.data())
def test_top_n_is_a_stable_sort_without_the_known(row, n, data):
    known = sorted(data.draw(h.sets(h.integers(0, len(row) - 1))))
    items, best = np.full((1, n), -1, np.int64), np.full((1, n), np.nan)
    histories.top_n(np.array([row], np.float64), np.array([0, len(known)]), np.array(known, np.int64), n, items, best)
    expected = sorted((i for i in range(len(row)) if i not in known), key=lambda i: (-row[i], i))[:n]
    assert items[0].tolist() == expected + [-1] * (n - len(expected))
    assert best[0, : len(expected)].tolist() == [row[i] for i in expected]
    assert np.isnan(best[0, len(expected) :]).all()


def test_neighbour_sums_count_what_a_user_had_before():
    rng = np.random.default_rng(0)
    users, size, n = 30, 25, 40_000  # more rows than a thread takes at a time
    had = [rng.permutation(size)[: rng.integers(0, 12)] for _ in range(users)]
    first = [np.sort(rng.integers(0, 9, len(own))) for own in had]
    starts = np.concatenate(([0], np.cumsum([len(own) for own in had])))
    nearest = rng.integers(-1, size, (size, 4)).astype(np.int32)
    similarity = rng.random((size, 4)).astype(np.float32)
    user, item, period = rng.integers(0, users + 2, n), rng.integers(-1, size, n), rng.integers(0, 10, n).astype(np.int32)
    out = np.zeros(n)
    histories.neighbour_sums(
        starts, np.concatenate(had).astype(np.int32), np.concatenate(first).astype(np.int32), nearest, similarity,
        np.argsort(user, kind="stable"), user, item, period, out,
    )  # fmt: skip
    for r in range(0, n, 7):
        own = set(had[user[r]][first[user[r]] < period[r]].tolist()) if user[r] < users else set()
        expected = sum(float(s) for j, s in zip(nearest[item[r]], similarity[item[r]], strict=True) if j in own)
        assert out[r] == expected * (item[r] >= 0)


def test_row_sums_are_those_of_a_product():
    rng = np.random.default_rng(1)
    H, W = (rng.random((7, 9)) < 0.3).astype(float), rng.random((9, 9)).astype(np.float32)
    starts, items = np.concatenate(([0], np.cumsum(H.sum(axis=1).astype(int)))), np.nonzero(H)[1]
    out = np.zeros((7, 9))
    histories.row_sums(starts, items, W, out)
    np.testing.assert_allclose(out, H @ W.astype(float), atol=1e-12)
