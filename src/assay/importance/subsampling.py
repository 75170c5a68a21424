"""Optimal subsampling of a logistic regression's training set: how likely each sample should be drawn."""

from typing import Any

import numpy as np

from assay.errors import InputError
from assay.importance import checks
from assay.importance.valuer import Importance
from assay.importance.values import Values, Vector
from assay.models.capabilities import Linear
from assay.models.named import demand
from assay.numerics.families import probability
from assay.numerics.glm import DENSE_COLUMNS, Curvature, fit
from assay.numerics.products import as_rows, margins, squares
from assay.samples.table import Samples

CRITERIA = ("A", "L")
_UNIFORM = 0.1  # share of a weighted draw that is uniform: no weight above 10 / fraction
_PILOT_ROWS = 20_000


def inclusion_probabilities(
    X: Any, y: Any, *, fraction: float, criterion: str = "A", l2: float = 1.0, coef: Any = None, sample_weight: Any = None
) -> Values:
    """Chances to draw each sample with, such that the drawn ones, each weighing 1 / chance, give nearly the fit of all.

    A sample's chance is proportional to |y - p| times its length in the criterion, times its weight, under a pilot. A tenth is
    uniform and 1 is the most. Equal rows have equal chances; row order matters only through the pilot's rows.

    Parameters
    ----------
    X : array or sparse matrix, shape (n, p)
        Samples, finite; CSR where sparse.
    y : array, shape (n,)
        Their labels, 0 or 1.
    fraction : float
        Share of the rows to draw on average, above 0 and at most 1.
    criterion : str
        "A": sqrt(x' H^-1 x), variance of the coefficients, up to 20,000 columns; "L": |x|, cheaper.
    l2 : float
        Strength of the pilot's ridge, above 0.
    coef : array, shape (p,), optional
        The pilot's coefficients; by default fitted on at most 20,000 evenly spaced rows.
    sample_weight : array, shape (n,), optional
        Weights of 0 or more. By default 1.

    Returns
    -------
    array of float64, shape (n,)
        Chances in [0, 1] that sum to fraction * n.

    Raises
    ------
    ValueError
        An argument of another shape or range; the message names it.

    References
    ----------
    Wang, Zhu and Ma, "Optimal subsampling for large sample logistic regression", JASA 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 3))
    >>> y = (X[:, 0] + rng.logistic(size=1000) > 1).astype(int)
    >>> chance = assay.inclusion_probabilities(X, y, fraction=0.1)
    >>> round(float(chance.sum()), 6)
    100.0
    """
    if not (isinstance(fraction, int | float) and 0 < fraction <= 1):
        raise ValueError(f"fraction is {fraction!r}; give one above 0 and at most 1")
    checks.one_of(criterion, CRITERIA, "criterion")
    rows = as_rows(checks.matrix(X, "X"))
    n = rows.shape[0]
    labels, weight, l2 = checks.binary(y, n, "y", "X"), checks.weights(sample_weight, n), checks.positive(l2, "l2")
    few = np.unique(np.linspace(0, n - 1, min(n, _PILOT_ROWS)).astype(np.int64))
    if coef is None:
        coef = fit(rows[few], labels[few], l2=l2, sample_weight=weight[few]).coef
    coef = np.asarray(coef, np.float64)
    if coef.shape != (rows.shape[1],) or not np.isfinite(coef).all():
        raise ValueError(f"coef has shape {coef.shape}; give ({rows.shape[1]},) finite numbers")
    p = probability(margins(rows, coef))
    if criterion == "A":
        if rows.shape[1] > DENSE_COLUMNS:
            raise ValueError(f"criterion is 'A': {rows.shape[1]} columns, {DENSE_COLUMNS} at most; give 'L'")
        curvature = Curvature(rows[few], (weight * p * (1.0 - p))[few], l2)
        length = np.sqrt(np.maximum(curvature.leverage(rows), 0.0))
    else:
        length = np.sqrt(margins(squares(rows), np.ones(rows.shape[1])))
    return Values(inclusion(weight * np.abs(labels - p) * length, fraction))


def inclusion(size: Vector, fraction: float) -> Vector:
    """Inclusion probabilities (n,) that sum to fraction * n, proportional to size, a tenth of them uniform.

    size (n,) >= 0; capped at 1, what the cap cuts off going to the others (Wang, Zhu and Ma, "Optimal subsampling for
    large sample logistic regression", JASA 2018; with Poisson sampling, Wang 2019).
    """
    if not 0 < fraction <= 1:
        raise InputError(f"cannot draw the fraction {fraction}; give one above 0 and at most 1")
    n = len(size)
    total = float(size.sum())
    share = size / total if total > 0 else np.full(n, 1.0 / n)
    mixture = (1.0 - _UNIFORM) * share + _UNIFORM / n
    pi = np.minimum(1.0, fraction * n * mixture)
    for _ in range(50):
        short = fraction * n - pi.sum()
        free = pi < 1.0
        if short <= 1e-9 * n or not free.any():
            break
        pi[free] = np.minimum(1.0, pi[free] * (1.0 + short / pi[free].sum()))
    return pi


class Inclusion:
    """The valuer: chances of a draw of a tenth of the rows (criterion L). Needs a LogisticRegression."""

    name = "inclusion"
    needs = Linear

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) in (0, 1]; validation, utility, folds and rng play no part. InputError: another model."""
        del validation, utility, folds, rng
        train.label_type.demand_chances(self.name)
        demand(model, self.needs, self.name)
        chances = inclusion_probabilities(
            train.matrix(), train.label, fraction=0.1, criterion="L", coef=model.coef_, sample_weight=train.weight
        )  # fmt: skip
        return Importance.of(train, chances, self.name, "chance of being drawn", model.name)
