"""Train the models."""

import shutil

from assay.models.scorer import Scorer
from assay.runs.stage import Work, stage
from assay.runs.store import digest
from assay.stages import materials as hand
from assay.stages.materials import TRAINING

PROGRESS = "models/progress"  # of models that learn for long; gone when all have learnt


@stage(follows=("clean", "samples", "features"), reads=("models", "text", "seed"), makes=("models/*",))
def train(work: Work) -> None:
    """models/<name>/ of every model."""
    learnt, names = hand.train(work), hand.names(work)
    for done, name in enumerate(names):
        work.report(done, len(names))
        if name in work.config.models.estimators:
            model = hand.estimator(work, name, learnt)
        else:
            model = _resumed(work, name, hand.make(work, name)).fit(learnt, rng=hand.rng(work, TRAINING))
        work.folder.keep(model.save(work.folder.path(f"models/{name}")))
    shutil.rmtree(work.folder.path(PROGRESS), ignore_errors=True)


def _resumed(work: Work, name: str, model: Scorer) -> Scorer:
    """A model that learns for long goes on where a killed run was: its progress is named after all that it learns from."""
    if not hasattr(model, "in_run"):
        return model
    config = work.config.model_dump(mode="json", include={"models", "text", "seed"})
    inputs = [work.folder.output("samples"), hand.kept_features(work)]
    folder = work.folder.path(f"{PROGRESS}/{name}-{digest([name, config, inputs])[:12]}")
    resumed: Scorer = model.in_run(folder, work.progress)
    return resumed
