"""Values as the array functions return them: an array (n,), with its error over validation folds where there are folds."""

from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def fold_stderr(value: Vector, per_fold: Vector) -> Vector:
    """(n,) standard error of the mean `value` over folds (F, n): sd / sqrt(F); NaN for a single fold."""
    folds = len(per_fold)
    if folds < 2:
        return np.full(len(value), np.nan)
    squares = np.zeros(len(value))
    for values in per_fold:
        squares += (values - value) ** 2
    return np.asarray(np.sqrt(squares / (folds * (folds - 1))))


def z_score(value: Vector, stderr: Vector) -> Vector:
    """(n,) value / (stderr + median stderr), so that near-null samples do not win; 0 where both are 0."""
    if not len(stderr) or np.isnan(stderr).all():
        return np.full(len(value), np.nan)
    scale = stderr + np.median(stderr)
    return np.divide(value, scale, out=np.zeros_like(scale), where=scale > 0)


class Values(np.ndarray[Any, np.dtype[np.float64]]):
    """(n,) float64 values, higher is more useful; an ordinary array that also knows how sure it is.

    per_fold (F, n) or None: the values on each fold alone, of which the array is the mean. What is computed from a
    `Values`, a slice or a sum, knows no folds.
    """

    per_fold: Vector | None
    _stderr: Vector | None

    def __new__(cls, value: Vector, per_fold: Vector | None = None, stderr: Vector | None = None) -> Self:
        """The values, with those of folds, or with standard errors (n,) found in another way."""
        array = np.asarray(value, np.float64).view(cls)
        array.per_fold, array._stderr = per_fold, stderr
        return array

    def __array_finalize__(self, obj: Any) -> None:
        self.per_fold = self._stderr = None

    @property
    def stderr(self) -> Vector:
        """(n,) standard error of each value; NaN where nothing tells it."""
        if self._stderr is not None:
            return self._stderr
        if self.per_fold is None:
            return np.full(len(self), np.nan)
        return fold_stderr(np.asarray(self), self.per_fold)

    @property
    def z(self) -> Vector:
        """(n,) value / (stderr + median stderr); NaN where there is no standard error."""
        return z_score(np.asarray(self), self.stderr)

    def columns(self) -> dict[str, pa.Array]:
        """value, stderr and z as Arrow columns; null where unknown."""
        parts = {"value": np.asarray(self), "stderr": self.stderr, "z": self.z}
        return {name: pa.array(part, pa.float64(), from_pandas=True) for name, part in parts.items()}


def from_folds(per_fold: Vector, folds: Any) -> Values:
    """Values of (F, n): the mean over folds, or the only one where the caller gave no folds."""
    return Values(per_fold[0]) if folds is None else Values(per_fold.mean(axis=0), per_fold)
