"""Nearest items by shrunk cosines against NumPy."""

import numpy as np
import pytest
from scipy import sparse as sp

from assay.numerics.item_cosines import nearest_items

SIZE = 12


def best(row: np.ndarray, most: int) -> list[int]:
    return sorted((k for k in range(len(row)) if row[k] > 0), key=lambda k: (-row[k], k))[:most]


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
