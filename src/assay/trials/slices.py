"""Harmful slices: rules for low values, confirmed on other folds, then tried on tuning: drop, halve, repair.

The strongest use that values have: they found the defect of a log that no one had looked for. A rule of three words can
be read, repaired at its source, and has few parameters to overfit with.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from assay.evaluation.claims import decides, hurts, verdict
from assay.evaluation.holdout import Holdout, Scored, claimed, differences
from assay.findings import segments
from assay.findings.labels import Wording
from assay.findings.rules import Conditions, Rule, in_words, matching
from assay.findings.segments import Attribute
from assay.findings.subgroups import low_subgroups
from assay.findings.suspects import COPIES, PRICE, copies, price_ratio, suspects, unusual
from assay.importance.predicted import surprise
from assay.importance.valuer import Importance
from assay.language import english
from assay.models.dense import numbers
from assay.models.linear import LinearModel
from assay.numerics.glm import Curvature, direction
from assay.numerics.products import margins, transposed
from assay.numerics.statistics import holm
from assay.samples.table import Samples
from assay.selection.arms import ONE_COPY, half, without
from assay.selection.weights import labels_differ
from assay.trials.curve import RESAMPLES, refit

Vector = NDArray[np.float64]
_LEVEL = 0.05
_CLIPPED = 0.995  # share of values that keep their size: a few extreme ones must not make a rule
_ROUNDS, _TRIED = 5, 8
FLIP, UNIT = "labels turned round", "price back in its unit"


@dataclass(frozen=True)
class Slice:
    """A rule, why it is looked at, and what trials on tuning say.

    because: "values" (low on folds that did not make the rule) or "construction" (levels that clean logs do not have).
    trials: way -> {"difference": measured change on tuning, "forecast": that of log_loss by one Newton step}; what is forecast
    to do harm is not retrained, and its difference is empty. helps: the ways that are better beyond chance (Holm over all
    trials of a round) and worse in nothing. advice: what to do.
    """

    rule: Rule
    because: str
    trials: dict[str, dict[str, Any]]
    helps: tuple[str, ...]
    advice: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        rest = {"because": self.because, "trials": self.trials, "helps": list(self.helps), "advice": self.advice}
        return {**self.rule.to_dict(), **rest}


def readable(train: Samples, wording: Wording) -> list[Attribute]:
    """What slices are told by: attributes of the samples, and those by which construction defects show.

    Not the label, nor the origin that tells it: a rule that says "positive" would take the answer for a defect.
    """
    told = [attribute for attribute in segments.attributes(train, wording) if attribute.name not in ("label", "kind")]
    return [*told, *suspects(train, wording)]


def candidates(attributes: Sequence[Attribute], importance: Importance, surprises: Vector) -> list[tuple[Rule, str]]:
    """Rules and why each is one: for low values on odd folds and for low surprises (n,), confirmed on even folds (Holm).

    What holds more widely than a confirmed rule, without one of its conditions, is confirmed by its own p.
    ValueError with fewer than four folds. Rules by construction come first and need no confirmation.
    """
    if importance.per_fold is None or len(importance.per_fold) < 4:
        raise ValueError("importance has fewer than 4 folds: rules must be confirmed on folds that did not make them")
    n = len(importance.value)
    out: list[tuple[Rule, str]] = []
    odd = np.zeros(n, bool)
    for attribute, levels in unusual(attributes):
        conditions: Conditions = ((attribute.name, levels),)
        mask = matching(conditions, attributes)
        odd |= mask
        rule = Rule(conditions, in_words(conditions, attributes), int(mask.sum()), float(mask.mean()), confirmed=True)
        out.append((replace(rule, z=_z(importance.per_fold, mask)), "construction"))
    seek, confirm = importance.per_fold[1::2].mean(axis=0), importance.per_fold[0::2]
    most = float(np.quantile(np.abs(seek), _CLIPPED))
    target = np.clip(seek, -most, most)
    proposed = []
    either = [*low_subgroups(attributes, np.where(odd, 0.0, target)), *low_subgroups(attributes, np.where(odd, 0.0, surprises))]
    # What holds without one of its conditions is the shorter and the wider finding.
    shorter = [part for rule in either for size in range(1, len(rule)) for part in combinations(rule, size)]
    for conditions in dict.fromkeys([*either, *shorter]):
        mask = matching(conditions, attributes)
        z = _z(confirm, mask)
        proposed.append((float(stats.t.cdf(z, len(confirm) - 1)), z, conditions, mask))
    adjusted = holm([p for p, *_ in proposed]).tolist() if proposed else list[float]()
    surely = [set(conditions) for (_, _, conditions, _), p in zip(proposed, adjusted, strict=True) if p < _LEVEL]
    for (p, z, conditions, mask), corrected in zip(proposed, adjusted, strict=True):
        # A part of a confirmed rule is no new guess: its own p is enough for a trial.
        confirmed = corrected < _LEVEL or (p < _LEVEL and any(set(conditions) < rule for rule in surely))
        sentence = in_words(conditions, attributes)
        out.append((Rule(conditions, sentence, int(mask.sum()), float(mask.mean()), z, bool(confirmed)), "values"))
    return out


def _z(per_fold: Vector, mask: NDArray[np.bool_]) -> float:
    """Mean over folds of the summed value of the rows, in standard errors."""
    sums = np.array([values[mask].sum() for values in per_fold])
    error = sums.std(ddof=1) / np.sqrt(len(sums))
    return float(sums.mean() / error) if error > 0 else 0.0


def slices(
    model: LinearModel,
    train: Samples,
    tuning: Holdout,
    value: Callable[[Samples, LinearModel], Importance],
    wording: Wording,
    progress: Callable[[int, int], None] | None = None,
) -> list[Slice]:
    """The slices that a change helps, each found after the ones before it were mended; then the rules that were looked at.

    value(samples, model) -> values with folds of samples by a model fitted on them (16 folds tell more than 5). Rules
    that other folds do not confirm are not tried. One defect bends the values of others' rows: so the best change is made,
    the model fitted and valued again, and the next are looked for, until nothing helps.
    """
    attributes = readable(train, wording)
    mended: list[Slice] = []
    for number in range(_ROUNDS):
        judged = _round(model, train, tuning, value(train, model), attributes, [one.rule for one in mended], progress)
        best = judged[0] if judged and judged[0].helps else None
        if best is None or number == _ROUNDS - 1:
            return [*mended, *judged]
        mended.append(best)
        train = next(changed for name, changed in changes(best.rule, train, attributes) if name == best.helps[0])
        model = refit(model, train, train.weight)
    raise AssertionError("unreachable")


def _round(
    model: LinearModel,
    train: Samples,
    tuning: Holdout,
    importance: Importance,
    attributes: Sequence[Attribute],
    mended_rules: Sequence[Rule],
    progress: Callable[[int, int], None] | None,
) -> list[Slice]:
    """Every new candidate with its trials: those that help first, by their gain, then those by construction."""
    rules = candidates(attributes, importance, surprise(train, model))
    # What is left of an attribute whose bad levels were mended is no finding of its own.
    mended = {name for rule in mended_rules for name, _ in rule.conditions}
    rules = [(rule, because) for rule, because in rules if not {name for name, _ in rule.conditions} <= mended]
    ways = [(rule, name) for rule, _ in rules if rule.confirmed for name, _ in changes(rule, train, attributes)]
    curvature = model.curve(train)
    curvature.invert()
    full = tuning.score(model.predict, resamples=RESAMPLES)
    tried: dict[str, dict[str, dict[str, Any]]] = {}
    expected: dict[tuple[str, str], float] = {}
    for rule in dict.fromkeys(rule for rule, _ in ways):
        for name, changed in changes(rule, train, attributes):
            expected[rule.sentence, name] = forecast(model, changed, tuning, curvature, full)
            tried.setdefault(rule.sentence, {})[name] = {"difference": {}, "forecast": expected[rule.sentence, name]}
    ways = _promising(ways, expected, [rule.sentence for rule, because in rules if because == "construction"])
    chances: list[float] = []
    for done, (rule, name) in enumerate(ways):
        if progress is not None:
            progress(done, len(ways))
        changed = next(samples for way, samples in changes(rule, train, attributes) if way == name)
        fitted = refit(model, changed, changed.weight)
        scored = tuning.score(fitted.predict, resamples=RESAMPLES)
        shown = differences(claimed(tuning.difference(full, scored, resamples=RESAMPLES)))
        tried[rule.sentence][name]["difference"] = shown
        p = shown[decides(shown)]["p"]
        chances.append(1.0 if p is None else p)
    adjusted = dict(zip([(rule.sentence, name) for rule, name in ways], holm(chances) if ways else [], strict=True))
    judged = [_judge(rule, because, tried.get(rule.sentence, {}), adjusted) for rule, because in rules]
    return sorted(judged, key=lambda s: (not s.helps, _gain(s), s.because != "construction", s.rule.z))


def _promising(
    ways: Sequence[tuple[Rule, str]], expected: dict[tuple[str, str], float], always: Sequence[str]
) -> list[tuple[Rule, str]]:
    """The ways worth a retraining: those of best forecast that should help, and all of rules by construction."""
    order = sorted(ways, key=lambda way: expected[way[0].sentence, way[1]])
    best = [way for way in order if expected[way[0].sentence, way[1]] < 0][:_TRIED]
    return [way for way in ways if way in best or way[0].sentence in always]


def _gain(one: Slice) -> float:
    return min((_change(one.trials, name) for name in one.helps), default=0.0)


def _change(trials: dict[str, Any], name: str) -> float:
    """What a way changed of the loss on tuning."""
    difference = trials[name]["difference"]
    return float(difference[decides(difference)]["value"])


def changes(rule: Rule, train: Samples, attributes: Sequence[Attribute]) -> Iterator[tuple[str, Samples]]:
    """The ways to treat a rule's rows: name and changed samples; a way that leaves one label only is none."""
    mask = rule.matches(attributes)
    for name, samples in _ways(rule, mask, train):
        if labels_differ(samples, samples.weight):
            yield name, samples


