"""How far judges agree beyond chance: Krippendorff's alpha with an interval. Arrays in, numbers out.

Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011: alpha = 1 - observed / expected disagreement of pairs of ratings
of one unit, whoever gave them. 1 is full agreement, 0 what chance gives, below 0 less than that. Units are what is rated.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import InputError
from assay.language import english
from assay.numerics.statistics import percentile_interval, resample, weighted_sums

Floats = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval"]
LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval")


class Agreement(NamedTuple):
    """alpha with its 95 % interval, of `ratings` by `judges` on `units` that two or more judged. problem: why a number is NaN."""

    alpha: float
    low: float
    high: float
    units: int
    ratings: int
    judges: int
    problem: str


class _Ratings(NamedTuple):
    """Ratings of U units that two or more judged. values (V,) rising; counts (U, V): how many gave which."""

    values: Floats
    counts: Floats

    def alpha(self, level: Level, drawn: Floats) -> Floats:
        """alpha (b, 1) when units were drawn as often as `drawn` (b, U) says; NaN where all ratings drawn are alike."""
        rated = self.counts.sum(axis=1)
        totals = weighted_sums(drawn, self.counts)  # (b, V)
        ratings = totals.sum(axis=1)
        if level == "nominal":
            within = rated**2 - (self.counts**2).sum(axis=1)
            observed = drawn @ (within / (rated - 1))
            expected = ratings**2 - (totals**2).sum(axis=1)
        else:
            # The distance of two ordinal values is that of their mean ranks, of two of an interval scale their own.
            places = np.broadcast_to(self.values, totals.shape) if level == "interval" else np.cumsum(totals, axis=1) - totals / 2
            centre = (totals * places).sum(axis=1, keepdims=True) / ratings[:, None]
            places = places - centre
            sums, squares = places @ self.counts.T, places**2 @ self.counts.T  # (b, U)
            observed = (drawn * 2 * (rated * squares - sums**2) / (rated - 1)).sum(axis=1)
            expected = 2 * ratings * (totals * places**2).sum(axis=1)
        one_value = (totals > 0).sum(axis=1) < 2
        disagreement = np.divide(observed * (ratings - 1), expected, out=np.full(len(drawn), np.nan), where=~one_value)
        alpha: Floats = 1.0 - disagreement[:, None]
        return alpha


def agreement(
    unit: ArrayLike, judge: ArrayLike, value: ArrayLike, *, level: Level = "ordinal", resamples: int = 1000, seed: int = 0
) -> Agreement:
    """Krippendorff's alpha of ratings, with a 95 % interval by redrawing units.

    Parameters
    ----------
    unit, judge : (n,) integers or text
        What was rated, and by whom; a judge rates a unit once.
    value : (n,) numbers
        The ratings, finite. Of the level nominal any two differ alike.
    level : {"nominal", "ordinal", "interval"}
        What counts as a small disagreement.
    resamples, seed : int
        Of the bootstrap over units. A redraw in which all ratings are alike is left out.

    Returns
    -------
    Agreement
        alpha at most 1, and its interval. NaN with a sentence in `problem` where there is one judge, no unit that two judged, or
        one rating only; the interval alone is NaN where two judged one unit only.

    Raises
    ------
    InputError
        The level is not known, a rating is not finite, or a judge rated a unit twice.
    """
    if level not in LEVELS:
        raise InputError(f"level {level!r} is not known; there are {', '.join(LEVELS)}")
    values = np.asarray(value, np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"rating {int((~np.isfinite(values)).argmax())} is not finite; leave out what was not rated")
    units, unit_code = np.unique(np.asarray(unit), return_inverse=True)
    judges, judge_code = np.unique(np.asarray(judge), return_inverse=True)
    pair = unit_code * max(len(judges), 1) + judge_code
    if len(np.unique(pair)) < len(pair):
        first = int(np.flatnonzero(np.bincount(pair) > 1)[0])
        name = f"{judges[first % len(judges)]} rated {units[first // len(judges)]}"
        raise InputError(f"judge {name} more than once; keep the last of them")
    ratings = _paired(unit_code, values, len(units))
    rated, nan = int(ratings.counts.sum()), float("nan")
    problem = _problem(len(judges), ratings)
    if problem:
        return Agreement(nan, nan, nan, len(ratings.counts), rated, len(judges), problem)
    alpha = float(ratings.alpha(level, np.ones((1, len(ratings.counts))))[0, 0])
    if len(ratings.counts) < 2:
        return Agreement(
            alpha, nan, nan, 1, rated, len(judges), english("two judged one unit only: an interval needs two units or more")
        )
    rng = np.random.default_rng(seed)
    draws = resample(lambda drawn: ratings.alpha(level, drawn), len(ratings.counts), resamples=resamples, rng=rng)
    low, high = percentile_interval(draws)
    return Agreement(alpha, float(low[0]), float(high[0]), len(ratings.counts), rated, len(judges), "")


def _paired(unit: NDArray[np.int64], values: Floats, units: int) -> _Ratings:
    """The ratings of units that have two or more."""
    paired = np.bincount(unit, minlength=units)[unit] >= 2
    own, value_code = np.unique(values[paired], return_inverse=True)
    rows, row = np.unique(unit[paired], return_inverse=True)
    counts = np.zeros((len(rows), len(own)))
    np.add.at(counts, (row, value_code), 1.0)
    return _Ratings(own, counts)


def _problem(judges: int, ratings: _Ratings) -> str:
    """Why there is no alpha; empty if there is one."""
    if not judges:
        return english("nothing was rated")
    if judges == 1:
        return english("one judge only: agreement needs two")
    if not len(ratings.counts):
        return english("no unit was rated by two judges")
    if len(ratings.values) == 1:
        alike = int(ratings.counts.sum())
        return english("all {number} ratings are alike: nothing tells agreement from chance", number=alike)
    return ""
