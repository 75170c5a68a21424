"""DuckDB, the default engine: in memory, with spilling to the temporary folder."""

import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from assay.cores import cores
from assay.engines.engine import EngineError, identifier, literal

# A window function. DuckDB 2.0.0 gives some rows wrong values of RANGE windows, now and then, when several threads make them.
_WINDOW = re.compile(r"\bOVER\b", re.IGNORECASE)


class DuckDB:
    """A session in a time zone; see engine.Engine. It keeps the order of rows, whatever the threads: one a core, by default.

    One thread alone does what has a window function.
    """

    def __init__(
        self, time_zone: str = "UTC", memory_limit: str = "1500MB", threads: int | None = None, spills_to: str | None = None
    ) -> None:
        self._threads = self._working = threads or cores()  # at most, and now
        self._connection = duckdb.connect(
            config={
                "memory_limit": memory_limit,
                "threads": self._threads,
                "preserve_insertion_order": True,
                "temp_directory": spills_to or tempfile.gettempdir(),
            }
        )
        self._lent: set[str] = set()
        self._execute(f"SET TimeZone = {literal(time_zone)}")
        # Its bar would write over ours. Where it is off already it must not be set: a notebook without ipywidgets refuses that.
        if self._connection.sql("SELECT current_setting('enable_progress_bar')").fetchall()[0][0]:
            self._execute("SET enable_progress_bar = false")

    def _execute(self, sql: str) -> None:
        with _own_errors():
            self._connection.execute(sql)

    def _manned(self, select: str) -> str:
        """A SELECT, as it may stand inside a statement; from now on as many threads work as it may have."""
        threads = 1 if _WINDOW.search(select) else self._threads
        if threads != self._working:
            self._execute(f"SET threads = {threads}")
            self._working = threads
        return _plain(select)

    def lend(self, name: str, rows: pa.Table) -> None:
        """Let SELECTs see Arrow rows under a name, without a copy."""
        self._connection.register(name, rows)
        self._lent.add(name)

    def keep(self, name: str, select: str) -> None:
        """Make a table of a SELECT's rows. It replaces one of that name, which the SELECT may read."""
        self._execute(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS {self._manned(select)}")

    def add(self, name: str, select: str) -> None:
        """Put a SELECT's rows behind those of a table."""
        self._execute(f"INSERT INTO {identifier(name)} {self._manned(select)}")

    def drop(self, name: str) -> None:
        """Forget a table, or rows that were lent."""
        if name in self._lent:
            self._connection.unregister(name)
            self._lent.remove(name)
        else:
            self._execute(f"DROP TABLE {identifier(name)}")

    def parquet(self, path: Path, number: str | None = None) -> str:
        """A SELECT of a Parquet file's rows in their order, with a row's number from 0 as column `number` where that is named."""
        if number is None:
            return f"SELECT * FROM read_parquet({literal(str(path))})"
        numbered = f"read_parquet({literal(str(path))}, file_row_number = true)"
        return f"SELECT * RENAME (file_row_number AS {identifier(number)}) FROM {numbered}"

    def table(self, select: str) -> pa.Table:
        """The rows of a SELECT."""
        with _own_errors():
            return self._connection.sql(self._manned(select)).to_arrow_table()

    def batches(self, select: str, rows: int) -> pa.RecordBatchReader:
        """The rows of a SELECT, at most so many at a time, in bounded memory."""
        with _own_errors():
            return self._connection.sql(self._manned(select)).to_arrow_reader(rows)

    def close(self) -> None:
        """End the session."""
        self._connection.close()


class OverFiles(DuckDB):
    """A session that reads some files and nothing else of the machine, and writes nothing: for SQL of the user's own."""

    def __init__(self, paths: Sequence[Path], time_zone: str = "UTC") -> None:
        # A folder of its own: whatever lies where DuckDB spills to, SQL may read.
        folder = tempfile.mkdtemp(prefix="assay-")
        self._gone = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        super().__init__(time_zone, threads=1, spills_to=folder)  # the configuration is locked, and SQL may have windows
        self._execute(f"SET allowed_paths = [{', '.join(literal(str(path)) for path in paths)}]")
        self._execute("SET enable_external_access = false")
        self._execute("SET lock_configuration = true")

    def view(self, name: str, select: str) -> None:
        """Let SELECTs see another one's rows under a name."""
        self._execute(f"CREATE TEMP VIEW {identifier(name)} AS {select}")

    def only_select(self, sql: str) -> str:
        """The text of one SELECT, as it may stand inside another; EngineError when it is anything else."""
        with _own_errors():
            statements = duckdb.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise EngineError("the text is not one SELECT")
        return _plain(statements[0].query)

    def each(self, rows: pa.Table, expression: str, kind: str) -> pa.ChunkedArray:
        """An SQL expression's value of each row, of an SQL type; EngineError where it fails or has no one value of each row."""
        number = "row"
        while number in rows.column_names:
            number += "_"
        order = pa.array(range(rows.num_rows), pa.int64())
        self.lend("rows", rows.append_column(number, order))
        value = f"CAST(({expression}) AS {kind}) AS value"
        found = self.table(self.only_select(f"SELECT {identifier(number)} AS number, {value} FROM rows")).sort_by("number")
        if not found.column("number").combine_chunks().equals(order):
            raise EngineError(f"it has {found.num_rows:,} values for {rows.num_rows:,} rows")
        return found.column("value")

    def close(self) -> None:
        """End the session, and remove what it spilled."""
        super().close()
        self._gone()


def _plain(select: str) -> str:
    """The text without an end that would not stand inside a statement."""
    return select.strip().rstrip(";")


@contextmanager
def _own_errors() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise EngineError(str(error)) from error
