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
from assay.importance.influence_state import State, prepare
from assay.importance.utilities import SQUARED_ERROR, Auc, LogLoss, Ndcg, Utility, parse
from assay.importance.valuer import Importance, user_folds
from assay.importance.values import Values, Vector, from_folds
from assay.language import english
from assay.models.capabilities import Linear
from assay.models.named import demand
from assay.numerics.families import LOGIT
from assay.numerics.glm import fit
from assay.numerics.products import Matrix, as_rows, dense, margins
from assay.samples.table import Samples

LEVERAGES = ("exact", "sketch", "none")


@dataclass(frozen=True)
class Problem:
    """Checked arguments of the array functions, and the state at the minimum."""

    X: Matrix
    y: NDArray[np.int8]
    X_val: Matrix
    y_val: NDArray[np.int8]
    weight: Vector
    utility: Utility
    request_val: NDArray[Any] | None
    state: State

    def values(self, leverage: str) -> Vector:
        """(F, n) what the loss of each fold rises by without each row; leverage is a word of LEVERAGES."""
        h = np.zeros(len(self.y))
        if leverage == "exact":
            h = self.state.leverage(self.X)
        elif leverage == "sketch":
            p = LOGIT.mean(margins(self.X, self.state.coef))
            h = self.state.sketch(self.X, self.weight * LOGIT.curvature(p))
        return self.state.values(self.X, self.y, self.weight, h)


def problem(
    X: Any,
    y: Any,
    X_val: Any,
    y_val: Any,
    *,
    l2: Any,
    coef: Any = None,
    sample_weight: Any = None,
    utility: str = "log_loss",
    request_val: Any = None,
    folds: Any = None,
    trusted: bool = False,
) -> Problem:
    """The arguments of `influence`, checked; trusted: a split made X_val, so rows that equal rows of X are other samples."""
    train, validation = checks.pair(X, X_val)
    n, m = train.shape[0], validation.shape[0]
    labels, labels_val = checks.binary(y, n, "y", "X"), checks.binary(y_val, m, "y_val", "X_val")
    if not trusted:
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
    return Problem(train, labels, validation, labels_val, weight, wanted, request_val, state)


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
        "log_loss" (unit: nats per validation row); "auc" (mean pairwise logistic loss over all pairs); "ndcg@k" (pairwise
        logistic loss inside each request, pairs weighted by |delta NDCG@k| as it is at coef, a mean over requests with both
        labels); or "softmax" (the softmax loss of each request's positives).
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
    data = problem(
        X, y, X_val, y_val, l2=l2, coef=coef, sample_weight=sample_weight, utility=utility, request_val=request_val, folds=folds
    )
    return from_folds(data.values(leverage), folds)


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
    data = problem(
        X, y, X_val, y_val, l2=l2, coef=coef, sample_weight=sample_weight, utility=utility, request_val=request_val, folds=folds
    )
    ids, code = np.unique(checks.vector(group, len(data.y), "group", "X"), return_inverse=True)
    order = np.argsort(code, kind="stable")
    ends = np.searchsorted(code[order], np.arange(len(ids) + 1))
    rows = (order[low:high] for low, high in itertools.pairwise(ends))
    return from_folds(np.stack([data.state.group(data.X, data.y, at, data.weight) for at in rows], axis=1), folds)


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
    data = problem(X, y, X_val, y_val, l2=l2, coef=coef, sample_weight=sample_weight, utility=utility, request_val=request_val)
    at = np.asarray(rows)
    if at.ndim != 1 or at.dtype.kind not in "iu" or not len(at) or at.min() < 0 or at.max() >= len(data.y):
        raise ValueError(f"rows is {rows!r}; give positions from 0 to {len(data.y) - 1}, at least one")
    few, state = data.X[at], data.state
    p = LOGIT.mean(margins(few, state.coef))
    w = data.weight[at]
    scale = LOGIT.pull(p, data.y[at], w, state.leverage(few))
    ones = np.ones(len(data.y_val))

    def measured(b: Vector) -> float:
        return data.utility.measure(margins(data.X_val, b), data.y_val, ones, data.request_val)

    now = measured(state.coef)
    moves = state.curvature.solve(np.asfortranarray(dense(few).T)) * scale
    return Values(np.array([now - measured(state.coef + move) for move in np.ascontiguousarray(moves.T)]))


class Influence:
    """The valuer: exact leverages, one direction per fold of validation users. Needs a linear model.

    Of continuous labels in mse the values are those of retraining without each sample, exactly.
    """

    name = "influence"
    needs = Linear

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) of log_loss (nats per validation row), auc, ndcg@k (pairwise losses) or softmax, mean over folds.

        Of continuous labels: of mse or mae. model is a fitted models.linear.LinearModel (coef_, l2, family, curve). InputError:
        another model or utility, or a model that is not converged.
        """
        demand(model, self.needs, self.name)
        X, y = train.matrix(), train.response
        fold = user_folds(validation, folds, int(rng.integers(2**31)))
        try:
            wanted = parse(utility, model.family)
            y_val = validation.gain if isinstance(wanted, Ndcg) else validation.response
            state = prepare(
                X, y, validation.matrix(), y_val, l2=model.l2, coef=model.coef_, sample_weight=train.weight,
                weight_val=validation.weight, folds=fold, curvature=model.curve(train), utility=wanted,
                request_val=validation.request, family=model.family,
            )  # fmt: skip
            if wanted is SQUARED_ERROR:
                state = state.exact(validation.matrix(), validation.weight, fold)
        except ValueError as error:
            raise InputError(f"influence: {error}") from None
        per_fold = state.values(X, y, train.weight)
        pairwise = utility != model.family.measure and model.family is LOGIT
        shown = english("minus the mean validation {name}", name=utility)
        if pairwise:
            shown = english("minus the pairwise loss of {name}", name=utility)
        metadata = {"method": self.name, "utility": shown, "model": model.name}
        return Importance(train.keys.column("sample_id").to_numpy(), per_fold.mean(axis=0), per_fold, metadata)


class RankingInfluence(Influence):
    """Influence on the order inside requests: in ndcg@10, whatever the run's loss is."""

    name = "ranking_influence"

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) of ndcg@10 (pairwise loss), as Influence makes them; a drawn candidate stands for as many as it weighs.

        InputError: as in Influence, or a fold of validation users without a request of both labels.
        """
        del utility
        return super().value(train, validation, model=model, utility=train.label_type.ranked, folds=folds, rng=rng)
