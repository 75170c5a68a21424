"""The journal: every batch whole and once, numbers in the order of commits, on each kind of database."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from assay.engines import journal, journal_server
from assay.engines.journal import Batch, JournalError, Session, Stored
from assay.engines.journal_sqlite import SqliteSession
from assay.errors import ConfigError


def connect(url: str) -> Session:
    if url.startswith("sqlite"):
        return SqliteSession(Path(url.removeprefix("sqlite:///")))
    return journal_server.connector(url, None)()


@pytest.fixture
def session(database):
    opened = connect(database)
    journal.prepare(opened)
    yield opened
    opened.close()


def batch(key: str, *items: str, digest: str = "d") -> Batch:
    rows = [{"event": "view", "time_us": n, "user_id": "ключ 🛒 a'b\"c:x", "item_id": item} for n, item in enumerate(items)]
    return Batch(key, digest, 7, rows)


def test_a_batch_is_stored_once_and_a_taken_key_is_told(session, execute):
    assert journal.append(session, [batch("a", "1", "2"), batch("b", "3")]) == [Stored.NEW, Stored.NEW]
    group = [batch("a", "1", "2"), batch("a", "9", digest="other"), batch("c", "4"), batch("c", "4"), batch("C", "5")]
    assert journal.append(session, group) == [Stored.REPEATED, Stored.TAKEN, Stored.NEW, Stored.REPEATED, Stored.NEW]
    rows = execute("SELECT event_no, batch_key, item_id, user_id, price FROM assay_events ORDER BY event_no")
    assert [row[:3] for row in rows] == [(1, "a", "1"), (2, "a", "2"), (3, "b", "3"), (4, "c", "4"), (5, "C", "5")]
    assert {row[3:] for row in rows} == {("ключ 🛒 a'b\"c:x", None)}
    assert execute("SELECT batch_key, row_count FROM assay_event_batches WHERE batch_key = 'a'") == [("a", 2)]


def test_a_group_that_fails_leaves_nothing(session, execute):
    bad = Batch("bad", "d", 7, [{"event": None, "time_us": 1, "user_id": "u"}])
    with pytest.raises(JournalError, match=r"database did not take|cannot keep"):
        journal.append(session, [batch("a", "1"), bad])
    assert execute("SELECT COUNT(*) FROM assay_events") == execute("SELECT COUNT(*) FROM assay_event_batches") == [(0,)]
    assert journal.append(session, [batch("a", "1")]) == [Stored.NEW]
    assert execute("SELECT event_no FROM assay_events") == [(1,)]


def test_several_writers_leave_no_number_behind_for_readers_to_miss(database, session, execute):
    """A reader that asks again and again for what lies beyond the last number has every row in the end."""
    read: list[int] = []
    done = threading.Event()

    def write(name: str) -> None:
        with closing(connect(database)) as mine:
            for n in range(15):
                journal.append(mine, [batch(f"{name}-{n}", "1", "2"), batch("shared" + str(n), "3")])

    def beyond() -> None:
        last = read[-1] if read else 0
        read.extend(
            number for (number,) in execute(f"SELECT event_no FROM assay_events WHERE event_no > {last} ORDER BY event_no")
        )

    writers = [threading.Thread(target=write, args=(name,)) for name in "xyz"]
    for writer in writers:
        writer.start()
    watcher = threading.Thread(target=lambda: [beyond() for _ in iter(done.is_set, True)])
    watcher.start()
    for writer in writers:
        writer.join()
    done.set()
    watcher.join()
    beyond()
    assert read == list(range(1, 3 * 15 * 2 + 15 + 1))


def test_a_table_of_the_name_that_is_another_is_refused(database, execute):
    execute("CREATE TABLE assay_events (id INTEGER)")
    opened = connect(database)
    with pytest.raises(JournalError):
        journal.prepare(opened)
    opened.close()


def test_an_sqlite_file_is_synced_with_every_commit(tmp_path):
    session = SqliteSession(tmp_path / "e.db")
    assert session.run("PRAGMA journal_mode") == [("wal",)]
    assert session.run("PRAGMA synchronous") == [(2,)]  # FULL
    session.close()


def test_an_sqlite_file_that_cannot_be_is_a_fault_with_its_place(tmp_path):
    (tmp_path / "no.db").write_text("this is no database, " * 100)
    for path in (tmp_path / "missing" / "e.db", tmp_path / "no.db", tmp_path):
        with pytest.raises(JournalError, match=str(path)):
            SqliteSession(path)


def test_a_file_that_another_program_holds_is_a_fault(tmp_path, monkeypatch):
    monkeypatch.setattr("assay.engines.journal_sqlite._WAIT", 0.05)
    session = SqliteSession(tmp_path / "e.db")
    journal.prepare(session)
    other = sqlite3.connect(tmp_path / "e.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match="locked"):
        journal.append(session, [batch("a", "1")])
    other.execute("ROLLBACK")
    assert journal.append(session, [batch("a", "1")]) == [Stored.NEW]


def test_the_password_is_in_no_message(monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "geheim")
    with pytest.raises(JournalError) as caught:
        journal_server.connector("mysql://nobody@127.0.0.1:1/shop", "SHOP_PASSWORD")()
    assert "geheim" not in str(caught.value)
    assert "mysql://nobody@127.0.0.1:1/shop" in str(caught.value)
    with pytest.raises(ConfigError, match=r"no database URL|not read"):
        journal_server.connector("oracle://x/y", None)


@pytest.mark.parametrize("server", ["mysql", "postgresql"])
def test_a_parameter_that_the_driver_does_not_take_is_named(server):
    with pytest.raises((ConfigError, JournalError), match="no_such_thing"):
        journal_server.connector(f"{server}://nobody@127.0.0.1/shop?no_such_thing=1", None)()
