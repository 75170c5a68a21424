"""Nearest vectors by inner product: exact, or approximate by an inverted file (faiss)."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from assay.errors import InputError
from assay.runs.store import whole_file
from assay.text.ranked import Ranked, best

BLOCK = 64  # queries at a time: their similarities to a million vectors take 256 MB
CELLS = "cells.faiss"
NOISE = 1e-6  # a similarity below it is that of float32's rounding
ITERATIONS = 10  # of k-means
VISITED = 3  # one in so many cells is visited: what keeps recall@100 above .98 where queries are unlike the items' texts


class Nearest(Protocol):
    """Vectors (N, d) float32 of unit length, and which of them are nearest to a query's."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """The vectors themselves (N, d)."""

    def search(self, queries: NDArray[np.float32], n: int) -> Ranked:
        """The n nearest of each of queries (m, d) with a similarity above 0, nearest first; of equal ones the first places."""

    def save(self, folder: Path) -> None:
        """Write into `folder`, without pickle; `load` of the class reads it: OSError or ValueError when it is not whole."""


class Exact:
    """Compares every query with every vector."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self.vectors = vectors

    def search(self, queries: NDArray[np.float32], n: int) -> Ranked:
        """As Nearest says."""
        blocks = (queries[start : start + BLOCK] @ self.vectors.T for start in range(0, len(queries), BLOCK))
        return Ranked.of([best(np.where(scores < NOISE, 0, scores), n) for block in blocks for scores in block], n)

    def save(self, folder: Path) -> None:
        """As Nearest says."""
        with whole_file(folder / "vectors.npy") as partial, partial.open("wb") as stream:
            np.save(stream, self.vectors, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote."""
        return cls(np.load(folder / "vectors.npy", allow_pickle=False))


class Approximate:
    """An inverted file (Sivic and Zisserman 2003): vectors in about 2 sqrt(N) cells by k-means, in 8 bits a number.

    A query visits the third of the cells whose centres are nearest; half as many again as are asked for are then compared anew
    with the vectors themselves. One thread builds it, so that the same vectors make the same file. Unlike a graph (HNSW) it
    loses nothing where many vectors are nearly equal, as those of a product's sizes are.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self.exact = Exact(vectors)
        faiss, dimensions, cells = _library(), vectors.shape[1], max(1, round(2 * len(vectors) ** 0.5))
        centres = faiss.IndexFlatIP(dimensions)
        eight_bits, inner = faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
        self.cells = faiss.IndexIVFScalarQuantizer(centres, dimensions, min(cells, len(vectors)), eight_bits, inner)
        self.cells.cp.niter, self.cells.cp.min_points_per_centroid = ITERATIONS, 1
        with threadpool_limits(1):
            self.cells.train(vectors)
            self.cells.add(vectors)
        self.cells.nprobe = -(-self.cells.nlist // VISITED)

    @property
    def vectors(self) -> NDArray[np.float32]:
        """As Nearest says."""
        return self.exact.vectors

    def search(self, queries: NDArray[np.float32], n: int) -> Ranked:
        """As Nearest says, but for a few that are in cells not visited."""
        vectors, lists = self.vectors, []
        for query in queries:
            _, near = self.cells.search(query[None], min(n + n // 2, len(vectors)))
            places = np.sort(near[near >= 0])
            similarity = vectors[places] @ query
            chosen, scores = best(np.where(similarity < NOISE, 0, similarity), n)
            lists.append((places[chosen], scores))
        return Ranked.of(lists, n)

    def save(self, folder: Path) -> None:
        """As Nearest says."""
        self.exact.save(folder)
        with whole_file(folder / CELLS) as partial:
            _library().write_index(self.cells, str(partial))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote."""
        index = cls.__new__(cls)
        index.exact = Exact.load(folder)
        try:
            index.cells = _library().read_index(str(folder / CELLS))
        except RuntimeError as error:
            raise ValueError(f"{CELLS} is broken ({str(error).splitlines()[0]})") from None
        if index.cells.ntotal != len(index.vectors):
            raise ValueError(f"{CELLS} is that of other vectors")
        return index


def _library() -> Any:
    if find_spec("faiss") is None:
        raise InputError("the index over this many vectors needs the package faiss-cpu; run: pip install 'assay[text]'")
    import faiss

    return faiss
