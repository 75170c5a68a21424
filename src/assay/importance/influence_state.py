"""What influence follows from: a linear model's curvature, and the direction of each fold's validation loss.

The state is small. With it, the values of any rows are one product of matrices.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.importance.utilities import LOG_LOSS, Utility
from assay.importance.values import Vector
from assay.numerics.families import LOGIT, Family
from assay.numerics.glm import DENSE_COLUMNS, Curvature, IterativeCurvature, direction
from assay.numerics.products import Matrix, add_gram, dense, margins, quadratic, transposed

_CONVERGED = 1e-10  # Newton decrement a row: beyond it the values are of another model
_DIRECT = 2_000  # rows of a group whose own matrix is solved; larger groups go by conjugate gradients
_PROBES = 100  # of the sketch: 14 % standard deviation of a leverage
_REFINED = 500  # rows of highest sketched leverage that get an exact one


@dataclass(frozen=True)
class State:
    """All that values depend on besides the sample itself: small enough to broadcast to any number of workers."""

    coef: Vector  # (p,)
    gradients: Vector  # (p, F): of each fold's validation loss
    directions: Vector  # (p, F): H^-1 times that
    curvature: Curvature | IterativeCurvature
    l2: float
    family: Family = LOGIT
    bends: tuple[Vector, ...] = ()  # F of (p, p): H^-1 G H^-1, G half the second derivative of each fold's mean squared error

    def leverage(self, X: Matrix) -> Vector:
        """(n,) x_i' H^-1 x_i, exact; ValueError beyond what a stored Hessian takes."""
        if not isinstance(self.curvature, Curvature):
            raise ValueError(f"leverage is 'exact': {X.shape[1]} columns, {DENSE_COLUMNS} at most; give 'sketch' or 'none'")
        return self.curvature.leverage(X)

    def sketch(self, X: Matrix, d: Vector) -> Vector:
        """(n,) leverages by random projections (seeded), exact for the rows where d h is largest.

        z = H^-1 (X' sqrt(d) w + sqrt(l2) u) has covariance H^-1, so h_i is the mean of (x_i . z)^2.
        """
        rng = np.random.default_rng(0)
        out, root = np.zeros(X.shape[0]), np.sqrt(d)
        for _ in range(_PROBES):
            drawn = transposed(X, root * rng.standard_normal(X.shape[0]))
            probe = self.curvature.solve(drawn + np.sqrt(self.l2) * rng.standard_normal(X.shape[1]))
            out += margins(X, np.asarray(probe)) ** 2
        out /= _PROBES
        top = np.argsort(-d * out, kind="stable")[:_REFINED]
        few = dense(X[top])
        out[top] = np.einsum("ip,pi->i", few, self.curvature.solve(np.asfortranarray(few.T)))
        return out

    def values(self, X: Matrix, y: NDArray[Any], weight: Vector | None = None, leverage: Vector | None = None) -> Vector:
        """(F, n) values of the rows of X on each fold; leverage (n,) saves computing it, zeros leave it out."""
        mean = self.family.mean(margins(X, self.coef))
        w = np.ones(len(mean)) if weight is None else weight
        h = self.leverage(X) if leverage is None else leverage
        pulled = self.family.pull(mean, y, w, h)
        out = np.empty((self.directions.shape[1], len(mean)))
        for fold, column in enumerate(self.directions.T):
            out[fold] = margins(X, np.ascontiguousarray(column)) * pulled
        for fold, bend in enumerate(self.bends):
            out[fold] += quadratic(X, bend) * pulled**2
        return out

    def exact(self, X_val: Matrix, weight: Vector, folds: NDArray[np.int64]) -> "State":
        """The state whose values of a mean squared error are exact: a parabola has no third derivative.

        Of a model of continuous labels, on the validation rows (m,) that it was prepared on. One (p, p) matrix for each fold.
        """
        assert isinstance(self.curvature, Curvature)
        bends = []
        for fold in range(self.directions.shape[1]):
            rows = np.flatnonzero(folds == fold)
            gram = np.zeros((len(self.coef), len(self.coef)))
            add_gram(X_val[rows], weight[rows] / weight[rows].sum(), gram)
            gram += np.triu(gram, 1).T - np.tril(gram, -1)  # its upper triangle is meant
            bends.append(
                np.asfortranarray(self.curvature.solve(np.asfortranarray(self.curvature.solve(np.asfortranarray(gram)).T)))
            )
        return replace(self, bends=tuple(bends))

    def reweighted(self, X: Matrix, y: NDArray[Any], weight: Vector, changed: Vector) -> Vector:
        """(p,) coefficients when the rows' weights become `changed`: one Newton step under these."""
        mean = self.family.mean(margins(X, self.coef))
        gradient = transposed(X, (changed - weight) * (mean - y))
        near = self.curvature if isinstance(self.curvature, Curvature) else None
        return np.asarray(
            self.coef - direction(X, changed * self.family.curvature(mean), self.l2, gradient, near, tolerance=1e-6)
        )

    def group(self, X: Matrix, y: NDArray[Any], rows: NDArray[np.int64], weight: Vector) -> Vector:
        """(F,) rise of the loss without these rows together: v' X_S' (I - D_S X_S H^-1 X_S')^-1 r_S."""
        if not len(rows):
            raise ValueError("group holds no rows; give at least one")
        if len(rows) > _DIRECT or not isinstance(self.curvature, Curvature):
            changed = weight.copy()
            changed[rows] = 0.0
            return np.asarray(self.gradients.T @ (self.reweighted(X, y, weight, changed) - self.coef))
        inside = X[rows]
        mean = self.family.mean(margins(inside, self.coef))
        w = weight[rows]
        system = np.eye(len(mean)) - (w * self.family.curvature(mean))[:, None] * self.curvature.between(inside)
        return np.asarray((inside @ self.directions).T @ np.linalg.solve(system, w * (mean - y[rows])))


