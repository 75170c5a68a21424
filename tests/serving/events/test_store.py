"""The store: what is acknowledged is stored, whatever happens; what is not stored is not acknowledged."""

import datetime as dt
import os
import random
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from assay.engines.journal import Batch
from assay.errors import ConfigError
from assay.serving.events import EventStore, EventsUnavailable, Rules, Stored, batch, store
from tests.programs import started

NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


def one(key: str, item: object = 1, events: int = 1) -> Batch:
    return batch(key, [{"event": "view", "user_id": "u", "item_id": item}] * events, Rules(), NOW)


def stored(path) -> dict[str, int]:
    """Rows by the key of their batch."""
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT batch_key, COUNT(*) FROM assay_events GROUP BY batch_key"))


def test_batches_of_many_threads_are_stored_together(database, execute):
    events = EventStore(database)
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda k: events.submit(one(f"k{k % 150}", events=2)).result(), range(200)))
    events.close()
    assert outcomes.count(Stored.NEW) == 150
    assert outcomes.count(Stored.REPEATED) == 50
    assert execute("SELECT COUNT(*), COUNT(DISTINCT batch_key), MAX(event_no) FROM assay_events") == [(300, 150, 300)]
    counts = events.counts()
    assert (counts.events, counts.batches, counts.repeated, counts.taken, counts.waiting) == (300, 150, 50, 0, 0)
    assert counts.commits <= 200


def test_the_same_key_with_another_content_is_told(tmp_path):
    events = EventStore(f"sqlite:///{tmp_path / 'e.db'}")
    assert events.submit(one("k")).result() is Stored.NEW
    assert events.submit(one("k", 2)).result() is Stored.TAKEN
    events.close()
    again = EventStore(f"sqlite:///{tmp_path / 'e.db'}")
    assert [again.submit(one("k", item)).result() for item in (1, 2)] == [Stored.REPEATED, Stored.TAKEN]
    again.close()
    assert stored(tmp_path / "e.db") == {"k": 1}


def test_what_waits_when_the_store_closes_is_stored_and_what_comes_later_is_not(tmp_path):
    events = EventStore(f"sqlite:///{tmp_path / 'e.db'}")
    waiting = [events.submit(one(f"k{n}")) for n in range(50)]
    events.close()
    assert {future.result() for future in waiting} == {Stored.NEW}
    with pytest.raises(EventsUnavailable, match="closing"):
        events.submit(one("late")).result()
    assert len(stored(tmp_path / "e.db")) == 50


def test_two_stores_share_a_file(tmp_path):
    both = [EventStore(f"sqlite:///{tmp_path / 'e.db'}") for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda k: both[k % 2].submit(one(f"k{k // 2}")).result(), range(100)))
    for events in both:
        events.close()
    assert outcomes.count(Stored.NEW) == outcomes.count(Stored.REPEATED) == 50
    assert stored(tmp_path / "e.db") == {f"k{k}": 1 for k in range(50)}


def test_a_folder_that_goes_away_is_unavailable_until_it_is_back(tmp_path):
    folder = tmp_path / "events"
    folder.mkdir()
    events = EventStore(f"sqlite:///{folder / 'e.db'}")
    assert events.submit(one("before")).result() is Stored.NEW
    folder.rename(tmp_path / "away")
    for _ in range(2):
        with pytest.raises(EventsUnavailable, match="not acknowledged"):
            events.submit(one("while")).result()
    (tmp_path / "away").rename(folder)
    assert events.submit(one("while")).result() is Stored.NEW
    counts = events.counts()
    events.close()
    assert (counts.unavailable, counts.waiting) == (2, 0)
    assert stored(folder / "e.db") == {"before": 1, "while": 1}


def test_a_file_that_was_moved_takes_no_more_rows(tmp_path):
    events = EventStore(f"sqlite:///{tmp_path / 'e.db'}")
    events.submit(one("old")).result()
    for path in list(tmp_path.iterdir()):
        path.rename(path.with_name("kept-" + path.name))
    assert events.submit(one("new")).result() is Stored.NEW
    events.close()
    assert stored(tmp_path / "e.db") == {"new": 1}


def test_a_server_that_hangs_up_is_connected_to_again(database, execute):
    if not database.startswith("postgresql"):
        pytest.skip("the other databases have no function that ends a connection")
    events = EventStore(database)
    events.submit(one("a")).result()
    execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with pytest.raises(EventsUnavailable):
        events.submit(one("b")).result()
    assert events.submit(one("b")).result() is Stored.NEW
    events.close()


def test_more_than_may_wait_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MOST_WAITING", 100)
    events = EventStore(f"sqlite:///{tmp_path / 'e.db'}")
    with closing(sqlite3.connect(tmp_path / "e.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = [events.submit(one("a", events=60)), events.submit(one("b", events=40))]
        with pytest.raises(EventsUnavailable, match="100 events wait"):
            events.submit(one("c")).result()
        other.execute("ROLLBACK")
        assert [future.result() for future in waiting] == [Stored.NEW, Stored.NEW]
    assert events.submit(one("c")).result() is Stored.NEW
    events.close()


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite:///:memory:", "sqlite:///a?b.db", "oracle://x/y", "nonsense"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ConfigError):
        EventStore(url)


def test_a_database_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(EventsUnavailable, match="cannot keep events"):
        EventStore(f"sqlite:///{tmp_path}/missing/e.db")
    with pytest.raises(EventsUnavailable, match=r"127\.0\.0\.1:1"):
        EventStore("postgresql://nobody@127.0.0.1:1/shop")


def write(database: str, start: int, said: Path) -> None:
    """Store batches without end in eight threads, and say of each that it is acknowledged."""
    events, stream = EventStore(database), os.open(said, os.O_WRONLY | os.O_APPEND)

    def write_on(thread: int) -> None:
        for n in count():
            key = f"{start}.{thread}.{n}"
            events.submit(one(key, events=1 + n % 7)).result()
            os.write(stream, f"{key} {1 + n % 7}\n".encode())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write_on, range(8)))


@pytest.mark.slow
def test_kill_9_at_any_moment_loses_no_acknowledged_event(database, execute, tmp_path):
    """A program that writes is killed again and again; each line it printed names a batch that is there, whole, once."""
    acknowledged: dict[str, int] = {}
    for start in range(6):
        said = tmp_path / f"said{start}.txt"
        said.touch()
        program = started(write, database, start, said)
        while not said.stat().st_size:
            assert program.is_alive(), "it did not start"
            time.sleep(0.001)
        time.sleep(random.Random(start).uniform(0, 0.25))
        program.kill()
        program.join()
        for line in said.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                key, events = line.decode().split()
                acknowledged[key] = int(events)
    rows = dict(execute("SELECT batch_key, COUNT(*) FROM assay_events GROUP BY batch_key"))
    assert len(acknowledged) > 6
    assert {key: rows.get(key, 0) for key in acknowledged} == acknowledged
    assert all(number == 1 + int(key.rpartition(".")[2]) % 7 for key, number in rows.items())  # none is there in part
    assert rows == dict(execute("SELECT batch_key, row_count FROM assay_event_batches"))
    [(number, last)] = execute("SELECT COUNT(*), MAX(event_no) FROM assay_events")
    assert number == last == sum(rows.values())
    if database.startswith("sqlite"):
        assert execute("PRAGMA integrity_check") == [("ok",)]
