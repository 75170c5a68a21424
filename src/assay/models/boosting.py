"""Gradient boosting by LightGBM on every row, deterministic, saved as LightGBM's own text."""

from pathlib import Path
from typing import Any, Self

import lightgbm
import numpy as np

from assay.errors import InputError
from assay.models.dense import Dense
from assay.models.files import read_model, write_model
from assay.models.scorer import Vector, not_fitted, training_rows
from assay.samples.table import Samples
from assay.store import write_text

_MOST_NATIVE = 1000  # levels; beyond, one-vs-rest splits over a category's levels overfit and are slow
_SETTINGS = {
    "objective": "binary",
    "max_bin": 63,
    "num_leaves": 63,
    "learning_rate": 0.1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
    "verbosity": -1,
}


class LightGBM:
    """Boosted trees on the dense features; unknown values stay unknown, categories are split natively.

    trees: how many rounds. Learnt: booster_, layout_.
    """

    name = "lightgbm"

    def __init__(self, trees: int = 150) -> None:
        self.trees = trees
        self.layout_: Dense | None = None
        self.booster_: Any = None

    def fit(self, samples: Samples, *, rng: np.random.Generator) -> Self:
        """Boost on all rows of weight above 0 under their weights.

        SplitError: no rows, or one class only. InputError: no feature besides user and item.
        """
        rows = training_rows(samples, self.name)
        layout = Dense.learn(samples, rows, most_native=_MOST_NATIVE, impute=False)
        data = lightgbm.Dataset(
            layout.matrix(samples.features, rows),
            label=samples.label[rows].astype(np.float32),
            weight=samples.weight[rows].astype(np.float32),
            categorical_feature=[layout.names.index(name) for name in layout.native],
        )
        booster = lightgbm.train(_SETTINGS | {"seed": int(rng.integers(2**31))}, data, num_boost_round=self.trees)
        # A booster holds on to its binned data until it is made anew from its text.
        self.layout_, self.booster_ = layout, lightgbm.Booster(model_str=booster.model_to_string())
        return self

    def predict(self, samples: Samples) -> Vector:
        """(n,) probabilities; a level never seen in training counts as unknown."""
        if self.layout_ is None:
            raise not_fitted(self.name)
        out = np.empty(len(samples))
        for rows, X in self.layout_.batches(samples.features):
            out[rows] = self.booster_.predict(np.ascontiguousarray(X), num_threads=2)
        return out

    def fresh(self) -> Self:
        """An unfitted twin with as many trees."""
        return type(self)(self.trees)

    def save(self, folder: Path) -> list[Path]:
        """Write model.json (settings, layout) and booster.txt."""
        if self.layout_ is None:
            raise not_fitted(self.name)
        path = folder / "booster.txt"
        write_text(path, self.booster_.model_to_string())
        content = {"settings": {"trees": self.trees}, "layout": self.layout_.describe()}
        return [*write_model(folder, self.name, content, {}), path]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote; InputError when booster.txt is missing or broken."""
        content = read_model(folder)
        model = cls(**content["settings"])
        model.layout_ = Dense.described(content["layout"])
        path = folder / "booster.txt"
        try:
            model.booster_ = lightgbm.Booster(model_str=path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, lightgbm.basic.LightGBMError) as error:
            raise InputError(f"{path}: not readable ({error}); train the model again") from None
        return model
