"""What another policy would have earned, from a log of what one policy showed and with which probability.

A row is one exposure: an action (item) was shown with a known probability, and rewarded. Weights w = target / propensity
turn the log's mean into the target's. (Horvitz and Thompson, JASA 1952; Swaminathan and Joachims, NeurIPS 2015; Dudik,
Langford and Li, ICML 2011.)
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from assay.errors import InputError
from assay.numerics import clusters

Floats = NDArray[np.float64]

ESTIMATORS = ("ips", "snips", "doubly_robust")
_LEAST_SHARE = 0.1
_LEVEL = 0.01


@dataclass(frozen=True)
class PolicyValue:
    """The target policy's mean reward per row, in the reward's unit, with its standard error and 95 % interval (t).

    effective_rows: (sum w)^2 / sum w^2, how many rows of the target's own log would say as much. mean_weight: 1 on average
    when propensities are right and the log could show all that the target would. clipped: rows whose weight was cut.
    warning: what makes the figure doubtful, in a sentence; None when nothing does.
    """

    estimator: str
    value: float
    stderr: float
    low: float
    high: float
    rows: int
    users: int
    effective_rows: float
    mean_weight: float
    largest_weight: float
    clipped: int
    warning: str | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


def policy_value(
    reward: ArrayLike,
    propensity: ArrayLike,
    target: ArrayLike,
    *,
    estimator: str = "snips",
    user: ArrayLike | None = None,
    model: tuple[ArrayLike, ArrayLike] | None = None,
    clip: float | None = None,
    least_share: float = _LEAST_SHARE,
) -> PolicyValue:
    """Value of a policy that would have shown the logged actions with other probabilities.

    Parameters
    ----------
    reward : array, shape (n,)
        What came of each logged action, in any unit.
    propensity : array, shape (n,)
        Probability in (0, 1] with which the log's policy showed the logged action, given what it knew then.
    target : array, shape (n,)
        The other policy's probability in [0, 1] of the same action at the same place.
    estimator : str
        With w = target / propensity: "ips", the mean of w reward: unbiased, wide. "snips", sum of w reward / sum of w: bias of
        order 1 / n, narrower, unmoved by a constant added to rewards; its error is the delta method's. "doubly_robust", the mean
        of expected + w (reward - predicted): unbiased when propensities are right or the model is, narrow when the model is good.
    user : array, shape (n,), optional
        Rows of a user depend on each other: the error is clustered by user. By default rows are independent.
    model : pair of arrays, shape (n,) each, optional
        Predicted reward of the logged action, and expected reward under the target policy, the sum over actions of target x
        predicted; made on other rows.
    clip : float, optional
        Weights above it are cut to it, which lowers the variance at the price of a bias. By default none is.
    least_share : float
        Warn when effective_rows is a smaller share of the rows.

    Returns
    -------
    PolicyValue
        value, stderr, low and high in the reward's unit per row, effective_rows, mean_weight, clipped, warning.

    Raises
    ------
    InputError
        A propensity is 0, negative, above 1 or NaN, and so on for the others; the target shows no logged action.

    References
    ----------
    Horvitz and Thompson, JASA 1952. Swaminathan and Joachims, "The self-normalized estimator for counterfactual learning",
    NeurIPS 2015. Dudík, Langford and Li, "Doubly robust policy evaluation and learning", ICML 2011.

    Examples
    --------
    >>> import assay
    >>> found = assay.policy_value([1, 0, 1, 0], propensity=[0.5, 0.5, 0.5, 0.5], target=[1.0, 0.0, 1.0, 0.0])
    >>> found.value, found.effective_rows
    (1.0, 2.0)
    """
    if estimator not in ESTIMATORS:
        raise ValueError(f"estimator is {estimator!r}; give one of {', '.join(ESTIMATORS)}")
    if (model is not None) != (estimator == "doubly_robust"):
        raise ValueError("model is needed by doubly_robust, and by it alone")
    r, p, q = (np.asarray(column, np.float64) for column in (reward, propensity, target))
    if r.ndim != 1 or not r.shape == p.shape == q.shape or len(r) < 2:
        raise ValueError(f"reward, propensity and target have shapes {r.shape}, {p.shape}, {q.shape}; give (n,) each, n >= 2")
    _refuse(~np.isfinite(r), "reward", r, "is not finite")
    _refuse(~((p > 0) & (p <= 1)), "propensity", p, "is not in (0, 1]; leave out rows whose probability is unknown, never put 0")
    _refuse(~((q >= 0) & (q <= 1)), "target", q, "is not in [0, 1]")
    if clip is not None and not clip > 0:
        raise InputError(f"clip is {clip}; give a weight above 0, or None")
    weight = q / p
    if not weight.any():
        raise InputError("the target policy shows none of the logged actions: the log says nothing of it")
    w = weight if clip is None else np.minimum(weight, clip)
    code = np.arange(len(r)) if user is None else _codes(user, len(r))
    if estimator == "snips":
        value = float(np.sum(w * r) / np.sum(w))
        each = w * (r - value) / w.mean()
    else:
        each = w * r if model is None else _corrected(r, w, model)
        value = float(each.mean())
    stderr, df = _error(code, each)
    reach = float(stats.t.ppf(0.975, df)) * stderr
    effective = float(w.sum() ** 2 / np.sum(w * w))
    return PolicyValue(
        estimator, value, stderr, value - reach, value + reach, len(r), int(code.max()) + 1, effective, float(weight.mean()),
        float(weight.max()), int(np.sum(weight > w)), _warning(weight, code, effective, least_share),
    )  # fmt: skip


def _corrected(r: Floats, w: Floats, model: tuple[ArrayLike, ArrayLike]) -> Floats:
    """What doubly robust averages (n,): the model's expectation, corrected by what it missed of the logged action."""
    predicted, expected = (np.asarray(column, np.float64) for column in model)
    if not predicted.shape == expected.shape == r.shape:
        raise ValueError(f"model has shapes {predicted.shape} and {expected.shape}; give predicted and expected, {r.shape} each")
    _refuse(~np.isfinite(predicted), "predicted", predicted, "is not finite")
    _refuse(~np.isfinite(expected), "expected", expected, "is not finite")
    return np.asarray(expected + w * (r - predicted))


