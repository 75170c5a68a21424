"""Recommenders: models that know of users only what they took, and score any item for them.

They are Scorers of labelled samples: the positives of weight above 0 are what was taken, with what the log knows besides
(`Samples.takings`), and a sample is scored by what its user had taken before the sample's period, so that no score knows its own
answer. They also rank whole catalogues.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from assay.errors import InputError
from assay.models.calibrated import Calibrated
from assay.models.files import read_arrays, read_model, write_model
from assay.models.scorer import Vector, not_fitted, training_rows
from assay.numerics.histories import top_n as best_items
from assay.samples.table import Samples, Takings

Ints = NDArray[np.int64]
AFTER = 2**31 - 1  # a period after all others
_EARLIER = 0.8  # share of the training rows that stands before those that calibrate
_ROWS = 512  # users scored at a time


@dataclass(frozen=True)
class Taken:
    """What was taken in training: each user's distinct items by the period of their first taking.

    item_codes (I,): the kept items, by code; items are columns 0 ... I - 1 in that order. starts (U + 1,), item, first:
    by user code. events (3, n): user, column and period of every positive, in order of user, period and column. Where requests
    are steps of sessions, a period is what Samples calls a moment, and `span` of these make a period of the log.
    """

    item_codes: Ints
    starts: Ints
    item: NDArray[np.int32]
    first: NDArray[np.int32]
    events: NDArray[np.int32]
    span: int = 1

    @classmethod
    def of(cls, samples: Samples, most: int, name: str) -> Self:
        """From the positives of weight above 0, and what users took before the last of them that is no sample.

        Of the `most` items taken most often (ties by item code).
        """
        rows = training_rows(samples, name, amounts=True)
        last = samples.moment[rows].max()
        rows = rows[samples.label[rows] > 0]
        events = [(samples.user[rows], samples.item[rows], samples.moment[rows])]
        if (log := samples.takings) is not None:
            unsampled = np.flatnonzero(~log.sampled & (log.moment <= last))
            events.append((log.user[unsampled], log.item[unsampled], log.moment[unsampled]))
        user, item, period = (np.concatenate(column) for column in zip(*events, strict=True))
        return cls.of_events(user, item, period, most, 1 if log is None else log.span)

    @classmethod
    def of_events(cls, user: NDArray[Any], item: NDArray[Any], period: NDArray[Any], most: int, span: int = 1) -> Self:
        """From events (n,), one at least: codes of users and items, periods below AFTER; `most` as in `of`."""
        count = np.bincount(item)
        kept = np.sort(np.argsort(-count, kind="stable")[: min(most, np.count_nonzero(count))])
        return cls.in_columns(kept.astype(np.int64), user, item, period, span)

    @classmethod
    def in_columns(cls, kept: Ints, user: NDArray[Any], item: NDArray[Any], period: NDArray[Any], span: int = 1) -> Self:
        """From events (n,) of the items `kept` (I,), rising codes; those of other items are left out."""
        column = _columns(kept, item)
        rows = np.flatnonzero(column >= 0)
        user, item, period = user[rows], column[rows], period[rows]
        order = np.lexsort((item, period, user))
        events = np.stack([user[order], item[order], period[order]]).astype(np.int32)
        # The first of each (user, item), then by user, period, item.
        _, once = np.unique(events[0].astype(np.int64) * len(kept) + events[1], return_index=True)
        once = once[np.lexsort((events[1][once], events[2][once], events[0][once]))]
        user, item, first = events[:, once]
        starts = np.concatenate(([0], np.cumsum(np.bincount(user))))
        return cls(kept, starts, item, first, events, span)

    def arrays(self) -> dict[str, Any]:
        """What is stored, by name."""
        return {f"taken_{name}": values for name, values in vars(self).items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Any]) -> Self:
        """What `arrays` gave, among other arrays perhaps."""
        own = {name.removeprefix("taken_"): values for name, values in arrays.items() if name.startswith("taken_")}
        return cls(**own | {"span": int(own["span"])})

    def matrix(self) -> sparse.csr_array:
        """(U, I) ones where a user took an item."""
        shape = len(self.starts) - 1, len(self.item_codes)
        taken = sparse.csr_array((np.ones(len(self.item)), self.item, self.starts), shape=shape)
        taken.sort_indices()
        return taken

    def columns(self, item: NDArray[Any]) -> Ints:
        """Columns (n,) of item codes, -1 where not kept."""
        return _columns(self.item_codes, item)

    def prefixes(self, user: NDArray[Any], period: NDArray[Any]) -> tuple[Ints, Ints]:
        """Where the items (m,) begin and end that each user had before a period; empty for unknown users."""
        present = np.asarray(user) < len(self.starts) - 1
        at = np.where(present, user, 0)
        low = self.starts[at]
        # One key orders users and their first periods together.
        keys = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts)) * 2**32 + self.first
        high = np.searchsorted(keys, at.astype(np.int64) * 2**32 + period)
        return low, np.where(present, np.maximum(high, low), low)

    def histories(self, user: NDArray[Any], period: NDArray[Any]) -> sparse.csr_array:
        """(m, I) ones where the user had the item before the period."""
        low, high = self.prefixes(user, period)
        starts = np.concatenate(([0], np.cumsum(high - low)))
        at = np.arange(starts[-1]) + np.repeat(low - starts[:-1], high - low)
        taken = sparse.csr_array((np.ones(len(at)), self.item[at], starts), shape=(len(low), len(self.item_codes)))
        taken.sort_indices()
        return taken


def _columns(kept: Ints, item: NDArray[Any]) -> Ints:
    """Places (n,) of item codes among the kept ones (I,), which rise; -1 where not kept."""
    at = np.minimum(np.searchsorted(kept, item), len(kept) - 1)
    return np.where(kept[at] == item, at, -1)


class Recommending(Calibrated):
    """What all recommenders share: what was taken, calibration, and the ranking of catalogues."""

    taken_: Taken | None = None
    _told: tuple[Takings, Ints, Taken] | None = None  # what was taken by a log, in these columns

    def __init__(self, items: int = 10_000) -> None:
        self.items = items

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"items": self.items}

    def score(self, user: NDArray[Any], item: Ints, period: NDArray[Any]) -> Vector:
        """(n,) scores of columns (-1: unknown, scores 0) for users by what they had before a period."""
        raise NotImplementedError

    def catalogue(self, user: NDArray[Any]) -> Vector:
        """(m, I) scores of all columns for users by all that they had."""
        raise NotImplementedError

    def fit(self, samples: Samples, *, rng: np.random.Generator) -> Self:
        """Learn from the positives of weight above 0."""
        raise NotImplementedError

    def fit_events(self, user: NDArray[Any], item: NDArray[Any], period: NDArray[Any], *, rng: np.random.Generator) -> Self:
        """Learn to rank from plain events (n,): dense codes of users and items, periods from 0 in order of time.

        There are no negatives to calibrate by: the model ranks (`score`, `top_n`), but cannot `predict` or `save`.
        InputError: no events.
        """
        raise NotImplementedError

    def early_and_late(self, samples: Samples) -> tuple[Samples, Samples]:
        """Rows of weight above 0, of the earlier periods and of the last fifth; all rows twice where one side's are alike.

        A model scores what it learnt from too high: how its scores go with shares of positives is told by the late rows, under
        a fit on the early ones.
        """
        rows = training_rows(samples, self.name, amounts=True)
        cut = np.quantile(samples.period[rows], _EARLIER, method="lower")
        early, late = (samples.take(rows[side]) for side in (samples.period[rows] <= cut, samples.period[rows] > cut))
        if not all(samples.label_type.serves(part.response) for part in (early, late)):
            early = late = samples.take(rows)
        return early, late

    def taken(self, samples: Samples) -> Taken:
        """What was taken by the samples' positives."""
        return Taken.of(samples, self.items, self.name)

    def taken_by_events(self, user: NDArray[Any], item: NDArray[Any], period: NDArray[Any]) -> Taken:
        """What was taken by plain events. InputError: no events."""
        if not len(user):
            raise InputError(f"{self.name}: there are no events to learn from; give one at least")
        return Taken.of_events(user, item, period, self.items)

    def calibrate(self, late: Samples, rng: np.random.Generator) -> None:
        """Learn how scores go with shares of positives."""
        super().fit(late, rng=rng)

    def knowing(self, user: NDArray[Any], item: NDArray[Any], period: NDArray[Any]) -> Self:
        """A twin that learnt the same, whose users are others: all it knows of them are these events (n,), as in `fit_events`.

        Items that it did not learn of are left out. InputError before fit.
        """
        return self._twin(Taken.in_columns(self.fitted().item_codes, user, item, period))

    def _twin(self, taken: Taken) -> Self:
        """A twin that learnt the same, and knows of users what is given."""
        twin = copy(self)
        twin.taken_ = taken
        return twin

    def told(self, samples: Samples) -> Self:
        """The model that knows all that the samples' users took, where the samples say it; a score asks for what is earlier."""
        log, columns = samples.takings, self.fitted().item_codes
        if log is None:
            return self
        if self._told is None or self._told[0] is not log or self._told[1] is not columns:
            self._told = log, columns, Taken.in_columns(columns, log.user, log.item, log.moment, log.span)
        return self._twin(self._told[2])

    def raw(self, samples: Samples) -> Vector:
        """(n,) exp of the score, capped: positive, in the order of scores."""
        columns = self.fitted().columns(samples.item)
        return np.exp(np.minimum(self.told(samples).score(samples.user, columns, samples.moment), 50.0))

    def top_n(self, user: NDArray[Any], n: int, *, exclude_known: bool = True) -> tuple[Ints, Vector]:
        """As capabilities.Recommender says; InputError for n below 1."""
        taken = self.fitted()
        if n < 1:
            raise InputError(f"top_n: n is {n}; give 1 or more")
        user = np.asarray(user, np.int64)
        items, scores = np.full((len(user), n), -1, np.int64), np.full((len(user), n), np.nan)
        for first in range(0, len(user), _ROWS):
            at = slice(first, first + _ROWS)
            histories = taken.histories(user[at], np.full(len(user[at]), AFTER))
            starts = histories.indptr if exclude_known else np.zeros_like(histories.indptr)
            best_items(self.catalogue(user[at]), starts, histories.indices, n, items[at], scores[at])
        return np.where(items >= 0, taken.item_codes[items], -1), scores

    def fitted(self) -> Taken:
        """What was taken; InputError before fit."""
        if self.taken_ is None:
            raise not_fitted(self.name)
        return self.taken_


