"""Penalised linear models, logistic or of continuous labels: converged fits, curvature, exact leverages.

The loss is sum_i w_i * loss_i + (l2 / 2) * |b|^2 over all columns, with loss_i as numerics.families has it: an intercept is a
constant column, penalised as lightly as the rest. Matrices are sparse or dense (see numerics.products).
"""

import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

from assay.numerics.families import LOGIT, Family, Vector
from assay.numerics.products import Matrix, add_gram, as_rows, between, margins, quadratic, squares, transposed

DENSE_COLUMNS = 20_000  # beyond this a dense Hessian no longer fits a small machine
_PILOT_ROWS = 200_000
_LAST = 1e3  # how much a Newton step near the minimum shrinks the decrement, at least: its direction is right to a hundredth


class Curvature:
    """Inverse of the Hessian X' D X + l2 I at one point: solves and leverages.

    Holds one (p, p) float64 matrix, of which only the upper triangle is meant, and the leverages of the last rows asked for:
    every valuer of one model asks for the same.
    """

    def __init__(self, X: Matrix, d: Vector, l2: float) -> None:
        p = X.shape[1]
        if p > DENSE_COLUMNS:
            raise ValueError(f"{p} columns: exact curvature takes at most {DENSE_COLUMNS}; raise [encode] rare")
        hessian = np.zeros((p, p))
        hessian.flat[:: p + 1] = l2
        add_gram(X, d, hessian)
        # The upper triangle of a C-ordered matrix is LAPACK's lower triangle of the same memory.
        factor, info = lapack.dpotrf(hessian.T, lower=1, clean=0, overwrite_a=1)
        if info != 0:
            raise ValueError(f"the Hessian is not positive definite at column {info - 1}: raise l2")
        self._lower = factor
        self._inverted = False
        self._leverage: tuple[weakref.ref[Any], Vector] | None = None

    def solve(self, g: Vector) -> Vector:
        """H^-1 g for g of shape (p,) or (p, k)."""
        if not self._inverted:
            return np.asarray(lapack.dpotrs(self._lower, g, lower=1)[0])
        if g.ndim == 1:
            return np.asarray(blas.dsymv(1.0, self._lower, g, lower=1))
        return np.asarray(blas.dsymm(1.0, self._lower, g, lower=1))

    def invert(self) -> None:
        """Turn the factor into the inverse, in place; `leverage` needs it, `solve` takes either."""
        if not self._inverted:
            self._lower, info = lapack.dpotri(self._lower, lower=1, overwrite_c=1)
            assert info == 0
            self._inverted = True

    def leverage(self, X: Matrix) -> Vector:
        """(n,) x_i' H^-1 x_i, exact; read-only. Rows that are changed in place are asked for as another array."""
        if self._leverage is None or self._leverage[0]() is not X:
            self.invert()
            found = quadratic(X, self._lower)
            found.flags.writeable = False
            self._leverage = weakref.ref(X), found
        return self._leverage[1]

    def between(self, X: Matrix) -> Vector:
        """(n, n) x_i' H^-1 x_k of a few rows."""
        self.invert()
        return between(X, self._lower)


class IterativeCurvature:
    """Solves with the Hessian X' D X + l2 I by conjugate gradients, where it is too wide to be stored or not worth a factor.

    near: a factored Hessian not far away, which preconditions. tolerance: of a solve, as a share of g.
    """

    def __init__(self, X: Matrix, d: Vector, l2: float, near: Curvature | None = None, tolerance: float = 1e-10) -> None:
        self._problem, self._near, self._tolerance = (X, d, l2), near, tolerance

    def solve(self, g: Vector) -> Vector:
        """H^-1 g for g of shape (p,) or (p, k)."""
        X, d, l2 = self._problem
        if g.ndim == 1:
            return direction(X, d, l2, g, self._near, tolerance=self._tolerance)
        return np.stack([self.solve(np.ascontiguousarray(column)) for column in g.T], axis=1)


@dataclass(frozen=True)
class Fit:
    """A fitted model: coef (p,), whether decrement per row reached the tolerance, and the last curvature."""

    coef: Vector
    converged: bool
    decrement: float
    iterations: int
    curvature: Curvature | None


