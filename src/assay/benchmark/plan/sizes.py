"""How many requests a test set needs, or that the log cannot give what is asked.

Requests are drawn at random from a log of N. A mean over n of them errs by the draw, S^2 (1/n - 1/N), S^2 the variance
over requests; if it is to hold for the traffic, and not for this log alone, also by who happened to be in the log: the
variance of the log's own mean, clustered by user, which no number of drawn requests takes away.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from assay.benchmark.compact import difficulty
from assay.benchmark.compact.designs import LEAST, checked_budget, checked_design, lay_out
from assay.benchmark.compact.difficulty import Floats, Ints
from assay.errors import InputError
from assay.language import english
from assay.numerics import statistics as st
from assay.shown import html_text

ABOUT = ("traffic", "log")


@dataclass(frozen=True)
class Plan:
    """size: requests to draw of the log's N, `requests`; None if all of them would not do.

    asked: what was to be reached, in the measure's unit. reached: what `size` requests reach, or all N of them if size is
    None: the smallest detectable difference, or half the width of the interval. sizes: the size each system, or pair of
    neighbouring systems, needs on its own (NaN: out of reach), worst first; `size` is their median.
    """

    size: int | None
    requests: int
    asked: float
    reached: float
    sizes: Floats
    kind: str

    def _repr_html_(self) -> str:
        return f"<p>{html_text(self)}</p>"

    def __str__(self) -> str:
        """The answer in words."""
        if self.size is None:
            return english(
                "The log's {number} requests cannot give {what} of {number_asked}; with all of them it is {number_reached}.",
                number=f"{self.requests:,}",
                what=self.kind,
                number_asked=f"{self.asked:.4g}",
                number_reached=f"{self.reached:.4g}",
            )
        return english(
            "{number} of {number_all} requests give {what} of {number_reached} (asked: {number_asked}).",
            number=f"{self.size:,}",
            number_all=f"{self.requests:,}",
            what=self.kind,
            number_reached=f"{self.reached:.4g}",
            number_asked=f"{self.asked:.4g}",
        )


def plan_difference(
    scores: ArrayLike,
    difference: float,
    *,
    users: ArrayLike | None = None,
    about: str = "traffic",
    power: float = 0.8,
    alpha: float = 0.05,
) -> Plan:
    """How many requests find a true difference between two systems with the given power.

    Parameters
    ----------
    scores : array, shape (S, N)
        Of two systems, or of a board: then pairs of neighbours by mean score are planned for, and the median of their sizes is
        the answer.
    difference : float
        Above 0, in the measure's unit.
    users : array, shape (N,), optional
        Who asked. By default every request is someone else's.
    about : str
        "traffic", what anyone who might ask would see, tested by a paired t test clustered by user; or "log", the difference on
        all N requests, tested with finite-population correction.
    power : float
        Chance to find it, in (0, 1).
    alpha : float
        Chance to find one that is not there, in (0, 1).

    Returns
    -------
    Plan
        size (None if all N would not do), reached (in the measure's unit), sizes of the single pairs; its text says it in words.

    Raises
    ------
    InputError
        A NaN score, fewer than 2 systems, systems that score alike on every request, a difference, power or alpha out of range.

    References
    ----------
    Sakai, "Topic set size design", Information Retrieval 2016.

    Examples
    --------
    >>> import assay
    >>> from assay.testing.scores import make_scores
    >>> scores = make_scores(requests=2000, users=600, systems=4, families=2).scores
    >>> plans = [assay.plan_difference(scores, difference) for difference in (0.05, 0.02)]
    >>> plans[0].size < plans[1].size
    True
    """
    matrix = difficulty.checked(scores)
    if not (np.isfinite(difference) and difference > 0):
        raise InputError(f"difference is {difference}; give one above 0, in the measure's unit")
    detectable = cache(_detectable(matrix, users, about, alpha, power))
    return _answer(
        detectable,
        matrix.shape[1],
        difference * np.ones(len(detectable(matrix.shape[1]))),
        english("a smallest detectable difference"),
    )


def detectable_difference(
    scores: ArrayLike, *, users: ArrayLike | None = None, about: str = "traffic", power: float = 0.8, alpha: float = 0.05
) -> float:
    """The smallest true difference that all N requests find with the given power, of the median pair of neighbours.

    Parameters
    ----------
    scores, users, about, power, alpha
        As in `plan_difference`.

    Returns
    -------
    float
        In the measure's unit.

    Raises
    ------
    InputError
        As in `plan_difference`.

    Examples
    --------
    >>> import assay
    >>> from assay.testing.scores import make_scores
    >>> scores = make_scores(requests=2000, users=600, systems=4, families=2).scores
    >>> assay.detectable_difference(scores) < assay.detectable_difference(scores[:, :200])
    True
    """
    matrix = difficulty.checked(scores)
    return float(np.median(_detectable(matrix, users, about, alpha, power)(matrix.shape[1])))


def _detectable(matrix: Floats, users: ArrayLike | None, about: str, alpha: float, power: float) -> Callable[[int], Floats]:
    """From a number of requests to the smallest detectable difference (P,) of each pair of neighbours."""
    if not 0 < alpha < power < 1:
        raise InputError(f"power is {power} and alpha {alpha}; give 0 < alpha < power < 1")
    if about not in ABOUT:
        raise ValueError(f"about is {about!r}; give 'traffic' or 'log'")
    N = matrix.shape[1]
    pairs = _neighbours(matrix)
    code = np.arange(N) if users is None else difficulty.codes(users, N)
    whole = _clustered(pairs, code) if about == "traffic" else np.zeros(len(pairs))
    clusters = np.bincount(code) if about == "traffic" else np.ones(N, np.int64)
    spread = pairs.var(axis=1, ddof=1)

    def detectable(n: int) -> Floats:
        errors = np.sqrt(spread * (1 / n - 1 / N) + whole)
        count = max(round(_distinct(clusters, n)), 2)
        return np.asarray(errors * st.minimal_detectable_difference(1.0, count, alpha=alpha, power=power))

    return detectable


def plan_mean(scores: ArrayLike, within: float = 0.01, *, families: ArrayLike | None = None, design: str | None = None) -> Plan:
    """How many requests bring a system's mean within a share of its mean on all N, in 95 of 100 draws.

    Always within reach: all N requests leave no error.

    Parameters
    ----------
    scores : array, shape (S, N)
        One measure of S systems on N requests.
    within : float
        A share: .01 is one per cent.
    families : array of str, shape (S,), optional
        Systems of one family are variants of each other. By default each is one of its own.
    design : str, optional
        None: the plain mean of a simple random draw. Else a design of `compact`, each system estimated as if its family were new.

    Returns
    -------
    Plan
        size: the median over the systems; asked and reached are shares.

    Raises
    ------
    InputError
        A NaN score, fewer than 2 systems, a system whose mean is 0, within or design out of range.

    Examples
    --------
    >>> import assay
    >>> from assay.testing.scores import make_scores
    >>> scores = make_scores(requests=2000, users=600, systems=4, families=2).scores
    >>> assay.plan_mean(scores, 0.05).size < assay.plan_mean(scores, 0.01).size <= 2000
    True
    """
    matrix = difficulty.checked(scores)
    if not (np.isfinite(within) and 0 < within < 1):
        raise InputError(f"within is {within}; give a share above 0 and below 1, 0.01 for one per cent")
    level = np.abs(matrix.mean(axis=1))
    if not level.all():
        raise InputError(f"system {int(np.argmin(level))} scores 0 on the mean; there is no share of that to plan for")
    errors = _errors(matrix, difficulty.grouped(families, len(matrix)), design)

    @cache
    def share(n: int) -> Floats:
        return np.asarray(errors(n) * float(stats.t.ppf(0.975, n - 1)) / level)

    return _answer(share, matrix.shape[1], np.full(len(matrix), within), english("a relative half-width"))


def half_widths(
    scores: ArrayLike, sizes: Sequence[int], *, families: ArrayLike | None = None, design: str | None = None
) -> Floats:
    """(len(sizes), S) half of the width to expect of a system's 95 % interval for its mean on all N, in the measure's unit.

    scores (S, N), families, design as in `plan_mean`. InputError: a NaN score, fewer than 2 systems, a size below 10 or above N.
    """
    matrix = difficulty.checked(scores)
    errors = _errors(matrix, difficulty.grouped(families, len(matrix)), design)
    each = [(checked_budget(n, matrix.shape[1]), stats.t.ppf(0.975, n - 1)) for n in sizes]
    return np.array([errors(n) * t for n, t in each], np.float64).reshape(len(each), len(matrix))


def _errors(scores: Floats, family: Ints, design: str | None) -> Callable[[int], Floats]:
    """Standard errors (S,) of the systems' means from n requests: plain means, or a design's with each family new."""
    if design is None:
        spread, N = scores.var(axis=1, ddof=1), scores.shape[1]
        return lambda n: np.asarray(np.sqrt(spread * (1 / n - 1 / N)))
    checked_design(design)
    features, left = difficulty.features(scores, family), difficulty.residuals(scores, family)
    return lambda n: lay_out(features, left, family, n, design).errors()


def _answer(reach: Callable[[int], Floats], N: int, wanted: Floats, kind: str) -> Plan:
    """The plan whose size is the median over P systems or pairs; reach(n) (P,) falls with n."""
    sizes = np.full(len(wanted), np.nan)
    for p in np.flatnonzero(reach(N) <= wanted):
        low, high = min(LEAST, N), N
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if reach(middle)[p] <= wanted[p] else (middle + 1, high)
        sizes[p] = low
    middle_one = int(np.argsort(sizes, kind="stable")[len(sizes) // 2])
    if np.isnan(sizes[middle_one]):
        return Plan(None, N, float(wanted[0]), float(np.median(reach(N))), sizes, kind)
    size = int(sizes[middle_one])
    return Plan(size, N, float(wanted[0]), float(reach(size)[middle_one]), sizes, kind)


def _neighbours(scores: Floats) -> Floats:
    """Differences (P, N) of systems next to one another by mean score, worst first; equal systems left out."""
    order = np.argsort(scores.mean(axis=1), kind="stable")
    pairs = np.diff(scores[order], axis=0)
    pairs = pairs[np.ptp(pairs, axis=1) > 0]
    if not len(pairs):
        raise InputError("the systems differ by the same amount on every request; one request tells them apart, or none does")
    return np.asarray(pairs)


def _clustered(pairs: Floats, code: Ints) -> Floats:
    """Variance (P,) of the mean over all requests, users being chance: sums of deviations by user."""
    users = int(code.max()) + 1
    if users < 2:
        raise InputError("all requests are one user's; a difference in the traffic needs at least 2")
    N = pairs.shape[1]
    sums = np.stack([np.bincount(code, row - row.mean(), users) for row in pairs])
    return np.asarray((sums**2).sum(axis=1) / N**2 * users / (users - 1))


def _distinct(counts: Ints, n: int) -> float:
    """How many users n requests drawn at random come from, on average; counts (U,) requests of each."""
    N = int(counts.sum())
    some, times = np.unique(counts, return_counts=True)
    left = N - some
    log = special.gammaln
    none = log(left + 1) - log(np.maximum(left - n, 0) + 1) + log(N - n + 1) - log(N + 1)
    return float(times @ (1.0 - np.where(left >= n, np.exp(none), 0.0)))
