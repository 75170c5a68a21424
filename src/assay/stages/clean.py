"""Take out what cannot be learnt from, with the reason for every row."""

from assay.logs import cleaning
from assay.pages.log import AboutLog, Cleaned
from assay.runs.stage import Work, stage
from assay.stages.collect import of_a_log


@stage(follows=("collect",), reads=("clean",), makes=("clean/*",), pages=(Cleaned, AboutLog), applies=of_a_log)
def clean(work: Work) -> None:
    """clean/: events, items, users, what was taken out, and the account of the steps."""
    work.folder.keep(cleaning.clean(work.config.clean, work.folder, work.progress))
