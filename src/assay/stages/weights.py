"""Learn a half-life, weights of slices and groups, and a share of wrong labels, and choose among them on the tuning set."""

from assay.findings import segments
from assay.pages.parts import Change
from assay.pages.selection import LearntFamily, LearntWeights
from assay.runs.stage import Work, stage
from assay.selection.arms import Arm
from assay.selection.groups import groupings
from assay.selection.weights import write_weights
from assay.stages import materials as hand
from assay.stages.materials import WORDS
from assay.trials.curve import try_arms
from assay.trials.weights import FAMILIES, learn_weights


@stage(
    follows=("clean", "samples", "features", "train", "value"),
    reads=("select.valuer", "models", "value", "text", "evaluate", *WORDS, "seed"),
    makes=("weights/*",),
    pages=(LearntWeights,),
)
def weights(work: Work) -> None:
    """weights/: what every family of parameters came to and changes on tuning, and the weights that tuning chose."""
    train, validation, config = hand.train(work), hand.validation(work), work.config
    attributes = segments.attributes(train, hand.wording(work))
    linear, kinds = hand.precondition(work), groupings(train, attributes, hand.task(work))
    arms, paths = [Arm("nothing", "nothing", train.weight)], dict[str, tuple[str, list[float]]]()
    for done, family in enumerate(FAMILIES):
        work.report(done, len(FAMILIES) + 1)
        learnt = learn_weights(
            linear, train, validation, attributes, kinds, family=family, folds=config.value.folds, seed=config.seed
        )
        arms.append(learnt.arm())
        paths[arms[-1].name] = family, learnt.path
    work.report(len(FAMILIES), len(FAMILIES) + 1)
    tried = try_arms(linear, train, hand.holdout(work, "tuning"), arms)
    lines = []
    for line in tried.curve["arms"][1:]:
        family, path = paths[line["arm"]]
        lines.append(LearntFamily(family=family, weights=line["arm"], path=path, difference=Change.each(line["difference"])))
    work.folder.write(LearntWeights(chosen=tried.chosen.name, families=lines))
    work.report(len(FAMILIES) + 1, len(FAMILIES) + 1)
    work.folder.keep(write_weights(work.folder, train, tried.chosen.weight, "weights"))
