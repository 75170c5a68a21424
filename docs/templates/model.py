"""Template of a model: the share of positives in each category, smoothed."""

from pathlib import Path
from typing import Self

import numpy as np
import pyarrow.compute as pc

from assay.models.files import read_model, write_model
from assay.models.scorer import Vector, not_fitted, training_rows
from assay.samples.table import Samples

PRIOR = 20.0  # rows of the overall share that each category's share is mixed with


class CategoryShare:
    """Predicts the training share of positives of the row's category; an unknown one has the overall share."""

    name = "category_share"

    def __init__(self, prior: float = PRIOR) -> None:
        self.prior = prior
        self.shares_: dict[str, float] | None = None
        self.overall_ = 0.0

    def fit(self, samples: Samples, *, rng: np.random.Generator) -> Self:
        """Count positives by category, weighted; rng plays no part."""
        del rng
        rows = training_rows(samples, self.name)
        weight, label = samples.weight[rows], samples.label[rows]
        self.overall_ = float(weight @ label / weight.sum())
        names = np.array(_categories(samples), dtype=object)[rows]
        self.shares_ = {}
        for name in sorted(set(names)):
            mine = names == name
            mass = weight[mine].sum() + self.prior
            self.shares_[name] = float((weight[mine] @ label[mine] + self.prior * self.overall_) / mass)
        return self

    def predict(self, samples: Samples) -> Vector:
        """(n,) probabilities."""
        if self.shares_ is None:
            raise not_fitted(self.name)
        return np.array([self.shares_.get(name, self.overall_) for name in _categories(samples)], np.float64)

    def fresh(self) -> Self:
        """An unfitted twin with the same settings."""
        return type(self)(self.prior)

    def save(self, folder: Path) -> list[Path]:
        """Write model.json: settings, shares."""
        if self.shares_ is None:
            raise not_fitted(self.name)
        content = {"settings": {"prior": self.prior}, "shares": self.shares_, "overall": self.overall_}
        return write_model(folder, self.name, content, {})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote."""
        content = read_model(folder)
        model = cls(**content["settings"])
        model.shares_, model.overall_ = content["shares"], content["overall"]
        return model


def _categories(samples: Samples) -> list[str]:
    column = samples.features.column("category")
    return pc.fill_null(column.cast("string"), "").to_pylist()
