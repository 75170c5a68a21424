"""Weights of whole groups of samples: users, items, categories, periods, sources of candidates, slices.

Values of single samples hardly outlast the weeks that they were made on; means over many rows do. A group's weight follows from
its mean value, shrunk towards that of all groups by how far such means are noise (empirical Bayes: Morris, "Parametric empirical
Bayes inference", JASA 1983; the spread of true means by Paule and Mandel, 1982). How far all weights of a kind of groups move is
one number, learnt on periods of validation later than those that the values are of.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.findings.segments import Attribute
from assay.importance.influence_state import prepare
from assay.importance.utilities import of_loss
from assay.importance.valuer import user_folds
from assay.importance.values import Vector
from assay.language import english
from assay.models.linear import LinearModel
from assay.numerics.products import margins, transposed
from assay.samples.table import Samples
from assay.task import Task

Codes = NDArray[np.integer[Any]]
SLICES = english("slices")
TOGETHER = english("all kinds of groups")
_APART = ("label", "kind", "period", "category")  # attributes that are no slices: answers, and what is a kind of its own
_TOP = np.log(4.0)  # the largest change of a log-weight: values answer for small changes
_STEPS = 12  # sizes that are tried
_FAR = 4.0  # root mean squares: beyond, a group moves no further


@dataclass(frozen=True)
class Grouping:
    """A kind of groups. parts: codes (n,) from 0 of each sample's group; of slices, which overlap, one for each attribute."""

    name: str
    parts: tuple[Codes, ...]


def groupings(train: Samples, attributes: Sequence[Attribute], task: Task) -> list[Grouping]:
    """The kinds of groups of which there are at least two and fewer than samples; slices are levels of the other attributes."""
    by_name = {attribute.name: attribute.codes for attribute in attributes}
    kinds: list[tuple[str, Codes | None]] = [
        (f"{task.user}s", train.user),
        (english("items"), train.item),
        (english("categories"), by_name.get("category")),
        (task.periods, by_name.get("period")),
        (english("sources of candidates"), _column(train, "source")),
    ]
    found = [Grouping(name, (_dense(codes),)) for name, codes in kinds if codes is not None]
    slices = tuple(codes for name, codes in by_name.items() if name not in _APART)
    found += [Grouping(SLICES, slices)] if slices else []
    return [grouping for grouping in found if grouping.name == SLICES or 1 < _size(grouping.parts[0]) < len(train)]


def _column(train: Samples, name: str) -> Codes | None:
    return train.keys.column(name).to_numpy() if name in train.keys.column_names else None


def _dense(codes: Codes) -> Codes:
    return np.unique(codes, return_inverse=True)[1]


def _size(codes: Codes) -> int:
    return int(codes.max()) + 1


def shrunk(total: NDArray[np.float64], mass: Vector) -> Vector:
    """Means of groups, as far as they differ from the mean of all beyond noise.

    Parameters
    ----------
    total : array of float64, shape (F, G)
        Sum of the values in each group, on each of F folds, two at least.
    mass : array of float64, shape (G,)
        Sum of the weights in each group; a group of none has 0.

    Returns
    -------
    array of float64, shape (G,)
        Posterior mean of each group's value per unit of weight, minus that of all. All 0 where the means differ no more than
        noise would have them.

    Notes
    -----
    The error of a group's mean is the mean of two variances: that over its own folds, and what a group of its mass has on the
    average, since a few folds tell little.

    Examples
    --------
    >>> import numpy as np
    >>> from assay.selection.groups import shrunk
    >>> noise = np.random.default_rng(0).normal(size=(5, 50))
    >>> bool((shrunk(noise, np.ones(50)) == 0).all()), shrunk(noise + 9 * (np.arange(50) == 3), np.ones(50)).argmax().item()
    (True, 3)
    """
    there = mass > 0
    rate = np.divide(total, mass, out=np.zeros_like(total), where=there)
    apart = np.where(there, rate - (rate @ mass / mass.sum())[:, None], 0.0)
    gap, own = apart.mean(axis=0), apart.var(axis=0, ddof=1) / len(apart)
    usual = np.divide((own * mass)[there].mean(), mass, out=np.zeros_like(mass), where=there)
    noise = (own + usual) / 2
    if not noise[there].all():  # no noise at all: what is seen is true
        return np.asarray(gap)
    spread = _spread(gap[there], noise[there])
    return np.asarray(np.divide(gap * spread, spread + noise, out=np.zeros_like(gap), where=there))


def _spread(gap: Vector, noise: Vector) -> float:
    """Variance of the true gaps: that with which gap^2 / (spread + noise) are 1 on the average; 0 where noise alone is enough."""

    def too_small(spread: float) -> bool:
        return float((gap**2 / (spread + noise)).sum()) > len(gap) - 1

    if not too_small(0.0):
        return 0.0
    low, high = 0.0, float((gap**2).sum())
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if too_small(middle) else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True)
class Moved:
    """What was learnt of one kind of groups.

    direction (n,): log-weights of samples to a step of 1, of mean 0 under the weights. step: learnt; 0: as they were. gains:
    by how much the validation loss falls at this step in each round that judged it.
    """

    grouping: str
    direction: Vector
    step: float
    gains: list[float]

    def weight(self, before: Vector) -> Vector:
        """(n,) the weights; their sum stays."""
        changed = before * np.exp(self.step * self.direction)
        return np.asarray(changed * (before.sum() / changed.sum()))

    def factors(self, before: Vector) -> tuple[float, float]:
        """The least and the largest that a weight is multiplied by."""
        factor = (self.weight(before) / before)[before > 0]
        return float(factor.min()), float(factor.max())


