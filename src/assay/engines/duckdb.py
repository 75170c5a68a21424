"""DuckDB, the default engine: how a connection is made and how a packaged .sql file is run."""

import tempfile
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files

import duckdb
import pyarrow as pa

Parameter = bool | int | float | str | datetime | None


def connect(memory_limit: str = "1500MB", threads: int = 2) -> duckdb.DuckDBPyConnection:
    """An in-memory database in UTC that keeps row order and spills to the temporary folder."""
    connection = duckdb.connect(
        config={
            "memory_limit": memory_limit,
            "threads": threads,
            "preserve_insertion_order": True,
            "temp_directory": tempfile.gettempdir(),
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def identifier(name: str) -> str:
    """A name, quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text, quoted for SQL."""
    return "'" + value.replace("'", "''") + "'"


def statement(package: str, name: str) -> str:
    """The text of a packaged SQL file: one SELECT."""
    return files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8").strip().rstrip(";")


def parameters(connection: duckdb.DuckDBPyConnection, values: Mapping[str, Parameter]) -> None:
    """Make `parameters`, a table of one row: how a SQL file gets its settings on any engine."""
    table = pa.table({name: pa.array([value]) for name, value in values.items()})
    connection.register("given_parameters", table)
    connection.execute("CREATE OR REPLACE TEMP TABLE parameters AS SELECT * FROM given_parameters")
    connection.unregister("given_parameters")


def run_file(
    connection: duckdb.DuckDBPyConnection,
    package: str,
    name: str,
    *,
    tables: Mapping[str, pa.Table] | None = None,
    values: Mapping[str, Parameter] | None = None,
    into: str | None = None,
) -> duckdb.DuckDBPyConnection:
    """Run the SELECT in package/name.sql; its rows are fetched from what is returned, or kept as `into`.

    tables are seen under their names during the run, values as the columns of the one-row table `parameters`:
    neither is ever pasted into the text.
    """
    for table, rows in (tables or {}).items():
        connection.register(table, rows)
    if values is not None:
        parameters(connection, values)
    head = f"CREATE OR REPLACE TEMP TABLE {identifier(into)} AS " if into else ""
    try:
        return connection.execute(head + statement(package, name))
    finally:
        if into:
            for table in tables or {}:
                connection.unregister(table)


def table(connection: duckdb.DuckDBPyConnection, select: str) -> pa.Table:
    """The rows of one SELECT, the text of a .sql file, as an Arrow table."""
    return connection.sql(select.strip().rstrip(";")).to_arrow_table()
