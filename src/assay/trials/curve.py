"""How much to take out: every declared change of the training weights is retrained and judged on tuning.

"Nothing" is one of the arms and wins unless another is better beyond chance: a removal that only looks good is
the most common artefact of data valuation (docs/decisions/0004).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.config import Select
from assay.evaluation.holdout import CLAIMS, Holdout, Scored, differences, estimates
from assay.evaluation.scores import Difference, holm_together
from assay.findings.anomalies import robots
from assay.findings.rules import Rule, explain
from assay.findings.segments import Attribute
from assay.findings.suspects import UNUSUAL, copies
from assay.importance.valuer import Importance
from assay.models.logistic import LogisticRegression
from assay.samples.table import Samples
from assay.selection.weights import (
    damp,
    drop_below,
    drop_count,
    drop_fraction,
    drop_harmful,
    floor_groups,
    hashed_order,
    orders,
    recency_weights,
    remove,
    removed_share,
)

Vector = NDArray[np.float64]
RESAMPLES = 200  # on tuning, where only a standard error is needed
_HALF_LIVES = (16.0, 32.0)  # periods
_DAMPED = 0.5  # weight of the least useful rows where they are damped, not dropped
_WIDE = (0.1, 0.2)  # shares that are only ever damped: values of so many rows do not add up
_RULES = 2  # confirmed rules that are tried
_LEVEL = 0.05
ONE_COPY = "one copy of each"  # of the same item in the same request
ROBOTS = "without users like robots"
BY_CHANCE = "random"  # how the arm is called that values must not do worse than; never chosen
_CHANCE_SEED = 7


@dataclass(frozen=True)
class Arm:
    """One change of the training weights: its name, its family, and the weights (n,)."""

    name: str
    how: str
    weight: Vector


def declare(train: Samples, importance: Importance, rules: Sequence[Rule], found: list[Attribute], section: Select) -> list[Arm]:
    """The arms, before any of them is tried: nothing, removals, damped weights, recency, copies, robots, confirmed slices.

    An arm that would leave one class only is none.
    """
    weight, groups = train.weight, floor_groups(train)
    arms = [Arm("nothing", "nothing", weight)]
    for fraction in section.fractions:
        kept = drop_fraction(weight, importance, fraction, groups, section.floor)
        arms.append(Arm(f"without the lowest {100 * fraction:g} % by {section.valuer}", section.valuer, kept))
    shown = f"by {section.valuer}"
    middle = section.fractions[len(section.fractions) // 2]
    by_chance = hashed_order(train.keys.column("sample_id").to_numpy(), _CHANCE_SEED)
    gone = remove(by_chance, round(middle * len(weight)), groups, section.floor)
    arms.append(Arm(f"without a random {100 * middle:g} %", BY_CHANCE, np.where(gone, 0.0, weight)))
    for count in section.counts:
        kept = drop_count(weight, importance, min(count, len(weight)), groups, section.floor)
        arms.append(Arm(f"without the lowest {count:,} {shown}", section.valuer, kept))
    for value in section.below:
        kept = drop_below(weight, importance, value, groups, section.floor)
        arms.append(Arm(f"without values below {value:g} {shown}", section.valuer, kept))
    for z in section.harmful:
        kept = drop_harmful(weight, importance, z, groups, section.floor)
        arms.append(Arm(f"without z-scores below {-z:g} {shown}", section.valuer, kept))
    for fraction in (*section.fractions[-2:], *_WIDE):
        name = f"half weight for the lowest {100 * fraction:g} % by {section.valuer}"
        arms.append(Arm(name, "half weight", damp(weight, importance, fraction, _DAMPED)))
    if len(np.unique(train.period)) > 4:
        for half_life in _HALF_LIVES:
            changed = recency_weights(weight, train.period, half_life)
            arms.append(Arm(f"recency, half-life {half_life:g}", "recency", changed))
    again = copies(train)
    if (again > 1).mean() >= UNUSUAL:
        arms.append(Arm(ONE_COPY, "copies", weight / again))
    users = robots(train)
    if users.flagged.any():
        like_robots = np.isin(train.user, users.user[users.flagged])
        arms.append(Arm(ROBOTS, "robots", np.where(like_robots, 0.0, weight)))
    for k, rule in enumerate([r for r in rules if r.confirmed][:_RULES], 1):
        rows = np.flatnonzero(rule.matches(found))
        removed = remove(rows, len(rows), groups, section.floor)
        arms.append(Arm(without(rule), f"rule {k}", np.where(removed, 0.0, weight)))
        halved = np.where(rule.matches(found), _DAMPED * weight, weight)
        arms.append(Arm(half(rule), f"half weight, rule {k}", halved))
    return [arm for arm in arms if _has_both_classes(train, arm.weight)]


def _has_both_classes(train: Samples, weight: Vector) -> bool:
    """Whether a model can be trained under the weights."""
    return len(np.unique(train.label[weight > 0])) == 2


def without(rule: Rule) -> str:
    """Name of the arm that drops a rule's rows."""
    return f"without {rule.sentence}"


