"""Measures of pooled rows as means over requests: each request's part in them, to first order.

AUC, F1 and their like are no means, so that requests cannot be compared one by one. Their influence functions can: a
request's score is the measure plus the sum of its rows' influences, scaled so that the mean over requests is the measure
itself and the variance over users that of the measure, to first order (Hampel, "The influence curve", JASA 1974; for AUC
DeLong, DeLong and Clarke-Pearson, Biometrics 1988).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

POOLED = ("auc", "accuracy", "precision", "recall", "f1")


def pooled_by_request(
    label: ArrayLike,
    score: ArrayLike,
    request: ArrayLike,
    requests: int,
    *,
    weight: ArrayLike | None = None,
    threshold: float = 0.5,
) -> dict[str, Floats]:
    """POOLED -> (requests,) scores; each one's mean over requests is the measure on all rows. What is not defined is left out.

    label (n,) 0 or 1: where all are alike there is no auc, and where there is no row nothing. score (n,), -inf for what was
    not ranked. request (n,) codes from 0: one without rows scores the measure itself. weight (n,) above 0, by default 1: what a
    row counts. A score of threshold or more is a yes.
    Where there is no yes precision and f1 are 0; equal scores of an AUC's pair count half.
    """
    y = np.asarray(label, np.float64)
    s = np.asarray(score, np.float64)
    yes = (s >= threshold).astype(np.float64)
    hit = y * yes
    code, n = np.asarray(request), len(y)
    if not n:
        return {}
    w = np.ones(n) if weight is None else np.asarray(weight, np.float64)
    w = w / w.mean()
    parts = {} if y.min() == y.max() else {"auc": _auc(y, s, w)}
    parts |= {
        "accuracy": _ratio(np.where(y == yes, 1.0, 0.0), np.ones(n), w),
        "precision": _ratio(hit, yes, w),
        "recall": _ratio(hit, y, w),
        "f1": _ratio(2.0 * hit, y + yes, w),
    }
    return {
        name: np.asarray(value + requests / n * np.bincount(code, w * influence, minlength=requests))
        for name, (value, influence) in parts.items()
    }


def _ratio(above: Floats, below: Floats, w: Floats) -> tuple[float, NDArray[Any]]:
    """Sum over sum, and its influences (n,); 0 over nothing. w (n,): weights of mean 1."""
    total = (w * below).mean()
    if total == 0:
        return 0.0, np.zeros(len(below))
    value = float((w * above).mean() / total)
    return value, (above - value * below) / total


def _auc(y: Floats, s: Floats, w: Floats) -> tuple[float, NDArray[Any]]:
    """AUC and its influences: how much of the other class each row stands on the right side of."""
    positive = y > 0
    beaten = _below(s[~positive], w[~positive], s[positive])
    above = 1.0 - _below(s[positive], w[positive], s[~positive])
    share = float(w[positive].sum() / w.sum())
    value = float(w[positive] @ beaten / w[positive].sum())
    out = np.empty(len(y))
    out[positive] = (beaten - value) / share
    out[~positive] = (above - value) / (1.0 - share)
    return value, out


def _below(scores: Floats, weights: Floats, at: Floats) -> Floats:
    """The share of weight that lies below each score of `at`; equal ones count half."""
    order = np.argsort(scores, kind="stable")
    rising, summed = scores[order], np.concatenate(([0.0], np.cumsum(weights[order])))
    both = summed[np.searchsorted(rising, at, "left")] + summed[np.searchsorted(rising, at, "right")]
    return np.asarray(both / (2.0 * summed[-1]))
