"""Items that stand in the same baskets: shrunk cosines, the nearest of each."""

import numpy as np
from scipy import sparse as sp

from assay.numerics.lists import SparseScores, best_of_rows, sparse

_ROWS = 1_000  # items whose products are made at a time


def nearest_items(baskets: sp.csr_array, shrink: float, most: int) -> SparseScores:
    """(n rows) the `most` items nearest to each of n, best first, ties to the first item; an item is not its own neighbour.

    baskets (b, n): 1 where a basket holds an item. Likeness is c / (sqrt(a b) + shrink) of items that stand in a and b baskets
    and in c together.
    """
    by_item = sp.csr_array(baskets.T)
    count = np.diff(by_item.indptr).astype(np.float64)
    parts = []
    for first in range(0, by_item.shape[0], _ROWS):
        together = sp.csr_array(by_item[first : first + _ROWS] @ baskets)
        row = np.repeat(np.arange(first, first + together.shape[0]), np.diff(together.indptr))
        together.data /= np.sqrt(count[row] * count[together.indices]) + shrink
        together.data[row == together.indices] = 0.0
        parts.append(best_of_rows(sparse(together), by_item.shape[0], most))
    ends = np.concatenate([np.diff(part[0]) for part in parts] or [np.empty(0, np.int64)])
    return (
        np.concatenate(([0], np.cumsum(ends))),
        np.concatenate([part[1] for part in parts] or [np.empty(0, np.int32)]),
        np.concatenate([part[2] for part in parts] or [np.empty(0, np.float32)]),
    )
