"""What values are differences of: a smooth loss with a slope for every validation row, and the true measure.

log_loss and mse are their own surrogates. auc and ndcg@k are steps in the scores, so their slopes are those of a pairwise
logistic loss (for ndcg@k inside each request, weighted by |delta NDCG@k| as it is now); `measure` is the true one.
"""

import re
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.numerics import pairs
from assay.numerics.families import IDENTITY, LOGIT, Family
from assay.numerics.measures import auc

Vector = NDArray[np.float64]
KNOWN = {"logit": "log_loss, auc, softmax or ndcg@k (k a number)", "identity": "mse or mae"}


class Utility(Protocol):
    """A utility of scores (m,) of validation rows with labels (m,) and weights (m,).

    Labels are 0 or 1, those of mse and mae any numbers, and those of ndcg@k gains of 0 or more.
    """

    @property
    def name(self) -> str:
        """As the user writes it."""
        ...

    def check(self, y: NDArray[Any], request: NDArray[Any] | None, fold: NDArray[np.int64]) -> None:
        """ValueError where the measure is undefined on a fold."""
        ...

    def slopes(self, score: Vector, y: NDArray[Any], weight: Vector, request: NDArray[Any] | None) -> Vector:
        """(m,) slope of the surrogate loss by each score; they belong to a mean over rows, pairs or requests."""
        ...

    def measure(self, score: Vector, y: NDArray[Any], weight: Vector, request: NDArray[Any] | None) -> float:
        """The true measure; higher is better."""
        ...


@dataclass(frozen=True)
class LogLoss:
    """Minus the weighted mean log-loss, in nats per row."""

    name: str = "log_loss"

    def check(self, y: Any, request: Any, fold: Any) -> None:
        """Always defined."""
        del y, request, fold

    def slopes(self, score: Vector, y: NDArray[Any], weight: Vector, request: Any) -> Vector:
        """weight * (p - y) / sum of weights."""
        del request
        return np.asarray(weight * (LOGIT.mean(score) - y) / weight.sum())

    def measure(self, score: Vector, y: NDArray[Any], weight: Vector, request: Any) -> float:
        """Minus the mean log-loss."""
        del request
        return -float(weight @ LOGIT.losses(score, y) / weight.sum())


@dataclass(frozen=True)
class SquaredError:
    """Minus the weighted mean squared error, in the labels' unit squared."""

    name: str = "mse"

    def check(self, y: Any, request: Any, fold: Any) -> None:
        """Always defined."""
        del y, request, fold

    def slopes(self, score: Vector, y: NDArray[Any], weight: Vector, request: Any) -> Vector:
        """2 weight * (score - y) / sum of weights."""
        del request
        return np.asarray(2.0 * weight * (score - y) / weight.sum())

    def measure(self, score: Vector, y: NDArray[Any], weight: Vector, request: Any) -> float:
        """Minus the mean squared error."""
        del request
        return -float(weight @ IDENTITY.losses(score, y) / weight.sum())


@dataclass(frozen=True)
class AbsoluteError:
    """Minus the weighted mean absolute error, in the labels' unit."""

    name: str = "mae"

    def check(self, y: Any, request: Any, fold: Any) -> None:
        """Always defined."""
        del y, request, fold

    def slopes(self, score: Vector, y: NDArray[Any], weight: Vector, request: Any) -> Vector:
        """weight * sign(score - y) / sum of weights."""
        del request
        return np.asarray(weight * np.sign(score - y) / weight.sum())

    def measure(self, score: Vector, y: NDArray[Any], weight: Vector, request: Any) -> float:
        """Minus the mean absolute error."""
        del request
        return -float(weight @ np.abs(score - y) / weight.sum())


@dataclass(frozen=True)
class Auc:
    """Share of pairs in order; its surrogate is the mean pairwise logistic loss over all pairs."""

    name: str = "auc"

    def check(self, y: NDArray[Any], request: Any, fold: NDArray[np.int64]) -> None:
        """Both labels in every fold."""
        del request
        for number in range(int(fold.max()) + 1):
            if len(np.unique(y[fold == number])) < 2:
                raise ValueError(f"y_val: fold {number} holds one label only; auc needs both in every fold")

    def slopes(self, score: Vector, y: NDArray[Any], weight: Vector, request: Any) -> Vector:
        """Of the surrogate; see numerics.pairs."""
        del request
        return pairs.auc_slopes(score, y, weight)

    def measure(self, score: Vector, y: NDArray[Any], weight: Vector, request: Any) -> float:
        """The true AUC."""
        del request
        return auc(y, score, weight)


@dataclass(frozen=True)
class Ndcg:
    """Mean NDCG@k over requests that have a positive, tied scores averaged; a row of weight w stands for w rows of its score."""

    k: int

    @property
    def name(self) -> str:
        """As the user writes it."""
        return f"ndcg@{self.k}"

    def check(self, y: NDArray[Any], request: NDArray[Any] | None, fold: NDArray[np.int64]) -> None:
        """Whole requests in folds, and one with both labels in every fold."""
        _whole_requests(self.name, y, request, fold)

    def slopes(self, score: Vector, y: NDArray[Any], weight: Vector, request: NDArray[Any] | None) -> Vector:
        """Of the surrogate, a request with both labels; see numerics.pairs."""
        order, offsets = _grouped(request)
        out = pairs.ndcg_slopes(score[order], y[order], weight[order], offsets, self.k)
        positives = np.add.reduceat((y[order] > 0).astype(np.int64), offsets[:-1])
        slopes = np.empty(len(score))
        slopes[order] = out / np.count_nonzero((positives > 0) & (positives < np.diff(offsets)))
        return slopes

    def measure(self, score: Vector, y: NDArray[Any], weight: Vector, request: NDArray[Any] | None) -> float:
        """The true NDCG@k over requests with both labels."""
        order, offsets = _grouped(request)
        out = pairs.ndcg(score[order], y[order], weight[order], offsets, self.k)
        mixed = np.add.reduceat((y[order] > 0).astype(np.int64), offsets[:-1]) < np.diff(offsets)
        return float(np.nanmean(out[mixed]))


