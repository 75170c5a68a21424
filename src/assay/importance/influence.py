"""Influence of training samples on a logistic regression's validation loss, with leverage correction.

Without sample i the coefficients move by H^-1 x_i r_i / (1 - D_i h_i) to first order in everything but its own
curvature (Pregibon, "Logistic regression diagnostics", Annals of Statistics 1981; Koh and Liang, ICML 2017, for
the first-order part; Rad and Maleki, "A scalable estimate of the out-of-sample prediction error", JRSS B 2020,
for the correction). Its value is what the validation loss rises by on the way.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from assay.errors import AssayError, InputError
from assay.importance.protocol import Importance, Vector, only_log_loss, user_folds
from assay.numerics.logistic import Curvature, as_rows, fit, margins, probability, transposed
from assay.samples.table import Samples

_CONVERGED = 1e-10  # Newton decrement a row: beyond it the values are of another model
_CLOSE = 1e-9  # least 1 - D h: a sample that alone determines a coefficient has no finite first-order value


@dataclass(frozen=True)
class State:
    """All that values depend on besides the sample itself: small enough to broadcast to any number of workers."""

    coef: Vector  # (p,)
    directions: Vector  # (p, F): H^-1 times the gradient of each fold's mean validation loss
    curvature: Curvature

    def leverage(self, X: sparse.csr_array) -> Vector:
        """(n,) x_i' H^-1 x_i, exact."""
        return self.curvature.leverage(X)

    def values(
        self, X: sparse.csr_array, y: NDArray[np.integer], weight: Vector | None = None, leverage: Vector | None = None
    ) -> Vector:
        """(F, n) values of the rows of X on each fold; leverage (n,) saves computing it, zeros leave it out."""
        p = probability(margins(X, self.coef))
        w = np.ones(len(p)) if weight is None else weight
        h = self.leverage(X) if leverage is None else leverage
        pull = w * (p - y) / np.maximum(1.0 - w * p * (1.0 - p) * h, _CLOSE)
        out = np.empty((self.directions.shape[1], len(p)))
        for fold, direction in enumerate(self.directions.T):
            out[fold] = margins(X, np.ascontiguousarray(direction)) * pull
        return out


def prepare(
    X: sparse.csr_array,
    y: NDArray[np.integer],
    X_val: sparse.csr_array,
    y_val: NDArray[np.integer],
    *,
    l2: float,
    coef: Vector,
    sample_weight: Vector | None = None,
    weight_val: Vector | None = None,
    folds: NDArray[np.int64] | None = None,
    curvature: Curvature | None = None,
) -> State:
    """The state that values follow from; arguments as in `influence`. curvature is X's Hessian at coef, if at hand.

    AssayError when coef is not the minimum of the penalised training loss: decrement / n above 1e-10.
    """
    w = np.ones(X.shape[0]) if sample_weight is None else np.asarray(sample_weight, np.float64)
    p = probability(margins(X, coef))
    curvature = curvature or Curvature(X, w * p * (1.0 - p), l2)
    curvature.invert()  # leverage needs it, and solves are then the same whatever was asked before
    gradient = transposed(X, w * (p - y)) + l2 * coef
    decrement = 0.5 * float(gradient @ curvature.solve(gradient)) / max(int(np.count_nonzero(w)), 1)
    if not decrement <= _CONVERGED:
        raise AssayError(
            f"the model is not converged (Newton decrement {decrement:.1e} a row, at most {_CONVERGED:.0e} is allowed):"
            " influence would be of another model; fit it with numerics.logistic.fit"
        )
    residual = probability(margins(X_val, coef)) - y_val
    importance = np.ones(len(residual)) if weight_val is None else weight_val
    fold = np.zeros(len(residual), np.int64) if folds is None else folds
    gradients = np.empty((X.shape[1], int(fold.max()) + 1))
    for k in range(gradients.shape[1]):
        inside = np.where(fold == k, importance, 0.0)
        gradients[:, k] = transposed(X_val, inside * residual) / inside.sum()
    return State(coef, np.asarray(curvature.solve(gradients)), curvature)


def influence(
    X: sparse.csr_array | NDArray[np.floating],
    y: NDArray[np.integer],
    X_val: sparse.csr_array | NDArray[np.floating],
    y_val: NDArray[np.integer],
    *,
    l2: float,
    coef: Vector | None = None,
    sample_weight: Vector | None = None,
    folds: NDArray[np.int64] | None = None,
    correct: bool = True,
) -> Vector:
    """(F, n): rise of the mean validation log-loss without each training sample; positive is useful.

    X (n, p) and X_val (m, p) dense or CSR; y, y_val in {0, 1}; the loss is
    sum_i sample_weight_i * log_loss_i + (l2 / 2) |b|^2. coef (p,) is its minimum, else it is fitted here.
    folds (m,) numbers validation rows from 0; None is one fold (F = 1). correct=False leaves the leverage
    correction out (plain influence). Unit: nats a validation row. AssayError when coef is not converged.
    """
    rows, rows_val = as_rows(X), as_rows(X_val)
    if coef is None:
        coef = fit(rows, y, l2=l2, sample_weight=sample_weight).coef
    state = prepare(rows, y, rows_val, y_val, l2=l2, coef=coef, sample_weight=sample_weight, folds=folds)
    return state.values(rows, y, sample_weight, None if correct else np.zeros(rows.shape[0]))


def group_influence(
    state: State, X: sparse.csr_array, y: NDArray[np.integer], group: NDArray[np.int64], weight: Vector | None = None
) -> Vector:
    """(F,) rise of the loss without the rows `group` of X together: v' X_S' (I - X_S H^-1 X_S' D_S)^-1 r_S.

    The sum of single values is wrong for a group that owns its features, as a user owns its own column.
    Time |S|^3, memory |S| (|S| + p).
    """
    rows = X[group]
    p = probability(margins(rows, state.coef))
    w = np.ones(len(p)) if weight is None else weight[group]
    inside = rows @ np.asarray(state.curvature.solve(np.asfortranarray(rows.toarray().T.astype(np.float64))))
    system = np.eye(len(p)) - inside * (w * p * (1.0 - p))
    return np.asarray((rows @ state.directions).T @ np.linalg.solve(system, w * (p - y[group])))


class Influence:
    """The valuer: exact leverages, one direction a fold of validation users. Needs a LogisticRegression."""

    name = "influence"

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) in nats a validation row, mean over folds; InputError: another model or utility.

        model is a fitted models.logistic.LogisticRegression (coef_, l2, curve). AssayError: it is not converged.
        """
        only_log_loss(utility, self.name)
        if not hasattr(model, "curve"):
            raise InputError(f'influence needs a logistic regression, not {model.name!r}; set [select] valuer = "loss"')
        X, y = train.matrix(), train.label
        fold = user_folds(validation, folds, int(rng.integers(2**31)))
        state = prepare(
            X, y, validation.matrix(), validation.label, l2=model.l2, coef=model.coef_, sample_weight=train.weight,
            weight_val=validation.weight, folds=fold, curvature=model.curve(train),
        )  # fmt: skip
        per_fold = state.values(X, y, train.weight)
        metadata = {"method": self.name, "utility": "minus the mean validation log_loss", "model": model.name}
        return Importance(train.keys.column("sample_id").to_numpy(), per_fold.mean(axis=0), per_fold, metadata)
