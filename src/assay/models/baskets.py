"""What next-basket recommenders share: a user's baskets, a crowd of other users, and a score mixed from both."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from assay.models.recommender import AFTER, ArrayRecommender, Ints, Taken
from assay.models.scorer import Vector
from assay.numerics.baskets import Baskets, ages, mixtures
from assay.numerics.hashing import mix

_SEED = 20_200_725
_QUERIES = 512  # users at a moment that are scored at a time
_STRANGER = -1  # the code of a member of the crowd that is none of the users known


class BasketRecommender(ArrayRecommender):
    """A recommender whose baskets are what a user took in one period.

    A user's row is a weighted sum of its baskets before the moment. The score of an item is own_share times the user's own
    row, and the sum of the crowd's rows under their shares. The crowd: at most `crowd` users of the fit, chosen by a stable
    hash of their codes, so that time and memory are bounded. Their rows are those of the whole fit: a user is never its own
    neighbour, but others' rows may hold what they took after the moment. A user without a past has every member of the crowd
    as a neighbour, all alike: it is told what is popular.
    """

    def __init__(self, items: int, crowd: int) -> None:
        super().__init__(items)
        self.crowd = crowd

    @property
    def own_share(self) -> float:
        """What a user's own row counts."""
        raise NotImplementedError

    def weights(self, age: Ints, count: Ints) -> Vector:
        """(n,) weights of baskets: age 0 is a user's last one of `count`."""
        raise NotImplementedError

    def shares(
        self, own: sparse.csr_array, crowd: sparse.csr_array, by_item: sparse.csr_array, same: NDArray[np.bool_]
    ) -> Vector:
        """(m, C) shares of the crowd's rows (C, I) for users' rows (m, I), none of them empty.

        by_item (I, C): the crowd's rows transposed. same (m, C): whether the two are one user, whose share is 0.
        """
        raise NotImplementedError

    def learn(self, taken: Taken, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """crowd_user (C,): codes, rising. crowd_starts (C + 1,), crowd_items, crowd_values: their rows."""
        del rng
        baskets = _baskets(taken)
        user = np.flatnonzero(np.diff(baskets.of_user))
        user = np.sort(user[np.argsort(mix(_SEED, user), kind="stable")[: self.crowd]])
        rows = self._rows(baskets, baskets.of_user[user], baskets.of_user[user + 1], len(taken.item_codes))
        return {"crowd_user": user, "crowd_starts": rows.indptr, "crowd_items": rows.indices, "crowd_values": rows.data}

    def knowing(self, user: NDArray[Any], item: NDArray[Any], period: NDArray[Any]) -> Self:
        """As for every recommender; the crowd stays that of the fit, and none of its members is one of these users."""
        twin = super().knowing(user, item, period)
        twin.learnt_ = self.learnt_ | {"crowd_user": np.full_like(self.learnt_["crowd_user"], _STRANGER)}
        return twin

    def score(self, user: NDArray[Any], item: Ints, period: NDArray[Any]) -> Vector:
        """Own row and the crowd's, by what users had before the period."""
        order = np.lexsort((period, user))
        user, column, period = np.asarray(user, np.int64)[order], item[order], np.asarray(period, np.int64)[order]
        change = np.flatnonzero((np.diff(user) != 0) | (np.diff(period) != 0)) + 1
        starts = np.concatenate(([0], change, [len(user)])) if len(user) else np.zeros(1, np.int64)
        out = np.empty(len(user))
        out[order] = self._scores(user[starts[:-1]], period[starts[:-1]], starts, column)
        return out

    def catalogue(self, user: NDArray[Any]) -> Vector:
        """As `score` for every column, after the last period."""
        size = len(self.fitted().item_codes)
        starts = np.arange(len(user) + 1) * size
        columns = np.tile(np.arange(size), len(user))
        return self._scores(np.asarray(user, np.int64), np.full(len(user), AFTER), starts, columns).reshape(len(user), size)

    def _rows(self, baskets: Baskets, low: Ints, high: Ints, size: int) -> sparse.csr_array:
        return baskets.sums(low, high, self.weights(*ages(low, high)), size)

    def _scores(self, user: Ints, period: Ints, starts: Ints, column: Ints) -> Vector:
        """(n,) scores of the columns that stand between starts (m + 1,), for users (m,) at their periods."""
        taken, learnt = self.fitted(), self.learnt_
        size, code = len(taken.item_codes), learnt["crowd_user"]
        rows = learnt["crowd_values"], learnt["crowd_items"], learnt["crowd_starts"]
        crowd = sparse.csr_array(rows, shape=(len(code), size))
        by_item = sparse.csr_array(crowd.T)
        baskets = _baskets(taken)
        low, high = baskets.before(user, period)
        out = np.empty(len(column))
        for first in range(0, len(user), _QUERIES):
            at = slice(first, min(first + _QUERIES, len(user)))
            own = self._rows(baskets, low[at], high[at], size)
            some = high[at] > low[at]
            share = np.full((len(some), len(code)), 1.0 / len(code))
            if some.any():
                share[some] = self.shares(own[some], crowd, by_item, user[at][some, None] == code)
            begin, end = starts[at.start], starts[at.stop]
            asked = column[begin:end]
            out[begin:end] = mixtures(share, crowd, by_item, starts[at.start : at.stop + 1] - begin, asked)
            row = np.repeat(np.arange(len(some)), np.diff(starts[at.start : at.stop + 1]))
            there = np.flatnonzero(asked >= 0)
            out[begin + there] += self.own_share * _entries(own, row[there], asked[there])
        return out


def _baskets(taken: Taken) -> Baskets:
    return Baskets.of(taken.events[0], taken.events[1], taken.events[2], len(taken.starts) - 1)


def _entries(rows: sparse.csr_array, row: Ints, column: Ints) -> Vector:
    """(n,) entries of sparse rows (m, I) with sorted columns, 0 where there is none."""
    keys = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)) * rows.shape[1] + rows.indices
    wanted = row * rows.shape[1] + column
    at = np.searchsorted(keys, wanted)
    hit = np.append(keys, -1)[at] == wanted
    return np.where(hit, np.append(rows.data, 0.0)[at], 0.0)
