"""UP-CF@r: how often a user took an item in its last baskets, and what users took who have items in common with it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from assay.models.baskets import BasketRecommender
from assay.models.recommender import Ints
from assay.models.scorer import Vector
from assay.numerics.baskets import products


class UpCf(BasketRecommender):
    """UP-CF@r (Faggioli, Polato and Aiolli, "Recency aware collaborative filtering for next basket recommendation", UMAP
    2020).

    p(v, i): the share of v's last r baskets (`recent`; all where it has fewer) that hold i. s(u, v): asymmetric cosine of the
    sets of all items that the two took, |u and v| / (|u|^alpha |v|^(1 - alpha)). An item's score is the sum of s(u, v)^q p(v, i)
    over all users v, u itself included, where s is 1. The higher the `locality` q, the less do others count.

    The defaults alpha .25 and q 5 are those of the authors' program; r 15 was chosen of 10, 15, 25 and 100 on four weeks before
    the demo's test, where a basket is a week. Scores are float64; nothing is chosen, so there are no ties to break.
    """

    name = "up_cf"

    def __init__(
        self, items: int = 10_000, recent: int = 15, alpha: float = 0.25, locality: float = 5.0, crowd: int = 5_000
    ) -> None:
        super().__init__(items, crowd)
        self.recent, self.alpha, self.locality = recent, alpha, locality

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "items": self.items, "recent": self.recent, "alpha": self.alpha, "locality": self.locality, "crowd": self.crowd,
        }  # fmt: skip

    @property
    def own_share(self) -> float:
        """The similarity of a user to itself."""
        return 1.0

    def weights(self, age: Ints, count: Ints) -> Vector:
        """One part of the last baskets each; older ones only say what a user took at all."""
        return np.where(age < self.recent, 1.0 / np.minimum(count, self.recent), 0.0)

    def shares(
        self, own: sparse.csr_array, crowd: sparse.csr_array, by_item: sparse.csr_array, same: NDArray[np.bool_]
    ) -> Vector:
        """Similarities to the power of q."""
        common = products(_ones(own), _ones(by_item))
        user, member = np.diff(own.indptr).astype(np.float64), np.diff(crowd.indptr).astype(np.float64)
        common /= user[:, None] ** self.alpha * member ** (1.0 - self.alpha)
        common **= self.locality
        common[same] = 0.0
        return common


def _ones(rows: sparse.csr_array) -> sparse.csr_array:
    return sparse.csr_array((np.ones(rows.nnz), rows.indices, rows.indptr), shape=rows.shape)