def half(rule: Rule) -> str:
    """Name of the arm that halves the weight of a rule's rows."""
    return f"half weight where {rule.sentence}"


@dataclass(frozen=True)
class Tried:
    """What the trials on tuning showed, and the arm that they chose."""

    chosen: Arm
    curve: dict[str, Any]


def refit(model: LogisticRegression, train: Samples, weight: Vector) -> LogisticRegression:
    """The model under other weights, converged, started from its present coefficients."""
    return model.fresh().fit(train.with_weight(weight), rng=np.random.default_rng(0), start=model)


def try_arms(
    model: LogisticRegression,
    train: Samples,
    tuning: Holdout,
    arms: Sequence[Arm],
    valuer: str,
    progress: Callable[[int], None] | None = None,
) -> Tried:
    """Retrain on every arm, compare with the first (nothing) on tuning, and choose.

    Where removing by values does worse than removing at random, beyond chance, no arm of the valuer may be chosen.

    Of the arms whose log-loss is lower than nothing's beyond chance (Holm over all arms) and whose auc and ndcg@10 are not
    worse beyond chance, the one with the lowest tuning log-loss is chosen; where there is none, nothing is.
    """
    scored: dict[str, Scored] = {}
    compared: dict[str, dict[str, Difference]] = {}
    for done, arm in enumerate(arms):
        if progress is not None:
            progress(done)
        fitted = model if arm.how == "nothing" else refit(model, train, arm.weight)
        scored[arm.name] = tuning.score(fitted.predict, resamples=RESAMPLES)
        compared[arm.name] = tuning.difference(scored["nothing"], scored[arm.name], resamples=RESAMPLES)
    usable = _no_worse_than_random(tuning, arms, scored, valuer)
    allowed = [arm for arm in arms if arm.how != BY_CHANCE and (usable or arm.how not in (valuer, "half weight"))]
    chosen = choose(allowed, compared)
    lines = []
    for arm in arms:
        shown = CLAIMS if arm.how != "nothing" else ()
        lines.append(
            {
                "arm": arm.name,
                "how": arm.how,
                "removed_fraction": removed_share(train.weight, arm.weight),
                "tuning": estimates(scored[arm.name].measures, CLAIMS),
                "difference": differences(compared[arm.name], shown),
            }
        )
    return Tried(chosen, {"valuer": valuer, "chosen": chosen.name, "usable": usable, "arms": lines})


def _no_worse_than_random(tuning: Holdout, arms: Sequence[Arm], scored: Mapping[str, Scored], valuer: str) -> bool:
    """Whether removing by values is not worse, in log_loss beyond chance, than removing as many rows at random."""
    rivals = [arm for arm in arms if arm.how == BY_CHANCE]
    if not rivals:
        return True
    size = np.count_nonzero(rivals[0].weight == 0)
    own = [arm for arm in arms if arm.how == valuer and arm.name.startswith("without the lowest")]
    if not own or not size:
        return True
    nearest = min(own, key=lambda arm: abs(np.count_nonzero(arm.weight == 0) - size))
    found = tuning.difference(scored[rivals[0].name], scored[nearest.name], resamples=RESAMPLES)["log_loss"]
    return not found["low"] > 0


