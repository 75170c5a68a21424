"""Gather what a run found on one small page."""

from assay.pages.evaluation import (
    ListCounts,
    LogSummary,
    ModelsTested,
    Recommended,
    Selection,
    Subsample,
    SubsampleTested,
    Summary,
)
from assay.pages.log import Cleaned
from assay.pages.samples import SamplesMade
from assay.runs.stage import Work, stage


@stage(follows=("clean", "samples", "evaluate", "recommend"), reads=(), makes=(), pages=(Summary,))
def summary(work: Work) -> None:
    """summary.json: the log, samples, models, selection, subsample and recommendations of the run, as far as it has them."""
    folder = work.folder
    log = lists = None
    if folder.exists(Cleaned.path):
        clean = Cleaned.read(folder)
        log = LogSummary(
            events=clean.events, users=clean.users, items=clean.items, from_=clean.from_, to=clean.to, rejected=clean.rejected
        )
    if folder.exists(Recommended.path):
        recommended = Recommended.read(folder)
        lists = ListCounts(users=recommended.users, per_user=recommended.per_user)
    subsample = Subsample.read(folder)
    tested = ModelsTested.read(folder)
    page = Summary(
        log=log,
        samples=SamplesMade.read(folder).rows,
        models=tested.models,
        standing=tested.standing,
        left_out=tested.left_out,
        selection=Selection.read(folder).models,
        subsample=SubsampleTested(fraction=subsample.fraction, test=subsample.test),
        recommendations=lists,
    )
    folder.write(page)
