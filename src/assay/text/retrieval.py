"""Items found by text: BM25 over words and nearest vectors, fused by reciprocal rank."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.store import write_json
from assay.text.bm25 import Bm25
from assay.text.embed import Embedder
from assay.text.nearest import Exact
from assay.text.ngrams import NGrams
from assay.text.ranked import Ranked, best

FORMAT = 1
LONGEST_QUERY = 1_000  # characters that are read of a query; words after that change no list worth waiting for
SMOOTHING = 60.0  # k of Cormack et al.


@dataclass(frozen=True)
class Found:
    """Lists for m queries of n items each, best first.

    items (m, n) int64: places in the texts fitted on, -1 where there is none; scores (m, n): the fused ones, 0 where none;
    ranks: by source ("words", "vectors") (m, n) int64: the item's rank there, from 1; 0 where that source did not give it.
    """

    items: NDArray[np.int64]
    scores: NDArray[np.float64]
    ranks: dict[str, NDArray[np.int64]]


class Dense:
    """Nearest texts by an embedder's vectors. Equal texts share one vector and come in the order of their places."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    def fit(self, texts: Sequence[str]) -> Self:
        """Embed and index the distinct ones of texts (N,)."""
        number: dict[str, int] = {}
        of_text = np.array([number.setdefault(text, len(number)) for text in texts], np.int64)
        if isinstance(self.embedder, NGrams):
            self.embedder.fit(list(number))
        self._group(of_text)
        self.nearest_ = Exact().fit(self.embedder.embed(list(number)))
        return self

    def _group(self, of_text: NDArray[np.int64]) -> None:
        """Places in the order of their distinct text's number, and where each number's begin."""
        self.of_text_ = of_text
        self.places_ = np.argsort(of_text, kind="stable")
        self.starts_ = np.concatenate([[0], np.cumsum(np.bincount(of_text))]).astype(np.int64)

    def search(self, queries: Sequence[str], n: int) -> Ranked:
        """The n nearest texts for each of m queries with a similarity above 0."""
        near = self.nearest_.search(self.embedder.embed(queries, query=True), n)
        return Ranked.of([self._places(row, scores, n) for row, scores in zip(near.places, near.scores, strict=True)], n)

    def _places(
        self, numbers: NDArray[np.int64], scores: NDArray[np.float64], n: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        numbers = numbers[numbers >= 0]
        sizes = self.starts_[numbers + 1] - self.starts_[numbers]
        ends = np.cumsum(sizes)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes, sizes)
        places = self.places_[np.repeat(self.starts_[numbers], sizes) + within]
        return places[:n], np.repeat(scores[: len(numbers)], sizes)[:n]


class Retrieval:
    """An index over item texts: what each of two sources ranks high, fused.

    The fused score of an item is the sum over the sources that give it among their first `depth` of 1 / (60 + its rank there)
    (Cormack, Clarke and Buettcher, SIGIR 2009). Ties, in a source and fused, go to the item that was fitted first.
    """

    def __init__(self, embedder: Embedder | None = None, *, depth: int = 100) -> None:
        self.embedder = embedder or NGrams()
        self.depth = depth

    def fit(self, texts: Sequence[str]) -> Self:
        """Index the texts (N,) of the items; a text may be empty (never found) or repeated. InputError where there is none."""
        if not len(texts):
            raise InputError("no item texts to index; the log's items need a name, category or other text column")
        self.size_ = len(texts)
        self.sources_ = {"words": Bm25().fit(texts), "vectors": Dense(self.embedder).fit(texts)}
        return self

    def search(self, queries: Sequence[str], n: int = 10) -> Found:
        """The n best items for each of m queries, of which the first 1,000 characters are read; InputError for an empty one."""
        for place, query in enumerate(queries):
            if not query.strip():
                raise InputError(f"query {place + 1} of {len(queries)} is empty; give at least a word")
        read = [query.strip()[:LONGEST_QUERY] for query in queries]
        depth = min(max(n, self.depth), self.size_)
        return fuse({name: source.search(read, depth) for name, source in self.sources_.items()}, n, self.size_)


def fuse(sources: dict[str, Ranked], n: int, size: int) -> Found:
    """Reciprocal rank fusion of what sources rank of `size` items, into n items a query."""
    m = len(next(iter(sources.values())).places)
    items, scores = np.full((m, n), -1, np.int64), np.zeros((m, n))
    ranks = {name: np.zeros((m, n), np.int64) for name in sources}
    for row in range(m):
        rank = {}
        fused = np.zeros(size)
        for name, ranked in sources.items():
            places = ranked.places[row][ranked.places[row] >= 0]
            rank[name] = np.zeros(size, np.int64)
            rank[name][places] = np.arange(1, len(places) + 1)
            fused[places] += 1 / (SMOOTHING + rank[name][places])
        chosen, values = best(fused, n)
        items[row, : len(chosen)], scores[row, : len(chosen)] = chosen, values
        for name, all_ranks in rank.items():
            ranks[name][row, : len(chosen)] = all_ranks[chosen]
    return Found(items, scores, ranks)