def _ways(rule: Rule, mask: NDArray[np.bool_], train: Samples) -> Iterator[tuple[str, Samples]]:
    yield without(rule), train.with_weight(np.where(mask, 0.0, train.weight))
    yield half(rule), train.with_weight(np.where(mask, 0.5 * train.weight, train.weight))
    named = {name for name, _ in rule.conditions}
    if COPIES in named:
        yield ONE_COPY, train.with_weight(train.weight / np.where(mask, copies(train), 1))
    elif priced := [name.removeprefix(PRICE) for name in named if name.startswith(PRICE)]:
        yield UNIT, _in_unit(train, priced[0], mask)
    elif train.label_type.is_chance:
        yield FLIP, train.with_label(np.where(mask, 1 - train.label, train.label).astype(np.int8))


def _in_unit(train: Samples, name: str, mask: NDArray[np.bool_]) -> Samples:
    """The samples with a price divided, where the rule holds, by the power of ten nearest to its ratio to the usual."""
    values, ratio = numbers(train.features, name).astype(np.float64), price_ratio(train, name)
    factor = np.where(mask & np.isfinite(ratio), 10.0 ** np.round(np.log10(np.where(ratio > 0, ratio, 1.0))), 1.0)
    at = train.features.column_names.index(name)
    column = pa.array((values / factor).astype(np.float32), pa.float32(), from_pandas=True)
    return Samples(
        train.keys, train.features.set_column(at, name, column), train.encoder, train.hidden, label_type=train.label_type
    )


