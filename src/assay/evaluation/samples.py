"""Measures of labelled samples: classification and calibration, with intervals over users."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from assay.errors import InputError
from assay.evaluation.scores import Difference, Estimate, Scores
from assay.numerics import measures as ms
from assay.numerics import statistics as st
from assay.task import BINARY

Floats = NDArray[np.float64]
Measure = Callable[..., float]  # (label, score, weight) -> number
NO_MORE: Mapping[str, Measure] = {}


def score_samples(
    label: ArrayLike,
    score: ArrayLike,
    user: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    threshold: float = 0.5,
    bins: int = 15,
    more: Mapping[str, Measure] = NO_MORE,
) -> Scores:
    """Scores of samples on every measure of numerics.measures.POINTWISE, and on `more` of the user's own.

    label (n,) 0 or 1, score (n,) probabilities, user (n,) ids or codes, weight (n,) 0 or more (default 1;
    a row of weight 0 is absent). threshold: predicted positive when score >= threshold. Calibration bins
    are made once, on all users. user_auc counts each user that has both classes once. A measure of the user's
    own is called once a resample, with weights that count each user as often as it was drawn.
    """
    labels, scores, weights = ms.checked(label, score, weight)
    kept = weights > 0
    distinct, code = users_of(user, kept)
    labels, scores, weights = labels[kept], scores[kept], weights[kept]
    order = np.argsort(scores, kind="stable")
    ranked = labels[order], ms.tie_ends(scores[order]), code[order], weights[order]
    sums = _user_sums(labels, scores, weights, code, len(distinct), threshold, bins)

    def statistic(counts: Floats) -> Floats:
        total = st.weighted_sums(counts, sums)
        mass = total[:, :4].sum(axis=1)
        named = ms.from_confusion(total[:, :4]) | {
            "auc": ms.resampled_auc(*ranked, np.ascontiguousarray(counts)),
            "log_loss": st.ratio(total[:, 4], mass),
            "user_auc": st.ratio(total[:, 5], total[:, 6]),
            "calibration_error": st.ratio(np.abs(total[:, 7:]).sum(axis=1), mass),
        }
        named |= resampled(more, labels, scores, weights, code, counts)
        return np.stack([named[name] for name in names], axis=1)

    names = (*ms.POINTWISE, *more)
    return Scores(distinct, names, statistic, frozenset({"calibration_error"}))


def users_of(user: ArrayLike, kept: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """The distinct users of the rows kept (n,), ascending, and the code of each such row's user."""
    users = np.asarray(user)
    if users.shape != kept.shape:
        raise InputError(f"user has shape {users.shape}, label {kept.shape}; give one user per row")
    distinct, code = np.unique(users[kept], return_inverse=True)
    return distinct, code.astype(np.int32)


def resampled(
    more: Mapping[str, Measure], label: NDArray[Any], score: Floats, weight: Floats, code: NDArray[np.int32], counts: Floats
) -> dict[str, Floats]:
    """Measures of the user's own (b,) where users were drawn as often as counts (b, U) says."""
    return {name: np.array([measure(label, score, weight * count[code]) for count in counts]) for name, measure in more.items()}


def _user_sums(
    label: NDArray[np.bool_],
    score: Floats,
    weight: Floats,
    code: NDArray[np.int32],
    users: int,
    threshold: float,
    bins: int,
) -> Floats:
    """(U, 7 + bins): confusion cells, log-loss, own AUC or 0, has an AUC, score minus label by bin."""
    predicted = score >= threshold
    cells = np.where(label, np.where(predicted, 0, 2), np.where(predicted, 1, 3))
    in_bin = ms.equal_mass_bins(score, weight, bins)
    own_auc = ms.auc_by_user(label, score, code, weight)[1]
    return np.column_stack(
        [
            np.bincount(code * np.int64(4) + cells, weight, users * 4).reshape(users, 4),
            np.bincount(code, weight * ms.row_log_loss(label, score), users),
            np.nan_to_num(own_auc),
            ~np.isnan(own_auc),
            np.bincount(code * np.int64(bins) + in_bin, weight * (score - label), users * bins).reshape(users, bins),
        ]
    ).astype(np.float64)


