"""Gradient boosting by LightGBM on every row, the same trees on any number of cores, saved as LightGBM's own text."""

from pathlib import Path
from typing import Any, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray

from assay.config import Models
from assay.cores import cores
from assay.errors import InputError
from assay.models.dense import Dense
from assay.models.files import read_model, write_model
from assay.models.rounds import PATIENCE, held_back, regularised
from assay.models.scorer import Positions, Training, Vector, not_fitted, training_rows
from assay.runs.store import write_text
from assay.samples.table import Samples

_MOST_NATIVE = 32  # levels; beyond, one-vs-rest splits over a category's levels overfit and are slow
_MANY = 20  # features, of which a tree sees a part: half the time, and trees that differ
_FRACTION = 0.5
_SHRUNK, _AMOUNTS = 100, 1
_FEW = 4_096  # rows that one thread is done with before others have begun; servers ask about so few, many at a time
_OBJECTIVES = {"log_loss": ("binary", "binary_logloss"), "mse": ("regression", "l2"), "mae": ("regression_l1", "l1")}
_COMMON = {
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def boost(
    samples: Samples,
    rows: Positions,
    rounds: int,
    settings: dict[str, Any],
    label: NDArray[Any],
    *,
    ranked: bool = False,
    stopping: Positions | None = None,
) -> tuple[Dense, Any]:
    """The layout and the booster of `rounds` rounds on the given rows under their weights.

    settings: LightGBM's. label (n,): what is learnt, of all samples. ranked: it learns by request, under one weight a request
    (see `request_weights`). stopping: rows that stop it early, by the metric of the settings; the booster then has as many
    rounds as were best. InputError: no feature besides user and item.
    """
    layout = Dense.learn(samples, rows, most_native=_MOST_NATIVE, impute=False)
    data = _data(samples, rows, layout, label, ranked)
    late = [] if stopping is None else [_data(samples, stopping, layout, label, ranked, data)]
    stops: list[Any] = [lightgbm.early_stopping(PATIENCE, verbose=False)] if late else []
    fraction = _FRACTION if len(layout.names) >= _MANY else 1.0
    settings = _COMMON | {"num_threads": cores(), "feature_fraction": fraction} | settings
    booster = lightgbm.train(settings, data, num_boost_round=rounds, valid_sets=late, callbacks=stops)
    # A booster holds on to its binned data until it is made anew from its text.
    return layout, lightgbm.Booster(model_str=booster.model_to_string())


def _data(samples: Samples, rows: Positions, layout: Dense, label: NDArray[Any], ranked: bool, like: Any = None) -> Any:
    """LightGBM's data; like: the data whose bins it takes."""
    weight, group = samples.weight[rows], None
    if ranked:
        rows = rows[np.argsort(samples.request[rows], kind="stable")]
        weight = request_weights(samples, rows)
        _, group = np.unique(samples.request[rows], return_counts=True)
    return lightgbm.Dataset(
        layout.matrix(samples.features, rows),
        label=label[rows].astype(np.float32),
        weight=weight.astype(np.float32),
        group=group,
        categorical_feature=[layout.names.index(name) for name in layout.native],
        reference=like,
    )


def shrinkage(samples: Samples, rows: Positions) -> float:
    """LightGBM's lambda_l2 of the log-loss: the curvature of _SHRUNK rows of the heavier label, at the share of positives.

    Of continuous labels, whose curvature is 1, the weight of _AMOUNTS rows. A leaf of many rows hardly feels it. Where a drawn
    negative stands for a hundred, a leaf of 50 positives and none of them knows little of its odds, though its rows are many.
    """
    weight, positive = samples.weight[rows], samples.label[rows] > 0
    if not samples.label_type.is_chance:
        return _AMOUNTS * float(weight.mean())
    share = float(weight @ positive / weight.sum())
    heavier = max(float(weight[positive].mean()), float(weight[~positive].mean()))
    return _SHRUNK * heavier * share * (1.0 - share)


def request_weights(samples: Samples, rows: Positions) -> Vector:
    """(n,) for each row the mean weight of the positives of its request among the rows; 1 where there is none.

    LightGBM multiplies what all of a row's pairs ask of it by the row's own weight. A negative of weight 10 would be pushed down
    ten times as hard as its positive is pulled up, which is the gradient of nothing: pairs within a leaf would not cancel. So a
    negative that stands for ten is one negative to a request's pairs, and a request counts as much as its positives do.
    """
    _, which = np.unique(samples.request[rows], return_inverse=True)
    positive = samples.label[rows] > 0
    count = np.bincount(which, positive)
    mean = np.bincount(which, positive * samples.weight[rows]) / np.maximum(count, 1)
    return np.asarray(np.where(count > 0, mean, 1.0)[which])


def boosted(layout: Dense, booster: Any, samples: Samples) -> Vector:
    """(n,) what the booster says; a level never seen in training counts as unknown."""
    out = np.empty(len(samples))
    for rows, X in layout.batches(samples.features):
        out[rows] = booster.predict(np.ascontiguousarray(X), num_threads=1 if len(X) < _FEW else cores())
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

    trees: most rounds. leaves: most of a tree. rate: the learning rate. The fewer rows, the smaller are the trees
    (`rounds.regularised`), and a leaf's odds shrink to those of all rows (`shrinkage`). How many rounds: as were best for the
    weighted log-loss of the last fifth of the training periods in a fit on the earlier ones (`rounds.held_back`); then it learns
    from all rows for as many. Learnt: booster_, layout_, rounds_.
    """

    name = "lightgbm"

    def __init__(self, trees: int = 150, leaves: int = 63, rate: float = 0.1) -> None:
        self.trees, self.leaves, self.rate = trees, leaves, rate
        self.layout_: Dense | None = None
        self.booster_: Any = None
        self.rounds_: int | None = None

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"trees": self.trees, "leaves": self.leaves, "rate": self.rate}

    @classmethod
    def configured(cls, section: Models) -> Self:
        """With the section's number of trees."""
        return cls(section.lightgbm_trees)

    def fit(self, samples: Samples, *, rng: np.random.Generator, training: Training = Training()) -> Self:
        """Boost on all rows of weight above 0 under their weights, for as many rounds as training.like, or as are best.

        Of continuous labels it learns the mean, or the median where the loss is absolute. SplitError: no rows, or one class only.
        InputError: no feature besides user and item.
        """
        rows = training_rows(samples, self.name, amounts=True)
        objective, _ = _OBJECTIVES[samples.label_type.loss]
        settings = {"objective": objective, "learning_rate": self.rate, "seed": int(rng.integers(2**31))}
        settings["lambda_l2"] = shrinkage(samples, rows)
        rounds = self._best(samples, rows, settings) if training.like is None else training.like.rounds_
        self.layout_, self.booster_ = boost(
            samples, rows, rounds, settings | regularised(len(rows), self.leaves), samples.response
        )
        self.rounds_ = rounds
        return self

    def _best(self, samples: Samples, rows: Positions, settings: dict[str, Any]) -> int:
        held = held_back(samples, rows)
        if held is None:
            return self.trees
        settings = settings | {"metric": _OBJECTIVES[samples.label_type.loss][1]} | regularised(len(held.early), self.leaves)
        _, booster = boost(samples, held.early, self.trees, settings, samples.response, stopping=held.stopping)
        return max(int(booster.num_trees()), 1)

    def predict(self, samples: Samples) -> Vector:
        """(n,) probabilities, or amounts; a level never seen in training counts as unknown."""
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
        content = {"settings": self.settings(), "rounds": self.rounds_, "layout": self.layout_.describe()}
        return [*write_model(folder, self.name, content, {}), path]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote; InputError when booster.txt is missing or broken."""
        content = read_model(folder)
        model = cls(**content["settings"])
        model.layout_, model.booster_ = Dense.described(content["layout"]), read_booster(folder)
        model.rounds_ = content["rounds"]
        return model
