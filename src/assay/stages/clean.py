"""Take out what cannot be learnt from, with the reason for every row."""

from dataclasses import asdict

from assay.config import Config
from assay.logs import cleaning
from assay.logs.schedule import Schedule, fitting
from assay.pages.log import AboutLog, Cleaned
from assay.runs.stage import Work, stage
from assay.runs.store import Folder
from assay.stages.collect import of_a_log


def _periods(config: Config, folder: Folder) -> Config:
    """The config with periods that fit the log, where [samples] says nothing of them."""
    if config.log is None or config.samples.model_fields_set & set(Schedule.__dataclass_fields__):
        return config
    schedule = fitting(Cleaned.read(folder))
    return (
        config if schedule is None else config.model_copy(update={"samples": config.samples.model_copy(update=asdict(schedule))})
    )


@stage(follows=("collect",), reads=("clean",), makes=("clean/*",), pages=(Cleaned, AboutLog), applies=of_a_log, settles=_periods)
def clean(work: Work) -> None:
    """clean/: events, items, users, what was taken out, and the account of the steps."""
    work.folder.keep(cleaning.clean(work.config.clean, work.folder, work.progress))