def choose(arms: Sequence[Arm], compared: Mapping[str, dict[str, Difference]]) -> Arm:
    """The arm to take; arms[0] is nothing. compared: arm -> measure -> arm minus nothing."""
    rivals = [arm for arm in arms[1:] if "log_loss" in compared[arm.name]]
    if not rivals:
        return arms[0]
    adjusted = holm_together({arm.name: {"log_loss": compared[arm.name]["log_loss"]} for arm in rivals})
    gain = {name: found["log_loss"] for name, found in adjusted.items()}
    better = [
        arm
        for arm in rivals
        if gain[arm.name]["value"] < 0 and gain[arm.name]["p_holm"] < _LEVEL and not _ranks_worse(compared[arm.name])
    ]
    # Beyond chance first, then lowest: a low but uncertain arm must not hide one that surely gains.
    return min(better, key=lambda arm: gain[arm.name]["value"], default=arms[0])


def _ranks_worse(found: Mapping[str, Difference]) -> bool:
    """Whether auc or ndcg@10 is worse beyond chance."""
    return any(found[measure]["high"] < 0 for measure in ("auc", "ndcg@10") if measure in found)


def same_size(train: Samples, loss: Importance, chosen: Arm, items: int, floor: float, seed: int) -> dict[str, Arm]:
    """The chosen arm's change at random, by recency, popularity and loss: what it must beat.

    Each order's worst rows get what the chosen arm gave to as many rows: no weight (under the same floors), or less.
    """
    factor = np.divide(chosen.weight, train.weight, out=np.ones(len(train)), where=train.weight > 0)
    count = int(np.count_nonzero(factor == 0))
    factors = np.sort(factor)[count:]
    popularity = np.bincount(train.item, train.label, minlength=items).astype(np.int64)
    groups = floor_groups(train)
    arms = {}
    for name, order in orders(train, loss, popularity, seed).items():
        gone = remove(order, count, groups, floor)
        rest = order[~gone[order]]
        given = np.zeros(len(train))
        given[rest] = np.append(factors, np.full(len(rest) - len(factors), factors[-1]))
        arms[name] = Arm(name, name, train.weight * given)
    return arms


def against_rule(
    model: LogisticRegression, train: Samples, tuning: Holdout, chosen: Arm, found: list[Attribute]
) -> dict[str, Any] | None:
    """The simplest rule that explains what the chosen arm changes, and what the same change by that rule does on tuning.

    A gain is believed only after the changed rows were looked at and their rule was tried in their place.
    None where nothing, or every row, is changed. difference: the rule's arm minus nothing; against_chosen: minus the
    chosen arm.
    """
    explained = explain(chosen.weight < train.weight, found)
    if explained is None:
        return None
    rule, covers, precision = explained
    changed = (chosen.weight < train.weight) & (train.weight > 0)
    factor = float((chosen.weight[changed] / train.weight[changed]).mean())
    by_rule = np.where(rule.matches(found), factor * train.weight, train.weight)
    if not _has_both_classes(train, by_rule):
        return None
    fitted = [model, refit(model, train, chosen.weight), refit(model, train, by_rule)]
    scored = [tuning.score(one.predict, resamples=RESAMPLES) for one in fitted]
    return {
        "rule": rule.sentence,
        "rows": rule.rows,
        "covers": covers,
        "precision": precision,
        "factor": factor,
        "difference": differences(tuning.difference(scored[0], scored[2], resamples=RESAMPLES), CLAIMS),
        "against_chosen": differences(tuning.difference(scored[1], scored[2], resamples=RESAMPLES), CLAIMS),
    }
