"""Choose on the tuning set what to change about the training samples, if anything."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.config import Config
from assay.evaluation.claims import helps
from assay.findings import segments
from assay.findings.rules import Rule, mine
from assay.importance.values import Vector
from assay.language import english
from assay.pages.gaps import GapTrials
from assay.pages.parts import Change
from assay.pages.selection import Curve, Explained, GroupWeights, Marked, Rules, TriedArm, TriedRule
from assay.runs.stage import Work, stage
from assay.runs.store import Folder
from assay.samples.table import Samples
from assay.selection.arms import declare, half, without
from assay.selection.groups import Moved, Slopes, groupings, learn
from assay.selection.marks import Marks, Standing, Treated
from assay.selection.weights import write_weights
from assay.stages import materials as hand
from assay.stages.materials import WORDS
from assay.trials.curve import against_rule, mended, try_arms
from assay.trials.gaps import of_removals

Differences = Mapping[str, Mapping[str, float | None]]


def _marks(config: Config, folder: Folder) -> object:
    """The marks that stand in the run's folder; None where nobody marked anything, or marks are not asked for."""
    return Marks(folder).standing().content() or None if config.select.marks else None


@stage(
    follows=("clean", "samples", "features", "train", "value"),
    reads=("select", "value.folds", "evaluate", "models", "text", *WORDS, "seed"),
    makes=("selection/*",),
    pages=(Curve, Rules, GapTrials),
    outside=_marks,
)
def select(work: Work) -> None:
    """selection/: every arm's trial, rules with their trials, what it does to groups, and the weights that were chosen."""
    section, train = work.config.select, hand.train(work)
    main = hand.importance(work, section.valuer)
    attributes = segments.attributes(train, hand.wording(work))
    rules = mine(attributes, main)
    linear = hand.precondition(work)
    slopes = Slopes(linear, train, hand.validation(work), folds=work.config.value.folds, seed=work.config.seed)
    moved = learn(slopes, groupings(train, attributes, hand.task(work)))
    treated = _treated(work.outside, train)
    arms = declare(train, main, rules, attributes, section, moved, treated)
    tuning = hand.holdout(work, "tuning")
    steps = len(arms) + 1
    tried = try_arms(linear, train, tuning, arms, lambda done: work.report(done, steps))
    work.report(len(arms), steps)
    explained = against_rule(linear, train, tuning, tried.chosen, attributes)
    curve = Curve(
        valuer=section.valuer,
        chosen=tried.chosen.name,
        usable=tried.curve["usable"],
        groups=[_told(learnt, train.weight) for learnt in moved],
        planted=Change.each(mended(linear, train, tuning, work.config.seed)),
        marked=None if treated is None else _counted(treated),
        arms=[TriedArm.model_validate(line) for line in tried.curve["arms"]],
        explained=None if explained is None else Explained.model_validate(explained),
    )
    work.folder.write(curve)
    work.folder.write(Rules(lines=judged(rules, tried.curve["arms"])))
    if (groups := hand.groups(work, tuning.samples)) and train.label_type.is_chance:
        work.folder.write(GapTrials(lines=of_removals(linear, train, tuning, arms, groups)))
    work.folder.keep(write_weights(work.folder, train, tried.chosen.weight, response=tried.chosen.response))


def _treated(marks: object, train: Samples) -> Treated | None:
    """What becomes of the training samples by the marks that stand."""
    if marks is None:
        return None
    return Treated.of(Standing.of_content(marks), train.sample_id, can_turn=train.label_type.is_chance)


def _counted(treated: Treated) -> Marked:
    rows = {"kept": treated.kept, "halved": treated.halved, "dropped": treated.dropped, "turned": treated.turned}
    return Marked(**{name: int(np.count_nonzero(mask)) for name, mask in rows.items()}, others=treated.others)


def _told(learnt: Moved, weight: Vector) -> GroupWeights:
    low, high = learnt.factors(weight)
    return GroupWeights(grouping=learnt.grouping, low=low, high=high, gains=learnt.gains)


def judged(rules: Sequence[Rule], arms: Sequence[Mapping[str, Any]]) -> list[TriedRule]:
    """Rules with what the trials say of them: `trials` (name of the arm -> differences) and `advice`."""
    by_name = {arm["arm"]: arm["difference"] for arm in arms}
    lines = []
    for rule in rules:
        trials = {name: by_name[name] for name in (without(rule), half(rule)) if name in by_name}
        line = TriedRule(
            rule=rule.sentence,
            rows=rule.rows,
            share=rule.share,
            z=rule.z,
            confirmed=rule.confirmed,
            trials={name: Change.each(difference) for name, difference in trials.items()},
            advice=_advice(rule, trials),
        )
        lines.append(line)
    return lines


def _advice(rule: Rule, trials: Mapping[str, Differences]) -> str:
    """What to do with a rule's rows, by what happened on tuning without them or with half their weight."""
    if not rule.confirmed:
        return english("leave as it is: not confirmed")
    if not trials:
        return english("not tried: look at its rows, and try before dropping")
    helping = [name for name, difference in trials.items() if helps(difference)]
    if without(rule) in helping:
        return english("drop, or repair at the source: better without these rows on tuning")
    if half(rule) in helping:
        return english("give half weight, or repair at the source: better so on tuning")
    return english("keep: neither dropping nor halving these rows helps on tuning")
