"""Leave-one-out values of training samples with continuous labels, by ridge regression: exact, in closed form.

Without sample i the coefficients move by -H^-1 x_i w_i e_i / (1 - w_i h_i), with e_i its residual and h_i = x_i' H^-1 x_i its
leverage (Cook and Weisberg, "Residuals and influence in regression", 1982). A quadratic loss has no other curvature, so nothing
is left to approximate: the values are those of retraining.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from assay.importance import checks
from assay.importance.values import Values, Vector, from_folds
from assay.numerics.products import Matrix

LOSSES = ("squared", "absolute")
_CELLS = 1 << 22  # of a block of samples x validation rows
_MOST_COLUMNS = 20_000


def ridge_influence(
    X: Any,
    y: Any,
    X_val: Any,
    y_val: Any,
    *,
    l2: float,
    sample_weight: Any = None,
    loss: str = "squared",
    folds: Any = None,
) -> Values:
    """Rise of the validation loss without each training sample of a ridge regression; positive is useful.

    For continuous labels, as watch time or spend. The model minimises sum_i sample_weight_i * (y_i - x_i.b)^2 / 2 + (l2 / 2)
    |b|^2 over all columns; an intercept is a column of ones. The values are exact: those of retraining without each sample.

    Parameters
    ----------
    X : array or sparse matrix, shape (n, p)
        Training samples, finite; at most 20,000 columns.
    y : array, shape (n,)
        Their labels, finite numbers.
    X_val : array or sparse matrix, shape (m, p)
        Validation samples; none of them a training sample.
    y_val : array, shape (m,)
        Their labels.
    l2 : float
        Strength of the ridge, above 0.
    sample_weight : array, shape (n,), optional
        Weights of 0 or more; a sample of weight 0 has value 0. By default 1.
    loss : str
        "squared" (unit: that of the labels, squared, per validation row) or "absolute" (unit: that of the labels).
    folds : array of int, shape (m,), optional
        Number of each validation row's fold, from 0. The result then knows per_fold, stderr and z.

    Returns
    -------
    Values, shape (n,)
        float64. Equal rows have equal values.

    Raises
    ------
    ValueError
        An argument of another shape or range, or X_val that holds rows of X; the message names it.

    References
    ----------
    Cook and Weisberg, "Residuals and influence in regression", Chapman and Hall 1982.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> rng = np.random.default_rng(0)
    >>> X, X_val = rng.normal(size=(60, 3)), rng.normal(size=(40, 3))
    >>> y, y_val = X[:, 0] + 0.1 * rng.normal(size=60), X_val[:, 0]
    >>> y[7] = 30.0
    >>> int(assay.ridge_influence(X, y, X_val, y_val, l2=1.0).argmin())
    7
    """
    checks.one_of(loss, LOSSES, "loss")
    train, validation = checks.pair(X, X_val)
    if train.shape[1] > _MOST_COLUMNS:
        raise ValueError(f"X has {train.shape[1]:,} columns; give at most {_MOST_COLUMNS:,}")
    label = checks.vector(y, train.shape[0], "y", "X").astype(np.float64)
    label_val = checks.vector(y_val, validation.shape[0], "y_val", "X_val").astype(np.float64)
    checks.disjoint(X, y, X_val, y_val)
    weight, fold = checks.weights(sample_weight, len(label)), checks.fold_numbers(folds, len(label_val))
    factor, coef = _fit(train, label, weight, checks.positive(l2, "l2"))
    residual, residual_val = label - train @ coef, label_val - validation @ coef
    of_fold = np.equal.outer(fold, np.arange(fold.max() + 1)) / np.bincount(fold)  # (m, F): the mean over each fold
    before = _lost(residual_val, loss)
    values = np.empty((of_fold.shape[1], len(label)))
    rows = max(1, _CELLS // max(len(label_val), train.shape[1]))
    for begin in range(0, len(label), rows):
        block = slice(begin, begin + rows)
        samples = _dense(train[block])
        solved = linalg.cho_solve(factor, samples.T).T  # (rows, p): x_i' H^-1
        leverage = np.einsum("ip,ip->i", solved, samples)
        step = weight[block] * residual[block] / (1.0 - weight[block] * leverage)
        without = (
            residual_val + (validation @ solved.T).T * step[:, None]
        )  # (rows, m): residuals of the model without each sample
        values[:, block] = ((_lost(without, loss) - before) @ of_fold).T
    return from_folds(values, folds)


def _fit(X: Matrix, y: Vector, weight: Vector, l2: float) -> tuple[tuple[NDArray[Any], bool], Vector]:
    """The Cholesky factor of H = X' W X + l2 I, and the coefficients (p,)."""
    weighted = X.multiply(weight[:, None]).tocsr() if sparse.issparse(X) else X * weight[:, None]
    hessian = _dense(X.T @ weighted) + l2 * np.eye(X.shape[1])
    factor = linalg.cho_factor(hessian, lower=True)
    return factor, np.asarray(linalg.cho_solve(factor, weighted.T @ y))


def _dense(rows: Any) -> NDArray[np.float64]:
    return np.asarray(rows.toarray() if sparse.issparse(rows) else rows, np.float64)


def _lost(residual: Vector, loss: str) -> Vector:
    return np.asarray(residual**2 if loss == "squared" else np.abs(residual))