def _error(code: NDArray[np.int64], each: Floats) -> tuple[float, float]:
    """Standard error of the mean and its degrees of freedom, clustered.

    A few rows with large weights carry most of the variance, so that it is known as badly as from those few. So the degrees of
    freedom are at most Satterthwaite's with the fourth moment as it is seen: 2 V^2 / (sum d^4 - V^2 / U), V the sum of d^2 over U
    clusters. For normal d of one size that is about U.
    """
    square = clusters.deviations(code, each[None])[0] ** 2
    variance = float(square.sum())
    spread = float(square @ square) - variance**2 / len(square)
    seen = 2 * variance**2 / spread if spread > 0 else np.inf
    return float(np.sqrt(variance)), min(clusters.degrees_of_freedom(code), seen)


def _warning(weight: Floats, code: NDArray[np.int64], effective: float, least_share: float) -> str | None:
    said = []
    if effective < least_share * len(weight):
        said.append(
            f"{len(weight):,} rows say as much as {effective:,.0f} of the target's own ({100 * effective / len(weight):.2g} %): "
            "the policies are too unlike for this log, and the interval may be too narrow"
        )
    stderr, df = _error(code, weight)
    gap = float(weight.mean()) - 1.0
    if abs(gap) > float(stats.t.isf(_LEVEL / 2, df)) * stderr:
        said.append(
            f"weights are {weight.mean():.3g} on average where 1 is due: propensities are wrong, or the log never shows "
            "what the target would"
        )
    return "; ".join(said) or None


def _codes(user: ArrayLike, rows: int) -> NDArray[np.int64]:
    users = np.asarray(user)
    if users.shape != (rows,):
        raise ValueError(f"user has shape {users.shape}; give one user per row, ({rows},)")
    return np.unique(users, return_inverse=True)[1].astype(np.int64)


def _refuse(wrong: NDArray[np.bool_], name: str, values: Floats, what: str) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(f"{name} of row {row} is {values[row]:g}: it {what} ({int(wrong.sum())} such rows)")
