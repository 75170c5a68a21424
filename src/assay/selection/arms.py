"""Arms: the changes of the training weights that are tried, declared before any of them is.

"Nothing" is the first of them. One takes rows by chance: what values remove must not do worse than that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.config import Select
from assay.findings.anomalies import robots
from assay.findings.rules import Rule
from assay.findings.segments import Attribute
from assay.findings.suspects import UNUSUAL, copies
from assay.importance.valuer import Importance
from assay.importance.values import Vector
from assay.language import english
from assay.pages.selection import Family
from assay.samples.table import Samples
from assay.selection.groups import Moved
from assay.selection.marks import Treated
from assay.selection.weights import (
    damp,
    drop_below,
    drop_count,
    drop_fraction,
    drop_harmful,
    floor_groups,
    hashed_order,
    labels_differ,
    orders,
    recency_weights,
    remove,
)

_HALF_LIVES = (16.0, 32.0)  # periods
_FEWEST_PERIODS = 5  # of training, for a half-life to mean anything
_DAMPED = 0.5  # weight of the least useful rows where they are damped, not dropped
_WIDE = (0.1, 0.2)  # shares that are only ever damped: values of so many rows do not add up
_RULES = 2  # confirmed rules that are tried
ONE_COPY = english("one copy of each")  # of the same item in the same request
ROBOTS = english("without users like robots")
MARKS = english("marks by people")
_CHANCE_SEED = 7


@dataclass(frozen=True)
class Arm:
    """One change of the training weights: its name, its family, and the weights (n,).

    valuer: whose values say which rows are changed; None where no values do. response (n,): what is learnt in place of the
    samples' own labels; None where they are right.
    """

    name: str
    family: Family
    weight: Vector
    valuer: str | None = None
    response: Vector | None = None

    def of(self, train: Samples) -> Samples:
        """The training samples as the arm has them."""
        weighed = train.with_weight(self.weight)
        return weighed if self.response is None else weighed.with_response(self.response)

    def changes(self, train: Samples) -> bool:
        """Whether the arm changes anything of the training samples."""
        return self.response is not None or not np.array_equal(self.weight, train.weight)


def declare(
    train: Samples,
    importance: Importance,
    rules: Sequence[Rule],
    attributes: Sequence[Attribute],
    section: Select,
    moved: Sequence[Moved] = (),
    treated: Treated | None = None,
) -> list[Arm]:
    """The arms: nothing, removals by value and by chance, damped and learnt weights, recency, copies, robots, rules, marks.

    importance: values of train by section.valuer. attributes: what the rules' conditions are about. moved: what was learnt of
    groups. treated: what people marked. Each name is there once. An arm that changes nothing, or would leave one class only, is
    left out.
    """
    groups = floor_groups(train)
    removals = list(_removals(train, importance, groups, section))
    declared = [
        *removals,
        *_at_random(train, removals, groups, section),
        *_damped(train, importance, section),
        *(of_groups(train, learnt) for learnt in moved),
        *_recent(train),
        *_without_copies(train),
        *_without_robots(train),
        *_by_rules(train, rules, attributes, groups, section.floor),
        *([] if treated is None else [of_people(train, treated)]),
    ]
    arms = {"nothing": Arm(english("nothing"), "nothing", train.weight)}
    for arm in declared:
        if arm.changes(train) and labels_differ(arm.of(train), arm.weight):
            arms.setdefault(arm.name, arm)
    return list(arms.values())


def without(rule: Rule) -> str:
    """Name of the arm that drops a rule's rows."""
    return english("without samples where {rule}", rule=rule.sentence)


def half(rule: Rule) -> str:
    """Name of the arm that halves the weight of a rule's rows."""
    return english("half weight where {rule}", rule=rule.sentence)


def _removals(train: Samples, importance: Importance, groups: NDArray[np.int64], section: Select) -> Iterator[Arm]:
    """The rows of lowest value taken out: shares, counts, below a value, below a z-score."""
    weight, by, floor = train.weight, section.valuer, section.floor
    for fraction in section.fractions:
        left = drop_fraction(weight, importance, fraction, groups, floor)
        name = english("without the lowest {number} % by {name}", number=f"{100 * fraction:g}", name=by)
        yield Arm(name, "removal", left, section.valuer)
    for count in section.counts:
        left = drop_count(weight, importance, min(count, len(weight)), groups, floor)
        name = english("without the lowest {number} by {name}", number=f"{count:,}", name=by)
        yield Arm(name, "removal", left, section.valuer)
    for value in section.below:
        left = drop_below(weight, importance, value, groups, floor)
        name = english("without values below {number} by {name}", number=f"{value:g}", name=by)
        yield Arm(name, "removal", left, section.valuer)
    for z in section.harmful:
        left = drop_harmful(weight, importance, z, groups, floor)
        name = english("without z-scores below {number} by {name}", number=f"{-z:g}", name=by)
        yield Arm(name, "removal", left, section.valuer)


