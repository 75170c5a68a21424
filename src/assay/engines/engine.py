"""What collecting, cleaning and features ask of an engine that runs SQL, and what they do with any of them.

All SQL is SELECTs in DuckDB's dialect. Nothing is changed in place: tables are made of SELECTs, so that an engine whose
tables cannot be updated (Spark's views) serves as well. The packaged .sql files keep to what sqlglot writes for Spark with
equal results.
"""

from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from assay.errors import AssayError

Parameter = bool | int | float | str | datetime | None


class EngineError(AssayError):
    """SQL that an engine could not run; its own words."""


class Engine(Protocol):
    """A session of an engine, with tables of its own that are gone when it is closed.

    Rows have an order, and tables keep it. Every method raises EngineError where SQL fails.
    """

    def lend(self, name: str, rows: pa.Table) -> None:
        """Let SELECTs see Arrow rows under a name, without a copy."""
        ...

    def keep(self, name: str, select: str) -> None:
        """Make a table of a SELECT's rows. It replaces one of that name, which the SELECT may read."""
        ...

    def add(self, name: str, select: str) -> None:
        """Put a SELECT's rows behind those of a table."""
        ...

    def drop(self, name: str) -> None:
        """Forget a table, or rows that were lent."""
        ...

    def parquet(self, path: Path, number: str | None = None) -> str:
        """A SELECT of a Parquet file's rows in their order, with a row's number from 0 as column `number` where that is named."""
        ...

    def table(self, select: str) -> pa.Table:
        """The rows of a SELECT."""
        ...

    def batches(self, select: str, rows: int) -> pa.RecordBatchReader:
        """The rows of a SELECT, at most so many at a time, in bounded memory."""
        ...

    def close(self) -> None:
        """End the session."""
        ...


def identifier(name: str) -> str:
    """A name, quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text, quoted for SQL."""
    return "'" + value.replace("'", "''") + "'"


def statement(package: str, name: str) -> str:
    """The SELECT in a packaged .sql file; it reads the engine's tables, and `parameters`."""
    return files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8").strip().rstrip(";")


def put(engine: Engine, name: str, rows: pa.Table) -> None:
    """Make a table of Arrow rows, in the place of one of that name."""
    engine.lend("lent_rows", rows)
    engine.keep(name, "SELECT * FROM lent_rows")
    engine.drop("lent_rows")


def set_parameters(engine: Engine, values: Mapping[str, Parameter]) -> None:
    """Make `parameters`, a table of one row: how a .sql file gets its settings, never pasted into its text."""
    put(engine, "parameters", pa.table({name: pa.array([value]) for name, value in values.items()}))


def one(engine: Engine, select: str) -> tuple[Any, ...]:
    """The only row of a result."""
    [row] = engine.table(select).to_pylist()
    return tuple(row.values())


def count(engine: Engine, table: str) -> int:
    """Rows of a table."""
    return int(one(engine, f"SELECT COUNT(*) AS number FROM {table}")[0])
