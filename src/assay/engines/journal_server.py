"""A journal in a database of a server: MySQL, MariaDB or PostgreSQL."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from assay.engines import databases, urls
from assay.engines.journal import NUMBERS, JournalError, Row

_SECONDS = 10  # for an answer of the server
_PATIENCE: dict[str, dict[str, Any]] = {
    "mysql": {"connect_timeout": 5, "read_timeout": _SECONDS, "write_timeout": _SECONDS},
    "postgresql": {
        "connect_timeout": 5,
        "tcp_user_timeout": _SECONDS * 1_000,
        "options": f"-c statement_timeout={_SECONDS * 1_000} -c synchronous_commit=on",
    },
}


class ServerSession:
    """A connection to a server. How durable a commit is, the server says: its own settings are not changed, but that
    PostgreSQL answers no commit before it is on disk.
    """

    long_key = "BIGINT NOT NULL PRIMARY KEY"

    def __init__(self, url: str, parsed: sa.URL) -> None:
        self.url, self._parsed = url, parsed
        kind = parsed.get_backend_name()
        # Keys and ids that differ in case only are different.
        self.options = " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" if kind == "mysql" else ""
        try:
            self._connection = databases.connected(url, parsed, isolation_level="READ COMMITTED", connect_args=_PATIENCE[kind])
        except SQLAlchemyError as error:
            raise self._fault(error) from None

    def _fault(self, error: SQLAlchemyError) -> JournalError:
        words = databases.said(error, self._parsed)
        return JournalError(f"{urls.shown(self.url)}: the database did not take the events: {words}")

    def begin(self) -> None:
        """Lock the row of the counter, so that numbers rise in the order of commits."""
        self.run(f"SELECT last_no FROM {NUMBERS} FOR UPDATE")

    def run(self, sql: str, rows: Sequence[Row] = ()) -> list[tuple[Any, ...]]:
        """Run a statement."""
        try:
            result = self._connection.execute(sa.text(sql), [dict(row) for row in rows] if len(rows) > 1 else dict(*rows))
            return [tuple(row) for row in result] if result.returns_rows else []
        except SQLAlchemyError as error:
            raise self._fault(error) from None

    def commit(self) -> None:
        """Commit."""
        try:
            self._connection.commit()
        except SQLAlchemyError as error:
            raise self._fault(error) from None

    def rollback(self) -> None:
        """Roll back; a connection that is gone has nothing to roll back."""
        with suppress(SQLAlchemyError):
            self._connection.rollback()

    def close(self) -> None:
        """Close the connection."""
        with suppress(SQLAlchemyError):
            self._connection.close()

    def stands(self) -> bool:
        """A server's tables are where they are."""
        return True


def connector(url: str, password_env: str | None) -> Callable[[], ServerSession]:
    """What connects to the database of a URL, each time that it is called; ConfigError now where the URL is none."""
    parsed = urls.parse(url, password_env)
    return lambda: ServerSession(url, parsed)
