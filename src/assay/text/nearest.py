"""Nearest vectors by inner product: exact, or approximate by a navigable graph (usearch)."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.store import whole_file
from assay.text.ranked import Ranked, best

BLOCK = 64  # queries at a time: their similarities to a million vectors take 256 MB
NOISE = 1e-6  # a similarity below it is that of float32's rounding
LINKS, BUILD_WIDTH, SEARCH_WIDTH = 16, 128, 256  # M, efConstruction and efSearch of the graph


class Nearest(Protocol):
    """Vectors (N, d) float32 of unit length, and which of them are nearest to a query's."""

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
    """A hierarchical navigable small world graph (Malkov and Yashunin 2018) over half-precision copies of the vectors.

    What the graph finds is compared anew with the vectors themselves. One thread builds it, so that the same vectors make the
    same graph. Give distinct vectors: many equal ones are a trap for the walk.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self.exact = Exact(vectors)
        self.graph = _graph(vectors.shape[1])
        self.graph.add(np.arange(len(vectors), dtype=np.uint64), vectors, threads=1)

    def search(self, queries: NDArray[np.float32], n: int) -> Ranked:
        """As Nearest says, but for a few that the walk misses."""
        vectors, n_there = self.exact.vectors, min(n, len(self.exact.vectors))
        self.graph.expansion_search = max(SEARCH_WIDTH, 2 * n_there)
        found = []
        for query in queries:
            near = np.sort(self.graph.search(query, n_there, threads=1).keys.astype(np.int64))
            chosen, scores = best(np.where((again := vectors[near] @ query) < NOISE, 0, again), n_there)
            found.append((near[chosen], scores))
        return Ranked.of(found, n)

    def save(self, folder: Path) -> None:
        """As Nearest says."""
        self.exact.save(folder)
        with whole_file(folder / "graph.usearch") as partial:
            self.graph.save(str(partial))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote."""
        found = cls.__new__(cls)
        found.exact = Exact.load(folder)
        found.graph = _graph(found.exact.vectors.shape[1])
        try:
            found.graph.load(str(folder / "graph.usearch"))
        except RuntimeError as error:
            raise ValueError(f"graph.usearch: {error}") from None
        if len(found.graph) != len(found.exact.vectors):
            raise ValueError("graph.usearch is that of other vectors")
        return found


def _graph(dimensions: int) -> Any:
    if find_spec("usearch") is None:
        raise InputError("the index over this many vectors needs the package usearch; run: pip install 'assay[text]'")
    from usearch.index import Index

    return Index(ndim=dimensions, metric="ip", dtype="f16", connectivity=LINKS, expansion_add=BUILD_WIDTH)
