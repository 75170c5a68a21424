"""Matrix factorisation for implicit feedback by alternating least squares, through the package implicit."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from assay.errors import InputError
from assay.models.recommender import AFTER, ArrayRecommender, Ints, Taken
from assay.models.scorer import Vector

_ROWS = 4096  # histories folded in at a time


class Als(ArrayRecommender):
    """ALS (Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008).

    A user is folded in from what it had before the moment, so that no score knows its own answer. Needs the extra
    `recommenders`.
    """

    name = "als"

    def __init__(
        self, items: int = 10_000, factors: int = 64, l2: float = 10.0, confidence: float = 10.0, iterations: int = 15
    ) -> None:
        super().__init__(items)
        self.factors, self.l2, self.confidence, self.iterations = factors, l2, confidence, iterations

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        names = ("items", "factors", "l2", "confidence", "iterations")
        return {name: getattr(self, name) for name in names}

    def learn(self, taken: Taken, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """factors (I, f) of items, float64."""
        try:
            from implicit.cpu.als import AlternatingLeastSquares
        except ImportError:
            raise InputError("als needs the package implicit: pip install 'assay[recommenders]'") from None
        with threadpool_limits(1, "blas"):  # many small systems: threads would only wait for one another
            factorisation = AlternatingLeastSquares(
                factors=self.factors, regularization=self.l2, alpha=self.confidence, iterations=self.iterations,
                num_threads=1, dtype=np.float64, random_state=int(rng.integers(2**31)),
            )  # fmt: skip
            factorisation.fit(sparse.csr_matrix(taken.matrix()), show_progress=False)
        return {"factors": np.asarray(factorisation.item_factors, np.float64)}

    def _users(self, histories: sparse.csr_array) -> Vector:
        """(m, f) factors of users from their histories: ridge regression with confidence weights, solved exactly."""
        Y = self.learnt_["factors"]
        base = Y.T @ Y + self.l2 * np.eye(Y.shape[1])
        out = np.zeros((histories.shape[0], Y.shape[1]))
        with threadpool_limits(1, "blas"):
            for u in range(len(out)):
                own = Y[histories.indices[histories.indptr[u] : histories.indptr[u + 1]]]
                if not len(own):
                    continue
                out[u] = np.linalg.solve(base + (self.confidence - 1.0) * own.T @ own, self.confidence * own.sum(axis=0))
        return out

    def score(self, user: NDArray[Any], item: Ints, period: NDArray[Any]) -> Vector:
        """Dot products; each user is folded in once for each period."""
        taken, Y, out = self.fitted(), self.learnt_["factors"], np.zeros(len(user))
        low, high = taken.prefixes(user, period)
        _, first, which = np.unique(low * (len(taken.item) + 1) + high, return_index=True, return_inverse=True)
        order = np.argsort(which, kind="stable")
        for begin in range(0, len(first), _ROWS):
            some = first[begin : begin + _ROWS]
            factors = self._users(taken.histories(np.asarray(user)[some], np.asarray(period)[some]))
            bounds = np.searchsorted(which[order], (begin, begin + len(some)))
            rows = order[bounds[0] : bounds[1]]
            rows = rows[item[rows] >= 0]
            out[rows] = np.einsum("ij,ij->i", factors[which[rows] - begin], Y[item[rows]])
        return out

    def catalogue(self, user: NDArray[Any]) -> Vector:
        """Users folded in from all that they had, times item factors."""
        histories = self.fitted().histories(user, np.full(len(user), AFTER))
        return np.asarray(self._users(histories) @ self.learnt_["factors"].T)
