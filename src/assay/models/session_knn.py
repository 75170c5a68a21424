"""Session-kNN as a recommender: what the most similar past baskets held."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from assay.models.recommender import AFTER, ArrayRecommender, Ints, Taken
from assay.models.scorer import Vector
from assay.numerics import sessions as kernels

_USERS = 64  # users whose catalogues are scored at a time


class SessionKnn(ArrayRecommender):
    """VMIS-kNN (Kersbergen, Sprangers and Schelter, "Serenade", SIGMOD 2022), without its item weights.

    A session is what a user took in one period; a user is known by the last `recent` items taken before the moment, and
    its neighbours are sessions of periods before the moment's. importance.session_shapley values the sessions of this model.
    """

    name = "session_knn"

    def __init__(self, items: int = 10_000, neighbours: int = 100, sample: int = 1_000, recent: int = 20) -> None:
        super().__init__(items)
        self.neighbours, self.sample, self.recent = neighbours, sample, recent
        self._index: tuple[kernels.SessionIndex, Ints] | None = None

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"items": self.items, "neighbours": self.neighbours, "sample": self.sample, "recent": self.recent}

    def learn(self, taken: Taken, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Nothing but what was taken."""
        del rng, taken
        self._index = None
        return {}

    def _twin(self, taken: Taken) -> Self:
        """As for every recommender; the sessions that are neighbours stay those of the fit."""
        self._indexed()  # the twin keeps it
        return super()._twin(taken)

    def _indexed(self) -> tuple[kernels.SessionIndex, Ints]:
        """The sessions' index, and the period (S,) of each by its number, falling."""
        if self._index is None:
            taken = self.fitted()
            user, item, period = taken.events.astype(np.int64)
            keys, session = np.unique(user * 2**32 + period // taken.span, return_inverse=True)
            last = keys % 2**32
            index = kernels.index_sessions(session, item, last, len(taken.item_codes))
            self._index = index, last[index.original]
        return self._index

    def _scores(self, user: NDArray[Any], item: Ints, period: NDArray[Any]) -> Vector:
        """Scores of columns for (user, period) pairs whose equal ones are neighbours."""
        taken, (index, falling) = self.fitted(), self._indexed()
        change = np.flatnonzero((np.diff(user) != 0) | (np.diff(period) != 0)) + 1
        first = np.concatenate(([0], change)) if len(user) else np.empty(0, np.int64)
        rows = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(user))))
        keys = taken.events[0].astype(np.int64) * 2**32 + taken.events[2]
        own = user[first].astype(np.int64) * 2**32
        low, high = np.searchsorted(keys, own), np.searchsorted(keys, own + period[first])
        low = np.maximum(low, high - self.recent)
        starts = np.concatenate(([0], np.cumsum(high - low)))
        events = taken.events[1][np.arange(starts[-1]) + np.repeat(low - starts[:-1], high - low)].astype(np.int64)
        youngest = np.searchsorted(-falling, -(period[first].astype(np.int64) // taken.span), side="right")
        out = np.zeros(len(user))
        kernels.next_item_scores(
            kernels.parts(index), starts, events, youngest, self.neighbours, self.sample, rows, item, out
        )  # fmt: skip
        return out

    def score(self, user: NDArray[Any], item: Ints, period: NDArray[Any]) -> Vector:
        """Similarity summed over the nearest sessions before the period that hold the item."""
        order = np.lexsort((period, user))
        out = np.empty(len(user))
        out[order] = self._scores(np.asarray(user)[order], item[order], np.asarray(period)[order])
        return out

    def catalogue(self, user: NDArray[Any]) -> Vector:
        """As `score` for every column, after the last period."""
        each = np.arange(len(self.fitted().item_codes))
        scores = [np.empty((0, len(each)))]
        for begin in range(0, len(user), _USERS):
            some = np.asarray(user[begin : begin + _USERS], np.int64)
            rows = np.repeat(some, len(each)), np.tile(each, len(some)), np.full(len(some) * len(each), AFTER)
            scores.append(self._scores(*rows).reshape(len(some), -1))
        return np.concatenate(scores)
