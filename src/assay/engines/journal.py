"""Tables that only grow: batches of events, each stored whole, once and durably.

Every batch has a key. A second batch with the key of a first is not stored. `event_no` rises from commit to commit, also where
several programs write: whoever has read up to a number misses nothing by reading only what lies beyond it.

Statements are SQL that SQLite, MySQL, MariaDB and PostgreSQL read alike; a `Session` runs them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from assay.errors import SourceError

Row = Mapping[str, Any]
EVENTS, BATCHES, NUMBERS = "assay_events", "assay_event_batches", "assay_event_numbers"
KEY_LENGTH, ID_LENGTH, QUERY_LENGTH, KIND_LENGTH = 160, 200, 1_000, 64  # characters
# Columns of an event, but for event_no, batch_key and received_us, which the journal gives.
COLUMNS: dict[str, str] = {
    "event": f"VARCHAR({KIND_LENGTH}) NOT NULL",
    "time_us": "BIGINT NOT NULL",  # microseconds since 1970, UTC
    "user_id": f"VARCHAR({ID_LENGTH}) NOT NULL",
    "item_id": f"VARCHAR({ID_LENGTH})",
    "session_id": f"VARCHAR({ID_LENGTH})",
    "list_id": f"VARCHAR({ID_LENGTH})",
    "query": f"VARCHAR({QUERY_LENGTH})",
    "quantity": "DOUBLE PRECISION",
    "price": "DOUBLE PRECISION",  # for one piece, in whole currency
    "rating": "DOUBLE PRECISION",
    "position": "BIGINT",
    "propensity": "DOUBLE PRECISION",
    "model": f"VARCHAR({ID_LENGTH})",
    "run": f"VARCHAR({ID_LENGTH})",
}
_ALL = ("event_no", "batch_key", "received_us", *COLUMNS)
_ASKED = 500  # keys in one question
_EVENT = f"INSERT INTO {EVENTS} ({', '.join(_ALL)}) VALUES ({', '.join(f':{name}' for name in _ALL)})"
_BATCH = (
    f"INSERT INTO {BATCHES} (batch_key, digest, row_count, received_us) VALUES (:batch_key, :digest, :row_count, :received_us)"
)


@dataclass(frozen=True)
class Batch:
    """Events that are stored together. digest: of what the sender said; rows: values by COLUMNS, null where absent."""

    key: str
    digest: str
    received_us: int
    rows: Sequence[Row]


class Stored(Enum):
    """What became of a batch: stored now; there already; its key belongs to a batch of another content."""

    NEW = "new"
    REPEATED = "repeated"
    TAKEN = "taken"


class JournalError(SourceError):
    """The database did not take a group of batches: none of them counts as stored."""


class Session(Protocol):
    """A connection that writes. Every fault of the database or the driver is a JournalError without secrets."""

    long_key: str  # the type of event_no
    options: str  # behind CREATE TABLE (...)

    def begin(self) -> None:
        """Begin a transaction, alone: another writer waits until it ends."""
        ...

    def run(self, sql: str, rows: Sequence[Row] = ()) -> list[tuple[Any, ...]]:
        """Run a statement, for each of `rows` where some are given; the rows that it returns."""
        ...

    def commit(self) -> None:
        """End the transaction; what it wrote survives a loss of power from now on."""
        ...

    def rollback(self) -> None:
        """End the transaction without a trace."""
        ...

    def close(self) -> None:
        """Give the connection back; never raises."""
        ...

    def stands(self) -> bool:
        """Whether what is written would still be found where readers look for it."""
        ...


def prepare(session: Session) -> None:
    """Make the tables where they are not there. JournalError: a table of the name is there and is another."""
    names = {
        EVENTS: ["event_no " + session.long_key, f"batch_key VARCHAR({KEY_LENGTH}) NOT NULL", "received_us BIGINT NOT NULL"]
        + [f"{name} {kind}" for name, kind in COLUMNS.items()],
        BATCHES: [
            f"batch_key VARCHAR({KEY_LENGTH}) NOT NULL PRIMARY KEY",
            "digest VARCHAR(64) NOT NULL",
            "row_count BIGINT NOT NULL",
            "received_us BIGINT NOT NULL",
        ],
        NUMBERS: ["counter BIGINT NOT NULL PRIMARY KEY", "last_no BIGINT NOT NULL"],
    }
    for table, columns in names.items():
        session.run(f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(columns)}){session.options}")
    if not session.run(f"SELECT last_no FROM {NUMBERS}"):
        session.run(f"INSERT INTO {NUMBERS} (counter, last_no) VALUES (1, 0)")
    session.run(f"SELECT {', '.join(_ALL)} FROM {EVENTS} WHERE 1 = 0")
    session.commit()


def append(session: Session, batches: Sequence[Batch]) -> list[Stored]:
    """Store batches in one durable transaction; what became of each, in their order. JournalError: nothing was stored."""
    session.begin()
    try:
        outcomes, fresh = _sorted_out(session, batches)
        if fresh:
            _insert(session, fresh)
        session.commit()
    except JournalError:
        session.rollback()
        raise
    return outcomes


def _sorted_out(session: Session, batches: Sequence[Batch]) -> tuple[list[Stored], list[Batch]]:
    """What becomes of each batch, and those that are new."""
    digests = _digests(session, [batch.key for batch in batches])
    outcomes, fresh = [], []
    for batch in batches:
        if batch.key not in digests:
            digests[batch.key] = batch.digest
            fresh.append(batch)
            outcomes.append(Stored.NEW)
        else:
            outcomes.append(Stored.REPEATED if digests[batch.key] == batch.digest else Stored.TAKEN)
    return outcomes, fresh


def _digests(session: Session, keys: Sequence[str]) -> dict[str, str]:
    """The digests of the batches that are stored under some of the keys."""
    digests: dict[str, str] = {}
    for start in range(0, len(keys), _ASKED):
        asked = {f"k{place}": key for place, key in enumerate(keys[start : start + _ASKED])}
        marks = ", ".join(f":{name}" for name in asked)
        digests |= dict(session.run(f"SELECT batch_key, digest FROM {BATCHES} WHERE batch_key IN ({marks})", [asked]))
    return digests


def _insert(session: Session, batches: Sequence[Batch]) -> None:
    """Give the events their numbers, and write them with their batches."""
    [(last,)] = session.run(f"SELECT last_no FROM {NUMBERS}")
    events = [
        {"event_no": 0, "batch_key": batch.key, "received_us": batch.received_us, **dict.fromkeys(COLUMNS), **row}
        for batch in batches
        for row in batch.rows
    ]
    for number, event in enumerate(events, last + 1):
        event["event_no"] = number
    kept = [{"batch_key": b.key, "digest": b.digest, "row_count": len(b.rows), "received_us": b.received_us} for b in batches]
    session.run(_BATCH, kept)
    if events:
        session.run(_EVENT, events)
        session.run(f"UPDATE {NUMBERS} SET last_no = :last_no", [{"last_no": last + len(events)}])
