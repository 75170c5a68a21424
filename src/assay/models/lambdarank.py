"""LambdaRank by LightGBM: boosted trees that learn the order within requests, as a probability by a monotone table."""

from pathlib import Path
from typing import Any, Self

import lightgbm
import numpy as np

from assay.config import Models
from assay.errors import InputError
from assay.models.boosting import boost, boosted, read_booster
from assay.models.calibrated import Calibrated
from assay.models.dense import Dense
from assay.models.files import read_model
from assay.models.scorer import Vector, not_fitted, training_rows
from assay.runs.store import write_text
from assay.samples.table import Samples

_MOST = 30.0  # size of a score beyond which its exponential tells no difference


class LambdaRank(Calibrated):
    """Boosted trees on the pairs of a request's samples, each weighed by what a swap changes of NDCG (Burges, "From RankNet
    to LambdaRank to LambdaMART", 2010).

    trees: how many rounds. leaves: most of a tree. rate: the learning rate. truncation: pairs count when one of them stands
    among so many first. Only the order within a request is learnt: probabilities are the share of positives by score in
    training, where a score means the same in every request. Learnt: booster_, layout_.
    """

    name = "lambdarank"

    def __init__(self, trees: int = 150, leaves: int = 63, rate: float = 0.1, truncation: int = 30) -> None:
        self.trees, self.leaves, self.rate, self.truncation = trees, leaves, rate, truncation
        self.layout_: Dense | None = None
        self.booster_: Any = None

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"trees": self.trees, "leaves": self.leaves, "rate": self.rate, "truncation": self.truncation}

    @classmethod
    def configured(cls, section: Models) -> Self:
        """With the section's number of trees."""
        return cls(section.lightgbm_trees)

    def fit(self, samples: Samples, *, rng: np.random.Generator) -> Self:
        """Boost on the requests of all rows of weight above 0 under their weights, then learn the share of positives.

        SplitError: no rows, or one class only. InputError: no feature besides user and item, or a request of more than
        10,000 rows.
        """
        rows = training_rows(samples, self.name)
        rows = rows[np.argsort(samples.request[rows], kind="stable")]
        _, group = np.unique(samples.request[rows], return_counts=True)
        try:
            self.layout_, self.booster_ = boost(
                samples, rows, self.trees, group, objective="lambdarank", num_leaves=self.leaves, learning_rate=self.rate,
                lambdarank_truncation_level=self.truncation, seed=int(rng.integers(2**31)),
            )  # fmt: skip
        except lightgbm.basic.LightGBMError as error:
            raise InputError(f"{self.name}: {error}; the largest request has {group.max():,} samples") from None
        return super().fit(samples, rng=rng)

    def raw(self, samples: Samples) -> Vector:
        """(n,) exp of the score, capped: positive, in the order of scores."""
        if self.layout_ is None:
            raise not_fitted(self.name)
        return np.exp(np.clip(boosted(self.layout_, self.booster_, samples), -_MOST, _MOST))

    def describe(self) -> dict[str, Any]:
        """Settings, table and layout."""
        if self.layout_ is None:
            raise not_fitted(self.name)
        return super().describe() | {"layout": self.layout_.describe()}

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
        return model
