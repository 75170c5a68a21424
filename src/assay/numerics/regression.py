"""Measures of predicted amounts, as watch time or spend: arrays in, numbers out.

Everywhere: label and prediction (n,) finite, weight (n,) of 0 or more (None: ones), in any row order. A row of weight 0 counts as
absent; one of weight 3 as three rows. Empty input, NaN and weights that are negative or all 0 raise InputError. Equal to
scikit-learn's and SciPy's measures of the same names to 1e-9.
"""

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from assay.errors import InputError
from assay.numerics import measures as ms
from assay.numerics import statistics as st

Floats = NDArray[np.float64]

LARGEST = 1e100  # whose square can still be summed
_LANES = 8  # resamples that share a pass over the rows: their numbers of one value fill one line of the cache
_TINY = float(np.finfo(np.float64).tiny)


def checked(label: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> tuple[Floats, Floats, Floats]:
    """Checked (n,) label, prediction and weight as float64; InputError says which is wrong, and where."""
    labels, predictions, weights = ms.columns(label, prediction, weight, name="prediction")
    if labels.dtype.kind not in "buif":
        raise InputError(f"label holds {labels.dtype}, not numbers; give amounts")
    for name, column in (("label", labels), ("prediction", predictions)):
        ms.refuse(~np.isfinite(column), name, "is infinite or NaN; every row needs a number")
        ms.refuse(np.abs(column) > LARGEST, name, f"is beyond {LARGEST:g}; give amounts in a larger unit")
    return labels.astype(np.float64), predictions, weights


def mse(label: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Mean squared error, in the labels' unit squared."""
    return _of_all(label, prediction, weight)["mse"]


def rmse(label: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Root of the mean squared error, in the labels' unit."""
    return _of_all(label, prediction, weight)["rmse"]


def mae(label: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Mean absolute error, in the labels' unit."""
    return _of_all(label, prediction, weight)["mae"]


def r2(label: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """1 - squared errors / squared distances of the labels from their mean; NaN where all labels are equal."""
    return _of_all(label, prediction, weight)["r2"]


def spearman(label: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Correlation of the ranks, ties by their mean rank; NaN where all labels or all predictions are equal."""
    labels, predictions, weights = checked(label, prediction, weight)
    one = np.zeros(len(labels), np.int32)
    return float(resampled_spearman(*places(labels, predictions), one, weights, np.ones((1, 1)))[0])


def _of_all(label: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None) -> dict[str, float]:
    labels, predictions, weights = checked(label, prediction, weight)
    sums = user_sums(labels, predictions, weights, np.zeros(len(labels), np.int32), 1)
    return {name: float(value[0]) for name, value in from_sums(np.ones((1, 1)), sums).items()}


def user_sums(label: Floats, prediction: Floats, weight: Floats, code: NDArray[np.int32], users: int) -> Floats:
    """(U, 7) of each user's rows, for `from_sums`; a user without weight has none.

    Sums of weights, squared errors, absolute errors, labels and squared labels (both from the mean of all), each weighted; and
    the least and largest label, which tell exactly whether labels are all equal.
    """
    error = prediction - label
    away = label - np.average(label, weights=weight)
    least, largest = np.full(users, np.inf), np.full(users, -np.inf)
    kept = weight > 0
    np.minimum.at(least, code[kept], label[kept])
    np.maximum.at(largest, code[kept], label[kept])
    columns = (np.ones(len(label)), error**2, np.abs(error), away, away**2)
    return np.column_stack([*(np.bincount(code, weight * column, users) for column in columns), least, largest])


def from_sums(counts: Floats, sums: Floats) -> dict[str, Floats]:
    """mse, rmse, mae and r2 (b,) where users were drawn as often as counts (b, U) says; sums (U, 7) from `user_sums`.

    NaN where nothing was drawn; r2 also where all labels drawn are equal, or so nearly that no number says how much is missed.
    """
    mass, squared, absolute, away, away_squared = st.weighted_sums(counts, np.ascontiguousarray(sums[:, :5])).T
    drawn = counts > 0
    least = np.where(drawn, sums[:, 5], np.inf).min(axis=1)
    largest = np.where(drawn, sums[:, 6], -np.inf).max(axis=1)
    spread = np.where(least < largest, away_squared - away * st.ratio(away, mass), 0.0)
    with np.errstate(over="ignore"):
        missed = st.ratio(squared, spread)
    explained, mse = np.where(np.isfinite(missed), 1.0 - missed, np.nan), st.ratio(squared, mass)
    return {"mse": mse, "rmse": np.sqrt(mse), "mae": st.ratio(absolute, mass), "r2": explained}


def places(label: Floats, prediction: Floats) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(n,) each: the place of a row's label, and of its prediction, among the distinct ones from the least, from 0."""
    of_label, of_prediction = (np.unique(column, return_inverse=True)[1].astype(np.int32) for column in (label, prediction))
    return of_label, of_prediction


@njit(cache=True, parallel=True)
def resampled_spearman(
    label_place: NDArray[np.int32], prediction_place: NDArray[np.int32], user: NDArray[np.int32], weight: Floats, counts: Floats
) -> Floats:
    """Spearman's correlation under every resample of the users: (resamples,), NaN where either side does not vary.

    Places (n,) from `places`, user (n,) codes below U, weight (n,). counts (resamples, U): how often each user was drawn; a row
    stands for weight * counts[:, user] rows, among which it has its rank. Fastest in order of either place.
    """
    result = np.full(len(counts), np.nan)
    labels, predictions = label_place.max() + 1, prediction_place.max() + 1
    for block in prange((len(counts) + _LANES - 1) // _LANES):
        first = block * _LANES
        count = np.zeros((counts.shape[1], _LANES))
        for j in range(min(_LANES, len(counts) - first)):
            count[:, j] = counts[first + j]
        of_label, of_prediction = np.zeros((labels, _LANES)), np.zeros((predictions, _LANES))
        for i in range(len(weight)):
            u, a, b = user[i], label_place[i], prediction_place[i]
            for j in range(_LANES):
                w = weight[i] * count[u, j]
                of_label[a, j] += w
                of_prediction[b, j] += w
        varies = _centred_ranks(of_label) & _centred_ranks(of_prediction)
        both, label_alone, prediction_alone = np.zeros(_LANES), np.zeros(_LANES), np.zeros(_LANES)
        for i in range(len(weight)):
            u, a, b = user[i], label_place[i], prediction_place[i]
            for j in range(_LANES):
                w = weight[i] * count[u, j]
                both[j] += w * of_label[a, j] * of_prediction[b, j]
                label_alone[j] += w * of_label[a, j] * of_label[a, j]
                prediction_alone[j] += w * of_prediction[b, j] * of_prediction[b, j]
        for j in range(min(_LANES, len(counts) - first)):
            if varies[j]:
                result[first + j] = min(max(both[j] / np.sqrt(label_alone[j] * prediction_alone[j]), -1.0), 1.0)
    return result


@njit(cache=True)
def _centred_ranks(mass: Floats) -> NDArray[np.bool_]:
    # Weights of the distinct values (values, _LANES) become their mean ranks, as shares from -1/2 to 1/2. (_LANES,) False where
    # one value has all the weight.
    total, below, present = np.zeros(_LANES), np.zeros(_LANES), np.zeros(_LANES, np.int64)
    for i in range(len(mass)):
        for j in range(_LANES):
            total[j] += mass[i, j]
            present[j] += mass[i, j] > 0
    for j in range(_LANES):
        total[j] = max(total[j], _TINY)
    for i in range(len(mass)):
        for j in range(_LANES):
            own = mass[i, j]
            mass[i, j] = (below[j] + own / 2) / total[j] - 0.5
            below[j] += own
    return present > 1


def reliability(
    label: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None, *, bins: int = 15
) -> dict[str, NDArray[Any]]:
    """What was predicted and what came, one row a bin of about equal weight that is not empty, by rising prediction.

    rows (int64), weight, prediction (mean), label (mean), lowest and highest (prediction in the bin).
    """
    return ms.by_bin(*checked(label, prediction, weight), bins, name="prediction")
