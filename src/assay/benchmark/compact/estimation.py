"""A new system's mean on all requests, from its scores on a compact set."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from assay.benchmark.compact.designs import Anchors, CompactSet, measured
from assay.errors import InputError
from assay.numerics import survey

_LEAST = float(np.finfo(float).tiny)  # of a variance; a smaller one is that of equal scores
_SURE = 0.99  # of a warning: one new system in a hundred is warned of by chance


@dataclass(frozen=True)
class Estimated:
    """value: the mean on all requests; stderr, low, high: its error and 95 % interval if only the draw is chance.

    traffic_stderr, traffic_low, traffic_high: if the users are chance too, that is, of the mean over all who might ask.
    df: degrees of freedom. unexplained: the share of the system's variance that the source systems do not account for.
    warnings: in words, what makes the system unlike the source systems; the intervals hold nevertheless, they are but wider.
    """

    value: float
    stderr: float
    low: float
    high: float
    traffic_stderr: float
    traffic_low: float
    traffic_high: float
    df: float
    unexplained: float
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Guess:
    """value: what anchors say of a system's mean on all requests. warnings: in words."""

    value: float
    warnings: tuple[str, ...] = ("anchors were chosen, not drawn: no interval is valid",)


def estimate(compact: CompactSet | Anchors, y: ArrayLike) -> Estimated:
    """What a system that was scored on the rows of a compact set scores on all requests.

    The regression estimator: the weighted mean of y, plus what the features say of the requests that were not drawn, by least
    squares with design weights and a ridge towards the source systems' own coefficients. The interval is Student's t, from
    residuals left out one at a time, by stratum, with finite-population correction. Requests are drawn, not users, so that the
    interval for all requests needs no clusters; that for the traffic counts users.

    Parameters
    ----------
    compact : CompactSet
        As `assay.compact` draws it.
    y : array, shape (n,)
        The system's score on each of its rows, in their order.

    Returns
    -------
    Estimated
        value, stderr, low and high (95 %), for all requests and (traffic_...) for all who might ask; warnings, in words.

    Raises
    ------
    InputError
        Anchors, which have no interval; a score too few or too many, or NaN.

    References
    ----------
    Särndal, Swensson and Wretman, "Model assisted survey sampling", Springer 1992.

    Examples
    --------
    >>> import assay
    >>> from assay.testing.scores import make_scores
    >>> board = make_scores(requests=400, users=120, systems=8, families=4)
    >>> drawn = assay.compact(board.scores[1:], budget=100, families=board.families[1:], users=board.users)
    >>> found = assay.estimate(drawn, board.scores[0][drawn.rows])
    >>> bool(found.low < board.scores[0].mean() < found.high)
    True
    """
    if isinstance(compact, Anchors):
        raise InputError("anchors were chosen, not drawn: no interval is valid; use their .value(), or draw a compact set")
    scores = measured(y, len(compact))
    fit = survey.regress(
        scores[None, :, None], compact.features[None], compact.mean, compact.stratum, compact.population,
        prior=compact.prior, precision=compact.precision,
    )  # fmt: skip
    value, stderr, df = (float(part[0, 0]) for part in (fit.value, fit.stderr, fit.df))
    residual, coef = fit.residual[0, :, 0], fit.coef[0, :, 0]
    reach = float(survey.half_width(np.array(stderr), np.array(df)))
    squares = float(compact.weight @ residual**2)
    over_users = coef @ compact.user_covariance @ coef + compact.clustering * squares / compact.population.sum()
    total = float(np.sqrt(stderr**2 + over_users))
    wide = float(stats.t.ppf(0.975, df)) * total
    spread = float(compact.weight @ (scores - compact.weight @ scores) ** 2)
    return Estimated(
        value, stderr, value - reach, value + reach, total, value - wide, value + wide, df,
        squares / spread if spread > _LEAST else 0.0,
        _warnings(compact, scores, residual, value - reach, value + reach),
    )  # fmt: skip


def _warnings(compact: CompactSet, y: np.ndarray, residual: np.ndarray, low: float, high: float) -> tuple[str, ...]:
    sentences = []
    if low > compact.source_mean.max():
        sentences.append("better than every source system: no source system shows how such a system scores")
    if high < compact.source_mean.min():
        sentences.append("worse than every source system: no source system shows how such a system scores")
    centred = (y - compact.weight @ y) ** 2
    spread = float(compact.weight @ centred)
    if spread > _LEAST:
        most = float(compact.unexplained.max())
        # The share's error from its linearised terms (Woodruff 1971); above the worst source system beyond chance only.
        excess = residual**2 - most * centred
        error = np.sqrt(np.sum((compact.weight * (excess - compact.weight @ excess)) ** 2))
        if compact.weight @ excess > stats.norm.ppf(_SURE) * error:
            share = float(compact.weight @ residual**2) / spread
            sentences.append(
                f"unlike the source systems: they leave {share:.0%} of its scores' variance unexplained, "
                f"and {most:.0%} at most of one another's"
            )
    return tuple(sentences)
