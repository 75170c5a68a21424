"""A journal in an SQLite file: write-ahead log, an fsync with every commit."""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.engines.journal import JournalError, Row

_WAIT = 5.0  # seconds for another program that writes


class SqliteSession:
    """A connection to the file, which is made where it is not there; for one thread at a time."""

    long_key = "INTEGER PRIMARY KEY"
    options = ""

    def __init__(self, path: Path) -> None:
        self.path = path
        is_new = not path.exists()
        try:
            self._connection = sqlite3.connect(path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise self._fault(error) from None
        try:
            [(mode,)] = self.run("PRAGMA journal_mode = WAL")
            if mode != "wal":
                raise JournalError(f"{path}: this file system does not take a write-ahead log; keep the file on a local disk")
            self.run("PRAGMA synchronous = FULL")
            if is_new:
                _sync_folder(path.parent)
            self._place = path.stat().st_dev, path.stat().st_ino
        except (JournalError, OSError) as error:
            self.close()
            raise error if isinstance(error, JournalError) else self._fault(error) from None

    def _fault(self, error: Exception) -> JournalError:
        return JournalError(f"{self.path}: cannot keep events there ({error}); check the folder, its rights and its free space")

    def begin(self) -> None:
        """Begin a transaction that no other writer can begin too."""
        self.run("BEGIN IMMEDIATE")

    def run(self, sql: str, rows: Sequence[Row] = ()) -> list[tuple[Any, ...]]:
        """Run a statement."""
        try:
            if len(rows) > 1:
                self._connection.executemany(sql, rows)
                return []
            return self._connection.execute(sql, rows[0] if rows else {}).fetchall()
        except (sqlite3.Error, OverflowError) as error:
            raise self._fault(error) from None

    def commit(self) -> None:
        """Commit, with an fsync of the write-ahead log."""
        if self._connection.in_transaction:
            self.run("COMMIT")

    def rollback(self) -> None:
        """Roll back; SQLite does so by itself after some faults."""
        if self._connection.in_transaction:
            self.run("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def stands(self) -> bool:
        """Whether the file is still at its place: one that was moved or deleted takes rows that nobody will find."""
        try:
            now = self.path.stat()
        except OSError:
            return False
        return (now.st_dev, now.st_ino) == self._place


def _sync_folder(folder: Path) -> None:
    """Let a new file's name survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
