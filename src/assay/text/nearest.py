"""Nearest vectors by inner product: exact."""

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from assay.store import whole_file
from assay.text.ranked import Ranked, best

BLOCK = 64  # queries at a time: their similarities to a million vectors take 256 MB
NOISE = 1e-6  # a similarity below it is that of float32's rounding


class Exact:
    """Compares every query with every vector."""

    def fit(self, vectors: NDArray[np.float32]) -> Self:
        """Keep vectors (N, d) of unit length."""
        self.vectors_ = vectors
        return self

    def search(self, queries: NDArray[np.float32], n: int) -> Ranked:
        """The n nearest of each of queries (m, d) with a similarity above 0; of equal ones the first places."""
        blocks = (queries[start : start + BLOCK] @ self.vectors_.T for start in range(0, len(queries), BLOCK))
        return Ranked.of([best(np.where(scores < NOISE, 0, scores), n) for block in blocks for scores in block], n)

    def save(self, folder: Path) -> None:
        """Write the vectors (npy) into `folder`."""
        with whole_file(folder / "vectors.npy") as partial, partial.open("wb") as stream:
            np.save(stream, self.vectors_, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote; OSError or ValueError when it is not whole."""
        return cls().fit(np.load(folder / "vectors.npy", allow_pickle=False))
