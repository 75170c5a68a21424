"""Vectors of texts from their character n-grams: latent semantic indexing, with no model to carry."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from assay.errors import InputError
from assay.runs.store import whole_file, write_json
from assay.text.words import character_ngrams

HASHED_TO = 1 << 18


class NGrams:
    """Hashed character n-grams, TF-IDF (1 + ln tf), truncated SVD (Deerwester et al. 1990), unit length.

    It learns from the texts that it is fitted on, so that its name holds their fingerprint. Two spellings of a word share most
    n-grams; two words for one thing are near only where the texts use them alike. Deterministic: one thread, one seed.
    """

    kind = "ngrams-"  # what its names begin with
    fingerprint_: str | None = None

    def __init__(self, dimensions: int = 128) -> None:
        self.dimensions = dimensions

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn weights and directions from texts (N,), each distinct one counted once."""
        distinct = list(dict.fromkeys(texts))
        self.fingerprint_ = blake2b(json.dumps([self.dimensions, distinct]).encode(), digest_size=8).hexdigest()
        counts = _counts(distinct)
        self.columns_: NDArray[np.int64] = np.unique(counts.indices).astype(np.int64)
        self.idf_ = np.zeros(len(self.columns_))
        self.directions_ = np.zeros((len(self.columns_), self.dimensions), np.float32)  # zeros where fewer texts differ
        if len(self.columns_):
            weighting = TfidfTransformer(sublinear_tf=True)
            weighted = weighting.fit_transform(counts[:, self.columns_])
            self.idf_ = weighting.idf_
            with threadpool_limits(1):
                _, _, components = randomized_svd(weighted, min(self.dimensions, *weighted.shape), n_iter=5, random_state=0)
            self.directions_[:, : len(components)] = components.T
        return self

    @property
    def name(self) -> str:
        """Changes with what was learnt; InputError before `fit`."""
        if self.fingerprint_ is None:
            raise InputError("ngrams: learns from the items' texts; call fit(texts) before embed")
        return f"{self.kind}{self.fingerprint_}"

    def embed(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:  # noqa: ARG002 (both sides alike)
        """Vectors (n, dimensions) float32 of unit length; zeros for a text that shares no n-gram with those learnt from."""
        assert self.name
        counts = _counts(texts)
        if not len(self.columns_):
            return np.zeros((len(texts), self.dimensions), np.float32)
        used, column = np.unique(counts.indices, return_inverse=True)  # a query uses few, and only their directions are read
        place = np.minimum(np.searchsorted(self.columns_, used), len(self.columns_) - 1)
        known = (self.columns_[place] == used)[column]
        weight = (1 + np.log(counts.data[known])) * self.idf_[place[column[known]]]
        ends = np.concatenate([[0], np.cumsum(known)])[counts.indptr]
        weighted = csr_matrix((weight, column[known], ends), (len(texts), len(used)))
        vectors = weighted @ self.directions_[place].astype(np.float64)
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: NDArray[np.float64] = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
        return unit.astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write arrays (npy) and JSON into `folder`."""
        for part in ("columns", "idf", "directions"):
            with whole_file(folder / f"ngrams_{part}.npy") as partial, partial.open("wb") as stream:
                np.save(stream, getattr(self, f"{part}_"), allow_pickle=False)
        write_json(folder / "ngrams.json", {"dimensions": self.dimensions, "fingerprint": self.fingerprint_})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote; OSError or ValueError when it is not whole."""
        content = json.loads((folder / "ngrams.json").read_text(encoding="utf-8"))
        embedder = cls(content["dimensions"])
        embedder.fingerprint_ = content["fingerprint"]
        for part in ("columns", "idf", "directions"):
            setattr(embedder, f"{part}_", np.load(folder / f"ngrams_{part}.npy", allow_pickle=False))
        return embedder


def _counts(texts: Sequence[str]) -> Any:
    """(n, HASHED_TO) CSR float64: how often each hashed n-gram is in each text."""
    if not len(texts):
        return csr_matrix((0, HASHED_TO))
    hashing = HashingVectorizer(analyzer=character_ngrams, n_features=HASHED_TO, norm=None, alternate_sign=False)
    return hashing.transform(texts)
