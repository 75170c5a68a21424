"""Families of labels of a linear model: what its margin predicts, and what a label costs there.

Both have the canonical link, so that a label pulls on its margin by mean - label (McCullagh and Nelder, "Generalized linear
models", Chapman and Hall 1989).
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def probability(margin: Vector) -> Vector:
    """(n,) 1 / (1 + exp(-margin)) without overflow."""
    small = np.exp(-np.abs(margin))
    return np.where(margin >= 0, 1.0, small) / (1.0 + small)


class Family(ABC):
    """A kind of label.

    link: its name, as task.LabelType has it. measure: what `losses` are the mean of. scale: a fit minimises losses / scale, whose
    slope by the margin is mean - label.
    """

    link: str
    measure: str
    scale: float

    @abstractmethod
    def mean(self, margin: Vector) -> Vector:
        """(n,) what the margins (n,) predict."""

    @abstractmethod
    def losses(self, margin: Vector, y: NDArray[Any]) -> Vector:
        """(n,) loss of each label y (n,)."""

    @abstractmethod
    def curvature(self, mean: Vector) -> Vector:
        """(n,) second derivative of losses / scale by the margin, where it predicts `mean`."""

    @abstractmethod
    def fits(self, y: Vector) -> bool:
        """Whether a model has a minimum on labels (n,), one at least."""

    def pull(self, mean: Vector, y: NDArray[Any], weight: Vector, leverage: Vector) -> Vector:
        """(n,) w (mean - y) / (1 - w c h): how far leaving a sample out moves its own margin, over its leverage h.

        c is its curvature. A sample that alone determines a coefficient has no finite first-order value; 1 - w c h is held at
        1e-9.
        """
        return np.asarray(weight * (mean - y) / np.maximum(1.0 - weight * self.curvature(mean) * leverage, 1e-9))


class Logit(Family):
    """Labels 0 and 1: the margin is the log-odds."""

    link, measure, scale = "logit", "log_loss", 1.0

    def mean(self, margin: Vector) -> Vector:
        """Probabilities of label 1."""
        return probability(margin)

    def losses(self, margin: Vector, y: NDArray[Any]) -> Vector:
        """Log-loss, in nats."""
        return np.asarray(np.logaddexp(0.0, np.where(y > 0, -margin, margin)))

    def curvature(self, mean: Vector) -> Vector:
        """p (1 - p)."""
        return np.asarray(mean * (1.0 - mean))

    def fits(self, y: Vector) -> bool:
        """Both labels are there."""
        return bool(y.min() < y.max())


class Identity(Family):
    """Continuous labels: the margin is the prediction."""

    link, measure, scale = "identity", "mse", 2.0

    def mean(self, margin: Vector) -> Vector:
        """The margins themselves."""
        return margin

    def losses(self, margin: Vector, y: NDArray[Any]) -> Vector:
        """Squared error."""
        return np.asarray((margin - y) ** 2)

    def curvature(self, mean: Vector) -> Vector:
        """1."""
        return np.ones_like(mean)

    def fits(self, y: Vector) -> bool:
        """Always."""
        del y
        return True


LOGIT, IDENTITY = Logit(), Identity()
