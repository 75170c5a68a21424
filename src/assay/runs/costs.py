"""What the stages of a run cost: time, processor time, memory, and what they wrote. Kept in cost.json, which is no artefact."""

import json
import resource
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.runs.store import write_json

FILE = "cost.json"
BY_STAGE = ("seconds", "processor_seconds", "peak_mb", "written_bytes")
_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


@dataclass(frozen=True)
class Cost:
    """Of one stage. processor: seconds of all its threads, and of the processes that it began and that have ended."""

    seconds: float
    processor: float
    peak_mb: float


class Meter:
    """Measures from when it is made. Memory is this process's alone, and since its start where the system cannot count anew."""

    def __init__(self) -> None:
        with suppress(OSError):
            _RESET.write_text("5")  # Linux: the peak begins again
        self._began, self._processor = time.perf_counter(), _processor()

    def read(self) -> Cost:
        """What was spent so far."""
        return Cost(time.perf_counter() - self._began, _processor() - self._processor, _peak_mb())


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _peak_mb() -> float:
    try:
        return int(_STATUS.read_text(encoding="utf-8").partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_costs(folder: Path) -> dict[str, Any]:
    """What a run's cost.json holds: BY_STAGE, each by stage; peak_rss_mb of all; and what stages recorded besides."""
    path = folder / FILE
    nothing: dict[str, Any] = {"peak_rss_mb": 0.0} | {name: {} for name in BY_STAGE}
    return nothing | (json.loads(path.read_text(encoding="utf-8")) if path.exists() else {})


def write_costs(folder: Path, costs: dict[str, Any]) -> None:
    """Write them, where they are others than before."""
    if costs != read_costs(folder):
        write_json(folder / FILE, costs)


def with_stage(costs: dict[str, Any], stage: str, cost: Cost, written: Iterable[Path]) -> dict[str, Any]:
    """The costs with those of a stage that has just run, and the size of the files that it wrote."""
    size = sum(path.stat().st_size for path in written)
    now = (round(cost.seconds, 3), round(cost.processor, 3), round(cost.peak_mb, 1), size)
    by_stage = {name: costs[name] | {stage: value} for name, value in zip(BY_STAGE, now, strict=True)}
    return costs | by_stage | {"peak_rss_mb": round(max(costs["peak_rss_mb"], cost.peak_mb), 1)}


def of_stages(costs: dict[str, Any], stages: Iterable[str]) -> dict[str, Any]:
    """The costs without those of other stages."""
    return costs | {name: {stage: costs[name][stage] for stage in costs[name] if stage in set(stages)} for name in BY_STAGE}
