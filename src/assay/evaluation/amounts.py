"""Measures of predicted amounts (watch time, spend, a rating), with intervals over users: as samples.py for two classes."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from assay.evaluation.samples import NO_MORE, Floats, Measure, resampled, sample_differences, sample_estimates, users_of
from assay.evaluation.scores import Difference, Estimate, Scores
from assay.numerics import regression as rg
from assay.numerics.measures import AMOUNTS


def score_amounts(
    label: ArrayLike,
    prediction: ArrayLike,
    user: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    loss: str = "mse",
    more: Mapping[str, Measure] = NO_MORE,
) -> Scores:
    """Scores of predicted amounts on every measure of numerics.measures.AMOUNTS, and on `more` of the user's own.

    loss: the measure that models minimise; where it is "mae", mse is left out, since it would not be of one mind with it.

    label and prediction (n,) amounts, user (n,) ids or codes, weight (n,) 0 or more (default 1; a row of weight 0 is absent).
    Ranks are those among the rows that a resample drew. A measure of the user's own is called once a resample, with weights
    that count each user as often as it was drawn.
    """
    labels, predictions, weights = rg.checked(label, prediction, weight)
    kept = weights > 0
    distinct, code = users_of(user, kept)
    labels, predictions, weights = labels[kept], predictions[kept], weights[kept]
    order = np.argsort(predictions, kind="stable")  # so that a resample walks through memory
    labels, predictions, weights, code = labels[order], predictions[order], weights[order], code[order]
    sums = rg.user_sums(labels, predictions, weights, code, len(distinct))
    ranked = *rg.places(labels, predictions), code, weights

    def statistic(counts: Floats) -> Floats:
        named = rg.from_sums(counts, sums)
        named["spearman"] = rg.resampled_spearman(*ranked, np.ascontiguousarray(counts))
        named |= resampled(more, labels, predictions, weights, code, counts)
        return np.stack([named[name] for name in names], axis=1)

    names = (*(name for name in AMOUNTS if name != "mse" or loss == "mse"), *more)
    return Scores(distinct, names, statistic)


def evaluate_amounts(
    label: ArrayLike,
    prediction: ArrayLike,
    user: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    resamples: int = 1000,
    seed: int = 7,
    more: Mapping[str, Measure] = NO_MORE,
) -> dict[str, Estimate]:
    """Every measure of predicted amounts, as watch time or spend, with 95 % intervals by resampling users.

    Parameters
    ----------
    label : array, shape (n,)
        What came, finite numbers.
    prediction : array, shape (n,)
        What was predicted, in the same unit.
    user : array, shape (n,)
        Ids or codes.
    weight : array, shape (n,), optional
        0 or more; a row of weight 0 is absent. By default 1.
    resamples : int
        Draws of the users.
    seed : int
        Decides the draws.
    more : dict of str to callable
        Measures of your own: name -> f(label, prediction, weight), called once a resample, weights counting each user as often
        as it was drawn.

    Returns
    -------
    dict
        For each measure (mse, rmse, mae, r2, spearman, and those of `more`) value, low and high. Less is better of mse, rmse
        and mae, more of r2 and spearman. Where all labels are equal r2 and spearman are left out, where all predictions are,
        spearman.

    Raises
    ------
    InputError
        There is one user only, or columns differ in length or hold what they cannot.

    Examples
    --------
    >>> import assay
    >>> found = assay.evaluate_amounts([3.0, 5.0, 9.0, 2.0], [3.0, 6.0, 8.0, 2.0], user=["ada", "ada", "bo", "bo"])
    >>> found["mae"]["value"], found["spearman"]["value"]
    (0.5, 1.0)
    """
    return sample_estimates(score_amounts(label, prediction, user, weight=weight, more=more), resamples=resamples, seed=seed)


def compare_amounts(
    label: ArrayLike,
    prediction_a: ArrayLike,
    prediction_b: ArrayLike,
    user: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    resamples: int = 1000,
    seed: int = 7,
    more: Mapping[str, Measure] = NO_MORE,
) -> dict[str, Difference]:
    """Differences of two models of an amount on the same samples, b minus a, paired by user.

    Parameters
    ----------
    label : array, shape (n,)
        What came, finite numbers.
    prediction_a, prediction_b : array, shape (n,)
        What either model predicted.
    user : array, shape (n,)
        Ids or codes.
    weight, resamples, seed, more
        As in `evaluate_amounts`.

    Returns
    -------
    dict
        For each measure value, low and high (95 % interval by resampling users), p, p_holm (after Holm over the measures) and
        effect (Cohen's d over users; None when all users differ by exactly the same). A measure that one of the models does not
        have, as spearman where it predicts one amount for all, is left out.

    Raises
    ------
    InputError
        As in `evaluate_amounts`.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> rng = np.random.default_rng(0)
    >>> minutes = rng.gamma(2.0, 10.0, size=400)
    >>> good, bad = minutes + rng.normal(size=400), minutes + 9 * rng.normal(size=400)
    >>> change = assay.compare_amounts(minutes, bad, good, user=np.arange(400) // 4)["rmse"]
    >>> bool(change["high"] < 0), bool(change["p_holm"] < 0.05)
    (True, True)
    """
    a, b = (score_amounts(label, prediction, user, weight=weight, more=more) for prediction in (prediction_a, prediction_b))
    return sample_differences(a, b, resamples=resamples, seed=seed)


def calibration_of_amounts(label: ArrayLike, score: ArrayLike, *, weight: ArrayLike | None = None, bins: int = 15) -> pa.Table:
    """What was predicted and what came, on average: a row for each of some bins of equal weight; columns as `calibration`."""
    table = rg.reliability(label, score, weight, bins=bins)
    return pa.table({"score" if name == "prediction" else name: column for name, column in table.items()})
