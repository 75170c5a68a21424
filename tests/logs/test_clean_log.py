"""The clean log as readers get it: only the columns asked for, hours of its own time zone, and users that nobody knows."""

from pathlib import Path

import pyarrow as pa
import pytest

from assay.errors import InputError
from assay.logs.clean_log import CleanLog
from assay.logs.history import history
from assay.runs.store import Folder, write_json, write_parquet
from tests.samples.conftest import DAY, Event, events_table, items_table, random_log, users_table

REJECTED = pa.table(
    {
        "user_id": ["u1", "u3", "stranger", "u1"],
        "item_id": ["i001", "i002", "i003", "i004"],
        "timestamp": pa.array([1, 2, 3, 4], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
        "step": ["returns", "returns", "returns", "times"],
    }
)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    tables = {"events": events_table(random_log(1)), "users": users_table(), "items": items_table(), "rejected": REJECTED}
    for name, table in tables.items():
        write_parquet(folder.path(f"clean/{name}.parquet"), table)
    write_json(folder.path("clean/log.json"), {"time_zone": "Asia/Tokyo", "minor_units": 0})
    return folder


def test_a_stored_log_gives_what_is_asked_of_it(folder: Folder) -> None:
    log = CleanLog.read(folder)
    assert (log.time_zone, log.minor_units) == ("Asia/Tokyo", 0)
    assert log.events("item_code", "event").column_names == ["item_code", "event"]
    assert log.events().equals(events_table(random_log(1)))
    assert log.users.equals(users_table())
    assert log.items.equals(items_table())
    assert log.item_names == {k: f"item {k}" for k in range(8)}
    ids = items_table().column("item_id").to_pylist()
    assert log.names_by_id([ids[5], ids[2], "nobody's"]) == {ids[2]: "item 2", ids[5]: "item 5"}


def test_a_history_counts_hours_in_the_logs_time_zone(folder: Folder) -> None:
    events = [Event(0, 1, "purchase", 23 * 3600), Event(1, 2, "view", DAY)]
    tables = (events_table(events), users_table(), items_table())
    assert CleanLog.of(*tables, time_zone="Asia/Tokyo").history("purchase", 7).bought.hour.tolist() == [8]
    assert CleanLog.of(*tables).history("view", 1).bought.period.tolist() == [1]
    stored = CleanLog.read(folder).history("purchase", 7)
    whole = history(events_table(random_log(1)), users_table(), items_table(), "purchase", 7, "Asia/Tokyo")
    assert [getattr(stored.bought, name).tolist() for name in ("user", "item", "period", "hour")] == [
        getattr(whole.bought, name).tolist() for name in ("user", "item", "period", "hour")
    ]


def test_returns_are_those_of_users_in_the_log(folder: Folder) -> None:
    returned = CleanLog.read(folder).returned()
    assert returned.column("user_code").to_pylist() == [1, 3]
    assert returned.column("item_code").to_pylist() == [None, None]


def test_a_folder_without_a_log_says_so(tmp_path: Path) -> None:
    assert CleanLog.find(Folder(tmp_path)) is None
    with pytest.raises(InputError, match=r"clean.log\.json: not there; run the earlier stages first"):
        CleanLog.read(Folder(tmp_path))
