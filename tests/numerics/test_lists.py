"""Sparse scores and lists against plain Python."""

import numpy as np
import pytest
from scipy import sparse as sp

from assay.numerics.item_cosines import nearest_items
from assay.numerics.lists import (
    SparseScores,
    best_of_rows,
    faded,
    gather,
    heaviest,
    nearest_rows,
    scaled,
    sparse,
    stacked,
    sum_rows,
    top,
)  # fmt: skip

SIZE = 12


def made(seed: int, rows: int = 6, grain: int = 4) -> SparseScores:
    """Rows of distinct items in no order, with ties and scores of 0 and below."""
    rng = np.random.default_rng(seed)
    each = [rng.permutation(SIZE)[: rng.integers(0, SIZE + 1)] for _ in range(rows)]
    starts = np.concatenate(([0], np.cumsum([len(row) for row in each]))).astype(np.int64)
    items = np.concatenate(each).astype(np.int32)
    return starts, items, (rng.integers(-1, grain, len(items)) / grain).astype(np.float32)


def dense(scores: SparseScores) -> np.ndarray:
    starts, items, values = scores
    out = np.zeros((len(starts) - 1, SIZE))
    for r in range(len(out)):
        out[r, items[starts[r] : starts[r + 1]]] = values[starts[r] : starts[r + 1]]
    return out


def best(row: np.ndarray, most: int) -> list[int]:
    return sorted((k for k in range(len(row)) if row[k] > 0), key=lambda k: (-row[k], k))[:most]


@pytest.mark.parametrize("seed", range(20))
def test_top_is_the_sorted_head_ties_to_the_lower_item(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, skip = made(seed), made(seed + 100)
    allowed, sizes = rng.random(SIZE) < 0.8, rng.integers(0, SIZE + 2, 6)
    for left_out in (None, skip[:2]):
        matrix = dense(scores) * allowed
        for r in range(6):
            matrix[r, skip[1][skip[0][r] : skip[0][r + 1]] if left_out else []] = 0
        listed = top(scores, allowed, sizes, left_out)
        assert listed.shape == (6, sizes.max())
        assert [row[row >= 0].tolist() for row in listed] == [best(matrix[r], sizes[r]) for r in range(6)]


def test_top_sorts_many_scores() -> None:
    rng = np.random.default_rng(3)
    row = rng.integers(1, 500, 5_000).astype(np.float32)
    scores = np.array([0, 5_000]), np.arange(5_000, dtype=np.int32), row
    for most in (1, 2, 3, 700, 4_999, 5_000, 6_000):
        assert top(scores, np.ones(5_000, bool), np.array([most]))[0][: min(most, 5_000)].tolist() == best(row, most)


@pytest.mark.parametrize("seed", range(5))
def test_heaviest_and_best_of_rows_hold_the_scores_too(seed: int) -> None:
    scores = made(seed)
    matrix, everything = dense(scores), np.ones(SIZE, bool)
    items, high = heaviest(scores, everything, 3)
    for r in range(6):
        expected = best(matrix[r], 3)
        assert items[r].tolist() == expected + [-1] * (3 - len(expected))
        assert high[r].tolist() == [matrix[r, k] for k in expected] + [0.0] * (3 - len(expected))
    pruned = dense(best_of_rows(scores, SIZE, 3))
    for r in range(6):
        np.testing.assert_array_equal(np.flatnonzero(pruned[r]), np.sort(best(matrix[r], 3)))


@pytest.mark.parametrize("seed", range(5))
def test_sums_of_rows_are_products(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = made(seed)
    chosen = np.array([[0, 1, 2], [3, -1, -1], [-1, -1, -1], [5, 5, -1]], np.int32)
    factor = rng.normal(size=chosen.shape).astype(np.float32)
    matrix = dense(scores)
    expected = [
        sum((f * matrix[k] for k, f in zip(c, g, strict=True) if k >= 0), np.zeros(SIZE))
        for c, g in zip(chosen, factor, strict=True)
    ]
    np.testing.assert_allclose(dense(sum_rows(chosen, factor, scores, SIZE)), expected, atol=1e-6)
    np.testing.assert_array_equal(dense(stacked(scores, scores)), np.concatenate((matrix, matrix)))
    np.testing.assert_allclose(dense(scaled(scores, np.arange(6.0))), matrix * np.arange(6.0)[:, None])
    np.testing.assert_array_equal(dense(sparse(sp.csr_array(matrix))), matrix)


@pytest.mark.parametrize("seed", range(5))
def test_nearest_rows_are_those_of_the_highest_products_without_itself(seed: int) -> None:
    rows, crowd = made(seed, 4), made(seed + 50, 8)
    itself, until = np.array([-1, 2, 0, 5]), np.array([-1, 5, 1, 8])
    for ends in (None, until):
        products = dense(rows).astype(np.float32) @ dense(crowd).astype(np.float32).T
        for r, (a, b) in enumerate(zip(itself, itself + 1 if ends is None else ends, strict=True)):
            products[r, a:b] = 0
        near, likeness = nearest_rows(rows, crowd, itself, SIZE, 3, until=ends)
        for r in range(4):
            expected = best(products[r], 3)
            assert near[r][near[r] >= 0].tolist() == expected
            np.testing.assert_allclose(likeness[r][: len(expected)], products[r, expected], rtol=1e-5)


def test_faded_and_gathered() -> None:
    item, period = np.array([3, 1, 3, 2], np.int32), np.array([0, 1, 2, 2], np.int32)
    scores = faded(np.array([0, 0]), np.array([4, 1]), item, period, 4, 2.0, SIZE)
    np.testing.assert_allclose(dense(scores)[:, [1, 2, 3]], [[0.5**1.5, 0.5, 0.75], [0, 0, 0.25]], rtol=1e-6)
    wanted = gather(scores, np.array([0, 2, 3]), np.array([3, 0, 3], np.int32), SIZE)
    assert wanted.tolist() == [0.75, 0.0, 0.25]


@pytest.mark.parametrize("shrink", [0.0, 7.0])
def test_nearest_items_are_shrunk_cosines(shrink: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.numerics.item_cosines._ROWS", 5)
    X = (np.random.default_rng(1).random((40, SIZE)) < 0.3).astype(float)
    X[:, 4] = 0
    together = X.T @ X
    likeness = together / np.maximum(np.sqrt(np.outer(X.sum(0), X.sum(0))) + shrink, 1e-9)
    np.fill_diagonal(likeness, 0)
    starts, items, values = nearest_items(sp.csr_array(X), shrink, 3)
    for k in range(SIZE):
        expected = best(likeness[k].astype(np.float32), 3)
        assert items[starts[k] : starts[k + 1]].tolist() == expected
        np.testing.assert_allclose(values[starts[k] : starts[k + 1]], likeness[k, expected], rtol=1e-6)
    assert nearest_items(sp.csr_array((0, 0)), shrink, 3)[0].tolist() == [0]
