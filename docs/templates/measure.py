"""Template of a measure: Brier's score, the mean squared distance of probability and label."""

from numpy.typing import ArrayLike

from assay.numerics.measures import checked


def brier(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Mean of (score - label)^2 (n,), weighted; 0 is perfect (Brier, Monthly Weather Review 1950)."""
    labels, scores, weights = checked(label, score, weight)
    return float(weights @ (scores - labels) ** 2 / weights.sum())
