"""Sole owners of connections to the engines that run SQL."""

from assay.engines.engine import Engine


def connect(time_zone: str = "UTC") -> Engine:
    """A session of the engine that runs collecting, cleaning and features: DuckDB. Times are shown in the zone."""
    from assay.engines.duckdb import DuckDB

    return DuckDB(time_zone)