@dataclass(frozen=True)
class Softmax:
    """Minus the mean over requests of the softmax loss: the mean over a request's positives of -log(softmax of its scores).

    The listwise surrogate of rankings (Cao et al., "Learning to rank", ICML 2007); requests with both labels count, rows weigh
    the same.
    """

    name: str = "softmax"

    def check(self, y: NDArray[Any], request: NDArray[Any] | None, fold: NDArray[np.int64]) -> None:
        """Whole requests in folds, and one with both labels in every fold."""
        _whole_requests(self.name, y, request, fold)

    def slopes(self, score: Vector, y: NDArray[Any], weight: Vector, request: NDArray[Any] | None) -> Vector:
        """(softmax - label / positives) / requests; 0 in requests of one label."""
        del weight
        order, chance, share, mixed = self._shares(score, y, request)
        out = np.empty(len(score))
        out[order] = np.where(mixed[1], chance - share, 0.0) / np.count_nonzero(mixed[0])
        return out

    def measure(self, score: Vector, y: NDArray[Any], weight: Vector, request: NDArray[Any] | None) -> float:
        """Minus the mean loss; 0 is best."""
        del weight
        _, chance, share, mixed = self._shares(score, y, request)
        gained = share > 0
        losses = (share[gained] * np.log(np.maximum(chance[gained], 1e-300)))[mixed[1][gained]]
        return float(losses.sum() / np.count_nonzero(mixed[0]))

    @staticmethod
    def _shares(score: Vector, y: NDArray[Any], request: NDArray[Any] | None) -> tuple[Any, Vector, Vector, tuple[Any, Any]]:
        """Rows in order of request; their softmax; their label over the request's positives; mixed requests, and their rows."""
        order, offsets = _grouped(request)
        size, label = np.diff(offsets), y[order].astype(np.float64)
        most = np.repeat(np.maximum.reduceat(score[order], offsets[:-1]), size)
        grown = np.exp(score[order] - most)
        positives = np.add.reduceat(label, offsets[:-1])
        mixed = (positives > 0) & (positives < size)
        chance = grown / np.repeat(np.add.reduceat(grown, offsets[:-1]), size)
        return order, chance, label / np.repeat(np.maximum(positives, 1), size), (mixed, np.repeat(mixed, size))


LOG_LOSS, SQUARED_ERROR, ABSOLUTE_ERROR = LogLoss(), SquaredError(), AbsoluteError()


def of_loss(family: Family) -> Utility:
    """The loss that a linear model of a family minimises, as a utility."""
    return LOG_LOSS if family is LOGIT else SQUARED_ERROR


def _whole_requests(name: str, y: NDArray[Any], request: NDArray[Any] | None, fold: NDArray[np.int64]) -> None:
    """ValueError where a request is in two folds, or a fold has none with both labels."""
    if request is None:
        raise ValueError(f"request_val is missing: {name} ranks inside requests; give the request of each row")
    requests, code = np.unique(request, return_inverse=True)
    first = np.full(len(requests), fold.max() + 1)
    np.minimum.at(first, code, fold)
    split = np.flatnonzero(first[code] != fold)
    if len(split):
        raise ValueError(f"folds: request {request[split[0]]} is in two folds; keep a request's rows together")
    for number in range(int(fold.max()) + 1):
        inside = fold == number
        both = np.unique(np.stack([code[inside], y[inside] > 0]), axis=1)[0]
        if len(np.unique(both)) == len(both):
            raise ValueError(f"request_val: no request of fold {number} has both labels; {name} needs one")


def _grouped(request: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows in order of request, and where each request begins (R + 1,)."""
    order = np.argsort(request, kind="stable")
    change = np.flatnonzero(np.diff(np.unique(request, return_inverse=True)[1][order])) + 1
    return order, np.concatenate(([0], change, [len(order)])).astype(np.int64)


def parse(utility: str, family: Family = LOGIT) -> Utility:
    """The utility of a name, of a linear model of a family; ValueError for another."""
    if family is IDENTITY:
        for own in (SQUARED_ERROR, ABSOLUTE_ERROR):
            if own.name == utility:
                return own
        raise ValueError(f"utility is {utility!r}; of continuous labels give {KNOWN[family.link]}")
    if utility == "log_loss":
        return LOG_LOSS
    if utility == "auc":
        return Auc()
    if utility == "softmax":
        return Softmax()
    ndcg = re.fullmatch(r"ndcg@([1-9]\d*)", str(utility))
    if not ndcg:
        raise ValueError(f"utility is {utility!r}; give {KNOWN[family.link]}")
    return Ndcg(int(ndcg[1]))