def fit(
    X: Matrix,
    y: NDArray[np.generic],
    *,
    l2: float,
    sample_weight: Vector | None = None,
    start: Vector | None = None,
    curvature: Curvature | None = None,
    tolerance: float = 1e-12,
    max_iterations: int = 100,
    family: Family = LOGIT,
) -> Fit:
    """Minimise the penalised loss by Newton steps until decrement / n is `tolerance` or less.

    Directions come from conjugate gradients preconditioned by one factored Hessian (`curvature`, from a fit
    nearby; else made once at the start, which a fit on a slice of the rows provides). Steps are halved until
    the loss falls: undamped Newton diverges on noisy labels. decrement is g' H^-1 g / 2 over the rows of
    positive weight; a last step so near the minimum makes it a thousand times smaller or more, and is not
    measured again. y (n,) in {0, 1}, or continuous labels where the family is that of these; sample_weight (n,) >= 0. ValueError:
    an empty training set, or one class only.
    """
    X = as_rows(X)
    w = np.ones(X.shape[0]) if sample_weight is None else np.asarray(sample_weight, np.float64)
    target = np.asarray(y, np.float64)
    n = int(np.count_nonzero(w))
    used = target[w > 0]
    if n == 0 or not family.fits(used):
        labels = "of both labels " if family is LOGIT else ""
        raise ValueError(f"a linear model needs samples {labels}with a weight above 0")
    if start is None:
        start = _pilot(X, target, w, l2, family)
    b = np.array(start, np.float64)
    margin = margins(X, b)
    loss = float(w @ family.losses(margin, target)) / family.scale + 0.5 * l2 * float(b @ b)
    decrement = np.inf
    for iteration in range(max_iterations):
        mean = family.mean(margin)
        d = w * family.curvature(mean)
        gradient = transposed(X, w * (mean - target)) + l2 * b
        if curvature is None and X.shape[1] <= DENSE_COLUMNS:
            curvature = Curvature(X, d, l2)
        step = direction(X, d, l2, gradient, curvature)
        decrement = 0.5 * float(gradient @ step)
        if decrement <= tolerance * n:
            return Fit(b, True, decrement, iteration, curvature)
        if decrement <= _LAST * tolerance * n:
            return Fit(b - step, True, decrement / _LAST, iteration + 1, curvature)
        moved = margins(X, step)
        size = 1.0
        while True:
            trial = b - size * step
            trial_margin = margin - size * moved
            trial_loss = float(w @ family.losses(trial_margin, target)) / family.scale + 0.5 * l2 * float(trial @ trial)
            if trial_loss <= loss or size < 1e-10:
                break
            size *= 0.5
        if size < 1e-10:  # rounding hides any further fall
            break
        b, margin, loss = trial, trial_margin, trial_loss
    return Fit(b, decrement <= 1e-10 * n, decrement, max_iterations, curvature)


def direction(X: Matrix, d: Vector, l2: float, g: Vector, curvature: Curvature | None, tolerance: float = 1e-2) -> Vector:
    """H^-1 g, H = X' diag(d) X + l2 I, by conjugate gradients until the residual is `tolerance` of g.

    curvature, of a Hessian nearby, preconditions; without it the diagonal does. Sizes are in the preconditioner's norm.
    """
    diagonal = np.ones_like(g)
    if curvature is None:
        diagonal = transposed(squares(X), d) + l2
    step = np.zeros_like(g)
    residual = g.copy()
    solved = curvature.solve(residual) if curvature is not None else residual / diagonal
    ahead = solved.copy()
    first = size = float(residual @ solved)
    # 25 steps are more than a Newton direction needs; an exact solve may take as many as there are columns.
    limit = (25 if curvature is not None else 500) if tolerance > 1e-4 else min(2000, 2 * len(g) + 50)
    for _ in range(limit):
        if size <= tolerance**2 * first or size == 0.0:
            break
        product = transposed(X, d * margins(X, ahead)) + l2 * ahead
        scale = size / float(ahead @ product)
        step += scale * ahead
        residual -= scale * product
        solved = curvature.solve(residual) if curvature is not None else residual / diagonal
        size, before = float(residual @ solved), size
        ahead = solved + (size / before) * ahead
    return step


def _pilot(X: Matrix, y: Vector, w: Vector, l2: float, family: Family) -> Vector:
    """Start for a large fit: the fit on evenly spaced rows, whose weights make up for the others."""
    n = X.shape[0]
    if n <= 2 * _PILOT_ROWS or family is not LOGIT:  # where the loss is quadratic one step from anywhere is enough
        return np.zeros(X.shape[1])
    rows = np.arange(0, n, n // _PILOT_ROWS)
    if np.unique(y[rows][w[rows] > 0]).size < 2:
        return np.zeros(X.shape[1])
    scale = n / rows.size
    return fit(X[rows], y[rows], l2=l2, sample_weight=w[rows] * scale, tolerance=1e-6).coef
