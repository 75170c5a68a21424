"""Data-OOB: how well the bags that did not see a sample predict it (Kwon and Zou, ICML 2023).

One bagged fit values every sample; no validation set is needed, so none can be overfitted. It finds samples that
disagree with their like, and says nothing of whether a model is better without them.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Protocol, runtime_checkable

import numpy as np
from joblib import parallel_config
from sklearn.base import clone, is_classifier
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.tree import BaseDecisionTree

from assay.importance import checks
from assay.importance.neighbours import scaled
from assay.importance.valuer import Importance
from assay.importance.values import Values
from assay.models.scorer import Scorer
from assay.numerics.hashing import mix
from assay.samples.table import Samples

_BAGS = 100


@runtime_checkable
class Bagged(Protocol):
    """A fitted bag of scikit-learn classifiers that knows which rows each was fitted on."""

    estimators_: Sequence[Any]
    estimators_samples_: Sequence[Any]
    classes_: Any


@runtime_checkable
class _OfEstimator(Protocol):
    """A bag that says what it is a bag of."""

    estimator: Any


@runtime_checkable
class _OnSomeColumns(Bagged, Protocol):
    """A fitted bag that knows which columns each classifier was fitted on."""

    estimators_features_: Sequence[Any]


def data_oob(model: Any, X: Any, y: Any, *, seed: int = 0, workers: int = 2) -> Values:
    """Share of the bags without a sample that predict its class: 1 where its like agree with its label.

    Equal rows differ within their standard errors, since which rows a bag draws is random.

    Parameters
    ----------
    model : classifier
        A bagged scikit-learn classifier (RandomForestClassifier, BaggingClassifier of trees or linear models), fitted on exactly
        these rows or not fitted; or any other classifier, of which 100 are then bagged. It is cloned before it is fitted here.
    X : array or sparse matrix, shape (n, p)
        Samples, finite.
    y : array, shape (n,)
        Their classes.
    seed : int
        Decides the bags.
    workers : int
        Processes.

    Returns
    -------
    Values, shape (n,)
        float64, from 0 to 1; `.stderr` is that over the bags.

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
    labels = checks.vector(y, rows.shape[0], "y", "X")
    if not is_classifier(model):
        raise ValueError(f"model is {type(model).__name__}, not a scikit-learn classifier")
    if not isinstance(model, Bagged):
        bags = "bootstrap" in model.get_params(deep=False)
        bagged = clone(model) if bags else BaggingClassifier(clone(model), _BAGS, n_jobs=workers)
        # Trees grow without the interpreter's lock: in threads nothing is started, and no tree is sent back.
        threads = isinstance(bagged, _OfEstimator) and isinstance(bagged.estimator, BaseDecisionTree)
        with parallel_config("threading") if threads else nullcontext():
            model = bagged.set_params(random_state=seed).fit(rows, labels)
    elif int(max(drawn.max() for drawn in model.estimators_samples_)) >= len(labels):
        raise ValueError(f"model was fitted on other rows than the {len(labels)} of X; give the same, or an unfitted model")
    codes = np.searchsorted(model.classes_, labels)
    if (codes >= len(model.classes_)).any() or (model.classes_[codes] != labels).any():
        raise ValueError("y holds classes that model was not fitted on; give its own training labels")
    hits, count = np.zeros(len(labels)), np.zeros(len(labels))
    columns = model.estimators_features_ if isinstance(model, _OnSomeColumns) else [None] * len(model.estimators_)
    # Trees of a forest take float32 and skip the check of every row when told so.
    of_trees = isinstance(model.estimators_[0], BaseDecisionTree)
    unchecked: dict[str, Any] = {"check_input": False} if of_trees and type(rows) is np.ndarray else {}
    if unchecked:
        rows = rows.astype(np.float32)
    for estimator, drawn, columns_of in zip(model.estimators_, model.estimators_samples_, columns, strict=True):
        out = np.ones(len(labels), bool)
        out[drawn] = False
        at = np.flatnonzero(out)
        if not len(at):
            continue
        part = rows[at] if columns_of is None or len(columns_of) == rows.shape[1] else rows[at][:, columns_of]
        predicted = estimator.predict(part, **unchecked)
        # Trees of a forest learn codes; bags learn the classes themselves when they are numbers.
        own = codes if np.array_equal(estimator.classes_, np.arange(len(model.classes_))) else labels
        hits[at] += predicted == own[at]
        count[at] += 1
    if (count == 0).any():
        row = int(np.argmin(count))
        raise ValueError(f"model: row {row} is in all of its {len(model.estimators_)} bags; use more bags")
    share = hits / count
    return Values(share, stderr=np.sqrt(share * (1 - share) / np.maximum(count - 1, 1)))


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
            _BAGS, min_samples_leaf=5, max_samples=min(self._rows, len(train)), random_state=int(rng.integers(2**31)), n_jobs=2
        )
        values = np.empty(len(train))
        values[order] = data_oob(forest.fit(X[order], train.label[order]), X[order], train.label[order])
        return Importance.of(train, Values(values), self.name, "share of trees that agree", "forest")
