"""The baselines that stand beside every result: values read off a model's predictions, or off the calendar.

None looks at validation, so none has a standard error over folds; all are cheap. A method that does not beat them is
not worth its cost.
"""

from typing import Any

import numpy as np

from assay.errors import InputError
from assay.importance import checks
from assay.importance.valuer import Importance, only_log_loss
from assay.importance.values import Values, Vector
from assay.numerics.hashing import mix, uniform
from assay.numerics.logistic import Curvature, fit, losses, probability, pull
from assay.numerics.products import as_rows, margins
from assay.samples.table import Samples


def self_score(X: Any, y: Any, *, l2: float, coef: Any = None, sample_weight: Any = None) -> Values:
    """(n,) log-likelihood of each sample under the logistic regression that was trained without it; 0 or less, in nats.

    X (n, p) dense or CSR, y in {0, 1}; the model minimises sum_i w_i * log_loss_i + (l2 / 2) |b|^2, coef (p,) is its
    minimum, else it is fitted here. The sample's own pull is taken out by its leverage: margin + h r / (1 - D h) (Rad and
    Maleki, JRSS B 2020). A low score is a sample that its like contradict: a wrong label, or a rare truth. Equal rows have
    equal scores. ValueError names the argument.
    """
    rows = as_rows(checks.matrix(X, "X"))
    labels, weight = checks.binary(y, rows.shape[0], "y", "X"), checks.weights(sample_weight, rows.shape[0])
    l2 = checks.positive(l2, "l2")
    b = fit(rows, labels, l2=l2, sample_weight=weight).coef if coef is None else np.asarray(coef, np.float64)
    if b.shape != (rows.shape[1],):
        raise ValueError(f"coef has shape {b.shape}; X has {rows.shape[1]} columns, so give ({rows.shape[1]},)")
    p = probability(margins(rows, b))
    return Values(-losses(_left_out(rows, labels, weight, b, Curvature(rows, weight * p * (1.0 - p), l2)), labels))


def surprise(samples: Samples, model: Any) -> Vector:
    """(n,) log-likelihood of each sample left out, less what the model expects of it: 0 on average where labels are sound.

    model: a fitted LogisticRegression. A slice far below 0 holds labels that the rest of the log contradicts.
    """
    margin = _left_out(samples.matrix(), samples.label, samples.weight, model.coef_, model.curve(samples))
    p, one = probability(margin), np.ones(len(margin))
    expected = p * losses(margin, one) + (1.0 - p) * losses(margin, 0.0 * one)
    return np.asarray(expected - losses(margin, samples.label))


def left_out_probability(samples: Samples, model: Any) -> Vector:
    """(n,) probability of label 1 of each sample by a fitted LogisticRegression trained without it."""
    return probability(_left_out(samples.matrix(), samples.label, samples.weight, model.coef_, model.curve(samples)))


def _left_out(rows: Any, y: Any, weight: Vector, coef: Vector, curvature: Curvature) -> Vector:
    """(n,) margins of a model without the sample itself."""
    margin = margins(rows, coef)
    p = probability(margin)
    h = curvature.leverage(rows)
    return np.asarray(margin + h * pull(p, y, weight, h))


def loss(y: Any, p: Any) -> Values:
    """(n,) log-likelihood of each sample's own label, y in {0, 1}, under probabilities p (n,); 0 or less, in nats."""
    labels, chances = _predicted(y, p)
    return Values(np.log(np.maximum(np.where(labels > 0, chances, 1.0 - chances), np.finfo(np.float64).tiny)))


def margin(y: Any, p: Any) -> Values:
    """(n,) probability of the own label less that of the other, from -1 to 1: y in {0, 1}, p (n,)."""
    labels, chances = _predicted(y, p)
    return Values(np.where(labels > 0, 2.0 * chances - 1.0, 1.0 - 2.0 * chances))


def _predicted(y: Any, p: Any) -> tuple[Any, Vector]:
    chances = np.asarray(p, np.float64)
    if chances.ndim != 1 or not ((chances >= 0) & (chances <= 1)).all():
        raise ValueError(f"p has shape {chances.shape} or holds what is no probability; give (n,) numbers in [0, 1]")
    return checks.binary(y, len(chances), "y", "p"), chances


def recency(timestamp: Any) -> Values:
    """(n,) the time itself, later being more useful, in its own unit; dates and times count in seconds."""
    times = np.asarray(timestamp)
    if times.dtype.kind == "M":
        times = times.astype("datetime64[us]").astype(np.int64) / 1e6
    return Values(checks.vector(times, len(times), "timestamp", "the samples").astype(np.float64))


def popularity(item: Any, y: Any = None) -> Values:
    """(n,) how often each sample's item (n,) occurs, or how many of its samples have label 1 where y (n,) is given."""
    ids, codes = np.unique(np.asarray(item), return_inverse=True)
    weight = None if y is None else checks.binary(y, len(codes), "y", "item").astype(np.float64)
    return Values(np.bincount(codes, weight, minlength=len(ids))[codes].astype(np.float64))


def random(n: int, rng: np.random.Generator) -> Values:
    """(n,) uniform numbers: what any method must beat."""
    return Values(rng.random(checks.count(n, "n", 0)))


class _Baseline:
    """A valuer that needs no validation set: `_values` is all that differs."""

    name = ""
    utility = ""

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,); validation, utility and folds play no part (log_loss alone where it is the unit)."""
        del validation, folds
        if self.utility.startswith("log_loss"):
            only_log_loss(utility, self.name)
        found = np.asarray(self._values(train, model, rng), np.float64)
        metadata = {"method": self.name, "utility": self.utility, "model": model.name}
        return Importance(train.keys.column("sample_id").to_numpy(), found, metadata=metadata)

    def _values(self, train: Samples, model: Any, rng: np.random.Generator) -> Vector:
        raise NotImplementedError


class Probability(_Baseline):
    """The predicted probability of a positive as the sample's value: the simplest recipe.

    It tells what the model expects, not what it learns from: all its least useful samples are negatives that it
    knows already.
    """

    name, utility = "probability", "probability"

    def _values(self, train: Samples, model: Any, rng: np.random.Generator) -> Vector:
        del rng
        return np.asarray(model.predict(train))


class Loss(_Baseline):
    """Minus the sample's own log-loss under the model that was trained on it: mislabelled and telling ones come first."""

    name, utility = "loss", "log_loss of the sample itself"

    def _values(self, train: Samples, model: Any, rng: np.random.Generator) -> Vector:
        del rng
        return loss(train.label, model.predict(train))


class Margin(_Baseline):
    """The own label's probability less the other's."""

    name, utility = "margin", "margin of the sample itself"

    def _values(self, train: Samples, model: Any, rng: np.random.Generator) -> Vector:
        del rng
        return margin(train.label, model.predict(train))


class SelfScore(_Baseline):
    """Log-likelihood under the logistic regression without the sample. Needs a LogisticRegression."""

    name, utility = "self_score", "log_loss of the sample itself, left out"

    def _values(self, train: Samples, model: Any, rng: np.random.Generator) -> Vector:
        del rng
        if not hasattr(model, "curve"):
            raise InputError(f"self_score needs a logistic regression, not {model.name!r}; use loss or margin")
        return -losses(_left_out(train.matrix(), train.label, train.weight, model.coef_, model.curve(train)), train.label)


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
