"""Read the log's files and databases into canonical tables."""

from assay.config import Config
from assay.logs import collect as logs
from assay.pages.log import SourcesRead
from assay.runs.stage import Work, stage
from assay.runs.store import Folder


def of_a_log(config: Config) -> bool:
    """Whether the config reads raw events; a table of labelled samples has none."""
    return config.log is not None


def _sources(config: Config, _folder: Folder) -> object:
    assert config.log is not None
    return logs.fingerprint(config.log)


@stage(follows=(), reads=("log",), makes=("log/*",), pages=(SourcesRead,), outside=_sources, applies=of_a_log)
def collect(work: Work) -> None:
    """log/: events in parts, items, users, and collect.json, the account of the sources. Only what is new is read."""
    assert work.config.log is not None
    collected = logs.collect(work.config.log, work.folder, work.progress)
    work.folder.keep(collected.files)
    work.costs["sources"] = collected.changes  # what was new this time: no artefact
