"""What a model of labelled samples is, and the checks and row choices that all of them share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError, SplitError
from assay.numerics.hashing import mix
from assay.samples.table import Samples

if TYPE_CHECKING:  # PyTorch is loaded by the models that need it
    from assay.deep.training import Watcher

Vector = NDArray[np.float64]
Positions = NDArray[np.int64]
BATCH = 1 << 18  # rows that predictions are made of at a time, to bound memory
_SUBSAMPLE_SEED = 20_170_101


@runtime_checkable
class Scorer(Protocol):
    """Predicts the label of samples. The constructor only stores settings; learnt things end in `_`."""

    name: str

    def fit(self, samples: Samples, *, rng: np.random.Generator) -> Self:
        """Learn from the samples of weight above 0; SplitError when there is none, or their responses are all alike."""
        ...

    def predict(self, samples: Samples) -> Vector:
        """(n,) probabilities of label 1, or amounts where labels are continuous, float64; InputError before fit.

        A row's does not depend on the other rows.
        """
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


@dataclass(frozen=True, eq=False)
class Training:
    """What the fit of a model that learns in passes, or reads texts, is told besides its samples and rng.

    Parameters
    ----------
    watchers : tuple of deep.training.Watcher
        They see every step in which the model learns from all rows. They do not see early stopping.
    passes : int, optional
        How often the model goes over all rows. By default the model stops early on the last periods of train, and learns as long.
    like : Boosted, optional
        A fitted twin of a boosted model, which then grows as many trees, and keeps the twin's table from scores to probabilities.
        By default it stops early on the last periods of train, and grows as many.
    folder : Path, optional
        Where progress is kept after every pass. A fit that was killed goes on from there, and ends the same.
    report : callable, optional
        It is told of every step, early stopping too: report(words, steps done, steps in all).
    texts : array, shape (items, v), optional
        Vectors of the items' texts, one row per item code. Only a model that ReadsText takes them.
    """

    watchers: "tuple[Watcher, ...]" = ()
    passes: int | None = None
    like: Any = None
    folder: Path | None = None
    report: Callable[[str, int, int | None], None] | None = None
    texts: NDArray[Any] | None = None


def training_rows(samples: Samples, name: str, *, amounts: bool = False) -> Positions:
    """Positions (m,) of the rows that a fit may see: weight above 0. SplitError: none, or all responses alike.

    InputError: continuous labels for a model that learns no `amounts`.
    """
    if not amounts:
        samples.label_type.demand_chances(name)
    rows = np.flatnonzero(samples.weight > 0)
    if not len(rows):
        raise SplitError(f"{name}: no training sample has a weight above 0; check the train split and the weights")
    samples.label_type.check(samples.response[rows], f"the training samples of {name}", "different labels are needed")
    return rows


def subsample(samples: Samples, rows: Positions, count: int, name: str) -> Positions:
    """At most `count` of the rows, chosen and ordered by a stable hash of sample_id: row order plays no part.

    SplitError when the responses of the chosen rows are all alike.
    """
    hashes = mix(_SUBSAMPLE_SEED, samples.keys.column("sample_id").to_numpy()[rows])
    if count < len(rows):
        chosen = np.argpartition(hashes, count)[:count]
        rows, hashes = rows[chosen], hashes[chosen]
    rows = rows[np.argsort(hashes, kind="stable")]
    samples.label_type.check(
        samples.response[rows], f"the subsample of {count:,} that {name} grows on", "raise [models] subsample"
    )
    return rows


def not_fitted(name: str) -> InputError:
    """The error of a model that is used before `fit`."""
    return InputError(f"{name}: not fitted; call fit before predict and save")
