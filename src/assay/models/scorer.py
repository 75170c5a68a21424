"""What a model of labelled samples is, and the checks and row choices that all of them share."""

from pathlib import Path
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError, SplitError
from assay.numerics.hashing import mix
from assay.samples.table import Samples
from assay.task import BINARY

Vector = NDArray[np.float64]
Positions = NDArray[np.int64]
BATCH = 1 << 18  # rows that predictions are made of at a time, to bound memory
_SUBSAMPLE_SEED = 20_170_101


@runtime_checkable
class Scorer(Protocol):
    """Predicts the label of samples. The constructor only stores settings; learnt things end in `_`."""

    name: str

    def fit(self, samples: Samples, *, rng: np.random.Generator) -> Self:
        """Learn from the samples of weight above 0; SplitError when there is none, or one class only."""
        ...

    def predict(self, samples: Samples) -> Vector:
        """(n,) probabilities of label 1, float64; a row's does not depend on the other rows. InputError before fit."""
        ...

    def fresh(self) -> Self:
        """An unfitted twin with the same settings."""
        ...

    def save(self, folder: Path) -> list[Path]:
        """Write the fitted model, with a model.json that names it, and return the files; no pickle."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote to a folder; it predicts exactly the same."""
        ...


def training_rows(samples: Samples, name: str) -> Positions:
    """Positions (m,) of the rows that a fit may see: weight above 0. SplitError: none, or one class only."""
    rows = np.flatnonzero(samples.weight > 0)
    if not len(rows):
        raise SplitError(f"{name}: no training sample has a weight above 0; check the train split and the weights")
    BINARY.check(samples.label[rows], f"the training samples of {name}", "both labels are needed")
    return rows


def subsample(samples: Samples, rows: Positions, count: int, name: str) -> Positions:
    """At most `count` of the rows, chosen and ordered by a stable hash of sample_id: row order plays no part.

    SplitError when the chosen rows hold one class only.
    """
    hashes = mix(_SUBSAMPLE_SEED, samples.keys.column("sample_id").to_numpy()[rows])
    if count < len(rows):
        chosen = np.argpartition(hashes, count)[:count]
        rows, hashes = rows[chosen], hashes[chosen]
    rows = rows[np.argsort(hashes, kind="stable")]
    BINARY.check(samples.label[rows], f"the subsample of {count:,} that {name} grows on", "raise [models] subsample")
    return rows


def not_fitted(name: str) -> InputError:
    """The error of a model that is used before `fit`."""
    return InputError(f"{name}: not fitted; call fit before predict and save")
