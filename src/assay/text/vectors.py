"""Texts found by their vectors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from assay.runs.store import whole_file
from assay.text.embed import Embedder, Vectors
from assay.text.nearest import Approximate, Exact, Nearest
from assay.text.ngrams import NGrams
from assay.text.ranked import Ranked

EXACT_UP_TO = 10_000  # distinct texts of a model's vectors; below it the exact comparison takes 3 ms or less


class VectorIndex:
    """Nearest texts by an embedder's vectors. Equal texts share one vector and come in the order of their places.

    N-gram vectors are always compared exactly (they are short, and need no extra), a model's up to 10,000 distinct texts.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._last: tuple[tuple[str, ...], Vectors] = (), np.zeros((0, embedder.dimensions), np.float32)

    def fit(self, texts: Sequence[str]) -> Self:
        """Embed and index the distinct ones of texts (N,); n-grams learn from them first."""
        number: dict[str, int] = {}
        self._group(np.array([number.setdefault(text, len(number)) for text in texts], np.int64))
        distinct = list(number)
        if isinstance(self.embedder, NGrams):
            self.embedder.fit(distinct)
        vectors = self.embedder.embed(distinct)
        self.nearest_: Nearest = (Approximate if self._is_approximate() else Exact)(vectors)
        return self

    def _group(self, of_text: NDArray[np.int64]) -> None:
        """Places in the order of their distinct text's number, and where each number's begin."""
        self.of_text_ = of_text
        self.places_ = np.argsort(of_text, kind="stable")
        self.starts_ = np.concatenate([[0], np.cumsum(np.bincount(of_text))]).astype(np.int64)

    def _is_approximate(self) -> bool:
        return len(self.starts_) - 1 > EXACT_UP_TO and not isinstance(self.embedder, NGrams)

    def search(self, queries: Sequence[str], n: int) -> Ranked:
        """The n nearest texts for each of m queries with a similarity above 0."""
        near = self.nearest_.search(self.query_vectors(queries), n)
        return Ranked.of([self._items(*row, n) for row in zip(near.places, near.scores, strict=True)], n)

    def query_vectors(self, queries: Sequence[str]) -> Vectors:
        """Vectors (m, d) of queries; those of the last ones are kept, as what was searched is then compared."""
        last, vectors = self._last
        if last != tuple(queries):
            vectors = self.embedder.embed(queries, query=True)
            self._last = tuple(queries), vectors
        return vectors

    def vectors(self, places: NDArray[np.int64]) -> Vectors:
        """Vectors (n, d) of texts by place, as they were indexed."""
        return self.nearest_.vectors[self.of_text_[places]]

    def _items(
        self, numbers: NDArray[np.int64], scores: NDArray[np.float64], n: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The first n places, and their scores, of texts by number."""
        numbers = numbers[numbers >= 0]
        sizes = self.starts_[numbers + 1] - self.starts_[numbers]
        before = np.cumsum(sizes) - sizes
        within = np.arange(sizes.sum()) - np.repeat(before, sizes)
        places = self.places_[np.repeat(self.starts_[numbers], sizes) + within]
        return places[:n], np.repeat(scores[: len(numbers)], sizes)[:n]

    def save(self, folder: Path) -> None:
        """Write arrays (npy), cells and, of n-grams, what they learnt into `folder`."""
        with whole_file(folder / "of_text.npy") as partial, partial.open("wb") as stream:
            np.save(stream, self.of_text_, allow_pickle=False)
        self.nearest_.save(folder)
        if isinstance(self.embedder, NGrams):
            self.embedder.save(folder)

    @classmethod
    def load(cls, folder: Path, embedder: Embedder) -> Self:
        """What `save` wrote; OSError or ValueError when it is not whole."""
        index = cls(embedder)
        index._group(np.load(folder / "of_text.npy", allow_pickle=False))
        index.nearest_ = (Approximate if index._is_approximate() else Exact).load(folder)
        return index