def forecast(model: LinearModel, changed: Samples, tuning: Holdout, curvature: Curvature, full: Scored) -> float:
    """Change of the tuning loss by group influence: one Newton step from the model on the changed samples."""
    assert model.coef_ is not None
    X, w, y = changed.matrix(), changed.weight, changed.response
    mean = model.family.mean(margins(X, model.coef_))
    gradient = transposed(X, w * (mean - y)) + model.l2 * model.coef_
    moved = model.coef_ - direction(X, w * model.family.curvature(mean), model.l2, gradient, curvature, tolerance=1e-4)
    s = tuning.samples
    after = model.family.mean(margins(s.matrix(), moved))
    gap = s.label_type.losses(after, s.response) - s.label_type.losses(full.probability, s.response)
    return float(np.average(gap, weights=s.weight))


def _judge(rule: Rule, because: str, trials: dict[str, Any], adjusted: dict[tuple[str, str], float]) -> Slice:
    changed = {name: entry["difference"] for name, entry in trials.items() if entry["difference"]}
    helps = [
        name
        for name, difference in changed.items()
        if adjusted[rule.sentence, name] < _LEVEL and _gained(difference) and not hurts(difference)
    ]
    helps.sort(key=lambda name: _change(trials, name))
    if not rule.confirmed:
        advice = english("leave as it is: not confirmed on other folds")
    elif helps:
        advice = english("{what}: better so on tuning; mend it at its source", what=_imperative(helps[0], rule))
    elif because == "construction":
        advice = english("look at these rows: clean logs have none, though the model is no better without them on tuning")
    elif not any(entry["difference"] for entry in trials.values()):
        advice = english("keep: no change to these rows is forecast to help more than what was tried")
    else:
        advice = english("keep: no change to these rows helps on tuning")
    return Slice(rule, because, trials, tuple(helps), advice)


def _gained(difference: dict[str, Any]) -> bool:
    return verdict(decides(difference), difference[decides(difference)]) == "better"


def _imperative(name: str, rule: Rule) -> str:
    words = {
        without(rule): english("drop these rows"),
        half(rule): english("give these rows half weight"),
        FLIP: english("turn their labels round"),
    }
    return (
        words.get(name) or {ONE_COPY: english("keep one copy of each"), UNIT: english("bring the price back to its unit")}[name]
    )
