"""Measures of scored labels: arrays in, numbers out.

Everywhere: label (n,) of 0 and 1, score (n,) real, weight (n,) of 0 or more (None: ones), in any row
order. A row of weight 0 counts as absent. Empty input, NaN, other labels and weights that are
negative or all 0 raise InputError. Equal to scikit-learn's measures of the same names to 1e-9.
"""

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from assay.errors import InputError
from assay.numerics.names import read

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

POINTWISE = ("auc", "user_auc", "log_loss", "accuracy", "precision", "recall", "f1", "calibration_error")
AMOUNTS = ("mse", "rmse", "mae", "r2", "spearman")  # of continuous labels: numerics.regression
LOWER_IS_BETTER = frozenset({"log_loss", "calibration_error", "mse", "rmse", "mae"})
_ENDS = {
    "log_loss": (0.0, np.inf),
    "novelty": (0.0, np.inf),
    "popularity_lift": (-1.0, np.inf),
    "mse": (0.0, np.inf),
    "rmse": (0.0, np.inf),
    "mae": (0.0, np.inf),
    "r2": (-np.inf, 1.0),
    "spearman": (-1.0, 1.0),
}  # of ours, those that are no shares

# A probability is kept this far from 0 and 1 before its logarithm is taken, as scikit-learn does.
CLIP = float(np.finfo(np.float64).eps)


def bounds(measure: str) -> tuple[float, float]:
    """The least and the most that a measure of ours can be; without ends for a measure of the user's own."""
    ranked = read(measure)
    name = measure if ranked is None else ranked.base
    if ranked is None and measure not in (*POINTWISE, *AMOUNTS):
        return -np.inf, np.inf
    return _ENDS.get(name, (0.0, 1.0))


def within(measure: str, value: Any, low: Any, high: Any, *, difference: bool = False) -> tuple[Any, Any]:
    """low and high (...,) of intervals of a measure, or of differences in it, kept where such values can lie.

    A measure in [0, 1] has no interval beyond that, and a difference of two none beyond [-1, 1]. NaN stays NaN.
    """
    least, most = bounds(measure)
    if difference:
        least, most = least - most, most - least
    # A value that rounding carried over an end takes the interval with it.
    return np.maximum(low, np.minimum(least, value)), np.minimum(high, np.maximum(most, value))