def evaluate_samples(
    label: ArrayLike,
    score: ArrayLike,
    user: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    threshold: float = 0.5,
    resamples: int = 1000,
    seed: int = 7,
    more: Mapping[str, Measure] = NO_MORE,
) -> dict[str, Estimate]:
    """Every pointwise measure of labelled samples, with 95 % intervals by resampling users.

    Parameters
    ----------
    label : array, shape (n,)
        0 or 1.
    score : array, shape (n,)
        Probabilities of label 1.
    user : array, shape (n,)
        Ids or codes.
    weight : array, shape (n,), optional
        0 or more; a row of weight 0 is absent. By default 1.
    threshold : float
        A sample counts as a predicted 1 from this score on.
    resamples : int
        Draws of the users.
    seed : int
        Decides the draws.
    more : dict of str to callable
        Measures of your own: name -> f(label, score, weight), called once a resample, weights counting each user as often as it
        was drawn.

    Returns
    -------
    dict
        For each measure (auc, user_auc, log_loss, accuracy, precision, recall, f1, calibration_error, and those of `more`) value,
        low and high. user_auc counts each user that has both classes once, and is left out when none has.

    Raises
    ------
    SplitError
        There is one class only.
    InputError
        There is one user only, or columns differ in length or hold what they cannot.

    Examples
    --------
    >>> import assay
    >>> found = assay.evaluate_samples([1, 0, 1, 0], [0.9, 0.2, 0.6, 0.4], user=["ada", "ada", "bo", "bo"])
    >>> found["auc"]["value"], found["accuracy"]["value"]
    (1.0, 1.0)
    """
    both_classes(label, weight)
    scores = score_samples(label, score, user, weight=weight, threshold=threshold, more=more)
    return sample_estimates(scores, resamples=resamples, seed=seed)


def compare_samples(
    label: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    user: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    threshold: float = 0.5,
    resamples: int = 1000,
    seed: int = 7,
    more: Mapping[str, Measure] = NO_MORE,
) -> dict[str, Difference]:
    """Differences of two models on the same samples, b minus a, paired by user.

    Parameters
    ----------
    label : array, shape (n,)
        0 or 1.
    score_a, score_b : array, shape (n,)
        Probabilities of label 1 by either model.
    user : array, shape (n,)
        Ids or codes.
    weight, threshold, resamples, seed, more
        As in `evaluate_samples`.

    Returns
    -------
    dict
        For each measure value, low and high (95 % interval by resampling users), p, p_holm (after Holm over the measures) and
        effect (Cohen's d over users; None when all users differ by exactly the same).

    Raises
    ------
    SplitError, InputError
        As in `evaluate_samples`.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> rng = np.random.default_rng(0)
    >>> label = rng.integers(2, size=400)
    >>> good, bad = 0.25 + 0.5 * label, rng.random(400)
    >>> change = assay.compare_samples(label, bad, good, user=np.arange(400) // 4)["log_loss"]
    >>> bool(change["high"] < 0), bool(change["p_holm"] < 0.05)
    (True, True)
    """
    both_classes(label, weight)
    a, b = (score_samples(label, s, user, weight=weight, threshold=threshold, more=more) for s in (score_a, score_b))
    return sample_differences(a, b, resamples=resamples, seed=seed)


def sample_estimates(scores: Scores, *, resamples: int, seed: int) -> dict[str, Estimate]:
    """Of scores of samples, as evaluate_samples gives them."""
    _several(scores)
    estimates = scores.estimates(resamples=resamples, seed=seed)
    return {name: estimate for name, estimate in estimates.items() if not np.isnan(estimate["value"])}


def sample_differences(a: Scores, b: Scores, *, resamples: int, seed: int) -> dict[str, Difference]:
    """b minus a of scores of the same samples, as compare_samples gives them."""
    _several(a)
    differences = a.against(b, resamples=resamples, seed=seed)
    return {name: difference for name, difference in differences.items() if not np.isnan(difference["value"])}


def calibration(label: ArrayLike, score: ArrayLike, *, weight: ArrayLike | None = None, bins: int = 15) -> pa.Table:
    """How often what was predicted happened: a row for each of some bins of equal weight.

    Parameters
    ----------
    label : array, shape (n,)
        0 or 1.
    score : array, shape (n,)
        Probabilities of label 1.
    weight : array, shape (n,), optional
        0 or more. By default 1.
    bins : int
        1 or more.

    Returns
    -------
    pyarrow.Table
        rows (int64), weight, score (mean), label (mean), lowest and highest score (float64), in order of score.

    Raises
    ------
    InputError
        Columns that differ in length or hold what they cannot, or no bins.

    Examples
    --------
    >>> import assay
    >>> table = assay.calibration([0, 0, 1, 1], [0.1, 0.1, 0.8, 0.8], bins=2)
    >>> table.column("score").to_pylist(), table.column("label").to_pylist()
    ([0.1, 0.8], [0.0, 1.0])
    """
    return pa.table(dict(ms.reliability(label, score, weight, bins=bins)))


def both_classes(label: ArrayLike, weight: ArrayLike | None) -> None:
    """SplitError where the samples that weigh anything have one class only."""
    labels: NDArray[Any] = np.asarray(label)
    if weight is not None and labels.shape == np.shape(weight):
        labels = labels[np.asarray(weight) > 0]
    if len(labels):
        BINARY.check(labels, "the samples", "one class cannot be measured: check the target event")


def _several(scores: Scores) -> None:
    if len(scores.users) < 2:
        raise InputError("only one user: an interval over users needs at least 2; use a longer period")
