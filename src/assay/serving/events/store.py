"""A store of events that acknowledges what is on disk: batches that wait are committed together (group commit).

One thread writes. While it waits for the disk, batches gather; the next commit takes them all. So the number of events that are
acknowledged each second does not hang on how many fsyncs a disk does each second.
"""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from assay import registry
from assay.engines import journal
from assay.engines.journal import Batch, JournalError, Session, Stored
from assay.engines.journal_sqlite import SqliteSession
from assay.errors import AssayError, ConfigError

_LOG = logging.getLogger("assay.events")
MOST_WAITING = 20_000  # events: what comes beyond them is refused at once
_TOGETHER = 5_000  # events in a commit, at least one batch
SQLITE = "sqlite:///"


class EventsUnavailable(AssayError):  # noqa: N818 - what the server tells its clients
    """The events were not stored, or nobody knows: send them again later, under the same key."""


@dataclass(frozen=True)
class Counts:
    """What a store has done since it was opened. batches: stored anew; repeated: there already; taken: refused, since their key
    belongs to another content; unavailable: not acknowledged; commits: transactions; waiting: events that are not written yet.
    """

    events: int
    batches: int
    repeated: int
    taken: int
    unavailable: int
    commits: int
    waiting: int


class EventStore:
    """Events in a database, by the address that `assay init` takes: sqlite:///events.db, mysql://..., postgresql://...

    The tables are made when they are not there. A database that goes away is connected to again with the next batch.
    Raises ConfigError for an address that is none, and EventsUnavailable where the database cannot be written to.
    """

    def __init__(self, url: str, password_env: str | None = None) -> None:
        self._connect = _connector(url, password_env)
        try:
            self._session: Session | None = self._opened()
        except JournalError as error:
            raise EventsUnavailable(str(error)) from None
        self._lock = threading.Condition()
        self._queue: deque[tuple[Batch, Future[Stored]]] = deque()
        self._counted: Counter[str] = Counter()
        self._waiting, self._closing = 0, False
        self._thread = threading.Thread(target=self._write_all, name="events", daemon=True)
        self._thread.start()

    def submit(self, batch: Batch) -> "Future[Stored]":
        """Have a batch stored; the future has what became of it once it is on disk, or raises EventsUnavailable."""
        future: Future[Stored] = Future()
        size = len(batch.rows)
        with self._lock:
            if self._closing:
                future.set_exception(EventsUnavailable("the server is closing; send the events again later"))
            elif self._waiting + size > MOST_WAITING:
                self._counted["unavailable"] += 1
                future.set_exception(
                    EventsUnavailable(f"{self._waiting:,} events wait to be stored already; send these again in a moment")
                )
            else:
                self._waiting += size
                self._queue.append((batch, future))
                self._lock.notify()
        return future

    def counts(self) -> Counts:
        """What was done so far."""
        with self._lock:
            names = ("events", "batches", "repeated", "taken", "unavailable", "commits")
            return Counts(**{name: self._counted[name] for name in names}, waiting=self._waiting)

    def close(self) -> None:
        """Store what waits, and give the connection back."""
        with self._lock:
            self._closing = True
            self._lock.notify()
        self._thread.join()

    def _write_all(self) -> None:
        """Store group after group, until the store is closed and nothing waits."""
        while group := self._group():
            try:
                outcomes = self._write([batch for batch, _ in group])
            except Exception as error:  # whatever it is, those who wait must hear of it
                self._drop()
                _LOG.warning("%s", error)  # clients are not told what names the machine
                unavailable = EventsUnavailable(f"{error}; the events were not acknowledged: send them again later")
                self._settle(group, [unavailable] * len(group))
            else:
                self._settle(group, outcomes)
        self._drop()

    def _group(self) -> list[tuple[Batch, "Future[Stored]"]]:
        """What is written next; empty when the store is closed."""
        with self._lock:
            self._lock.wait_for(lambda: self._queue or self._closing)
            group: list[tuple[Batch, Future[Stored]]] = []
            events = 0
            while self._queue and (not group or events + len(self._queue[0][0].rows) <= _TOGETHER):
                group.append(self._queue.popleft())
                events += len(group[-1][0].rows)
            return group

    def _write(self, batches: Sequence[Batch]) -> list[Stored]:
        if self._session is not None and not self._session.stands():
            self._drop()
        if self._session is None:
            self._session = self._opened()
        return journal.append(self._session, batches)

    def _opened(self) -> Session:
        """A connection to a database that has the tables."""
        session = self._connect()
        try:
            journal.prepare(session)
        except JournalError:
            session.close()
            raise
        return session

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _settle(self, group: Sequence[tuple[Batch, "Future[Stored]"]], outcomes: Sequence[Stored | EventsUnavailable]) -> None:
        """Count a group, then tell those who wait."""
        names = {Stored.NEW: "batches", Stored.REPEATED: "repeated", Stored.TAKEN: "taken"}
        with self._lock:
            for (batch, _), outcome in zip(group, outcomes, strict=True):
                self._waiting -= len(batch.rows)
                if isinstance(outcome, Stored):
                    self._counted[names[outcome]] += 1
                    self._counted["events"] += len(batch.rows) * (outcome is Stored.NEW)
                else:
                    self._counted["unavailable"] += 1
            self._counted["commits"] += 1
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, Stored):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)


def _connector(url: str, password_env: str | None) -> Callable[[], Session]:
    """What connects to the database of an address."""
    if not url.startswith(SQLITE):
        module = registry.of_extra("assay.engines.journal_server", "databases", "a database's url")

        connect: Callable[[], Session] = module.connector(url, password_env)
        return connect
    name = url.removeprefix(SQLITE)
    if not name or name == ":memory:" or set(name) & set("?%"):
        raise ConfigError(f"{SQLITE}...: name a file without ? and %, for example {SQLITE}folder/events.db")
    path = Path(name).absolute()
    return lambda: SqliteSession(path)
