"""LambdaRank by LightGBM: boosted trees that learn the order within requests, as a probability by a monotone table."""

from pathlib import Path
from typing import Any, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray

from assay.config import Models
from assay.errors import InputError
from assay.models.boosting import boost, boosted, read_booster
from assay.models.calibrated import Calibrated
from assay.models.dense import Dense
from assay.models.files import read_model
from assay.models.rounds import held_back, regularised
from assay.models.scorer import Positions, Training, Vector, not_fitted, training_rows
from assay.runs.store import write_text
from assay.samples.table import Samples

_MOST = 30.0  # size of a score beyond which its exponential tells no difference
_DIGITS = 10  # of a score that count
_LEVELS = 32  # of gains, at most


def gain_levels(gain: Vector) -> tuple[NDArray[Any], list[float]]:
    """What is learnt of gains (n,) of 0 or more: the level (n,) of each, from 0, and the gain of each level.

    There are as many levels as different gains, _LEVELS at most: then the gains above 0 are cut at quantiles, and a level's gain
    is the mean of its rows.

    >>> gain_levels(np.array([0.0, 3.0, 1.0]))
    (array([0, 2, 1]), [0.0, 1.0, 3.0])
    """
    steps = np.union1d(gain, [0.0])
    if len(steps) <= _LEVELS:
        return np.searchsorted(steps, gain), steps.tolist()
    edges = np.unique(np.quantile(gain[gain > 0], np.arange(1, _LEVELS - 1) / (_LEVELS - 1)))
    level = np.where(gain > 0, 1 + np.searchsorted(edges, gain, side="left"), 0)
    return level, (np.bincount(level, gain) / np.maximum(np.bincount(level), 1)).tolist()


class LambdaRank(Calibrated):
    """Boosted trees on the pairs of a request's samples, each weighed by what a swap changes of NDCG (Burges, "From RankNet
    to LambdaRank to LambdaMART", 2010).

    trees: most rounds. leaves: most of a tree. rate: the learning rate. truncation: pairs count when one of them stands among so
    many first. The fewer rows, the smaller are the trees. How many rounds: as were best for ndcg@10 of the last fifth of the
    training periods in a fit on the earlier ones.

    Weights: pairs are formed of the rows as they were drawn, and those of a request count as much as its positives weigh in the
    mean (`boosting.request_weights` says why). A negative that stands for ten is one negative to the trees, and ten to the table.

    Where samples have amounts these are the gains (`gain_levels`). Only the order within a request is learnt. Probabilities are
    the share of positives by score, under the weights of all late rows, as the fit on the earlier rows scores them: it has not
    seen them. Where no rows can be held back, of the training rows. A twin of a fitted model keeps its table. Learnt: booster_,
    layout_, rounds_.
    """

    name = "lambdarank"

    def __init__(self, trees: int = 150, leaves: int = 63, rate: float = 0.1, truncation: int = 30) -> None:
        self.trees, self.leaves, self.rate, self.truncation = trees, leaves, rate, truncation
        self.layout_: Dense | None = None
        self.booster_: Any = None
        self.rounds_: int | None = None

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"trees": self.trees, "leaves": self.leaves, "rate": self.rate, "truncation": self.truncation}

    @classmethod
    def configured(cls, section: Models) -> Self:
        """With the section's number of trees."""
        return cls(section.lightgbm_trees)

    def fit(self, samples: Samples, *, rng: np.random.Generator, training: Training = Training()) -> Self:
        """Boost on the requests of all rows of weight above 0, for as many rounds as training.like, or as are best.

        SplitError: no rows, or one class only. InputError: no feature besides user and item, or a request of more than
        10,000 rows.
        """
        rows = training_rows(samples, self.name, amounts=True)
        settings = {
            "objective": "lambdarank", "learning_rate": self.rate, "lambdarank_truncation_level": self.truncation,
            "seed": int(rng.integers(2**31)),
        }  # fmt: skip
        if (like := training.like) is not None:
            self.rounds_, self.at_, self.share_, self.spread_ = like.rounds_, like.at_, like.share_, like.spread_
            self._boost(samples, rows, like.rounds_, settings)
            return self
        held, rounds = held_back(samples, rows), self.trees
        if held is not None:
            self._boost(samples, held.early, rounds, settings | {"metric": "ndcg", "eval_at": 10}, held.stopping)
            rounds = max(int(self.booster_.num_trees()), 1)
            super().fit(samples.take(held.late), rng=rng)
        self._boost(samples, rows, rounds, settings)
        self.rounds_ = rounds
        return self if held is not None else super().fit(samples, rng=rng)

    def _boost(
        self, samples: Samples, rows: Positions, rounds: int, settings: dict[str, Any], stopping: Positions | None = None
    ) -> None:
        settings, level = settings | regularised(len(rows), self.leaves), samples.label
        if samples.label_type.has_amounts:
            used = rows if stopping is None else np.concatenate((rows, stopping))
            level = np.zeros(len(samples), np.int64)
            level[used], settings["label_gain"] = gain_levels(samples.gain[used])
        try:
            self.layout_, self.booster_ = boost(samples, rows, rounds, settings, level, ranked=True, stopping=stopping)
        except lightgbm.basic.LightGBMError as error:
            longest = np.unique(samples.request[rows], return_counts=True)[1].max()
            raise InputError(f"{self.name}: {error}; the largest request has {longest:,} samples") from None

    def raw(self, samples: Samples) -> Vector:
        """(n,) exp of the score, capped: positive, in the order of scores."""
        if self.layout_ is None:
            raise not_fitted(self.name)
        # Sums of few trees are often equal but for their last bits, which no table tells apart.
        return np.exp(np.clip(np.round(boosted(self.layout_, self.booster_, samples), _DIGITS), -_MOST, _MOST))

    def describe(self) -> dict[str, Any]:
        """Settings, table, rounds and layout."""
        if self.layout_ is None:
            raise not_fitted(self.name)
        return super().describe() | {"rounds": self.rounds_, "layout": self.layout_.describe()}

    def save(self, folder: Path) -> list[Path]:
        """Write model.json (settings, table, layout) and booster.txt."""
        written, path = super().save(folder), folder / "booster.txt"
        write_text(path, self.booster_.model_to_string())
        return [*written, path]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote; InputError when booster.txt is missing or broken."""
        content = read_model(folder)
        model = cls.described(content)
        model.layout_, model.booster_ = Dense.described(content["layout"]), read_booster(folder)
        model.rounds_ = content["rounds"]
        return model
