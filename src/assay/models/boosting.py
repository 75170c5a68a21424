"""Gradient boosting by LightGBM on every row, deterministic, saved as LightGBM's own text."""

from pathlib import Path
from typing import Any, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray

from assay.config import Models
from assay.errors import InputError
from assay.models.dense import Dense
from assay.models.files import read_model, write_model
from assay.models.scorer import Positions, Vector, not_fitted, training_rows
from assay.runs.store import write_text
from assay.samples.table import Samples

_MOST_NATIVE = 1000  # levels; beyond, one-vs-rest splits over a category's levels overfit and are slow
_COMMON = {
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
    "verbosity": -1,
}


def boost(
    samples: Samples, rows: Positions, trees: int, group: NDArray[np.int64] | None = None, **settings: Any
) -> tuple[Dense, Any]:
    """The layout and the booster of `trees` rounds on the given rows under their weights.

    group: sizes of the requests that the rows stand in, one after another. InputError: no feature besides user and item.
    """
    layout = Dense.learn(samples, rows, most_native=_MOST_NATIVE, impute=False)
    data = lightgbm.Dataset(
        layout.matrix(samples.features, rows),
        label=samples.label[rows].astype(np.float32),
        weight=samples.weight[rows].astype(np.float32),
        group=group,
        categorical_feature=[layout.names.index(name) for name in layout.native],
    )
    booster = lightgbm.train(_COMMON | settings, data, num_boost_round=trees)
    # A booster holds on to its binned data until it is made anew from its text.
    return layout, lightgbm.Booster(model_str=booster.model_to_string())


def boosted(layout: Dense, booster: Any, samples: Samples) -> Vector:
    """(n,) what the booster says; a level never seen in training counts as unknown."""
    out = np.empty(len(samples))
    for rows, X in layout.batches(samples.features):
        out[rows] = booster.predict(np.ascontiguousarray(X), num_threads=2)
    return out


def read_booster(folder: Path) -> Any:
    """The booster of a folder's booster.txt; InputError when it is missing or broken."""
    path = folder / "booster.txt"
    try:
        return lightgbm.Booster(model_str=path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, lightgbm.basic.LightGBMError) as error:
        raise InputError(f"{path}: not readable ({error}); train the model again") from None


class LightGBM:
    """Boosted trees on the dense features; unknown values stay unknown, categories are split natively.

    trees: how many rounds. leaves: most of a tree. rate: the learning rate. Learnt: booster_, layout_.
    """

    name = "lightgbm"

    def __init__(self, trees: int = 150, leaves: int = 63, rate: float = 0.1) -> None:
        self.trees, self.leaves, self.rate = trees, leaves, rate
        self.layout_: Dense | None = None
        self.booster_: Any = None

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"trees": self.trees, "leaves": self.leaves, "rate": self.rate}

    @classmethod
    def configured(cls, section: Models) -> Self:
        """With the section's number of trees."""
        return cls(section.lightgbm_trees)

    def fit(self, samples: Samples, *, rng: np.random.Generator) -> Self:
        """Boost on all rows of weight above 0 under their weights.

        SplitError: no rows, or one class only. InputError: no feature besides user and item.
        """
        rows = training_rows(samples, self.name)
        self.layout_, self.booster_ = boost(
            samples, rows, self.trees, objective="binary", num_leaves=self.leaves, learning_rate=self.rate,
            seed=int(rng.integers(2**31)),
        )  # fmt: skip
        return self

    def predict(self, samples: Samples) -> Vector:
        """(n,) probabilities; a level never seen in training counts as unknown."""
        if self.layout_ is None:
            raise not_fitted(self.name)
        return boosted(self.layout_, self.booster_, samples)

    def fresh(self) -> Self:
        """An unfitted twin with the same settings."""
        return type(self)(**self.settings())

    def save(self, folder: Path) -> list[Path]:
        """Write model.json (settings, layout) and booster.txt."""
        if self.layout_ is None:
            raise not_fitted(self.name)
        path = folder / "booster.txt"
        write_text(path, self.booster_.model_to_string())
        content = {"settings": self.settings(), "layout": self.layout_.describe()}
        return [*write_model(folder, self.name, content, {}), path]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote; InputError when booster.txt is missing or broken."""
        content = read_model(folder)
        model = cls(**content["settings"])
        model.layout_, model.booster_ = Dense.described(content["layout"]), read_booster(folder)
        return model
