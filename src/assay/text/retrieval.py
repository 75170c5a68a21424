"""Items found by text: BM25 over words and nearest vectors, fused by reciprocal rank."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.runs.store import write_json
from assay.text.bm25 import Bm25
from assay.text.embed import Embedder
from assay.text.ngrams import NGrams
from assay.text.ranked import Ranked, best
from assay.text.vectors import VectorIndex

FORMAT = 1
LONGEST_QUERY = 1_000  # characters that are read of a query: what follows changes no list that is worth waiting for
SMOOTHING = 60  # k of Cormack, Clarke and Buettcher


@dataclass(frozen=True)
class Found:
    """Lists of n items for m queries, best first.

    items (m, n) int64: places in the texts that were indexed, -1 where there is none. scores (m, n) float64: the fused ones, 0
    where there is none. ranks: of each source, "words" and "vectors", (m, n) int64: the item's rank there, from 1; 0 where that
    source does not have it among its first.
    """

    items: NDArray[np.int64]
    scores: NDArray[np.float64]
    ranks: dict[str, NDArray[np.int64]]


class Retriever(Protocol):
    """What ranks texts by one kind of likeness."""

    def search(self, queries: Sequence[str], n: int) -> Ranked:
        """The n best texts for each query."""

    def save(self, folder: Path) -> None:
        """Write it into a folder, without pickle."""


class Retrieval:
    """An index over item texts: what two sources, words and vectors, rank high, fused.

    The fused score of an item is the sum of 1 / (60 + its rank) over the sources that have it among their first `depth`
    (Cormack, Clarke and Buettcher, SIGIR 2009). Ties, in a source and fused, go to the first place. The same texts and embedder
    make the same index and the same lists.
    """

    def __init__(self, embedder: Embedder | None = None, *, depth: int = 100) -> None:
        self.embedder = embedder
        self.depth = depth

    def fit(self, texts: Sequence[str]) -> Self:
        """Index the items' texts (N,), some of which may be empty (never found) or equal; InputError where there are none.

        Without an embedder, character n-grams learn from the texts.
        """
        if not len(texts):
            raise InputError("there is no item text to index; map a name, a category or another text column of the items")
        self.size_ = len(texts)
        self.sources_: dict[str, Retriever] = {
            "words": Bm25().fit(texts),
            "vectors": VectorIndex(self.embedder or NGrams()).fit(texts),
        }
        return self

    def search(self, queries: Sequence[str], n: int = 10) -> Found:
        """The n best items for each of m queries, of which the first 1,000 characters count; InputError for an empty query."""
        for place, query in enumerate(queries, 1):
            if not query.strip():
                raise InputError(f"query {place} of {len(queries)} is empty; give at least one word")
        read = [query.strip()[:LONGEST_QUERY] for query in queries]
        depth = min(max(n, self.depth), self.size_)
        return fuse({name: source.search(read, depth) for name, source in self.sources_.items()}, n)

    def save(self, folder: Path | str) -> None:
        """Write the index into a folder of its own; one that a kill leaves unfinished is not taken for an index."""
        folder = Path(folder)
        described = folder / "retrieval.json"
        described.unlink(missing_ok=True)
        for source in self.sources_.values():
            source.save(folder)
        dense = self.sources_["vectors"]
        assert isinstance(dense, VectorIndex)
        write_json(described, {"format": FORMAT, "size": self.size_, "depth": self.depth, "embedder": dense.embedder.name})

    @classmethod
    def load(cls, folder: Path | str, embedder: Embedder | None = None) -> Self:
        """An index that `save` wrote, with the embedder that it was fitted with (n-grams are in the folder: give none).

        InputError when the folder holds no whole index, or that of another embedder.
        """
        folder = Path(folder)
        try:
            content = json.loads((folder / "retrieval.json").read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"its format {content['format']} is not {FORMAT}")
            made_by: str = content["embedder"]
            if embedder is None and not made_by.startswith(NGrams.kind):
                raise InputError(f"{folder}: an index of vectors by {made_by}; give that embedder")
            used: Embedder = embedder or NGrams.load(folder)
            if used.name != made_by:
                raise InputError(
                    f"{folder}: an index of vectors by {made_by}, not by {used.name}; give that embedder or index again"
                )
            retrieval = cls(embedder, depth=content["depth"])
            retrieval.size_ = content["size"]
            retrieval.sources_ = {"words": Bm25.load(folder), "vectors": VectorIndex.load(folder, used)}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{folder}: not a whole index of texts ({error}); index the items again") from None
        return retrieval


def fuse(sources: Mapping[str, Ranked], n: int) -> Found:
    """Reciprocal rank fusion of what sources rank: n items per query, those of equal score by place."""
    m = len(next(iter(sources.values())).places)
    items, scores = np.full((m, n), -1, np.int64), np.zeros((m, n))
    ranks = {name: np.zeros((m, n), np.int64) for name in sources}
    for row in range(m):
        lists = {name: ranked.places[row][ranked.places[row] >= 0] for name, ranked in sources.items()}
        pool = np.unique(np.concatenate(list(lists.values())))
        rank = {name: _ranks_in(pool, places) for name, places in lists.items()}
        fused = sum(np.where(r > 0, 1 / (SMOOTHING + r), 0) for r in rank.values())
        chosen, values = best(np.asarray(fused), n)
        items[row, : len(chosen)], scores[row, : len(chosen)] = pool[chosen], values
        for name, r in rank.items():
            ranks[name][row, : len(chosen)] = r[chosen]
    return Found(items, scores, ranks)


def _ranks_in(pool: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rank from 1 of each of a sorted pool in a list that holds some of it; 0 for the others."""
    ranks = np.zeros(len(pool), np.int64)
    ranks[np.searchsorted(pool, places)] = np.arange(1, len(places) + 1)
    return ranks