def checked(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> tuple[Bools, Floats, Floats]:
    """Checked (n,) label as bool, score and weight as float64; InputError says which is wrong, and where."""
    labels, scores, weights = columns(label, score, weight)
    refuse(~np.isin(labels, (0, 1)), "label", "is neither 0 nor 1")
    return labels.astype(np.bool_), scores, weights


def columns(
    label: ArrayLike, score: ArrayLike, weight: ArrayLike | None, *, name: str = "score"
) -> tuple[NDArray[Any], Floats, Floats]:
    """Label (n,) as it comes, score and weight (n,) float64; InputError for other shapes, NaN and weights that cannot be.

    name: what the score is called.
    """
    labels, scores = np.asarray(label), np.asarray(score, np.float64)
    weights = np.ones(len(scores)) if weight is None else np.asarray(weight, np.float64)
    if labels.ndim != 1 or labels.shape != scores.shape or weights.shape != scores.shape:
        shapes = f"{labels.shape}, {scores.shape}, {weights.shape}"
        raise InputError(f"label, {name} and weight have shapes {shapes}; give three columns of one length")
    if not len(scores):
        raise InputError("no rows to measure; check that the split has samples")
    refuse(np.isnan(scores), name, "is NaN; a model must score every row")
    refuse(~((weights >= 0) & np.isfinite(weights)), "weight", "is negative, infinite or NaN")
    if not weights.any():
        raise InputError("all weights are 0: no rows to measure; keep at least one row")
    return labels, scores, weights


def refuse(wrong: Bools, column: str, what: str) -> None:
    """InputError that names the first row which is wrong (n,), where there is one."""
    if wrong.any():
        raise InputError(f"{column} of row {int(wrong.argmax())} {what} ({int(wrong.sum())} such rows)")


def _probabilities(score: Floats) -> Floats:
    refuse((score < 0) | (score > 1), "score", "is no probability; this measure needs scores in [0, 1]")
    return score


def auc(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Probability that a positive outscores a negative, ties by half; NaN when one class has no weight."""
    labels, scores, weights = checked(label, score, weight)
    order = np.argsort(scores, kind="stable")
    one = np.zeros(len(scores), np.int32)
    return float(resampled_auc(labels[order], tie_ends(scores[order]), one, weights[order], np.ones((1, 1)))[0])


def tie_ends(ordered: NDArray[Any]) -> Bools:
    """(n,) True where the next of the ordered values is another one."""
    ends = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=ends[:-1])
    return ends


@njit(cache=True, parallel=True)
def resampled_auc(label: Bools, end: Bools, user: NDArray[np.int32], weight: Floats, counts: Floats) -> Floats:
    """AUC under every resample of the users: (resamples,), NaN where a class has no weight.

    Rows in rising order of score: label (n,), end (n,) from tie_ends, user (n,) codes below U, weight (n,).
    counts (resamples, U): how often each user was drawn; a row weighs weight * counts[:, user].
    """
    result = np.empty(len(counts))
    for r in prange(len(counts)):
        count = counts[r]
        area = below = positives = p = n = 0.0
        for i in range(len(label)):
            w = weight[i] * count[user[i]]
            if label[i]:
                p += w
            else:
                n += w
            if end[i]:
                area += p * (below + 0.5 * n)
                below += n
                positives += p
                p = n = 0.0
        pairs = positives * below
        result[r] = area / pairs if pairs > 0 else np.nan
    return result


def auc_by_user(
    label: ArrayLike, score: ArrayLike, user: ArrayLike, weight: ArrayLike | None = None
) -> tuple[NDArray[Any], Floats]:
    """Distinct users, ascending, (U,) and each one's own AUC (U,), NaN for a user of one class only."""
    labels, scores, weights = checked(label, score, weight)
    users, code = np.unique(np.asarray(user), return_inverse=True)
    order = np.lexsort((scores, code))
    return users, _group_auc(labels[order], scores[order], code[order], weights[order], len(users))


@njit(cache=True)
def _group_auc(label: Bools, score: Floats, group: NDArray[np.int64], weight: Floats, groups: int) -> Floats:
    result = np.full(groups, np.nan)
    area = below = positives = p = n = 0.0
    rows = len(label)
    for i in range(rows):
        if label[i]:
            p += weight[i]
        else:
            n += weight[i]
        last = i + 1 == rows or group[i + 1] != group[i]
        if last or score[i + 1] != score[i]:
            area += p * (below + 0.5 * n)
            below += n
            positives += p
            p = n = 0.0
        if last:
            if positives * below > 0:
                result[group[i]] = area / (positives * below)
            area = below = positives = 0.0
    return result


def user_auc(label: ArrayLike, score: ArrayLike, user: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Mean AUC over the users who have both classes, each user counting once; NaN when there is none."""
    each = auc_by_user(label, score, user, weight)[1]
    present = each[~np.isnan(each)]
    return float(present.mean()) if len(present) else float("nan")


def log_loss(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Mean negative log-likelihood in nats; probabilities are clipped to [CLIP, 1 - CLIP]."""
    labels, scores, weights = checked(label, score, weight)
    return float(np.average(row_log_loss(labels, scores), weights=weights))


def row_log_loss(label: Bools, score: Floats) -> Floats:
    """Each row's negative log-likelihood in nats (n,); clipped as in log_loss."""
    p = np.clip(_probabilities(score), CLIP, 1 - CLIP)
    return -np.log(np.where(label, p, 1 - p))


def confusion(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None, *, threshold: float = 0.5) -> Floats:
    """Weights (4,) of true positives, false positives, false negatives, true negatives.

    A row is predicted positive when score >= threshold.
    """
    labels, scores, weights = checked(label, score, weight)
    predicted = scores >= threshold
    cells = np.where(labels, np.where(predicted, 0, 2), np.where(predicted, 1, 3))
    return np.bincount(cells, weights, 4).astype(np.float64)


def from_confusion(cells: Floats) -> dict[str, Floats]:
    """Accuracy, precision, recall and f1 (...,) from confusion cells (..., 4); 0 where the divisor is 0."""
    tp, fp, fn, tn = np.moveaxis(cells, -1, 0)

    def ratio(part: Floats, whole: Floats) -> Floats:
        return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)

    return {
        "accuracy": ratio(tp + tn, tp + fp + fn + tn),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
    }


def accuracy(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None, *, threshold: float = 0.5) -> float:
    """Share of rows on the right side of the threshold."""
    return float(from_confusion(confusion(label, score, weight, threshold=threshold))["accuracy"])


def precision(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None, *, threshold: float = 0.5) -> float:
    """Share of positives among the rows at or above the threshold; 0 when there is no such row."""
    return float(from_confusion(confusion(label, score, weight, threshold=threshold))["precision"])


def recall(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None, *, threshold: float = 0.5) -> float:
    """Share of the positives at or above the threshold; 0 when there are no positives."""
    return float(from_confusion(confusion(label, score, weight, threshold=threshold))["recall"])


def f1(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None, *, threshold: float = 0.5) -> float:
    """Harmonic mean of precision and recall at the threshold; 0 when both are 0."""
    return float(from_confusion(confusion(label, score, weight, threshold=threshold))["f1"])


def equal_mass_bins(score: Floats, weight: Floats, bins: int) -> NDArray[np.int64]:
    """Bin (n,) of each row, from 0, rising with the score; bins hold about equal weight.

    Equal scores share the bin in which the middle of their weight falls, so row order does not matter
    and a bin may stay empty.
    """
    if bins < 1:
        raise InputError(f"bins is {bins}; use 1 or more")
    values, group = np.unique(score, return_inverse=True)
    mass = np.bincount(group, weight, len(values))
    middle = np.cumsum(mass) - mass / 2
    of_value: NDArray[np.int64] = np.minimum((middle / mass.sum() * bins).astype(np.int64), bins - 1)
    return of_value[group]


def calibration_error(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None, *, bins: int = 15) -> float:
    """Expected calibration error over equal-mass bins: sum over bins of share * |mean label - mean score|.

    Naeini, Cooper, Hauskrecht (AAAI 2015), with equal-mass in place of equal-width bins.
    """
    table = reliability(label, score, weight, bins=bins)
    share = table["weight"] / table["weight"].sum()
    return float(np.sum(share * np.abs(table["label"] - table["score"])))


def reliability(
    label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None, *, bins: int = 15
) -> dict[str, NDArray[Any]]:
    """Columns of a reliability plot, one row a bin that is not empty, by rising score.

    rows (int64), weight, score (mean), label (mean), lowest and highest (score in the bin).
    """
    labels, scores, weights = checked(label, score, weight)
    return by_bin(labels, _probabilities(scores), weights, bins)


def by_bin(label: NDArray[Any], score: Floats, weight: Floats, bins: int, *, name: str = "score") -> dict[str, NDArray[Any]]:
    """Columns of bins of about equal weight by score, as `reliability` gives them; name: that of the scores' column."""
    kept = weight > 0
    labels, scores, weights = label[kept], score[kept], weight[kept]
    bin_of = equal_mass_bins(scores, weights, bins)
    lowest, highest = np.full(bins, np.inf), np.full(bins, -np.inf)
    np.minimum.at(lowest, bin_of, scores)
    np.maximum.at(highest, bin_of, scores)
    mass = np.bincount(bin_of, weights, bins)
    rows = np.bincount(bin_of, minlength=bins)
    used = rows > 0
    return {
        "rows": rows[used],
        "weight": mass[used],
        name: np.bincount(bin_of, weights * scores, bins)[used] / mass[used],
        "label": np.bincount(bin_of, weights * labels, bins)[used] / mass[used],
        "lowest": lowest[used],
        "highest": highest[used],
    }
