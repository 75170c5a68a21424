"""Learn from other kinds of events beside the target, and judge each by each."""

from assay.config import Config
from assay.errors import ConfigError
from assay.evaluation.holdout import Predict
from assay.logs.clean_log import CleanLog
from assay.logs.takings import counted
from assay.models import twins
from assay.models.boosting import LightGBM
from assay.pages.targets import TargetsCompared, TargetTested
from assay.runs.stage import Work, stage
from assay.stages import materials as hand
from assay.stages.materials import TASK, TRAINING
from assay.trials.targets import Target, serves, side_by_side


def _asked(config: Config) -> bool:
    return bool(config.samples.also)


def _models(config: Config) -> None:
    """Raise now where no model is there to learn from other targets."""
    names = config.models.names
    if config.samples.also and names is not None and not {"logistic", LightGBM.name} & set(names):
        raise ConfigError(
            f"[samples] also: other targets are learnt by 'logistic' and {LightGBM.name!r}; add one to [models] names"
        )


@stage(
    follows=("clean", "samples", "features", "train"),
    reads=("samples", *TASK, "models", "text", "evaluate", "seed"),
    makes=(),
    pages=(TargetsCompared,),
    applies=_asked,
    check=_models,
)
def targets(work: Work) -> None:
    """targets/compared.json: the linear model and LightGBM, learnt from every target and judged by every target on test."""
    section, log = work.config.samples, CleanLog.read(work.folder)
    first = Target(section.target, log.history(section.target, section.period_days, counted(log, section)), of_config=True)
    others = {kind: Target(kind, log.history(kind, section.period_days)) for kind in section.also}
    train, test = hand.train(work), hand.holdout(work, "test")
    left_out = {kind: why for kind, target in others.items() if (why := serves(target, train, test)) is not None}
    compared = {section.target: first} | {kind: target for kind, target in others.items() if kind not in left_out}
    learnt: dict[str, dict[str, Predict]] = {}
    names = [name for name in (hand.linear_name(work), LightGBM.name) if name in hand.names(work)]
    for done, name in enumerate(names):
        work.report(done, len(names) + 1)
        fitted = hand.model(work, name)
        learnt[name] = {section.target: fitted.predict}
        for kind, target in compared.items():
            if not target.of_config:
                again = twins.twin(fitted, target.labelled(train), rng=hand.rng(work, TRAINING))
                learnt[name][kind] = again.predict
    work.report(len(names), len(names) + 1)
    lines = [TargetTested.model_validate(line) for line in side_by_side(learnt, compared, test)]
    work.folder.write(TargetsCompared(target=section.target, lines=lines, left_out=left_out))
