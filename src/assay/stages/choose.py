"""Choose on the tuning periods how the training set should be changed, "not at all" included."""

from collections.abc import Mapping, Sequence
from typing import Any

from assay.evaluation.claims import helps
from assay.findings import segments
from assay.findings.rules import Rule, mine
from assay.runs.store import write_json
from assay.selection import weights as selection
from assay.selection.arms import Arm, declare, half, without
from assay.stages.workbench import Workbench
from assay.trials.curve import against_rule, try_arms

Differences = Mapping[str, Mapping[str, float | None]]


def select(bench: Workbench) -> list[str]:
    """selection/: every arm's trial, rules with their trials, and the weights that were chosen."""
    section, train, main = bench.config.select, bench.train, bench.importance(bench.config.select.valuer)
    attributes = segments.attributes(train, bench.config.samples.period_days)
    found = mine(attributes, main)
    arms = declare(train, main, found, attributes, section)
    linear = bench.precondition()
    steps = len(arms) + 1
    tried = try_arms(linear, train, bench.tuning, arms, lambda done: bench.report("select", done, steps))
    bench.report("select", len(arms), steps)
    explained = against_rule(linear, train, bench.tuning, tried.chosen, attributes)
    write_json(bench.run.path("selection/curve.json"), {"valuer": section.valuer} | tried.curve | {"explained": explained})
    write_json(bench.run.path("selection/rules.json"), judged(found, tried.curve["arms"]))
    names = selection.write_weights(bench.run, train, tried.chosen.weight)
    return ["selection/curve.json", "selection/rules.json", *names]


def judged(found: Sequence[Rule], arms: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rules with what the trials say of them: `trials` (name of the arm -> differences) and `advice`."""
    by_name = {arm["arm"]: arm["difference"] for arm in arms}
    lines = []
    for rule in found:
        trials = {name: by_name[name] for name in (without(rule), half(rule)) if name in by_name}
        lines.append({**rule.to_dict(), "trials": trials, "advice": _advice(rule, trials)})
    return lines


def _advice(rule: Rule, trials: Mapping[str, Differences]) -> str:
    """What to do with a rule's rows, by what happened on tuning without them or with half their weight."""
    if not rule.confirmed:
        return "leave as it is: not confirmed"
    if not trials:
        return "not tried: look at its rows, and try before dropping"
    helping = [name for name, difference in trials.items() if helps(difference)]
    if without(rule) in helping:
        return "drop, or repair at the source: better without these rows on tuning"
    if half(rule) in helping:
        return "give half weight, or repair at the source: better so on tuning"
    return "keep: neither dropping nor halving these rows helps on tuning"


def chosen(bench: Workbench) -> Arm:
    """The arm that tuning chose, from its stored weights."""
    page = bench.run.read_json("selection/curve.json")
    line = next(line for line in page["arms"] if line["arm"] == page["chosen"])
    weight = bench.run.read_table("selection/weights.parquet", ["weight"]).column("weight").to_numpy()
    return Arm(line["arm"], line["family"], weight, line["valuer"])
