"""The baselines that stand beside every result: values read off a model's predictions, or off the calendar.

None looks at validation, so none has a standard error over folds; all are cheap. A method that does not beat them is
not worth its cost.
"""

from typing import Any

import numpy as np

from assay.importance import checks
from assay.importance.valuer import Importance, only_loss
from assay.importance.values import Values, Vector
from assay.language import english
from assay.models.capabilities import Capability, Linear
from assay.models.named import demand
from assay.models.scorer import Scorer
from assay.numerics.families import LOGIT, Family
from assay.numerics.glm import Curvature, fit
from assay.numerics.hashing import mix, uniform
from assay.numerics.products import as_rows, margins
from assay.samples.table import Samples


def self_score(X: Any, y: Any, *, l2: float, coef: Any = None, sample_weight: Any = None) -> Values:
    """Log-likelihood of each sample under the logistic regression that was trained without it.

    A low score is a sample that its like contradict: a wrong label, or a rare truth. The model is that of `influence`. The
    sample's own pull is taken out by its leverage: margin + h r / (1 - D h).

    Parameters
    ----------
    X : array or sparse matrix, shape (n, p)
        Samples, finite; CSR where sparse.
    y : array, shape (n,)
        Their labels, 0 or 1.
    l2 : float
        Strength of the ridge, above 0.
    coef : array, shape (p,), optional
        The model's coefficients, at the minimum. By default they are fitted here.
    sample_weight : array, shape (n,), optional
        Weights of 0 or more. By default 1.

    Returns
    -------
    Values, shape (n,)
        float64, 0 or less, in nats. Equal rows have equal scores.

    Raises
    ------
    ValueError
        An argument of another shape or range; the message names it.

    References
    ----------
    Rad and Maleki, "A scalable estimate of the out-of-sample prediction error via approximate leave-one-out", JRSS B 2020.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> wrong = X[:, 0].argmax()
    >>> y[wrong] = 0
    >>> bool(assay.self_score(X, y, l2=1.0).argmin() == wrong)
    True
    """
    rows = as_rows(checks.matrix(X, "X"))
    labels, weight = checks.binary(y, rows.shape[0], "y", "X"), checks.weights(sample_weight, rows.shape[0])
    l2 = checks.positive(l2, "l2")
    b = fit(rows, labels, l2=l2, sample_weight=weight).coef if coef is None else np.asarray(coef, np.float64)
    if b.shape != (rows.shape[1],):
        raise ValueError(f"coef has shape {b.shape}; X has {rows.shape[1]} columns, so give ({rows.shape[1]},)")
    curvature = Curvature(rows, weight * LOGIT.curvature(LOGIT.mean(margins(rows, b))), l2)
    return Values(-LOGIT.losses(_left_out(rows, labels, weight, b, curvature, LOGIT), labels))


def surprise(samples: Samples, model: Any) -> Vector:
    """(n,) log-likelihood of each sample left out, less what the model expects of it: 0 on average where labels are sound.

    model: a fitted linear model. A slice far below 0 holds labels that the rest of the log contradicts. Of continuous labels it
    is minus the squared error left out, less the mean of all.
    """
    margin = left_out_margin(samples, model)
    lost = model.family.losses(margin, samples.response)
    if model.family is not LOGIT:
        return np.asarray(np.average(lost, weights=samples.weight) - lost)
    p, one = LOGIT.mean(margin), np.ones(len(margin))
    expected = p * LOGIT.losses(margin, one) + (1.0 - p) * LOGIT.losses(margin, 0.0 * one)
    return np.asarray(expected - lost)


def left_out_probability(samples: Samples, model: Any) -> Vector:
    """(n,) probability of label 1 of each sample by a fitted LogisticRegression trained without it."""
    return LOGIT.mean(left_out_margin(samples, model))


def left_out_margin(samples: Samples, model: Any) -> Vector:
    """(n,) margin of each sample by a fitted linear model trained without it."""
    return _left_out(samples.matrix(), samples.response, samples.weight, model.coef_, model.curve(samples), model.family)


