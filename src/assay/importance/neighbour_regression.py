"""Exact values of training samples with continuous labels to a k-nearest-neighbour regression, n log n a validation row."""

from typing import Any

import numpy as np

from assay.errors import InputError
from assay.importance import checks
from assay.importance.neighbours import Distances, scaled, some
from assay.importance.valuer import Importance, user_folds
from assay.importance.values import Values
from assay.models.scorer import Scorer
from assay.numerics import neighbour_regression as kernels
from assay.numerics.compiled import announce
from assay.samples.table import Samples


def knn_shapley_regression(
    X: Any, y: Any, X_val: Any, y_val: Any, *, k: int = 5, metric: str = "euclidean", folds: Any = None
) -> Values:
    """Exact Shapley values of training samples to a k-nearest-neighbour regression; positive is useful.

    For continuous labels, as watch time or spend. A set predicts the sum of the labels of its nearest k members, over k; it is
    worth minus the squared error, mean over validation rows. The empty set predicts 0, and a set of fewer than k counts the
    missing ones as 0: subtract the mean of `y` from both labels, so that 0 is what one would predict without neighbours. The
    values sum to the worth of all samples minus that of none, which is minus the mean of y_val^2. Samples at one distance get the
    mean over their orders, exactly. Time: n log n a validation row; memory: n.

    Parameters
    ----------
    X : array or sparse matrix, shape (n, p)
        Training samples, finite.
    y : array, shape (n,)
        Their labels, finite numbers.
    X_val : array or sparse matrix, shape (m, p)
        Validation samples; none of them a training sample.
    y_val : array, shape (m,)
        Their labels.
    k : int
        Neighbours, 1 or more; also above n.
    metric : str
        "euclidean", or "cosine" (no row of zeros).
    folds : array of int, shape (m,), optional
        Number of each validation row's fold, from 0. The result then knows per_fold, stderr and z.

    Returns
    -------
    Values, shape (n,)
        float64; unit: that of the labels, squared, per validation row. Equal rows have equal values.

    Raises
    ------
    ValueError
        An argument of another shape or range, or X_val that holds rows of X; the message names it.

    References
    ----------
    Jia et al., "Efficient task-specific data valuation for nearest neighbor algorithms", PVLDB 2019. The recursion there is for
    n of at least k and distances that all differ; here any n, k and ties.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> X, y = np.array([[0.0], [1.0], [10.0]]), np.array([2.0, 4.0, 9.0])
    >>> value = assay.knn_shapley_regression(X, y, np.array([[0.1]]), np.array([2.0]), k=1)
    >>> value.round(3).tolist(), round(float(value.sum()), 3)
    ([11.5, 7.5, -15.0], 4.0)
    """
    return Amounts(X, y, X_val, y_val, metric, folds).shapley(checks.count(k, "k"))


class Amounts(Distances):
    """Checked rows and continuous labels.

    trusted: a split made X_val, so rows that equal rows of X are other samples.
    """

    def __init__(self, X: Any, y: Any, X_val: Any, y_val: Any, metric: str, folds: Any, *, trusted: bool = False) -> None:
        super().__init__(X, X_val, metric, folds)
        self.y, self.y_val = checks.amounts(y, self.n, "y", "X"), checks.amounts(y_val, self.m, "y_val", "X_val")
        if not trusted:
            checks.disjoint(X, self.y, X_val, self.y_val)

    def shapley(self, k: int) -> Values:
        """Values of `knn_shapley_regression`."""
        of_rank = kernels.shares(self.n, k)
        kernel: Any = kernels.sparse_values if self.sparse else kernels.dense_values
        announce(kernel)
        return self.over_folds(lambda at, sums: kernel(*self.rows(at), self.y, self.y_val[at], float(k), of_rank, sums))


class KnnShapleyRegression:
    """The valuer: ten neighbours by dense features scaled to unit deviation, 1,000 validation rows by hash.

    Labels count from the mean of those of train, so that no neighbours predict that mean.
    """

    name = "knn_shapley_regression"
    needs = Scorer
    k = 10

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) in the labels' unit squared per validation row, mean over folds; model and utility play no part.

        InputError: labels of 0 and 1.
        """
        del model, utility
        if train.label_type.is_chance:
            raise InputError(f"{self.name} values continuous labels, and these are 0 and 1; use knn_shapley")
        seed = int(rng.integers(2**31))
        few = some(validation, seed)
        X, X_val = scaled(train, few)
        usual = float(train.response.mean())
        fold = user_folds(few, folds, seed)
        data = Amounts(X, train.response - usual, X_val, few.response - usual, "euclidean", fold, trusted=True)
        return Importance.of(train, data.shapley(self.k), self.name, "minus the mean squared error", "nearest neighbours")
