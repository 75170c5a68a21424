"""The stages, one per file: its declaration on top, its words the first line. This list is the only one of them.

The command line shows names and words without importing what the stages work with.
"""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.runs.graph import Graph

RUN = (
    "collect",
    "clean",
    "samples",
    "features",
    "train",
    "value",
    "select",
    "recommend",
    "evaluate",
    "targets",
    "trust",
    "summary",
)
BESIDE = ("verify", "slices", "anomalies", "weights", "systems", "study", "protocols", "search")


def words(stage: str) -> str:
    """What a stage does, in a sentence; nothing is imported for it."""
    with Path(__file__).with_name(f"{stage}.py").open(encoding="utf-8") as source:
        return source.readline().strip().strip('"')


@cache
def graph() -> "Graph":
    """All stages; what they work with is imported now."""
    from assay.runs.graph import Graph

    run, beside = ([getattr(import_module(f"assay.stages.{name}"), name) for name in names] for names in (RUN, BESIDE))
    return Graph(run, beside, views=("report.html",))