def _at_random(train: Samples, removals: Sequence[Arm], groups: NDArray[np.int64], section: Select) -> Iterator[Arm]:
    """As many rows as the middle removal takes, by a hash of their ids; none where nothing is removed by value."""
    if section.fractions:
        share = sorted(section.fractions)[len(section.fractions) // 2]
        count, name = round(share * len(train)), english("without a random {number} %", number=f"{100 * share:g}")
    elif removals:
        sizes = sorted(int(np.count_nonzero((arm.weight == 0) & (train.weight > 0))) for arm in removals)
        count = sizes[len(sizes) // 2]
        name = english("without {number} random samples", number=f"{count:,}")
    else:
        return
    order = hashed_order(train.keys.column("sample_id").to_numpy(), _CHANCE_SEED)
    gone = remove(order, count, groups, section.floor)
    yield Arm(name, "random", np.where(gone, 0.0, train.weight))


def _damped(train: Samples, importance: Importance, section: Select) -> Iterator[Arm]:
    for fraction in (*sorted(section.fractions)[-2:], *_WIDE):
        lowest = f"{100 * fraction:g}"
        name = english("half weight for the lowest {number} % by {name}", number=lowest, name=section.valuer)
        yield Arm(name, "damping", damp(train.weight, importance, fraction, _DAMPED), section.valuer)


def of_groups(train: Samples, learnt: Moved) -> Arm:
    """The arm of weights that were learnt for a kind of groups."""
    low, high = learnt.factors(train.weight)
    factors = {"number_low": f"{low:.2f}", "number_high": f"{high:.2f}"}
    name = english("weights of {groups}, {number_low} to {number_high} times", groups=learnt.grouping, **factors)
    return Arm(name, "groups", learnt.weight(train.weight))


def of_people(train: Samples, treated: Treated) -> Arm:
    """The arm of what people marked. No floor holds it: they looked."""
    weight = np.where(treated.dropped, 0.0, np.where(treated.halved, _DAMPED * train.weight, train.weight))
    return Arm(MARKS, "marks", weight, response=_turned(train, np.flatnonzero(treated.turned)))


def _turned(train: Samples, rows: NDArray[np.int64]) -> Vector | None:
    """Responses (n,) with the labels of some rows turned round; None where there are no rows."""
    if not len(rows):
        return None
    response = train.response.copy()
    response[rows] = 1.0 - response[rows]
    return response


def _recent(train: Samples) -> Iterator[Arm]:
    if len(np.unique(train.period)) >= _FEWEST_PERIODS:
        for half_life in _HALF_LIVES:
            name = english("recency, half-life {number}", number=f"{half_life:g}")
            yield Arm(name, "recency", recency_weights(train.weight, train.period, half_life))


def _without_copies(train: Samples) -> Iterator[Arm]:
    again = copies(train)
    if (again > 1).mean() >= UNUSUAL:
        yield Arm(ONE_COPY, "copies", train.weight / again)


def _without_robots(train: Samples) -> Iterator[Arm]:
    users = robots(train)
    if users.flagged.any():
        like_robots = np.isin(train.user, users.user[users.flagged])
        yield Arm(ROBOTS, "robots", np.where(like_robots, 0.0, train.weight))


def _by_rules(
    train: Samples, rules: Sequence[Rule], attributes: Sequence[Attribute], groups: NDArray[np.int64], floor: float
) -> Iterator[Arm]:
    """The first confirmed rules: their rows dropped under the floors, and at half weight."""
    for rule in [rule for rule in rules if rule.confirmed][:_RULES]:
        matches = rule.matches(attributes)
        rows = np.flatnonzero(matches)
        gone = remove(rows, len(rows), groups, floor)
        yield Arm(without(rule), "rule", np.where(gone, 0.0, train.weight))
        yield Arm(half(rule), "rule", np.where(matches, _DAMPED * train.weight, train.weight))


def same_size(train: Samples, loss: Importance, chosen: Arm, items: int, floor: float, seed: int) -> dict[str, Arm]:
    """The chosen arm's change at random, by recency, popularity and loss: what it must beat.

    Recency and popularity only where periods and items are told apart. Each order's worst rows get what the chosen arm gave to as
    many rows: no weight (under the same floors), less, or the other label.
    """
    factor = np.divide(chosen.weight, train.weight, out=np.ones(len(train)), where=train.weight > 0)
    count = int(np.count_nonzero(factor == 0))
    factors = np.sort(factor)[count:]
    turned = 0 if chosen.response is None else int(np.count_nonzero(chosen.response != train.response))
    damped = int(np.count_nonzero(factors < 1))
    popularity = np.bincount(train.item, train.label, minlength=items).astype(np.int64)
    groups = floor_groups(train)
    arms = {}
    untold = {"recency": np.ptp(train.period) == 0, "popularity": popularity.max(initial=0) <= 1}
    for name, order in orders(train, loss, popularity, seed).items():
        if untold.get(name):
            continue
        gone = remove(order, count, groups, floor)
        rest = order[~gone[order]]
        changed = np.zeros(len(train))
        changed[rest] = np.append(factors, np.full(len(rest) - len(factors), factors[-1]))
        arms[name] = Arm(name, "rival", train.weight * changed, response=_turned(train, rest[damped : damped + turned]))
    return arms
