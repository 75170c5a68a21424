"""Weights that are learnt: a half-life, factors of slices, steps of groups and a rate of label noise, by gradient on validation.

The low-dimensional alternative to removing samples one by one: the slope of the validation utility by a parameter is the
sum of the values of the samples that it weighs, each times how its log-weight moves (Ren et al., "Learning to reweight
examples", ICML 2018, has one weight per sample; here few parameters must answer for all). Steps are damped, since values hold
for small steps only; slopes are of all periods of validation but the last, which says when to stop. Whether to go at all is
chosen on tuning.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.findings.segments import Attribute
from assay.importance.influence_state import prepare
from assay.importance.predicted import left_out_probability
from assay.importance.utilities import of_loss
from assay.importance.valuer import user_folds
from assay.language import english
from assay.models.linear import LinearModel
from assay.numerics.glm import IterativeCurvature
from assay.numerics.products import margins
from assay.samples.table import Samples
from assay.selection.arms import Arm
from assay.selection.groups import Grouping, Slopes, direction
from assay.trials.curve import refit

Vector = NDArray[np.float64]
FAMILIES = ("recency", "slices", "groups", "noise", "all")
_STEPS = 8
_LARGEST = 0.35  # change of any log-weight in one step
_SLOPE_ERROR = 1e-4  # of the solves behind a slope, which its error over folds exceeds by far
_HALVINGS = 5  # sizes of a step that are tried
_SURE = 2.0  # standard errors that a slope must have over folds of validation users
_SLICES = 12
_LEAST = 0.01  # share of the rows that a slice must have
_FLATTEST = 0.1  # least weight that noise leaves to a sample


@dataclass(frozen=True)
class Parameters:
    """What is learnt: decay a period (half-life ln 2 / decay), log-factors of slices, steps of groups, share of wrong labels."""

    decay: float
    slices: dict[str, float]
    groups: dict[str, float]
    noise: float

    @property
    def half_life(self) -> float:
        """In periods; infinite without decay."""
        return float(np.log(2.0) / self.decay) if self.decay > 0 else float("inf")


@dataclass(frozen=True)
class Learnt:
    """Parameters, the weights (n,) that follow, and minus the validation loss before every step and after the last."""

    family: str
    parameters: Parameters
    weight: Vector
    path: list[float]

    def arm(self) -> Arm:
        """As selection tries it."""
        return Arm(self.sentence(), "learnt", self.weight)

    def sentence(self) -> str:
        """What was learnt, in words; without what comes to 1.00 times or 0 % of labels."""
        p = self.parameters
        parts = [english("recency, half-life {number} periods", number=f"{p.half_life:.0f}")] if p.decay > 0 else []
        factors = {name: f"{np.exp(factor):.2f}" for name, factor in p.slices.items()}
        parts += [
            english("{number} times {groups}", number=factor, groups=name) for name, factor in factors.items() if factor != "1.00"
        ]
        steps = {name: f"{np.exp(step):.2f}" for name, step in p.groups.items()}
        parts += [
            english("{groups} up to {number} times", groups=name, number=step) for name, step in steps.items() if step != "1.00"
        ]
        doubted = f"{100 * p.noise:.0f} %"
        parts += [english("{share} of labels doubted", share=doubted)] if doubted != "0 %" else []
        told = "; ".join(parts) or english("as they were")
        return english("learnt weights ({family}): {weights}", family=self.family, weights=told)


def learn_weights(
    model: LinearModel,
    train: Samples,
    validation: Samples,
    attributes: Sequence[Attribute],
    kinds: Sequence[Grouping] = (),
    *,
    family: str = "all",
    folds: int = 5,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Learnt:
    """Learn the parameters of one family by damped gradient steps on the validation loss.

    model: the linear model fitted on train. attributes: readable ones, of whose levels up to 12 with the surest
    slopes become slices. kinds: groups, of each of which one parameter says how far they move along their shrunk mean values. A
    parameter moves only where its slope is beyond 2 standard errors over folds of validation users; a step is halved until the
    refitted model's loss falls on the last period of validation, which no slope knows, and learning ends where it does not. (Of
    one period, both are of the same rows.) The weights keep their sum. ValueError for another family.
    """
    if family not in FAMILIES:
        raise ValueError(f"family is {family!r}; give one of {', '.join(FAMILIES)}")
    validation, judged = _earlier_and_last(validation)
    features = _features(model, train, attributes, family)
    if family in ("groups", "all"):
        features += _group_features(Slopes(model, train, validation, folds=folds, seed=seed), kinds)
    fold = user_folds(validation, folds, seed)
    if not features:
        return Learnt(family, _named([], np.empty(0)), train.weight, [_utility(model, judged)])
    theta = np.zeros(len(features))
    weight, fitted = train.weight, model
    path = [_utility(fitted, judged)]
    for step in range(_STEPS):
        if progress is not None:
            progress(step, _STEPS)
        slope, error = _slopes(fitted, train, weight, validation, fold, features, theta)
        sure = np.divide(np.abs(slope), error, out=np.zeros_like(slope), where=error > 0)
        # What stands at its bound and would go beyond must not set the size of the step.
        free = _bounded(features, theta + 1e-9 * slope) != theta
        move = np.where((sure > _SURE) & free, slope, 0.0)
        if not step:  # of slices, the surest few; they stay the same ones
            chosen = _first(features, sure)
            features, theta, move = [features[k] for k in chosen], theta[chosen], move[chosen]
        if not move.any():
            break
        better = next(_gains(fitted, train, judged, features, theta, move, path[-1]), None)
        if better is None:
            break
        theta, weight, fitted, utility = better
        path.append(utility)
    return Learnt(family, _named(features, theta), weight, path)


@dataclass(frozen=True)
class _Feature:
    """A parameter and the samples that it weighs: log-weight -theta * age, + theta * column, or log(1 - doubt)."""

    kind: str
    name: str
    column: NDArray[Any]  # (n,) age in units, membership (bool: there are many), direction, or likelihood of the own label
    unit: float = 1.0  # periods in a unit of age


def _gains(
    fitted: LinearModel,
    train: Samples,
    judged: Samples,
    features: Sequence[_Feature],
    theta: Vector,
    move: Vector,
    utility: float,
) -> Iterator[tuple[Vector, Vector, LinearModel, float]]:
    """Parameters, weights, refitted model and utility after steps that gain, those of all parameters together first.

    A kind of parameter whose slope misleads must not hold up the others: so each kind moves alone where all do not gain.
    """
    kinds = np.array([feature.kind for feature in features])
    alone = [np.where(kinds == kind, move, 0.0) for kind in dict.fromkeys(kinds[move != 0].tolist())]
    for along in [move, *(alone if len(alone) > 1 else [])]:
        change = np.abs(_log_weight(features, theta + along) - _log_weight(features, theta)).max()
        size = _LARGEST / max(float(change), 1e-12)
        for halved in range(_HALVINGS):
            trial = _bounded(features, theta + 0.5**halved * size * along)
            weight = _weights(train.weight, features, trial)
            again = refit(fitted, train, weight)
            if (reached := _utility(again, judged)) > utility:
                yield trial, weight, again, reached
                break


def _features(model: LinearModel, train: Samples, attributes: Sequence[Attribute], family: str) -> list[_Feature]:
    out = []
    if family in ("recency", "all"):
        age = int(train.period.max()) - train.period
        unit = float(age.std()) or 1.0  # else its steps would drown those of slices, which are 0 or 1
        out.append(_Feature("recency", "recency", age / unit, unit))
    if family in ("noise", "all") and train.label_type.is_chance:
        p = left_out_probability(train, model)
        out.append(_Feature("noise", "noise", np.where(train.label > 0, p, 1.0 - p)))
    if family in ("slices", "all"):
        for attribute in attributes:
            if attribute.name in ("label", "kind"):  # weights by the answer would bend the probabilities
                continue
            counts = np.bincount(attribute.codes, minlength=len(attribute.levels))
            for k in range(len(attribute.levels)):
                if _LEAST * len(train) <= counts[k] <= (1 - _LEAST) * len(train):
                    out.append(_Feature("slice", f"where {attribute.says({k})}", attribute.codes == k))
    return out


def _group_features(slopes: Slopes, kinds: Sequence[Grouping]) -> list[_Feature]:
    """A parameter for each kind of groups, along the direction of their shrunk mean values; none where nothing is sure."""
    values = slopes.values(np.ones(len(slopes.fold), np.bool_))
    columns = {kind.name: direction(kind, values, slopes.train.weight) for kind in kinds}
    return [_Feature("group", name, column) for name, column in columns.items() if column.any()]


def _earlier_and_last(validation: Samples) -> tuple[Samples, Samples]:
    """Rows before the last period, and those of the last; all rows twice where there is one period."""
    last = validation.period == validation.period.max()
    if last.all():
        return validation, validation
    return validation.take(np.flatnonzero(~last)), validation.take(np.flatnonzero(last))


def _doubt(likelihood: Vector, rate: float) -> Vector:
    """(n,) chance that a label is wrong, if a share `rate` of labels were turned round."""
    return rate * (1.0 - likelihood) / np.maximum((1.0 - rate) * likelihood + rate * (1.0 - likelihood), 1e-300)


def _log_weight(features: Sequence[_Feature], theta: Vector) -> Vector:
    total = np.zeros(len(features[0].column))
    for feature, value in zip(features, theta, strict=True):
        if feature.kind == "recency":
            total -= value * feature.column
        elif feature.kind == "slice":
            total[feature.column] += value
        elif feature.kind == "group":
            total += value * feature.column
        else:
            total += np.log(np.maximum(1.0 - _doubt(feature.column, value), _FLATTEST))
    return total


def _bounded(features: Sequence[_Feature], theta: Vector) -> Vector:
    """Decay and steps of groups are 0 or more, a share of wrong labels from 0 to 0.4."""
    low = np.array([0.0 if feature.kind != "slice" else -np.inf for feature in features])
    high = np.array([0.4 if feature.kind == "noise" else np.inf for feature in features])
    return np.clip(theta, low, high)


def _weights(weight: Vector, features: Sequence[_Feature], theta: Vector) -> Vector:
    changed = weight * np.exp(_log_weight(features, theta))
    return np.asarray(changed * (weight.sum() / changed.sum()))


def _utility(model: LinearModel, validation: Samples) -> float:
    assert model.coef_ is not None
    lost = model.family.losses(margins(validation.matrix(), model.coef_), validation.response)
    return -float(np.average(lost, weights=validation.weight))


def _slopes(
    model: LinearModel,
    train: Samples,
    weight: Vector,
    validation: Samples,
    fold: NDArray[np.int64],
    features: Sequence[_Feature],
    theta: Vector,
) -> tuple[Vector, Vector]:
    """Slope of the utility by each parameter, and its standard error over folds."""
    assert model.coef_ is not None
    X, y = train.matrix(), train.response
    mean = model.family.mean(margins(X, model.coef_))
    # A few solves are all that is needed: no step is worth a factorisation of its own.
    curvature = IterativeCurvature(X, weight * model.family.curvature(mean), model.l2, model.curvature_, _SLOPE_ERROR)
    state = prepare(
        X, y, validation.matrix(), validation.response, l2=model.l2, coef=model.coef_, sample_weight=weight,
        weight_val=validation.weight, folds=fold, curvature=curvature, family=model.family, utility=of_loss(model.family),
    )  # fmt: skip
    # Without a leverage correction: the slope of the utility by a sample's log-weight, not its loss on removal.
    values = state.values(X, y, weight, np.zeros(len(y)))
    share = weight / weight.sum()
    slopes = np.empty((len(values), len(features)))
    for k, (feature, value) in enumerate(zip(features, theta, strict=True)):
        if feature.kind == "noise":
            ends = max(value - 1e-3, 0.0), value + 1e-3
            below, above = (np.log(np.maximum(1.0 - _doubt(feature.column, t), _FLATTEST)) for t in ends)
            moved = (above - below) / (ends[1] - ends[0])
        else:
            moved = -feature.column if feature.kind == "recency" else feature.column.astype(np.float64)
        slopes[:, k] = values @ (moved - share @ moved)  # the sum of the weights stays
    return slopes.mean(axis=0), slopes.std(axis=0, ddof=1) / np.sqrt(len(slopes))


def _first(features: Sequence[_Feature], sure: Vector) -> NDArray[np.int64]:
    """Positions of all but slices, and of the slices with the surest slopes."""
    chosen = np.array([feature.kind != "slice" for feature in features])
    slices = np.flatnonzero(~chosen)
    chosen[slices[np.argsort(-sure[slices], kind="stable")[:_SLICES]]] = True
    return np.flatnonzero(chosen)


def _named(features: Sequence[_Feature], theta: Vector) -> Parameters:
    by_kind: dict[str, list[tuple[str, float]]] = {"recency": [], "slice": [], "group": [], "noise": []}
    for feature, value in zip(features, theta, strict=True):
        by_kind[feature.kind].append((feature.name, float(value) / feature.unit))
    decay, noise = (by_kind[kind][0][1] if by_kind[kind] else 0.0 for kind in ("recency", "noise"))
    slices, groups = ({name: value for name, value in by_kind[kind] if value} for kind in ("slice", "group"))
    return Parameters(decay, slices, groups, noise)
