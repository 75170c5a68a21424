"""Name the slices of the training samples that harm, try what helps, and say what to do; takes minutes."""

import numpy as np

from assay.findings.examples import examples
from assay.importance.influence import Influence
from assay.importance.valuer import Importance
from assay.models.linear import LinearModel
from assay.pages.selection import Slice, Slices, SliceTrial
from assay.runs.stage import Work, stage
from assay.samples.table import Samples
from assay.stages import materials as hand
from assay.stages.materials import WORDS
from assay.trials.slices import readable
from assay.trials.slices import slices as find_slices

_FOLDS = 16  # half of them find rules, half confirm
_SHOWN = 3


@stage(
    follows=("clean", "samples", "features", "train", "value"),
    reads=("models", "value", "text", "evaluate", *WORDS, "seed"),
    makes=("slices/*",),
    pages=(Slices,),
)
def slices(work: Work) -> None:
    """slices/found.json: rules, their trials on tuning with forecasts, examples and advice, what helps first."""
    train, validation, wording = hand.train(work), hand.validation(work), hand.wording(work)
    work.report(0, None)
    folds = min(_FOLDS, max(4, len(np.unique(validation.user)) // 20))

    def value(samples: Samples, model: LinearModel) -> Importance:
        rng = np.random.default_rng(work.config.seed)
        return Influence().value(samples, validation, model=model, utility=samples.label_type.loss, folds=folds, rng=rng)

    model = hand.precondition(work)
    harmful = find_slices(
        model, train, hand.holdout(work, "tuning"), value, wording, lambda done, steps: work.report(done, steps)
    )
    attributes, importance = readable(train, wording), value(train, model)
    lines: list[Slice] = []
    for one in harmful:
        rows = np.flatnonzero(one.rule.matches(attributes))
        part = Importance(importance.sample_id[rows], importance.value[rows], np.asarray(importance.per_fold)[:, rows])
        shown = examples(train.take(rows), part, hand.item_names(work), wording, _SHOWN).harmful
        line = Slice(
            rule=one.rule.sentence,
            rows=one.rule.rows,
            share=one.rule.share,
            z=one.rule.z,
            confirmed=one.rule.confirmed,
            because=one.because,
            trials={name: SliceTrial.model_validate(trial) for name, trial in one.trials.items()},
            helps=list(one.helps),
            advice=one.advice,
            examples=[example.sentence for example in shown],
        )
        lines.append(line)
    work.folder.write(Slices(lines=lines))
