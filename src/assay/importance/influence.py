"""Influence of training samples on a logistic regression's validation utility, with leverage correction.

Without sample i the coefficients move by H^-1 x_i r_i / (1 - D_i h_i) to first order in everything but its own
curvature (Pregibon, "Logistic regression diagnostics", Annals of Statistics 1981; Koh and Liang, ICML 2017, for
the first-order part; Rad and Maleki, "A scalable estimate of the out-of-sample prediction error", JRSS B 2020,
for the correction). Its value is what the validation loss rises by on the way.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.importance import checks
from assay.importance.utilities import LOG_LOSS, Auc, LogLoss, Utility, parse
from assay.importance.valuer import Importance, user_folds
from assay.importance.values import Values, Vector, from_folds
from assay.models.capabilities import Linear
from assay.models.named import demand
from assay.numerics.logistic import DENSE_COLUMNS, Curvature, IterativeCurvature, direction, fit, probability, pull
from assay.numerics.products import Matrix, as_rows, dense, margins, transposed
from assay.samples.table import Samples

LEVERAGES = ("exact", "sketch", "none")
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
        p = probability(margins(X, self.coef))
        w = np.ones(len(p)) if weight is None else weight
        h = self.leverage(X) if leverage is None else leverage
        pulled = pull(p, y, w, h)
        out = np.empty((self.directions.shape[1], len(p)))
        for fold, column in enumerate(self.directions.T):
            out[fold] = margins(X, np.ascontiguousarray(column)) * pulled
        return out

    def reweighted(self, X: Matrix, y: NDArray[Any], weight: Vector, changed: Vector) -> Vector:
        """(p,) coefficients when the rows' weights become `changed`: one Newton step under these."""
        p = probability(margins(X, self.coef))
        gradient = transposed(X, (changed - weight) * (p - y))
        near = self.curvature if isinstance(self.curvature, Curvature) else None
        return np.asarray(self.coef - direction(X, changed * p * (1.0 - p), self.l2, gradient, near, tolerance=1e-6))

    def group(self, X: Matrix, y: NDArray[Any], rows: NDArray[np.int64], weight: Vector) -> Vector:
        """(F,) rise of the loss without these rows together: v' X_S' (I - D_S X_S H^-1 X_S')^-1 r_S."""
        if not len(rows):
            raise ValueError("group holds no rows; give at least one")
        if len(rows) > _DIRECT or not isinstance(self.curvature, Curvature):
            changed = weight.copy()
            changed[rows] = 0.0
            return np.asarray(self.gradients.T @ (self.reweighted(X, y, weight, changed) - self.coef))
        inside = X[rows]
        p = probability(margins(inside, self.coef))
        w = weight[rows]
        system = np.eye(len(p)) - (w * p * (1.0 - p))[:, None] * self.curvature.between(inside)
        return np.asarray((inside @ self.directions).T @ np.linalg.solve(system, w * (p - y[rows])))


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
) -> State:
    """The state that values follow from; arguments as in `influence`. curvature is X's Hessian at coef, if at hand.

    ValueError when coef is not the minimum of the penalised training loss: decrement / n above 1e-10.
    """
    w = np.ones(X.shape[0]) if sample_weight is None else np.asarray(sample_weight, np.float64)
    p = probability(margins(X, coef))
    kind = Curvature if X.shape[1] <= DENSE_COLUMNS else IterativeCurvature
    solver = curvature or kind(X, w * p * (1.0 - p), l2)
    if isinstance(solver, Curvature):
        solver.invert()  # leverage needs it, and solves are then the same whatever was asked before
    gradient = transposed(X, w * (p - y)) + l2 * coef
    decrement = 0.5 * float(gradient @ solver.solve(gradient)) / max(int(np.count_nonzero(w)), 1)
    if not decrement <= _CONVERGED:
        raise ValueError(
            f"coef is not converged (Newton decrement {decrement:.1e} a row, at most {_CONVERGED:.0e} is allowed):"
            " influence would be of another model; leave coef out, or fit it with numerics.logistic.fit"
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
    return State(coef, gradients, np.asarray(solver.solve(gradients)), solver, l2)


@dataclass(frozen=True)
class _Problem:
    """Checked arguments of the array functions, and the state at the minimum."""

    X: Matrix
    y: NDArray[np.int8]
    X_val: Matrix
    y_val: NDArray[np.int8]
    weight: Vector
    utility: Utility
    request_val: NDArray[Any] | None
    state: State


def _problem(
    X: Any, y: Any, X_val: Any, y_val: Any, l2: Any, coef: Any, sample_weight: Any, utility: str, request_val: Any, folds: Any
) -> _Problem:
    train, validation = checks.pair(X, X_val)
    n, m = train.shape[0], validation.shape[0]
    labels, labels_val = checks.binary(y, n, "y", "X"), checks.binary(y_val, m, "y_val", "X_val")
    checks.disjoint(X, labels, X_val, labels_val)
    l2, wanted, weight = checks.positive(l2, "l2"), parse(utility), checks.weights(sample_weight, n)
    fold = checks.fold_numbers(folds, m)
    if request_val is not None:
        if isinstance(wanted, LogLoss | Auc):
            raise ValueError(f"request_val is only for ndcg@k and softmax, and utility is {utility!r}; leave one out")
        request_val = checks.vector(request_val, m, "request_val", "X_val")
    train, validation = as_rows(train), as_rows(validation)
    if coef is None:
        coef = fit(train, labels, l2=l2, sample_weight=weight).coef
    coef = np.asarray(coef, np.float64)
    if coef.shape != (train.shape[1],):
        raise ValueError(f"coef has shape {coef.shape}; X has {train.shape[1]} columns, so give ({train.shape[1]},)")
    state = prepare(
        train, labels, validation, labels_val, l2=l2, coef=coef, sample_weight=weight, folds=fold, utility=wanted,
        request_val=request_val,
    )  # fmt: skip
    return _Problem(train, labels, validation, labels_val, weight, wanted, request_val, state)


def influence(
    X: Any,
    y: Any,
    X_val: Any,
    y_val: Any,
    *,
    l2: float,
    coef: Any = None,
    sample_weight: Any = None,
    utility: str = "log_loss",
    request_val: Any = None,
    folds: Any = None,
    leverage: str = "exact",
) -> Values:
    """Rise of the validation loss without each training sample of a logistic regression; positive is useful.

    The model minimises sum_i sample_weight_i * log_loss_i + (l2 / 2) |b|^2 over all columns; an intercept is a column of ones.

    Parameters
    ----------
    X : array or sparse matrix, shape (n, p)
        Training samples, finite.
    y : array, shape (n,)
        Their labels, 0 or 1.
    X_val : array or sparse matrix, shape (m, p)
        Validation samples; none of them a training sample.
    y_val : array, shape (m,)
        Their labels, 0 or 1.
    l2 : float
        Strength of the ridge, above 0.
    coef : array, shape (p,), optional
        The model's coefficients, at the minimum. By default they are fitted here.
    sample_weight : array, shape (n,), optional
        Weights of 0 or more; a sample of weight 0 has value 0. By default 1.
    utility : str
        "log_loss" (unit: nats a validation row); "auc" (mean pairwise logistic loss over all pairs); "ndcg@k" (pairwise logistic
        loss inside each request, pairs weighted by |delta NDCG@k| as it is at coef, a mean over requests with both labels); or
        "softmax" (the softmax loss of each request's positives).
    request_val : array, shape (m,), optional
        The request of each validation row; ndcg@k and softmax need it.
    folds : array of int, shape (m,), optional
        Number of each validation row's fold, from 0. The result then knows per_fold, stderr and z.
    leverage : str
        "exact" (up to 20,000 columns), "sketch" (random projections, exact where it is highest), or "none" (plain influence).

    Returns
    -------
    Values, shape (n,)
        float64, in the utility's unit. Equal rows have equal values.

    Raises
    ------
    ValueError
        An argument of another shape or range, coef that is not converged, or X_val that holds rows of X; the message names it.

    References
    ----------
    Pregibon, "Logistic regression diagnostics", Annals of Statistics 1981. Koh and Liang, "Understanding black-box predictions
    via influence functions", ICML 2017. Rad and Maleki, JRSS B 2020. Burges et al., "Learning to rank using gradient descent",
    ICML 2005.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> rng = np.random.default_rng(0)
    >>> X, X_val = rng.normal(size=(60, 3)), rng.normal(size=(40, 3))
    >>> y, y_val = (X[:, 0] > 0).astype(int), (X_val[:, 0] > 0).astype(int)
    >>> wrong = X[:, 0].argmax()
    >>> y[wrong] = 0
    >>> value = assay.influence(X, y, X_val, y_val, l2=1.0, folds=np.arange(40) % 5)
    >>> bool(value.argmin() == wrong), bool(value.z[wrong] < -1)
    (True, True)
    """
    checks.one_of(leverage, LEVERAGES, "leverage")
    problem = _problem(X, y, X_val, y_val, l2, coef, sample_weight, utility, request_val, folds)
    h = np.zeros(len(problem.y))
    if leverage == "exact":
        h = problem.state.leverage(problem.X)
    elif leverage == "sketch":
        p = probability(margins(problem.X, problem.state.coef))
        h = problem.state.sketch(problem.X, problem.weight * p * (1.0 - p))
    return from_folds(problem.state.values(problem.X, problem.y, problem.weight, h), folds)


def group_influence(
    X: Any,
    y: Any,
    X_val: Any,
    y_val: Any,
    group: Any,
    *,
    l2: float,
    coef: Any = None,
    sample_weight: Any = None,
    utility: str = "log_loss",
    request_val: Any = None,
    folds: Any = None,
) -> Values:
    """Rise of the validation loss without each group of training samples together; positive is useful.

    The sum of single values is wrong for a group that owns its features, as a user owns its own column. This is exact in the
    coefficients' Newton step and first order in the validation loss: of rows that were picked by their values it forecasts a gain
    where the loss may rise. `assay slices` takes the true loss at the moved coefficients instead. Time: |S|^3 for a group S of up
    to 2,000 rows, then some passes over all rows.

    Parameters
    ----------
    X, y, X_val, y_val
        As in `influence`.
    group : array, shape (n,)
        The user, session, item or day of each training sample; G different ones.
    l2, coef, sample_weight, utility, request_val, folds
        As in `influence`.

    Returns
    -------
    Values, shape (G,)
        float64, in the utility's unit, in the order of `numpy.unique(group)`.

    Raises
    ------
    ValueError
        As in `influence`; or a group of another length.

    References
    ----------
    Koh, Ang, Teo and Liang, "On the accuracy of influence functions for measuring group effects", NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> rng = np.random.default_rng(0)
    >>> X, X_val = rng.normal(size=(60, 3)), rng.normal(size=(40, 3))
    >>> y, y_val = (X[:, 0] > 0).astype(int), (X_val[:, 0] > 0).astype(int)
    >>> y[:10] = 1 - y[:10]  # a user whose labels are wrong
    >>> user = np.repeat(["ada", "bo", "cy", "di", "ed", "flo"], 10)
    >>> value = assay.group_influence(X, y, X_val, y_val, user, l2=1.0)
    >>> str(np.unique(user)[value.argmin()])
    'ada'
    """
    problem = _problem(X, y, X_val, y_val, l2, coef, sample_weight, utility, request_val, folds)
    ids, code = np.unique(checks.vector(group, len(problem.y), "group", "X"), return_inverse=True)
    order = np.argsort(code, kind="stable")
    ends = np.searchsorted(code[order], np.arange(len(ids) + 1))
    rows = (order[low:high] for low, high in itertools.pairwise(ends))
    return from_folds(np.stack([problem.state.group(problem.X, problem.y, at, problem.weight) for at in rows], axis=1), folds)


def refine(
    X: Any,
    y: Any,
    X_val: Any,
    y_val: Any,
    rows: Any,
    *,
    l2: float,
    coef: Any = None,
    sample_weight: Any = None,
    utility: str = "log_loss",
    request_val: Any = None,
) -> Values:
    """Fall of the true utility without each of a few training samples, at the coefficients that a Newton step leads to.

    That is at b + H^-1 x r / (1 - D h), with b the coefficients, H the Hessian, r the residual and h the leverage. It takes one
    pass over the validation rows for each sample. Up to 20,000 columns.

    Parameters
    ----------
    X, y, X_val, y_val
        As in `influence`.
    rows : array of int, shape (r,)
        Positions in X, for instance those of the largest |influence|.
    l2, coef, sample_weight, utility, request_val
        As in `influence`.

    Returns
    -------
    array of float64, shape (r,)
        In the unit of the measure itself: for auc and ndcg@k it has steps. Positive is useful.

    Raises
    ------
    ValueError
        As in `influence`; or positions outside of X.

    References
    ----------
    Rad and Maleki, "A scalable estimate of the out-of-sample prediction error via approximate leave-one-out", JRSS B 2020.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> rng = np.random.default_rng(0)
    >>> X, X_val = rng.normal(size=(60, 3)), rng.normal(size=(40, 3))
    >>> y, y_val = (X[:, 0] > 0).astype(int), (X_val[:, 0] > 0).astype(int)
    >>> value = assay.influence(X, y, X_val, y_val, l2=1.0)
    >>> few = np.argsort(-np.abs(value))[:3]
    >>> fall = assay.refine(X, y, X_val, y_val, few, l2=1.0)
    >>> bool((np.sign(fall) == np.sign(value[few])).all())
    True
    """
    problem = _problem(X, y, X_val, y_val, l2, coef, sample_weight, utility, request_val, None)
    at = np.asarray(rows)
    if at.ndim != 1 or at.dtype.kind not in "iu" or not len(at) or at.min() < 0 or at.max() >= len(problem.y):
        raise ValueError(f"rows is {rows!r}; give positions from 0 to {len(problem.y) - 1}, at least one")
    few, state = problem.X[at], problem.state
    p = probability(margins(few, state.coef))
    w = problem.weight[at]
    scale = pull(p, problem.y[at], w, state.leverage(few))
    ones = np.ones(len(problem.y_val))

    def measured(b: Vector) -> float:
        return problem.utility.measure(margins(problem.X_val, b), problem.y_val, ones, problem.request_val)

    now = measured(state.coef)
    moves = state.curvature.solve(np.asfortranarray(dense(few).T)) * scale
    return Values(np.array([now - measured(state.coef + move) for move in np.ascontiguousarray(moves.T)]))


class Influence:
    """The valuer: exact leverages, one direction a fold of validation users. Needs a LogisticRegression."""

    name = "influence"
    needs = Linear

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) of log_loss (nats a validation row), auc, ndcg@k (pairwise losses) or softmax, mean over folds.

        model is a fitted models.logistic.LogisticRegression (coef_, l2, curve). InputError: another model or utility,
        or a model that is not converged.
        """
        demand(model, self.needs, self.name)
        X, y = train.matrix(), train.label
        fold = user_folds(validation, folds, int(rng.integers(2**31)))
        try:
            wanted = parse(utility)
            state = prepare(
                X, y, validation.matrix(), validation.label, l2=model.l2, coef=model.coef_, sample_weight=train.weight,
                weight_val=validation.weight, folds=fold, curvature=model.curve(train), utility=wanted,
                request_val=validation.request,
            )  # fmt: skip
        except ValueError as error:
            raise InputError(f"influence: {error}") from None
        per_fold = state.values(X, y, train.weight)
        shown = "minus the mean validation log_loss" if utility == "log_loss" else f"minus the pairwise loss of {utility}"
        metadata = {"method": self.name, "utility": shown, "model": model.name}
        return Importance(train.keys.column("sample_id").to_numpy(), per_fold.mean(axis=0), per_fold, metadata)
