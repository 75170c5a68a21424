"""Data-OOB: how well the bags that did not see a sample predict it, its class or its amount (Kwon and Zou, ICML 2023).

One bagged fit values every sample; no validation set is needed, so none can be overfitted. It finds samples that
disagree with their like, and says nothing of whether a model is better without them.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Protocol, runtime_checkable

import numpy as np
from joblib import parallel_config
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, RandomForestClassifier
from sklearn.tree import BaseDecisionTree

from assay.cores import cores
from assay.importance import checks
from assay.importance.neighbours import scaled
from assay.importance.valuer import Importance
from assay.importance.values import Values, Vector
from assay.models.scorer import Scorer
from assay.numerics.hashing import mix
from assay.samples.table import Samples

_BAGS = 100


@runtime_checkable
class Bagged(Protocol):
    """A fitted bag of scikit-learn models that knows which rows each was fitted on."""

    estimators_: Sequence[Any]
    estimators_samples_: Sequence[Any]


@runtime_checkable
class _OfEstimator(Protocol):
    """A bag that says what it is a bag of."""

    estimator: Any


@runtime_checkable
class _OnSomeColumns(Bagged, Protocol):
    """A fitted bag that knows which columns each model was fitted on."""

    estimators_features_: Sequence[Any]


def data_oob(model: Any, X: Any, y: Any, *, seed: int = 0, workers: int = 2) -> Values:
    """How well the bags without a sample predict it: the share that says its class, or minus the mean squared error.

    Equal rows differ within their standard errors, since which rows a bag draws is random.

    Parameters
    ----------
    model : classifier or regressor
        Bagged scikit-learn models (a random forest, BaggingClassifier or BaggingRegressor of trees or linear models), fitted on
        exactly these rows or not fitted; or any other classifier or regressor, of which 100 are then bagged. It is cloned before
        it is fitted here.
    X : array or sparse matrix, shape (n, p)
        Samples, finite.
    y : array, shape (n,)
        Their classes; finite numbers for a regressor.
    seed : int
        Decides the bags.
    workers : int
        Processes.

    Returns
    -------
    Values, shape (n,)
        float64. Of a classifier from 0 to 1: 1 where a sample's like agree with its label. Of a regressor 0 at most, in the
        labels' unit, squared. `.stderr` is that over the bags.

    Raises
    ------
    ValueError
        An argument of another shape or range; or every bag holds a row: then more bags are needed.

    References
    ----------
    Kwon and Zou, "Data-OOB: out-of-bag estimate as a simple and efficient data value", ICML 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> import assay
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> wrong = X[:, 0].argmax()
    >>> y[wrong] = 0
    >>> value = assay.data_oob(RandomForestClassifier(50, random_state=0), X, y, workers=1)
    >>> bool(value[wrong] < 0.5 < value.mean())
    True
    """
    rows = checks.matrix(X, "X")
    if is_classifier(model):
        labels = checks.vector(y, rows.shape[0], "y", "X")
        bags = _fitted(model, rows, labels, BaggingClassifier, seed, workers)
        score = _agreement(bags, labels)
    elif is_regressor(model):
        amounts = checks.amounts(y, rows.shape[0], "y", "X")
        bags = _fitted(model, rows, amounts, BaggingRegressor, seed, workers)
        score = _closeness(amounts)
    else:
        raise ValueError(f"model is {type(model).__name__}, not a scikit-learn classifier or regressor")
    return _out_of_bag(bags, rows, score)


def _fitted(model: Any, rows: Any, labels: NDArray[Any], bagging: Any, seed: int, workers: int) -> Any:
    """The model if it is a fitted bag, else a clone that is; ValueError for one fitted on more rows than there are."""
    if not isinstance(model, Bagged):
        bags = "bootstrap" in model.get_params(deep=False)
        bagged = clone(model) if bags else bagging(clone(model), _BAGS, n_jobs=workers)
        # Trees grow without the interpreter's lock: in threads nothing is started, and no tree is sent back.
        threads = isinstance(bagged, _OfEstimator) and isinstance(bagged.estimator, BaseDecisionTree)
        with parallel_config("threading") if threads else nullcontext():
            return bagged.set_params(random_state=seed).fit(rows, labels)
    if int(max(drawn.max() for drawn in model.estimators_samples_)) >= len(labels):
        raise ValueError(f"model was fitted on other rows than the {len(labels)} of X; give the same, or an unfitted model")
    return model


Score = Callable[[Any, NDArray[Any], NDArray[np.int64]], Vector]  # (estimator, predictions, rows) -> how well, by row


def _agreement(bags: Any, labels: NDArray[Any]) -> Score:
    """1 where a row's class is predicted, else 0."""
    codes = np.searchsorted(bags.classes_, labels)
    if (codes >= len(bags.classes_)).any() or (bags.classes_[codes] != labels).any():
        raise ValueError("y holds classes that model was not fitted on; give its own training labels")

    def score(estimator: Any, predicted: NDArray[Any], at: NDArray[np.int64]) -> Vector:
        # Trees of a forest learn codes; bags learn the classes themselves when they are numbers.
        own = codes if np.array_equal(estimator.classes_, np.arange(len(bags.classes_))) else labels
        return np.asarray(predicted == own[at], np.float64)

    return score


