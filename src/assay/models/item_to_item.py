"""Recommenders with one matrix of weights from items to items: EASE and item kNN."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.models.recommender import AFTER, Ints, Recommending, Taken
from assay.models.scorer import Vector
from assay.numerics import autoencoder
from assay.numerics.histories import item_sums


class _ItemToItem(Recommending):
    """An item's score is the sum, or the mean, of its weights from the items that the user had."""

    averages = False

    def score(self, user: NDArray[Any], item: Ints, period: NDArray[Any]) -> Vector:
        """Sums of weights over the user's items before the period."""
        taken, out = self.fitted(), np.zeros(len(user))
        item_sums(taken.starts, taken.item, taken.first, self.learnt_["weights"], user, item, period, out)
        if not self.averages:
            return out
        low, high = taken.prefixes(user, period)
        return np.asarray(out / np.maximum(high - low, 1))

    def catalogue(self, user: NDArray[Any]) -> Vector:
        """Histories times weights."""
        histories = self.fitted().histories(user, np.full(len(user), AFTER))
        scores = np.asarray(histories @ self.learnt_["weights"], np.float64)
        return scores / np.maximum(np.diff(histories.indptr), 1)[:, None] if self.averages else scores


class Ease(_ItemToItem):
    """EASE (Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019), in closed form: time items^3."""

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
        return {"weights": autoencoder.weights(autoencoder.gram_inverse(taken.matrix(), self.l2)).astype(np.float32)}


class ItemKnn(_ItemToItem):
    """Cosine similarity of items by who took them, shrunk, the `neighbours` nearest of each item (Deshpande and Karypis,
    "Item-based top-N recommendation algorithms", TOIS 2004)."""

    name = "item_knn"
    averages = True  # similarities do not know of each other: their sum grows with the history

    def __init__(self, items: int = 10_000, neighbours: int = 100, shrink: float = 10.0) -> None:
        super().__init__(items)
        self.neighbours, self.shrink = neighbours, shrink

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"items": self.items, "neighbours": self.neighbours, "shrink": self.shrink}

    def learn(self, taken: Taken, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """weights (I, I) float32: similarity to each item's nearest, ties by item code."""
        del rng
        X = taken.matrix()
        both = np.asarray((X.T @ X).toarray(), np.float64)
        count = np.diag(both)
        similarity = both / (np.sqrt(np.outer(count, count)) + self.shrink)
        np.fill_diagonal(similarity, 0.0)
        if len(similarity) > self.neighbours:
            order = np.argsort(-similarity, axis=0, kind="stable")[self.neighbours :]
            np.put_along_axis(similarity, order, 0.0, axis=0)
        return {"weights": similarity.astype(np.float32)}