class ArrayRecommender(Recommending):
    """A recommender that learns arrays at once, and not in passes."""

    learnt_: dict[str, NDArray[Any]]

    def learn(self, taken: Taken, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Whatever scores need besides what was taken, as arrays by name."""
        raise NotImplementedError

    def fit(self, samples: Samples, *, rng: np.random.Generator) -> Self:
        """Learn from the positives of weight above 0; how scores go with shares of positives, from a fit on earlier periods."""
        early, late = self.early_and_late(samples)
        self._learn(self.taken(early), rng)
        self.calibrate(late, rng)
        self._learn(self.taken(samples), rng)
        return self

    def fit_events(self, user: NDArray[Any], item: NDArray[Any], period: NDArray[Any], *, rng: np.random.Generator) -> Self:
        """As every recommender."""
        taken = self.taken_by_events(user, item, period)
        self.at_ = self.share_ = None
        self._learn(taken, rng)
        return self

    def _learn(self, taken: Taken, rng: np.random.Generator) -> None:
        self.taken_ = taken
        self.learnt_ = self.learn(taken, rng)

    def save(self, folder: Path) -> list[Path]:
        """Write model.json (settings, table) and arrays.npz (what was taken, and what was learnt of it)."""
        return write_model(folder, self.name, self.describe(), self.fitted().arrays() | self.learnt_)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote."""
        model, arrays = cls.described(read_model(folder)), read_arrays(folder / "arrays.npz")
        model.taken_ = Taken.of_arrays(arrays)
        model.learnt_ = {name: values for name, values in arrays.items() if not name.startswith("taken_")}
        return model
