"""Chances from what a model says: a line on the log-odds, learnt on later rows than the model's own."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from assay.numerics.families import LOGIT, Vector
from assay.numerics.families import probability as logistic

_SMALLEST = np.finfo(np.float64).tiny
_LEAST_SLOPE = 0.05  # the order is the model's, however bad it is
_STEPS, _TOLERANCE, _SMALLEST_STEP = 50, 1e-10, 1e-6


@dataclass(frozen=True)
class Platt:
    """logit of the chance = slope * logit of the model's probability + shift (Platt, 1999, on log-odds).

    The slope is positive: chances are in the order of the probabilities.
    """

    slope: float = 1.0
    shift: float = 0.0

    @classmethod
    def of(cls, probability: Vector, label: NDArray[np.integer], weight: Vector) -> Self:
        """The line that lowers the weighted log-loss of rows (n,) most, with a normal prior of deviation 1 around none.

        Weights count as Kish's effective number of rows. Converged to a Newton decrement of 1e-10 a row.

        >>> line = Platt.of(np.full(1_000, 0.5), np.arange(1_000) < 100, np.ones(1_000))
        >>> round(float(line(np.array([0.5]))[0]), 3)
        0.102
        """
        rows = weight > 0
        x, y, w = log_odds(probability[rows]), (label[rows] > 0).astype(np.float64), weight[rows]
        w = w * (w.sum() / (w @ w))
        change = _fit(np.column_stack((x, np.ones(len(x)))), x, y, w)
        if 1.0 + change[0] < _LEAST_SLOPE:
            return cls(_LEAST_SLOPE, float(_fit(np.ones((len(x), 1)), _LEAST_SLOPE * x, y, w)[0]))
        return cls(float(1.0 + change[0]), float(change[1]))

    def __call__(self, probability: Vector) -> Vector:
        """(n,) chances."""
        return logistic(self.slope * log_odds(probability) + self.shift)


def log_odds(probability: Vector) -> Vector:
    """(n,) ln(p / (1 - p)), finite also of 0 and 1."""
    p = np.asarray(probability, np.float64)
    return np.asarray(np.log(np.maximum(p, _SMALLEST)) - np.log(np.maximum(1.0 - p, _SMALLEST)))


def _fit(X: Vector, offset: Vector, y: Vector, weight: Vector) -> Vector:
    """(k,) what the margins `offset` + X b lose least by, with (1 / 2) |b|^2; X (n, k)."""
    b = np.zeros(X.shape[1])

    def loss(b: Vector) -> float:
        return float(weight @ LOGIT.losses(offset + X @ b, y) + 0.5 * (b @ b))

    now = loss(b)
    for _ in range(_STEPS):
        p = logistic(offset + X @ b)
        gradient = X.T @ (weight * (p - y)) + b
        step = np.linalg.solve((X.T * (weight * p * (1.0 - p))) @ X + np.eye(len(b)), gradient)
        decrement, size = float(gradient @ step), 1.0
        while (then := loss(b - size * step)) > now - 0.1 * size * decrement and size > _SMALLEST_STEP:
            size /= 2
        b, now = b - size * step, then
        if decrement <= _TOLERANCE * len(y):
            break
    return b
