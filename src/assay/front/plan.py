"""What a run would do, said beforehand: stages that stand, stages that would work, and about how long they take."""

from collections.abc import Mapping
from pathlib import Path

from assay.config import Config
from assay.config.sources import SourceSection
from assay.errors import InputError
from assay.logs import sources
from assay.logs.sources.places import Place
from assay.pages.log import SourcesRead
from assay.pages.plan import Plan, Planned
from assay.runs.costs import read_costs
from assay.runs.store import Folder
from assay.stages import RUN, graph

# Seconds of stages on two cores, for any log and for each million events more: the demo's, some of which any log takes.
SECONDS: Mapping[str, tuple[float, float]] = {
    "collect": (0.1, 0.7),
    "clean": (0.3, 1.2),
    "samples": (2.0, 47.0),
    "train": (4.0, 56.0),
    "value": (0.5, 8.2),
    "select": (4.0, 41.0),
    "recommend": (1.0, 18.0),
    "evaluate": (4.0, 40.0),
    "trust": (1.0, 4.0),
    "summary": (0.1, 0.0),
}
_HEAD = 1 << 20  # bytes of a file by which its rows are guessed
_SHRUNK = 4  # times that a compressed log is as long as its file, about


def plan(config: Config, folder: Path | str) -> Plan:
    """What `execute` would do in a folder now; nothing is run or written.

    A stage that ran there before takes as long as then, in proportion to the rows. Errors as of reading the log: ConfigError,
    SourceError.
    """
    folder, rows = Path(folder), _rows(config)
    spent: Mapping[str, float] = read_costs(folder)["seconds"]
    before = _rows_before(folder)
    states = {stage: state for stage, state in graph().states(config, folder).items() if stage in RUN}
    seconds = {stage: 0.0 if state == "fresh" else _seconds(stage, rows, spent, before) for stage, state in states.items()}
    known = [value for value in seconds.values() if value is not None]
    stages = [Planned(stage=stage, state=state, seconds=seconds[stage]) for stage, state in states.items()]
    return Plan(rows=rows, seconds=sum(known) if known else None, stages=stages)


def _seconds(stage: str, rows: int | None, spent: Mapping[str, float], before: int | None) -> float | None:
    if stage in spent:
        return spent[stage] * (rows / before if rows and before else 1.0)
    if stage not in SECONDS or rows is None:
        return None
    fixed, each = SECONDS[stage]
    return fixed + each * rows / 1e6


def _rows_before(folder: Path) -> int | None:
    run = Folder(folder)
    return SourcesRead.read(run).rows if run.exists(SourcesRead.path) else None


def _rows(config: Config) -> int | None:
    """About how many rows the sources have; None where one does not tell."""
    sections: list[SourceSection] = [] if config.log is None else list(config.log.events)
    counts = [count for section in sections for count in _of_section(section)]
    known = [count for count in counts if count is not None]
    return sum(known) if counts and len(known) == len(counts) else None


def _of_section(section: SourceSection) -> list[int | None]:
    if section.url is not None or section.sql is not None:
        return [None]
    return [_of_file(place, section) for place in sources.files(section)]


def _of_file(place: Place, section: SourceSection) -> int | None:
    place.require()
    try:
        counted = sources.open_file(place, section).rows()
    except InputError:  # collecting will say what is wrong with it
        return None
    if counted is not None or sources.file_format(place, section) == "xlsx":
        return counted
    with place.bytes() as stream:
        head = stream.read(_HEAD)
    if len(head) < _HEAD:
        return int(head.count(b"\n"))
    size = place.size() * (_SHRUNK if place.is_compressed else 1)
    return int(size * head.count(b"\n") / len(head)) or None
