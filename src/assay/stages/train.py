"""Train the models."""

import shutil

from assay import registry
from assay.config import Config
from assay.models import named as models
from assay.models.capabilities import Trained
from assay.models.scorer import Scorer, Training
from assay.pages.evaluation import Chances, Line
from assay.runs.stage import Work, stage
from assay.runs.store import digest
from assay.stages import materials as hand
from assay.stages.materials import TRAINING

PROGRESS = "models/.progress"  # of models that learn for long; gone when all have learnt


def _models(config: Config) -> None:
    """Raise now where a model's name or path is none."""
    models.unfitted(config.models, config.request, config.label_type)
    for name, path in config.models.estimators.items():
        registry.load(path, f"[models] estimators: {name}")


@stage(
    follows=("clean", "samples", "features"),
    reads=("models", "text", "seed"),
    makes=("models/*",),
    pages=(Chances,),
    check=_models,
)
def train(work: Work) -> None:
    """models/<name>/ of every model, and models/chances.json: how the validation set turns what they say into chances."""
    learnt, names = hand.train(work), hand.names(work)
    lines = dict[str, Line]()
    for done, name in enumerate(names):
        work.report(done, len(names))
        if name in work.config.models.estimators:
            model = hand.estimator(work, name, learnt)
        else:
            model = hand.make(work, name)
            model = hand.fit(work, model, learnt, hand.rng(work, TRAINING), _training(work, name, model))
        work.folder.keep(model.save(work.folder.path(f"models/{name}")))
        if (line := hand.taught(work, model)) is not None:
            lines[name] = Line.model_validate(vars(line))
    work.folder.write(Chances(models=lines))
    shutil.rmtree(work.folder.path(PROGRESS), ignore_errors=True)


def _training(work: Work, name: str, model: Scorer) -> Training:
    """A net tells its steps, and goes on where a killed run was: its progress is named after all that it learns from."""
    if not isinstance(model, Trained):
        return Training()
    config = work.config.model_dump(mode="json", include={"models", "text", "seed"})
    inputs = [work.folder.output("samples"), hand.kept_features(work)]
    folder = work.folder.path(f"{PROGRESS}/{name}-{digest([name, config, inputs])[:12]}")
    return Training(folder=folder, report=work.progress)