def _left_out(rows: Any, y: Any, weight: Vector, coef: Vector, curvature: Curvature, family: Family) -> Vector:
    """(n,) margins of a model without the sample itself."""
    margin = margins(rows, coef)
    h = curvature.leverage(rows)
    return np.asarray(margin + h * family.pull(family.mean(margin), y, weight, h))


def loss(y: Any, p: Any) -> Values:
    """Log-likelihood of each sample's own label under predicted probabilities.

    Parameters
    ----------
    y : array, shape (n,)
        Labels, 0 or 1.
    p : array, shape (n,)
        Probabilities of label 1, in [0, 1].

    Returns
    -------
    Values, shape (n,)
        float64, 0 or less, in nats.

    Raises
    ------
    ValueError
        Labels that are not 0 or 1, p that is no probability, or lengths that differ.

    Examples
    --------
    >>> import assay
    >>> assay.loss([1, 0], [0.5, 0.5]).round(3).tolist()
    [-0.693, -0.693]
    """
    labels, chances = _predicted(y, p)
    return Values(np.log(np.maximum(np.where(labels > 0, chances, 1.0 - chances), np.finfo(np.float64).tiny)))


def margin(y: Any, p: Any) -> Values:
    """Probability of each sample's own label less that of the other.

    Parameters
    ----------
    y : array, shape (n,)
        Labels, 0 or 1.
    p : array, shape (n,)
        Probabilities of label 1, in [0, 1].

    Returns
    -------
    Values, shape (n,)
        float64, from -1 to 1.

    Raises
    ------
    ValueError
        Labels that are not 0 or 1, p that is no probability, or lengths that differ.

    Examples
    --------
    >>> import assay
    >>> assay.margin([1, 0], [0.75, 0.75]).tolist()
    [0.5, -0.5]
    """
    labels, chances = _predicted(y, p)
    return Values(np.where(labels > 0, 2.0 * chances - 1.0, 1.0 - 2.0 * chances))


def _predicted(y: Any, p: Any) -> tuple[Any, Vector]:
    chances = np.asarray(p, np.float64)
    if chances.ndim != 1 or not ((chances >= 0) & (chances <= 1)).all():
        raise ValueError(f"p has shape {chances.shape} or holds what is no probability; give (n,) numbers in [0, 1]")
    return checks.binary(y, len(chances), "y", "p"), chances


def recency(timestamp: Any) -> Values:
    """The time of each sample: later is more useful.

    Parameters
    ----------
    timestamp : array, shape (n,)
        Numbers in any unit, or numpy dates and times.

    Returns
    -------
    Values, shape (n,)
        float64, in timestamp's unit; dates and times in seconds since 1970.

    Raises
    ------
    ValueError
        A time that is not finite.

    Examples
    --------
    >>> import assay
    >>> assay.recency([3, 1, 2]).tolist()
    [3.0, 1.0, 2.0]
    """
    times = np.asarray(timestamp)
    if times.dtype.kind == "M":
        times = times.astype("datetime64[us]").astype(np.int64) / 1e6
    return Values(checks.vector(times, len(times), "timestamp", "the samples").astype(np.float64))


def popularity(item: Any, y: Any = None) -> Values:
    """How often each sample's item occurs, or how many of its samples have label 1.

    Parameters
    ----------
    item : array, shape (n,)
        The item of each sample.
    y : array, shape (n,), optional
        Labels, 0 or 1; then only samples of label 1 count.

    Returns
    -------
    Values, shape (n,)
        float64, a count.

    Raises
    ------
    ValueError
        Labels that are not 0 or 1, or as many as there are not items.

    Examples
    --------
    >>> import assay
    >>> assay.popularity(["tea", "cup", "tea"]).tolist()
    [2.0, 1.0, 2.0]
    """
    ids, codes = np.unique(np.asarray(item), return_inverse=True)
    weight = None if y is None else checks.binary(y, len(codes), "y", "item").astype(np.float64)
    return Values(np.bincount(codes, weight, minlength=len(ids))[codes].astype(np.float64))


