"""A scikit-learn classifier that values the rows it is fitted on, and learns without those that harm."""

from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.model_selection import StratifiedGroupKFold, check_cv
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, has_fit_parameter, validate_data

from assay.importance import checks, neighbours
from assay.importance.influence import problem
from assay.importance.valuer import Importance
from assay.importance.values import Values, Vector, from_folds
from assay.numerics.glm import DENSE_COLUMNS
from assay.selection.weights import drop_harmful

Folds = NDArray[np.int64]
UTILITIES = {
    "knn_shapley": "share of validation rows",
    "knn_banzhaf": "share of validation rows",
    "influence": "minus the mean validation log_loss",
}
_STAYS = 0.5  # of each class's rows: what at least keeps its weight


def _has(name: str) -> Callable[[Any], bool]:
    """Whether the estimator has a method; AttributeError, as scikit-learn asks for, where it has none."""
    return lambda valuer: bool(getattr(valuer.estimator, name))


class SampleValuer(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier fitted with less weight on the training rows that harm predictions of other rows.

    `fit` values every row, by folds: each fold in turn is the validation set of the rows outside of it, so a row has a value by
    every fold but its own. Then it fits a clone of the estimator. The rule: a row whose z-score is below -harmful_z weighs
    harmful_weight, every other row 1; of each class at least half of the rows keep their weight 1.

    The values are those of `assay.influence` (of a ridge logistic regression with an intercept, whatever the estimator is),
    `assay.knn_shapley` or `assay.knn_banzhaf` on the features as they come: scale them first.

    Parameters
    ----------
    estimator : classifier
        What is fitted. It must take sample_weight, unless harmful_weight is 0.
    method : str
        "knn_shapley" or "knn_banzhaf": whether a row's label agrees with its neighbours; "influence" (two classes): how much the
        log_loss of the validation rows rises without a row. Influence needs a validation set whose labels you trust.
    cv : int or splitter
        Folds: a number of them (stratified, in the order of the rows), or a scikit-learn splitter whose test sets hold each row
        once. At least 3; at least 2 of a validation set.
    harmful_z : float
        0 or more. z is value / (stderr + median stderr): a row of usual error at -1 is two standard errors below 0.
    harmful_weight : float
        From 0 up to, not including, 1. Rows of weight 0 are left out of the fit.
    l2 : float
        Ridge of influence's logistic regression, above 0, as in `assay.influence`.
    k : int
        Neighbours of the other methods.

    Attributes
    ----------
    importance_ : Importance
        value, stderr and z (n,) of the training rows; sample_id is a row's position; per_fold the values of the folds. In nats
        per validation row for influence, else in shares of validation rows; higher is more useful.
    sample_weight_ : array of float64, shape (n,)
        The weights of the fit.
    estimator_ : classifier
        The fitted clone.
    classes_ : array
        The classes in order.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from assay.sklearn import SampleValuer
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> wrong = np.argsort(-np.abs(X[:, 0]))[20:24]
    >>> y[wrong] = 1 - y[wrong]
    >>> model = SampleValuer(LogisticRegression()).fit(X, y)
    >>> model.sample_weight_[wrong].tolist(), float(model.sample_weight_.mean())
    ([0.0, 0.0, 0.0, 0.0], 0.98)
    """

    def __init__(
        self,
        estimator: Any,
        method: str = "knn_shapley",
        *,
        cv: Any = 5,
        harmful_z: float = 1.0,
        harmful_weight: float = 0.0,
        l2: float = 1.0,
        k: int = 5,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.cv = cv
        self.harmful_z = harmful_z
        self.harmful_weight = harmful_weight
        self.l2 = l2
        self.k = k

    def fit(self, X: Any, y: Any, *, groups: Any = None, X_val: Any = None, y_val: Any = None) -> Self:
        """Value the rows, weigh them, and fit a clone of the estimator.

        X (n, p): array or sparse matrix, finite. y (n,): classes. X_val, y_val: rows to value by, in place of folds of X; none of
        them a row of X. groups: the user or session of each row of what is split into folds (X_val where it is given, else X);
        a group's rows share a fold. ValueError: an argument of another shape or range.
        """
        self._check_settings()
        X, y = validate_data(self, X, y, accept_sparse="csr")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class only, {str(self.classes_[0])!r}; give rows of at least two")
        if self.method == "influence" and len(self.classes_) > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is multiclass: method='influence' takes two"
                f" classes and y has {len(self.classes_)}; use method='knn_shapley'"
            )
        if X_val is None:
            values = self._cross_fitted(self._columns(X), codes, groups)
        else:
            values = self._by_validation(X, codes, X_val, y_val, groups)
        metadata = {"method": self.method, "utility": UTILITIES[self.method], "model": type(self.estimator).__name__}
        self.importance_ = Importance(np.arange(len(codes)), np.asarray(values), values.per_fold, metadata)
        kept = drop_harmful(np.ones(len(codes)), self.importance_, self.harmful_z, codes[None], _STAYS) > 0
        self.sample_weight_ = np.where(kept, 1.0, self.harmful_weight)
        self.estimator_ = self._fitted(X, y)
        return self

    @available_if(_has("predict"))  # type: ignore[untyped-decorator]
    def predict(self, X: Any) -> Any:
        """(m,) classes, by the fitted estimator."""
        return self._answer("predict", X)

    @available_if(_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        """(m, classes) probabilities, by the fitted estimator."""
        return self._answer("predict_proba", X)

    @available_if(_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Any:
        """(m,) or (m, classes) scores, by the fitted estimator."""
        return self._answer("decision_function", X)

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.input_tags.sparse = inner.input_tags.sparse
        tags.classifier_tags.multi_class = self.method != "influence" and inner.classifier_tags.multi_class
        return tags

    def _check_settings(self) -> None:
        checks.one_of(self.method, tuple(UTILITIES), "method")
        checks.positive(self.l2, "l2")
        checks.count(self.k, "k")
        if not self.harmful_z >= 0:
            raise ValueError(f"harmful_z is {self.harmful_z!r}; give 0 or more")
        if not 0 <= self.harmful_weight < 1:
            raise ValueError(f"harmful_weight is {self.harmful_weight!r}; give a weight from 0 up to, not including, 1")
        if self.harmful_weight and not has_fit_parameter(self.estimator, "sample_weight"):
            raise ValueError(f"{type(self.estimator).__name__} takes no sample_weight; leave rows out: harmful_weight=0")

    def _answer(self, method: str, X: Any) -> Any:
        check_is_fitted(self)
        return getattr(self.estimator_, method)(validate_data(self, X, reset=False, accept_sparse="csr"))

    def _columns(self, X: Any) -> Any:
        """X as the method takes it: influence needs an intercept."""
        if self.method != "influence":
            return X
        ones = np.ones((X.shape[0], 1))
        return sparse.csr_array(sparse.hstack([X, ones])) if sparse.issparse(X) else np.hstack([X, ones])

    def _values(self, X: Any, y: Any, X_val: Any, y_val: Any, folds: Folds | None, *, trusted: bool) -> Values:
        """(n,) values of the rows of X."""
        if self.method == "influence":
            data = problem(X, y, X_val, y_val, l2=self.l2, folds=folds, trusted=trusted)
            return from_folds(data.values("exact" if X.shape[1] <= DENSE_COLUMNS else "sketch"), folds)
        games = neighbours.Problem(X, y, X_val, y_val, "euclidean", folds, trusted=trusted)
        return games.shapley(self.k) if self.method == "knn_shapley" else games.banzhaf(self.k)

    def _cross_fitted(self, X: Any, y: Folds, groups: Any) -> Values:
        """(n,) values, their per_fold of one fold less than there are: each row's by the folds that it is not in."""
        fold = self._fold(X, y, groups)
        folds = int(fold.max()) + 1
        if folds < 3:
            raise ValueError(f"cv makes {folds} folds; a standard error takes 3, or a validation set: fit(..., X_val=, y_val=)")
        per_fold = np.empty((folds - 1, len(y)))
        for number in range(folds):
            train, validation = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            values = self._values(X[train], y[train], X[validation], y[validation], None, trusted=True)
            per_fold[number - (fold[train] < number), train] = values
        return Values(per_fold.mean(axis=0), per_fold)

    def _by_validation(self, X: Any, y: Folds, X_val: Any, y_val: Any, groups: Any) -> Values:
        """(n,) values by rows that were set apart, which are split into folds."""
        if y_val is None:
            raise ValueError("X_val without y_val: give both, or neither")
        X_val, y_val = validate_data(self, X_val, reset=False, accept_sparse="csr"), column_or_1d(y_val)
        unknown = np.setdiff1d(y_val, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y_val holds the class {str(unknown[0])!r}, which y does not; value by classes of the training rows"
            )
        codes = np.searchsorted(self.classes_, y_val)
        folds = self._fold(X_val, codes, groups)
        return self._values(self._columns(X), y, self._columns(X_val), codes, folds, trusted=False)

    def _fold(self, X: Any, y: Folds, groups: Any) -> Folds:
        """(n,) fold of each row, from 0."""
        by_groups = groups is not None and isinstance(self.cv, int)
        splitter = StratifiedGroupKFold(self.cv) if by_groups else check_cv(self.cv, y, classifier=True)
        return _numbered((test for _, test in splitter.split(X, y, groups)), len(y))

    def _fitted(self, X: Any, y: Any) -> Any:
        """A clone of the estimator, fitted on the rows that have a weight."""
        kept = np.flatnonzero(self.sample_weight_)
        weight: dict[str, Vector] = {"sample_weight": self.sample_weight_[kept]} if self.harmful_weight else {}
        return clone(self.estimator).fit(X[kept], y[kept], **weight)


def _numbered(parts: Iterable[Folds], n: int) -> Folds:
    """(n,) number of the part that each row is in; ValueError where the parts do not hold each row once."""
    fold, times = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for number, rows in enumerate(parts):
        fold[rows] = number
        times[rows] += 1
    if (times != 1).any():
        row = int(np.argmax(times != 1))
        raise ValueError(f"cv: row {row} is in {times[row]} test sets; give a splitter that tests each row once, as KFold does")
    return fold
