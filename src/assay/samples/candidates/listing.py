"""The candidates of requests: every source's list, joined."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.logs.history import Codes, History
from assay.numerics.lists import Ints, SparseScores, gather, top
from assay.samples.candidates.base import Source
from assay.samples.candidates.moment import Moment
from assay.samples.candidates.popular import Popular

MOST = 5_000  # candidates of a request from one source
_USERS = 2_048  # users whose lists are made at a time
FALLBACK = Popular.name  # what users without a past are listed
SCORE = "score_{}"  # a source's score as a feature


@dataclass(frozen=True)
class Candidates:
    """Distinct (user, item) of requests in one or more periods, sorted by period, user, item.

    source (n,) bits: 1 << k is set when the source of place k named the item. label (n,): taken in the period. scores: by
    source (n,), of the sources whose scores are features.
    """

    user: Codes
    item: Codes
    period: Codes
    source: NDArray[np.int16]
    label: NDArray[np.int8]
    scores: Mapping[str, NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: NDArray[Any]) -> Self:
        """The candidates of some rows."""
        scores = {name: score[rows] for name, score in self.scores.items()}
        return type(self)(self.user[rows], self.item[rows], self.period[rows], self.source[rows], self.label[rows], scores)

    @classmethod
    def joined(cls, parts: Sequence[Self], scored: Sequence[str]) -> Self:
        """Several, one after another."""
        scores = {name: _joined([part.scores[name] for part in parts], np.float32) for name in scored}
        return cls(
            _joined([part.user for part in parts], np.int32),
            _joined([part.item for part in parts], np.int32),
            _joined([part.period for part in parts], np.int32),
            _joined([part.source for part in parts], np.int16),
            _joined([part.label for part in parts], np.int8),
            scores,
        )


def _joined(parts: Sequence[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate([*parts, np.empty(0, dtype)]).astype(dtype, copy=False)


def places_of(size: int | Ints, appetite: NDArray[np.float64]) -> Ints:
    """Places of requests on a source's list: its size times their appetite, at least one if it has any, at most MOST."""
    return np.clip(np.round(size * appetite), np.minimum(size, 1), MOST).astype(np.int64)


@dataclass(frozen=True)
class Listing:
    """How candidates are found. sizes: places of a usual request, by source; scored: sources whose scores are features."""

    history: History
    items: pa.Table
    period_days: int
    available: int
    sources: Mapping[str, Source]
    sizes: Mapping[str, int]
    scored: Sequence[str] = ()

    def of_periods(self, begin: int, end: int, *, everyone: bool = False) -> Iterator[Candidates]:
        """Candidates of the requests of each period from begin up to, not including, end.

        A request is a user with a taken item in the period; with `everyone`, every user who ever took one. All that a request's
        candidates are chosen by is older than its period. Only items on sale (sold or shown in the `available` periods before)
        are candidates. Of each source a request has its size times the user's appetite, at least one place, at most MOST; a user
        who took nothing before has best sellers in all places.
        """
        for moment in self.moments(begin, end):
            users, truth = self.requests(moment.period)
            users = self.everyone(moment.period) if everyone else users
            for at in range(0, len(users), _USERS):
                yield self._of_users(moment, users[at : at + _USERS], truth)

    def requests(self, period: int) -> tuple[Codes, Ints]:
        """Who took anything in a period, rising, and all that they took, as user * items + item."""
        bought = self.history.bought
        rows = bought.between(period, period + 1)
        taken = bought.user[rows].astype(np.int64) * len(self.history.category) + bought.item[rows]
        return np.unique(bought.user[rows]).astype(np.int32), taken

    def everyone(self, period: int) -> Codes:  # noqa: ARG002
        """Who is recommended to in a period after the log: every user who ever took anything."""
        return np.unique(self.history.bought.user).astype(np.int32)

    def all(self, begin: int, end: int, *, everyone: bool = False) -> Candidates:
        """of_periods, joined."""
        return Candidates.joined(list(self.of_periods(begin, end, everyone=everyone)), self.scored)

    def scores_of(self, user: Codes, item: Codes, period: Codes) -> dict[str, NDArray[np.float32]]:
        """By source whose scores are features: the scores of any (user, item, period), (n,)."""
        size = len(self.history.category)
        out = {name: np.zeros(len(user), np.float32) for name in self.scored}
        for one in np.unique(period):
            rows = np.flatnonzero(period == one)
            rows = rows[np.argsort(user[rows], kind="stable")]
            [moment] = self.moments(int(one), int(one) + 1)
            users = np.unique(user[rows])
            starts = np.searchsorted(user[rows], np.append(users, users[-1:] + 1))
            for name in self.scored:
                out[name][rows] = gather(self.sources[name].scores(moment, users), starts, item[rows], size)
        return out

    def moments(self, begin: int, end: int) -> Iterator[Moment]:
        """The start of each period from begin up to, not including, end."""
        for market in self.history.markets(begin, end, self.available):
            yield Moment(self.history, market, self.period_days, self.items)

    def lists(self, moment: Moment, users: Codes) -> Iterator[tuple[str, SparseScores, Ints]]:
        """Of each source that is asked: its name, its scores, and the items (m, w) that it lists for users (m,); -1 is none."""
        own = moment.taken(users)
        appetite, without_past = moment.appetite(users), np.diff(own[0]) == 0
        for name, source in self.sources.items():
            if not self.sizes.get(name) and name not in self.scored and name != FALLBACK:
                continue
            scores = source.scores(moment, users)
            places = places_of(self.sizes.get(name, 0), appetite)
            if name == FALLBACK:
                places = np.where(without_past, min(sum(self.sizes.values()), MOST), places)
            skip = None if source.repeats else own[:2]
            yield name, scores, top(scores, moment.market.on_sale, places, skip)

    def _of_users(self, moment: Moment, users: Codes, truth: Ints) -> Candidates:
        size = len(self.history.category)
        scores: dict[str, SparseScores] = {}
        keys, bits = [np.empty(0, np.int64)], [np.empty(0, np.int16)]
        for name, scored, items in self.lists(moment, users):
            scores[name] = scored
            row, column = np.nonzero(items >= 0)
            keys.append(row * size + items[row, column])
            bits.append(np.full(len(row), 1 << list(self.sources).index(name), np.int16))
        pair, place = np.unique(np.concatenate(keys), return_inverse=True)
        source = np.zeros(len(pair), np.int16)
        np.bitwise_or.at(source, place, np.concatenate(bits))
        row, item = pair // size, (pair % size).astype(np.int32)
        starts = np.searchsorted(row, np.arange(len(users) + 1))
        user = users[row]
        label = np.isin(user.astype(np.int64) * size + item, truth).astype(np.int8)
        gathered = {name: gather(scores[name], starts, item, size) for name in self.scored}
        return Candidates(user, item, np.full(len(item), moment.period, np.int32), source, label, gathered)