def random(n: int, rng: np.random.Generator) -> Values:
    """Uniform numbers as values: what any method must beat.

    Parameters
    ----------
    n : int
        Samples.
    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    Values, shape (n,)
        float64, in [0, 1).

    Raises
    ------
    ValueError
        n is no whole number of 0 or more.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> assay.random(3, np.random.default_rng(0)).shape
    (3,)
    """
    return Values(rng.random(checks.count(n, "n", 0)))


class _Baseline:
    """A valuer that needs no validation set: `_values` is all that differs."""

    name = ""
    utility = ""
    needs: Capability = Scorer

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,); validation, utility and folds play no part (log_loss alone where it is the unit)."""
        del validation, folds
        own = self.utility
        if own.startswith("log_loss"):
            only_loss(utility, train, self.name)
            own = own.replace("log_loss", train.label_type.loss)
        values = np.asarray(self._values(train, model, rng), np.float64)
        metadata = {"method": self.name, "utility": own, "model": model.name}
        return Importance(train.keys.column("sample_id").to_numpy(), values, metadata=metadata)

    def _values(self, train: Samples, model: Any, rng: np.random.Generator) -> Vector:
        raise NotImplementedError


class Probability(_Baseline):
    """The predicted probability of a positive as the sample's value: the simplest recipe. Of continuous labels, the prediction.

    It tells what the model expects, not what it learns from: all its least useful samples are negatives that it
    knows already.
    """

    name, utility = "probability", "probability"

    def _values(self, train: Samples, model: Any, rng: np.random.Generator) -> Vector:
        del rng
        return np.asarray(model.predict(train))


class Loss(_Baseline):
    """Minus the sample's own loss under the model that was trained on it: mislabelled and telling ones come first."""

    name, utility = "loss", english("log_loss of the sample itself")

    def _values(self, train: Samples, model: Any, rng: np.random.Generator) -> Vector:
        del rng
        predicted = model.predict(train)
        return loss(train.label, predicted) if train.label_type.is_chance else -train.label_type.losses(predicted, train.response)


class Margin(_Baseline):
    """The own label's probability less the other's."""

    name, utility = "margin", "margin of the sample itself"

    def _values(self, train: Samples, model: Any, rng: np.random.Generator) -> Vector:
        del rng
        train.label_type.demand_chances(self.name)
        return margin(train.label, model.predict(train))


class SelfScore(_Baseline):
    """Minus the sample's own loss under the linear model without it. Needs a linear model."""

    name, utility = "self_score", english("log_loss of the sample itself, left out")
    needs: Capability = Linear

    def _values(self, train: Samples, model: Any, rng: np.random.Generator) -> Vector:
        del rng
        demand(model, self.needs, self.name)
        margin = left_out_margin(train, model)
        if train.label_type.is_chance:
            return np.asarray(-LOGIT.losses(margin, train.response))
        return -train.label_type.losses(margin, train.response)


class Recency(_Baseline):
    """The later, the more useful; within a period in order of a hash of the sample id."""

    name, utility = "recency", "period of the request"

    def _values(self, train: Samples, model: Any, rng: np.random.Generator) -> Vector:
        del model
        ids = train.keys.column("sample_id").to_numpy().view(np.uint64)
        return recency(train.period + uniform(mix(int(rng.integers(2**31)), ids)))


class ItemPopularity(_Baseline):
    """Training positives of the sample's item; equally popular ones in order of a hash of the sample id."""

    name, utility = "popularity", "positives of the item"

    def _values(self, train: Samples, model: Any, rng: np.random.Generator) -> Vector:
        del model
        ids = train.keys.column("sample_id").to_numpy().view(np.uint64)
        return popularity(train.item, train.label) + uniform(mix(int(rng.integers(2**31)), ids))


class Random(_Baseline):
    """A hash of the sample id: what any method must beat."""

    name, utility = "random", "none"

    def _values(self, train: Samples, model: Any, rng: np.random.Generator) -> Vector:
        del model
        ids = train.keys.column("sample_id").to_numpy().view(np.uint64)
        return uniform(mix(int(rng.integers(2**31)), ids))