class Slopes:
    """What the validation loss of a linear model would fall by, to first order, if samples weighed more.

    model: fitted on train. validation: in rounds, each of which learns from some rows and is judged on later ones: from all
    periods before the second, the third and so on; of one period alone, from all folds of users but one.
    """

    def __init__(self, model: LinearModel, train: Samples, validation: Samples, *, folds: int, seed: int) -> None:
        assert model.coef_ is not None
        self.model, self.train, self.validation = model, train, validation
        self.fold = user_folds(validation, folds, seed)
        self.curvature = model.curve(train)
        self.coef = model.coef_
        self.residual = train.weight * (model.family.mean(margins(train.matrix(), self.coef)) - train.response)
        self.score = margins(validation.matrix(), self.coef)

    def rounds(self) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
        """Rows of validation (m,) to learn from, and to judge on."""
        periods = np.unique(self.validation.period)
        if len(periods) > 1:
            for period in periods[1:]:
                yield self.validation.period < period, self.validation.period == period
        else:
            for fold in range(int(self.fold.max()) + 1):
                yield self.fold != fold, self.fold == fold

    def values(self, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(F, n) value of every training sample on each fold of these validation rows, without its leverage."""
        at = self.validation.take(np.flatnonzero(rows))
        folds = np.unique(self.fold[rows], return_inverse=True)[1]
        X, y, weight = self.train.matrix(), self.train.response, self.train.weight
        state = prepare(
            X, y, at.matrix(), at.response, l2=self.model.l2, coef=self.coef, sample_weight=weight, weight_val=at.weight,
            folds=folds, curvature=self.curvature, family=self.model.family, utility=of_loss(self.model.family),
        )  # fmt: skip
        return state.values(X, y, weight, np.zeros(len(y)))

    def response(self, direction: Vector) -> Vector:
        """(p,) how coefficients begin to move when log-weights (n,) do."""
        return -np.asarray(self.curvature.solve(transposed(self.train.matrix(), self.residual * direction)))

    def gain(self, rows: NDArray[np.bool_], response: Vector, steps: Vector) -> Vector:
        """(S,) fall of the loss on these validation rows at each step along a response."""
        at = np.flatnonzero(rows)
        change = margins(self.validation.matrix(), response)[at]
        label, weight, score = self.validation.response[at], self.validation.weight[at], self.score[at]
        losses = self.model.family.losses
        now = losses(score, label)
        return np.array([weight @ (now - losses(score + step * change, label)) / weight.sum() for step in steps])


def direction(grouping: Grouping, values: NDArray[np.float64], weight: Vector) -> Vector:
    """(n,) log-weights to a step of 1: the shrunk mean value of each sample's groups, the largest of size 1, of mean 0.

    All 0 where nothing is beyond noise, or one fold alone cannot tell what is.
    """
    out = np.zeros(len(weight))
    if len(values) < 2:
        return out
    for codes in grouping.parts:
        size = _size(codes)
        total = np.stack([np.bincount(codes, fold, size) for fold in values]).astype(np.float64)
        out += shrunk(total, np.bincount(codes, weight, size).astype(np.float64))[codes]
    far = _FAR * np.sqrt(weight @ out**2 / weight.sum())
    out = np.clip(out, -far, far)
    out -= weight @ out / weight.sum()
    largest = float(np.abs(out).max())
    return out / largest if largest > 0 else out


def learn(slopes: Slopes, kinds: Sequence[Grouping]) -> list[Moved]:
    """How far the weights of each kind of groups are to move, and those of all kinds that move together.

    The step is the one of least mean loss over all rounds, of those that gain in every round; 0 where none does. The direction
    is then learnt anew on all of validation.
    """
    weight = slopes.train.weight
    rounds = list(slopes.rounds())
    judged = [rows for _, rows in rounds]
    responses: dict[str, list[Vector]] = {kind.name: [] for kind in kinds}
    for learnt, _ in rounds:
        values = slopes.values(learnt)
        for kind in kinds:
            responses[kind.name].append(slopes.response(direction(kind, values, weight)))
    values = slopes.values(np.ones(len(slopes.fold), np.bool_))
    alone = [_moved(slopes, judged, kind.name, responses[kind.name], direction(kind, values, weight)) for kind in kinds]
    moving = [moved for moved in alone if moved.step]
    if len(moving) < 2:
        return alone
    log_weight = np.sum([moved.step * moved.direction for moved in moving], axis=0)
    largest = float(np.abs(log_weight).max())
    together = [
        np.sum([moved.step * responses[moved.grouping][place] for moved in moving], axis=0) / largest
        for place in range(len(rounds))
    ]
    return [*alone, _moved(slopes, judged, TOGETHER, together, log_weight / largest)]


def _moved(
    slopes: Slopes, judged: Sequence[NDArray[np.bool_]], name: str, responses: Sequence[Vector], direction: Vector
) -> Moved:
    """The step that the rounds judge best."""
    steps = np.linspace(0.0, _TOP, _STEPS + 1)[1:]
    gain = np.stack([slopes.gain(rows, response, steps) for rows, response in zip(judged, responses, strict=True)])
    everywhere = np.asarray((gain > 0).all(axis=0))
    best = int(np.where(everywhere, gain.mean(axis=0), -np.inf).argmax())
    step = float(steps[best]) if everywhere[best] else 0.0
    return Moved(name, direction, step, gain[:, best].tolist() if step else [])
