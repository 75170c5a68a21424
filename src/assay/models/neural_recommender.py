"""Recommenders with a net: how they learn from what was taken, are stopped early, and are stored."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from assay.deep.rows import ArrayRows
from assay.deep.training import Net, Schedule
from assay.errors import InputError
from assay.models.files import read_arrays, read_model, write_model
from assay.models.neural import EARLIER, Neural
from assay.models.recommender import Ints, Recommending, Taken
from assay.models.scorer import Training, Vector, not_fitted
from assay.samples.table import Samples

_OF_ITEMS = ("category", "text")
_SMOOTHED = 0.75  # power of an item's count when negatives are drawn: rare items are met, too


def sampled_softmax(own: torch.Tensor, others: torch.Tensor, same: torch.Tensor, log_chance: torch.Tensor) -> torch.Tensor:
    """(...) minus the log-probability of each target among all items, from N drawn ones.

    own (...): logit of the target; others (..., N): of items drawn with replacement; same (..., N): drawn items that are the
    target, left out; log_chance (N,) or (..., N): log-probability of each to be drawn. Every drawn item stands for
    1 / (N chance) of its like, so that the sum in the denominator is unbiased; the target stands for itself (the log-Q
    correction of Bengio and Senécal 2008, with the target's as corrected by Khrylchenko et al., RecSys 2025).
    """
    corrected = (others - log_chance - np.log(others.shape[-1])).masked_fill(same, -torch.inf)
    return torch.logaddexp(own, corrected.logsumexp(-1)) - own


def drawn_columns(chance: torch.Tensor, count: int, *, always_the_same: bool) -> torch.Tensor:
    """(count,) columns drawn with replacement by their chances (I,): by torch's random state, or always the same ones."""
    generator = torch.Generator(chance.device).manual_seed(0) if always_the_same else None
    return torch.multinomial(chance, count, replacement=True, generator=generator)


class NeuralRecommender(Neural, Recommending):
    """A recommender with a net over the columns of what was taken.

    A fit has two parts. `pilot` learns from the earlier periods: the loss of the last ones says for how many passes, and how
    scores go with shares of positives. `learn` learns from everything, for as many passes.
    """

    category_: NDArray[np.int64] | None = None  # (I + 1,) category of each column + 1, 0 unknown
    text_: NDArray[np.float32] | None = None  # (I + 1, v) vectors of the columns' texts, for nets that read them

    def __init__(self, items: int, schedule: Schedule) -> None:
        super().__init__(items)
        self.schedule = schedule
        self._of_code: NDArray[np.int64] | None = None

    def build(self, taken: Taken) -> Net:
        """The net before it learns."""
        raise NotImplementedError

    def training_rows(self, taken: Taken, seed: int) -> tuple[ArrayRows, Ints]:
        """Rows that the net learns from, and the last period (W,) that each knows of.

        Column "asked", (W,) or (W, T): which of taken.events each loss, or part of it, asks for; -1 none.
        """
        raise NotImplementedError

    def later_rows(self, user: Ints, column: Ints, period: Ints) -> ArrayRows:
        """Rows whose losses ask for later events (m,) of users, known by what they had taken; "user" (W,) of each."""
        raise NotImplementedError

    def learnt_rows(self) -> ArrayRows:
        """The rows that the fitted model learnt from."""
        return self.training_rows(self.fitted(), 0)[0]

    def held_rows(self, samples: Samples) -> ArrayRows:
        """The positives among later samples, as the net is asked for them."""
        column = self.fitted().columns(samples.item)
        some = np.flatnonzero((samples.label > 0) & (column >= 0))
        return self.later_rows(samples.user[some].astype(np.int64), column[some], samples.moment[some].astype(np.int64))

    def of_samples(self, of_event: NDArray[np.float64], samples: Samples) -> NDArray[np.float64]:
        """(F, n) of training samples from (F, E) of what was taken, shared among those that are one event; negatives get 0."""
        user, item, period = self.fitted().events.astype(np.int64)
        column = self.fitted().columns(samples.item)
        some = np.flatnonzero((samples.label > 0) & (samples.weight > 0) & (column >= 0))
        own = _event(samples.user[some], samples.moment[some], column[some])
        event, first = np.unique(_event(user, period, item), return_index=True)
        summed = np.add.reduceat(of_event, first, axis=1)
        place = np.searchsorted(event, own)
        out = np.zeros((len(of_event), len(samples)))
        out[:, some] = summed[:, place] / np.bincount(place, minlength=len(event))[place]
        return out

    def chances(self, taken: Taken) -> Vector:
        """(I,) probabilities of columns to be drawn as negatives."""
        count = np.bincount(taken.events[1], minlength=len(taken.item_codes)).astype(np.float64) ** _SMOOTHED
        return np.asarray(count / count.sum())

    def fit(self, samples: Samples, *, rng: np.random.Generator, training: Training = Training()) -> Self:
        """As every recommender; categories of items come from the samples' feature "category", where there is one."""
        early, late = self.early_and_late(samples)
        self.know_items(_categories(samples), training.texts)
        passes = self.pilot(self.taken(early), rng, training)
        self.calibrate(late, rng)
        return self.learn(self.taken(samples), passes, rng, training)

    def fit_events(
        self, user: NDArray[Any], item: NDArray[Any], period: NDArray[Any], *, rng: np.random.Generator,
        training: Training = Training(),
    ) -> Self:  # fmt: skip
        """As every recommender; the last fifth of the events says when to stop. No categories."""
        taken = self.taken_by_events(user, item, period)
        self.at_ = self.share_ = None
        self.know_items(None, training.texts)
        passes = self.pilot(taken, rng, training)
        return self.learn(taken, passes, rng, training)

    def know_items(self, category: NDArray[np.int64] | None, texts: NDArray[Any] | None) -> None:
        """Take what is known of items by code: category (items,), 0 unknown, and vectors (items, v) of their texts; or None."""
        del texts  # for nets that read them
        self._of_code = category

    def pilot(self, taken: Taken, rng: np.random.Generator, training: Training) -> int:
        """Learn from the earlier periods until the loss of the last ones rises; return after how many passes it was lowest.

        Where `training` says how many passes, or no period is later, the model learns from all of `taken` for so many instead.
        The net is the one that scores are calibrated with.
        """
        rows, last, seed = self._begun(taken, rng)
        cut = np.quantile(last, EARLIER, method="lower")
        early, late = np.flatnonzero(last <= cut), np.flatnonzero(last > cut)
        if training.passes is None and len(late):
            self.net_ = self.stop_early(lambda: self.build(taken), rows.take(early), rows.take(late), seed, training)
            return self.best_pass()
        passes = training.passes or self.schedule.epochs
        self.net_ = self.learn_all(lambda: self.build(taken), rows, passes, seed, replace(training, watchers=()))
        return passes

    def learn(self, taken: Taken, passes: int, rng: np.random.Generator, training: Training) -> Self:
        """Learn from all that was taken, for so many passes."""
        rows, _, seed = self._begun(taken, rng)
        self.net_ = self.learn_all(lambda: self.build(taken), rows, passes, seed, training)
        return self

    def _begun(self, taken: Taken, rng: np.random.Generator) -> tuple[ArrayRows, Ints, int]:
        """The rows of what was taken, the last period (W,) that each knows of, and a seed; the model holds what was taken."""
        self.taken_ = taken
        if self._of_code is not None:
            self.category_ = np.append(0, self._of_code[taken.item_codes])
        seed = int(rng.integers(2**31))
        rows, last = self.training_rows(taken, seed)
        if not len(rows):
            raise InputError(f"{self.name}: no user took something in two periods; there is no order to learn; use another model")
        return rows, last, seed

    def net(self) -> Net:
        """The fitted net; InputError before fit."""
        if self.net_ is None:
            raise not_fitted(self.name)
        return self.net_

    def event_bounds(self, user: NDArray[Any], period: NDArray[Any]) -> tuple[Ints, Ints]:
        """Where the events (m,) begin and end that users had before a period; empty for unknown users."""
        who, _, when = self.fitted().events.astype(np.int64)
        key = who * 2**32 + when
        own = np.asarray(user, np.int64) * 2**32
        return np.searchsorted(key, own), np.searchsorted(key, own + np.asarray(period, np.int64))

    def save(self, folder: Path) -> list[Path]:
        """Write model.json, what was taken as npz, and the weights as safetensors."""
        arrays = self.fitted().arrays()
        arrays |= {name: values for name in _OF_ITEMS if (values := getattr(self, f"{name}_")) is not None}
        return [*write_model(folder, self.name, self.describe(), arrays), *self.write_net(folder, self.net())]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote; InputError when its weights are of another model or of other features."""
        content = read_model(folder)
        if content.get("model") != cls.name:
            raise InputError(f"{folder}: holds a model {content.get('model')!r}, not {cls.name!r}; give its own folder")
        model, arrays = cls.described(content), read_arrays(folder / "arrays.npz")
        model.category_, model.text_ = (arrays.pop(name, None) for name in _OF_ITEMS)
        model.taken_ = Taken.of_arrays(arrays)
        model.net_ = model.read_net(folder, model.build(model.taken_))
        return model


def _event(user: NDArray[Any], period: NDArray[Any], column: NDArray[Any]) -> NDArray[np.int64]:
    """(n,) one number per event, in order of user, period and column; for 2^20 periods and columns at most."""
    return np.asarray((user.astype(np.int64) << 40) + (period.astype(np.int64) << 20) + column)


def _categories(samples: Samples) -> NDArray[np.int64] | None:
    """(items,) category code + 1 of each item code, in order of name, 0 unknown; None without that feature."""
    if "category" not in samples.features.column_names or "category" in samples.hidden:
        return None
    column = samples.features.column("category")
    if not pa.types.is_dictionary(column.type):
        return None
    column = column.combine_chunks()
    levels = column.dictionary.to_pylist()
    order = {level: k + 1 for k, level in enumerate(sorted(level for level in levels if level is not None))}
    code = np.array([*(order.get(level, 0) for level in levels), 0], np.int64)
    category = np.zeros(int(samples.item.max()) + 1 if len(samples) else 0, np.int64)
    category[samples.item] = code[column.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return category
