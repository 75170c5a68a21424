"""Keep the features that are worth their cost, where the config asks for it."""

import time

from assay.config import Config
from assay.evaluation.holdout import claimed, differences, estimates
from assay.models.feature_selection import select_features
from assay.models.logistic import LogisticRegression
from assay.pages.parts import Change, Estimate
from assay.pages.samples import Counts, FeaturesKept
from assay.runs.stage import Work, stage
from assay.samples.encoder import only
from assay.samples.table import Samples
from assay.stages.materials import TRAINING, holdout, rng, train
from assay.trials.curve import RESAMPLES


def _asked_for(config: Config) -> bool:
    return config.models.feature_selection != "none"


@stage(
    follows=("clean", "samples"),
    reads=("models.feature_selection", "models.features", "models.l2", "evaluate", "seed"),
    makes=("features/*",),
    pages=(FeaturesKept,),
    applies=_asked_for,
)
def features(work: Work) -> None:
    """features/kept.json: which features are kept, and what that saves and costs a logistic regression."""
    section = work.config.models
    everything, tuning = train(work), holdout(work, "tuning")
    kept = select_features(everything, section.feature_selection, section.features, seed=work.config.seed)
    fewer = only(everything, kept)
    before, seconds_before = _timed(work, everything)
    after, seconds_after = _timed(work, fewer)
    scored = tuning.score(before.predict, resamples=RESAMPLES)
    rescored = tuning.score(lambda samples: after.predict(only(samples, kept)), resamples=RESAMPLES)
    page = FeaturesKept(
        method=section.feature_selection,
        kept=kept,
        hidden=sorted(set(everything.features.column_names) - set(kept)),
        columns=Counts(all=len(before.names_), kept=len(after.names_)),
        entries_a_row=Counts(all=_entries(everything), kept=_entries(fewer)),
        tuning={name: Estimate.each(estimates(claimed(one.measures))) for name, one in (("all", scored), ("kept", rescored))},
        difference=Change.each(differences(claimed(tuning.difference(scored, rescored, resamples=RESAMPLES)))),
    )
    work.folder.write(page)
    work.costs["feature_selection"] = {"seconds_all": seconds_before, "seconds_kept": seconds_after}


def _timed(work: Work, samples: Samples) -> tuple[LogisticRegression, float]:
    started = time.perf_counter()
    fitted = LogisticRegression(work.config.models.l2).fit(samples, rng=rng(work, TRAINING))
    return fitted, round(time.perf_counter() - started, 3)


def _entries(samples: Samples) -> float:
    X = samples.matrix()
    return float(round(X.nnz / max(X.shape[0], 1), 1))