def _closeness(amounts: Vector) -> Score:
    """Minus the squared error."""
    return lambda _, predicted, at: -((predicted - amounts[at]) ** 2)


def _out_of_bag(bags: Any, rows: Any, score: Score) -> Values:
    """Mean score of each row over the models that were not fitted on it, with its standard error."""
    n = rows.shape[0]
    total, squares, count = np.zeros(n), np.zeros(n), np.zeros(n)
    columns = bags.estimators_features_ if isinstance(bags, _OnSomeColumns) else [None] * len(bags.estimators_)
    # Trees of a forest take float32 and skip the check of every row when told so.
    of_trees = isinstance(bags.estimators_[0], BaseDecisionTree)
    unchecked: dict[str, Any] = {"check_input": False} if of_trees and type(rows) is np.ndarray else {}
    if unchecked:
        rows = rows.astype(np.float32)
    for estimator, drawn, columns_of in zip(bags.estimators_, bags.estimators_samples_, columns, strict=True):
        out = np.ones(n, bool)
        out[drawn] = False
        at = np.flatnonzero(out)
        if not len(at):
            continue
        part = rows[at] if columns_of is None or len(columns_of) == rows.shape[1] else rows[at][:, columns_of]
        scores = score(estimator, estimator.predict(part, **unchecked), at)
        total[at] += scores
        squares[at] += scores**2
        count[at] += 1
    if (count == 0).any():
        row = int(np.argmin(count))
        raise ValueError(f"model: row {row} is in all of its {len(bags.estimators_)} bags; use more bags")
    mean = total / count
    return Values(mean, stderr=np.sqrt(np.maximum(squares / count - mean**2, 0.0) / np.maximum(count - 1, 1)))


class DataOob:
    """The valuer: a forest of 100 trees over dense features, each grown on a draw of at most 20,000 rows."""

    name = "data_oob"
    needs = Scorer
    _rows = 20_000

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) in shares of trees; rows are drawn in order of a hash of their ids. The rest plays no part."""
        del validation, model, utility, folds
        train.label_type.demand_chances(self.name)
        order = np.argsort(mix(0, train.keys.column("sample_id").to_numpy().view(np.uint64)), kind="stable")
        X, _ = scaled(train, train.take(order[:1]))
        forest = RandomForestClassifier(
            _BAGS,
            min_samples_leaf=5,
            max_samples=min(self._rows, len(train)),
            random_state=int(rng.integers(2**31)),
            n_jobs=cores(),
        )
        values = np.empty(len(train))
        values[order] = data_oob(forest.fit(X[order], train.label[order]), X[order], train.label[order])
        return Importance.of(train, Values(values), self.name, "share of trees that agree", "forest")
