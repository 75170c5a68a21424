"""Sole owners of connections to the engines that run SQL."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assay.engines.engine import Engine

if TYPE_CHECKING:
    from assay.engines.duckdb import OverFiles


def connect(time_zone: str = "UTC") -> Engine:
    """A session of the engine that runs collecting, cleaning and features: DuckDB. Times are shown in the zone."""
    from assay.engines.duckdb import DuckDB

    return DuckDB(time_zone)


def over_files(paths: Sequence[Path], time_zone: str = "UTC") -> "OverFiles":
    """A session of DuckDB for SQL of the user's own, which reads these files and nothing else."""
    from assay.engines.duckdb import OverFiles

    return OverFiles(paths, time_zone)
