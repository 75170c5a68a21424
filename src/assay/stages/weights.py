"""Learn weights of a run's training samples by few parameters, and choose on tuning how far to go, or not at all."""

from assay.findings import segments
from assay.runs.store import write_json
from assay.selection.arms import Arm
from assay.selection.weights import write_weights
from assay.stages.workbench import Workbench
from assay.trials.curve import try_arms
from assay.trials.weights import FAMILIES, learn_weights

LEARNT = "weights/learnt.json"


def learn(bench: Workbench) -> list[str]:
    """weights/: what every family of parameters came to and changes on tuning, and the weights that tuning chose."""
    train, validation, config = bench.train, bench.load("validation"), bench.config
    found = segments.attributes(train, config.samples.period_days)
    linear = bench.precondition()
    arms, paths = [Arm("nothing", "nothing", train.weight)], {}
    for done, family in enumerate(FAMILIES):
        bench.report("weights", done, len(FAMILIES) + 1)
        learnt = learn_weights(linear, train, validation, found, family=family, folds=config.value.folds, seed=config.seed)
        arms.append(learnt.arm())
        paths[arms[-1].name] = {"family": family, "path": learnt.path}
    bench.report("weights", len(FAMILIES), len(FAMILIES) + 1)
    tried = try_arms(linear, train, bench.tuning, arms)
    lines = [paths[line["arm"]] | {"weights": line["arm"], "difference": line["difference"]} for line in tried.curve["arms"][1:]]
    write_json(bench.run.path(LEARNT), {"chosen": tried.chosen.name, "families": lines})
    bench.report("weights", len(FAMILIES) + 1, len(FAMILIES) + 1)
    return [LEARNT, *write_weights(bench.run, train, tried.chosen.weight, "weights")]
