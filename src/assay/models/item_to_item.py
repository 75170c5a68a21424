"""Recommenders with weights from items to items: EASE and item kNN."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from assay.errors import InputError
from assay.models.recommender import AFTER, ArrayRecommender, Ints, Taken
from assay.models.scorer import Vector
from assay.numerics import autoencoder
from assay.numerics.histories import item_sums, largest, neighbour_sums, row_sums

_ROWS = 512  # items whose similarities are held at a time


class Ease(ArrayRecommender):
    """EASE (Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019), in closed form: time items^2 times
    the smaller of users and items."""

    name = "ease"

    def __init__(self, items: int = 10_000, l2: float = 200.0) -> None:
        super().__init__(items)
        self.l2 = l2

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"items": self.items, "l2": self.l2}

    def learn(self, taken: Taken, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """weights (I, I) float32."""
        del rng
        if len(taken.item_codes) > autoencoder.MOST_ITEMS:
            raise InputError(f"ease: {len(taken.item_codes)} items, {autoencoder.MOST_ITEMS} at most; lower items")
        return {"weights": autoencoder.weights(autoencoder.gram_inverse(taken.matrix(), self.l2), np.float32)}

    def score(self, user: NDArray[Any], item: Ints, period: NDArray[Any]) -> Vector:
        """Sums of weights over the user's items before the period."""
        taken, out = self.fitted(), np.zeros(len(user))
        item_sums(taken.starts, taken.item, taken.first, self.learnt_["weights"], user, item, period, out)
        return out

    def catalogue(self, user: NDArray[Any]) -> Vector:
        """Histories times weights."""
        histories = self.fitted().histories(user, np.full(len(user), AFTER))
        out = np.zeros((len(user), len(self.learnt_["weights"])))
        row_sums(histories.indptr, histories.indices, self.learnt_["weights"], out)
        return out


class ItemKnn(ArrayRecommender):
    """Cosine similarity of items by who took them, shrunk, the `neighbours` nearest of each item (Deshpande and Karypis,
    "Item-based top-N recommendation algorithms", TOIS 2004).

    An item's score is the mean of its similarities to what the user had, 0 beyond the neighbours: similarities do not know
    of each other, and their sum grows with the history.
    """

    name = "item_knn"

    def __init__(self, items: int = 10_000, neighbours: int = 100, shrink: float = 10.0) -> None:
        super().__init__(items)
        self.neighbours, self.shrink = neighbours, shrink
        self._weights: sparse.csr_array | None = None

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"items": self.items, "neighbours": self.neighbours, "shrink": self.shrink}

    def learn(self, taken: Taken, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """nearest (I, k) int32, items in rising order and -1 where there is none; similarity (I, k) float32. Ties by code."""
        del rng
        self._weights = None
        X = taken.matrix()
        columns, size = sparse.csr_array(X.T), X.shape[1]
        root = np.sqrt(np.bincount(taken.item, minlength=size))
        k = min(self.neighbours, size)
        nearest, similarity = np.full((size, k), -1, np.int32), np.zeros((size, k), np.float32)
        for begin in range(0, size, _ROWS):
            at = slice(begin, begin + _ROWS)
            both = (columns[at] @ X).toarray()
            both /= np.outer(root[at], root) + self.shrink
            both[np.arange(len(both)), np.arange(begin, begin + len(both))] = 0.0
            largest(both, k, nearest[at], similarity[at])
        return {"nearest": nearest, "similarity": similarity}

    def score(self, user: NDArray[Any], item: Ints, period: NDArray[Any]) -> Vector:
        """Means of similarities over the user's items before the period."""
        taken, out = self.fitted(), np.zeros(len(user))
        nearest, similarity = self.learnt_["nearest"], self.learnt_["similarity"]
        order = np.argsort(user, kind="stable")
        neighbour_sums(taken.starts, taken.item, taken.first, nearest, similarity, order, user, item, period, out)
        low, high = taken.prefixes(user, period)
        return np.asarray(out / np.maximum(high - low, 1))

    def catalogue(self, user: NDArray[Any]) -> Vector:
        """As `score` for every column, after the last period."""
        histories = self.fitted().histories(user, np.full(len(user), AFTER))
        scores = (histories @ self._by_neighbour()).toarray()
        return np.asarray(scores / np.maximum(np.diff(histories.indptr), 1)[:, None])

    def _twin(self, taken: Taken) -> Self:
        """As for every recommender."""
        self._by_neighbour()  # the twin keeps it
        return super()._twin(taken)

    def _by_neighbour(self) -> sparse.csr_array:
        """(I, I) similarities of each item's neighbours to it, one row per neighbour; made once."""
        if self._weights is None:
            nearest, similarity = self.learnt_["nearest"], self.learnt_["similarity"]
            there, shape = nearest >= 0, (len(nearest), len(nearest))
            starts = np.concatenate(([0], np.cumsum(there.sum(axis=1))))
            weights = sparse.csr_array((similarity[there].astype(np.float64), nearest[there], starts), shape=shape)
            self._weights = sparse.csr_array(weights.T)
        return self._weights
