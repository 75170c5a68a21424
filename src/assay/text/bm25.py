"""BM25 over the words of texts, by bm25s."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from assay.runs.store import write_json
from assay.text.ranked import Ranked, best
from assay.text.words import words


class Bm25:
    """Lucene's BM25 (Kamphuis et al. 2020): over a query's words, sum of idf * tf / (tf + k1 (1 - b + b length / mean length)).

    idf = ln(1 + (N - df + .5) / (df + .5)). A word that the query repeats counts as often; one that no text has, not at all.
    Scores are float32, added in the order of the query's words. Deterministic.
    """

    def __init__(self, k1: float = 1.2, b: float = 0.75) -> None:
        self.k1 = k1
        self.b = b

    def fit(self, texts: Sequence[str]) -> Self:
        """Index texts (N,)."""
        self.vocabulary_: dict[str, int] = {}  # in the order of first appearance: the library's own changes with Python's hashing
        numbers = [[self.vocabulary_.setdefault(word, len(self.vocabulary_)) for word in words(text)] for text in texts]
        self.size_ = len(texts)
        self.index_ = _library().BM25(k1=self.k1, b=self.b, method="lucene")
        if self.vocabulary_:
            self.index_.index((numbers, self.vocabulary_), create_empty_token=False, show_progress=False)
        return self

    def scores(self, query: str) -> NDArray[np.float32]:
        """Scores (N,) of all texts for one query, 0 where no word is shared."""
        codes = [self.vocabulary_[word] for word in words(query) if word in self.vocabulary_]
        if not codes:
            return np.zeros(self.size_, np.float32)
        scores: NDArray[np.float32] = self.index_.get_scores_from_ids(codes)
        return scores

    def search(self, queries: Sequence[str], n: int) -> Ranked:
        """The n best texts for each of m queries; of equal ones the first places; a text that shares no word is none."""
        return Ranked.of([best(self.scores(query), n) for query in queries], n)

    def save(self, folder: Path) -> None:
        """Write arrays (npy) and JSON into `folder`."""
        if self.vocabulary_:
            self.index_.save(str(folder), show_progress=False)
        write_json(folder / "bm25.json", {"k1": self.k1, "b": self.b, "size": self.size_, "words": list(self.vocabulary_)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote; OSError or ValueError when it is not whole."""
        content = json.loads((folder / "bm25.json").read_text(encoding="utf-8"))
        index = cls(content["k1"], content["b"])
        index.vocabulary_ = {word: number for number, word in enumerate(content["words"])}
        index.size_ = content["size"]
        index.index_ = _library().BM25.load(str(folder)) if index.vocabulary_ else None
        return index


def _library() -> Any:
    import bm25s  # not above: it takes a second to load

    return bm25s