def prepare(
    X: Matrix,
    y: NDArray[Any],
    X_val: Matrix,
    y_val: NDArray[Any],
    *,
    l2: float,
    coef: Vector,
    sample_weight: Vector | None = None,
    weight_val: Vector | None = None,
    folds: NDArray[np.int64] | None = None,
    curvature: Curvature | IterativeCurvature | None = None,
    utility: Utility = LOG_LOSS,
    request_val: NDArray[Any] | None = None,
    family: Family = LOGIT,
) -> State:
    """The state that values follow from; arguments as in `influence`. curvature is X's Hessian at coef, if at hand.

    ValueError when coef is not the minimum of the penalised training loss: decrement / n above 1e-10.
    """
    w = np.ones(X.shape[0]) if sample_weight is None else np.asarray(sample_weight, np.float64)
    mean = family.mean(margins(X, coef))
    kind = Curvature if X.shape[1] <= DENSE_COLUMNS else IterativeCurvature
    solver = curvature or kind(X, w * family.curvature(mean), l2)
    if isinstance(solver, Curvature):
        solver.invert()  # leverage needs it, and solves are then the same whatever was asked before
    gradient = transposed(X, w * (mean - y)) + l2 * coef
    decrement = 0.5 * float(gradient @ solver.solve(gradient)) / max(int(np.count_nonzero(w)), 1)
    if not decrement <= _CONVERGED:
        raise ValueError(
            f"coef is not converged (Newton decrement {decrement:.1e} a row, at most {_CONVERGED:.0e} is allowed):"
            " influence would be of another model; leave coef out, or fit it with numerics.glm.fit"
        )
    score = margins(X_val, coef)
    fold = np.zeros(len(score), np.int64) if folds is None else folds
    weight = np.ones(len(score)) if weight_val is None else weight_val
    utility.check(y_val, request_val, fold)
    gradients = np.empty((X.shape[1], int(fold.max()) + 1))
    for k in range(gradients.shape[1]):
        at = np.flatnonzero(fold == k)
        slopes = np.zeros(len(score))
        slopes[at] = utility.slopes(score[at], y_val[at], weight[at], None if request_val is None else request_val[at])
        gradients[:, k] = transposed(X_val, slopes)
    return State(coef, gradients, np.asarray(solver.solve(gradients)), solver, l2, family)
