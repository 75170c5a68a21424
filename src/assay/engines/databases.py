"""SQL databases by URL (MySQL or MariaDB, PostgreSQL, SQLite): sole owner of their connections.

Reading is one read-only transaction, streamed in bounded memory. Passwords come from the URL or an
environment variable and are in no message.
"""

import datetime as dt
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError, StatementError

from assay.engines import urls
from assay.engines.columns import array, declared_types, seen_type
from assay.engines.queries import one_select
from assay.errors import ConfigError, InputError, SourceError, did_you_mean

BATCH_ROWS = 1 << 16
# Modes of a server in which it reads SQL otherwise than the queries were checked.
OTHER_SQL = {"ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "HIGH_NOT_PRECEDENCE", "ORACLE", "MSSQL"}


@contextmanager
def _connection(url: str, password_env: str | None, *, write: bool = False) -> Iterator[sa.Connection]:
    """A connection in one transaction, read-only unless `write`; faults of the server become SourceError."""
    parsed = urls.parse(url, password_env)
    kind = parsed.get_backend_name()
    if kind == "sqlite" and not write and not Path(parsed.database or "").is_file():
        raise SourceError(f"{urls.shown(url)}: no such file; check url in the config")
    try:
        with connected(url, parsed) as connection:
            if kind == "mysql":
                mode = "READ WRITE" if write else "READ ONLY"
                connection.exec_driver_sql(f"SET SESSION TRANSACTION {mode}")
                connection.exec_driver_sql("SET SESSION time_zone = '+00:00'")
                connection.commit()
            elif kind == "postgresql":
                connection = connection.execution_options(postgresql_readonly=not write)
                connection.exec_driver_sql("SET TIME ZONE 'UTC'")
            elif not write:
                connection.exec_driver_sql("PRAGMA query_only = ON")
            yield connection
            if write:
                connection.commit()
    except SQLAlchemyError as error:
        raise SourceError(f"{urls.shown(url)}: the database refused: {said(error, parsed)}") from None
    except OverflowError as error:
        raise SourceError(f"{urls.shown(url)}: a number is too large for the database ({error})") from None


def connected(url: str, parsed: sa.URL, **options: Any) -> sa.Connection:
    """An open connection, with options of `create_engine`; faults of the server are SQLAlchemy's own.

    ConfigError: a parameter of the URL that the driver does not take, in whatever way it says so. InputError: no driver.
    """
    try:
        return sa.create_engine(parsed, poolclass=sa.NullPool, hide_parameters=True, **options).connect()
    except SQLAlchemyError:
        raise
    except ImportError as error:
        raise InputError(f"{urls.shown(url)}: its driver cannot be loaded ({error}): pip install 'assay[databases]'") from None
    except Exception as error:
        words = urls.hide(" ".join(str(error).split()), parsed)[:200]
        raise ConfigError(f"{urls.shown(url)}: the driver does not take the parameters after ? in the URL ({words})") from None


def said(error: SQLAlchemyError, url: sa.URL) -> str:
    """What the server said, on one line, without secrets, and where a password that is missing belongs."""
    by_driver = error.orig if isinstance(error, StatementError) else None
    words = " ".join(str(by_driver or error).split())
    hint = ""
    if not url.password and re.search(r"password|access denied", words, re.IGNORECASE):
        hint = "; no password is known: put it into an environment variable and name that as password_env in the config"
    return urls.hide(words, url)[:300] + hint


def _find_table(connection: sa.Connection, url: str, name: str) -> tuple[str | None, str]:
    """(schema, table) as the database spells them; only a table or view that exists is ever put into SQL."""
    inspector = sa.inspect(connection)
    tables = [*inspector.get_table_names(), *inspector.get_view_names()]
    if name in tables:
        return None, name
    schema, dot, table = name.partition(".")
    if dot and schema in inspector.get_schema_names():
        inside = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
        if table in inside:
            return schema, table
        tables = [f"{schema}.{other}" for other in inside]
    raise SourceError(f"{urls.shown(url)}: no table {name[:80]!r}{did_you_mean(name[:80], tables)}; check table in the config")


def _from(connection: sa.Connection, url: str, table: str | None, query: str | None) -> str:
    """What to select from: a quoted table, or the query as a subquery."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    if query is not None:
        return f"({_query(connection, url, query)}) AS query_rows"
    assert table is not None
    schema, name = _find_table(connection, url, table)
    return f"{quote(schema)}.{quote(name)}" if schema else quote(name)


def _query(connection: sa.Connection, url: str, query: str) -> str:
    """The query as it is sent; ConfigError when it is no SELECT that only computes, or the server would read it otherwise."""
    kind = connection.dialect.name
    sql = one_select(query, kind)
    if kind == "mysql":
        modes = OTHER_SQL & set(str(connection.exec_driver_sql("SELECT @@sql_mode").scalar()).split(","))
    else:
        off = kind == "postgresql" and connection.exec_driver_sql("SHOW standard_conforming_strings").scalar() == "off"
        modes = {"standard_conforming_strings = off"} if off else set()
    if modes:
        raise ConfigError(
            f"{urls.shown(url)}: the server reads SQL in its own way ({', '.join(sorted(modes))}), so a query may mean "
            "something else there; put it into a view and read that with table"
        )
    return _text(sql)


def _text(sql: str) -> str:
    """SQL whose colons are no parameters."""
    return re.sub(r"(?<!\\):", r"\\:", sql)


def columns(url: str, *, table: str | None, query: str | None, password_env: str | None = None) -> list[str]:
    """Column names of a table, view or query."""
    with _connection(url, password_env) as connection:
        source = _from(connection, url, table, query)
        return list(connection.execute(sa.text(f"SELECT * FROM {source} WHERE 1 = 0")).keys())


def tables(url: str, password_env: str | None = None) -> list[str]:
    """Names of the tables and views that a database shows, in order of name."""
    with _connection(url, password_env) as connection:
        inspector = sa.inspect(connection)
        return sorted([*inspector.get_table_names(), *inspector.get_view_names()])


def state(url: str, *, table: str | None, query: str | None, password_env: str | None = None, grows_by: str) -> tuple[int, str]:
    """(rows, last value of grows_by as text): changes when rows were appended."""
    with _connection(url, password_env) as connection:
        source = _from(connection, url, table, query)
        column = _text(connection.dialect.identifier_preparer.quote_identifier(grows_by))
        rows, last = connection.execute(sa.text(f"SELECT COUNT(*), MAX({column}) FROM {source}")).one()
        return int(rows), str(last)


def stream(
    url: str,
    *,
    table: str | None = None,
    query: str | None = None,
    password_env: str | None = None,
    columns: Sequence[str] | None = None,
    grows_by: str | None = None,
    after: object = None,
) -> Iterator[pa.RecordBatch]:
    """Rows of a table, view or single SELECT, at most BATCH_ROWS at a time, through a server-side cursor.

    With grows_by rows come in its order, and only those beyond `after` where that is given; rows whose
    grows_by is null are left out. Raises SourceError (server, table) or ConfigError (URL, query).
    """
    with _connection(url, password_env) as connection:
        quote = connection.dialect.identifier_preparer.quote_identifier
        source = _from(connection, url, table, query)
        chosen = ", ".join(_text(quote(c)) for c in columns) if columns else "*"
        sql = f"SELECT {chosen} FROM {source}"
        if grows_by is not None:
            mark = _text(quote(grows_by))
            beyond = f"{mark} > :after" if after is not None else f"{mark} IS NOT NULL"
            sql += (
                f" WHERE {beyond} ORDER BY {', '.join(dict.fromkeys([mark, *chosen.split(', ')]))}"
                if columns
                else (f" WHERE {beyond} ORDER BY {mark}")
            )
        elif query is not None and columns is None:
            sql = _query(connection, url, query)
        values = {"after": after} if after is not None else {}
        result = connection.execution_options(stream_results=True, max_row_buffer=BATCH_ROWS).execute(sa.text(sql), values)
        names = list(result.keys())
        types = declared_types(connection.dialect.name, result.cursor)
        row = 1
        while rows := result.fetchmany(BATCH_ROWS):
            arrays = []
            for i, values_of in enumerate(zip(*rows, strict=True)):
                types[i] = kind = types[i] or seen_type(values_of)
                arrays.append(array(values_of, kind, f"{urls.shown(url)} {table or 'query'}", names[i], row))
            row += len(rows)
            yield pa.RecordBatch.from_arrays(arrays, names=names)


SQL_TYPES: tuple[tuple[Any, sa.types.TypeEngine[Any]], ...] = (
    (pa.types.is_boolean, sa.Boolean()),
    (pa.types.is_integer, sa.BigInteger()),
    (pa.types.is_floating, sa.Double()),
    (pa.types.is_timestamp, sa.DateTime(timezone=True)),
    (pa.types.is_date, sa.Date()),
)


def _sql_type(kind: pa.DataType) -> sa.types.TypeEngine[Any]:
    return next((sql for test, sql in SQL_TYPES if test(kind)), sa.Text())


def _cell(value: Any) -> Any:
    """An Arrow value as the drivers take it; NaN, which MySQL does not know, is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.astimezone(dt.UTC) if isinstance(value, dt.datetime) and value.tzinfo else value


VALUES = "_values"  # ends the name of the table beside recommendations that holds samples' values
LONGEST = 50  # so that what is added to a name still fits
META = sa.MetaData()
MADE = sa.Table("assay_tables", META, sa.Column("name", sa.String(64), primary_key=True))  # the tables that Assay made


def check_output(url: str, table: str, password_env: str | None = None) -> None:
    """Raise now what would keep write_table from writing `table` and its twin, `table` + "_values", later.

    Tries what write_table does with a table of one row, and takes it away again; the list of Assay's tables may stay.
    ConfigError: the name or the URL. SourceError: the database cannot be reached, one of the tables is not Assay's, or the
    user may not write there.
    """
    _check_name(table, LONGEST - len(VALUES))
    parsed = urls.parse(url, password_env)
    file = Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None
    if file is not None and not file.parent.is_dir():
        raise SourceError(f"{urls.shown(url)}: there is no folder {file.parent}; make it, or change url")
    is_new = file is not None and not file.exists()
    try:
        with _connection(url, password_env, write=True) as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")  # its driver would begin with the first row only
            for name in (table, table + VALUES):
                _is_there(connection, url, name)
            _try_to_write(connection, *_beside(table))
            connection.rollback()
    except SourceError as error:
        raise SourceError(f"{error}; nothing was written. Check url, table and what the database lets the user do") from None
    finally:
        if is_new and file is not None:
            file.unlink(missing_ok=True)


def _try_to_write(connection: sa.Connection, fresh: str, old: str) -> None:
    """Make, fill, rename and drop a table under the names that stand beside one that is written."""
    _claim(connection, fresh, old)
    _clear(connection, fresh, old)
    probe = sa.Table(fresh, sa.MetaData(), sa.Column("number", sa.Integer()))
    probe.create(connection)
    connection.execute(probe.insert().values(number=1))
    _swap(connection, old, fresh, fresh, exists=False)
    connection.exec_driver_sql(f"DROP TABLE {_quoted(connection, old)}")


def _check_name(table: str, most: int) -> None:
    if not re.fullmatch(rf"[A-Za-z_][A-Za-z0-9_]{{0,{most - 1}}}", table) or table.lower() == MADE.name:
        raise ConfigError(f"table {table[:80]!r}: use at most {most} letters, digits and underscores, no digit first")


def _quoted(connection: sa.Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _beside(table: str) -> tuple[str, str]:
    """Names of the table that takes new rows, and of the one that is put aside."""
    return f"{table}__assay_new", f"{table}__assay_old"


def _is_there(connection: sa.Connection, url: str, table: str) -> bool:
    """Whether a table stands already; SourceError when it, or one beside it, is not Assay's."""
    inspector = sa.inspect(connection)
    fold = str.lower if _ignores_case(connection) else str
    there = {fold(name) for name in [*inspector.get_table_names(), *inspector.get_view_names()]}
    MADE.create(connection, checkfirst=True)
    ours = {fold(name) for name in connection.execute(sa.select(MADE.c.name)).scalars()}
    for name in (table, *_beside(table)):
        if fold(name) in there - ours:
            raise SourceError(f"{urls.shown(url)}: table {name!r} was not made by Assay; pick another name")
    return fold(table) in there


def _ignores_case(connection: sa.Connection) -> bool:
    """Whether a and A name one table: always in SQLite, on some systems in MySQL."""
    if connection.dialect.name == "mysql":
        return bool(connection.exec_driver_sql("SELECT @@lower_case_table_names").scalar())
    return connection.dialect.name == "sqlite"


def _claim(connection: sa.Connection, *names: str) -> None:
    """List tables as Assay's."""
    ours = set(connection.execute(sa.select(MADE.c.name)).scalars())
    for name in names:
        if name not in ours:
            connection.execute(MADE.insert().values(name=name))
    if connection.dialect.name == "mysql":
        connection.commit()  # MySQL commits before each CREATE anyway


def _clear(connection: sa.Connection, *names: str) -> None:
    """Drop what an interrupted writing left beside a table."""
    for name in names:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_quoted(connection, name)}")


def write_table(url: str, table: str, rows: pa.Table, password_env: str | None = None) -> int:
    """Write a table whole or not at all; return its rows.

    A table of that name is replaced only if Assay made it: `assay_tables` in the same database lists those.
    The new rows go to a table beside it, which then takes the name.
    """
    _check_name(table, LONGEST)
    fresh, old = _beside(table)
    with _connection(url, password_env, write=True) as connection:
        exists = _is_there(connection, url, table)
        _claim(connection, table, fresh, old)
        _clear(connection, fresh, old)
        columns = (sa.Column(field.name, _sql_type(field.type)) for field in rows.schema)
        target = sa.Table(fresh, sa.MetaData(), *columns, mysql_charset="utf8mb4")
        target.create(connection)
        for batch in rows.to_batches(max_chunksize=5_000):
            records = [{k: _cell(v) for k, v in record.items()} for record in batch.to_pylist()]
            if records:
                connection.execute(target.insert(), records)
        _swap(connection, table, fresh, old, exists=exists)
    return int(rows.num_rows)


def _swap(connection: sa.Connection, table: str, fresh: str, old: str, *, exists: bool) -> None:
    """Let the fresh table take the name in one step."""
    name, new, aside = (_quoted(connection, each) for each in (table, fresh, old))
    if connection.dialect.name == "mysql":
        connection.commit()
        first = f"{name} TO {aside}, " if exists else ""
        connection.exec_driver_sql(f"RENAME TABLE {first}{new} TO {name}")
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {aside}")
        return
    if exists:
        connection.exec_driver_sql(f"DROP TABLE {name}")
    connection.exec_driver_sql(f"ALTER TABLE {new} RENAME TO {name}")
