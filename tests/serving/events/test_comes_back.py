"""What was stored is the next log: it is recognised, read with lists and propensities, and later only where it grew."""

import datetime as dt
import tomllib

import pytest

from assay import config
from assay.logs.clean_log import CleanLog
from assay.logs.cleaning import clean
from assay.logs.collect import collect
from assay.logs.suggest import suggest
from assay.runs.store import Folder
from assay.samples.searches import searches
from assay.serving.events import EventStore, Exploration, Rules, batch, give, outcomes

NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
POOL = ["тea", "杯", "NA", "mug 🛒", "7"]


def serve(events: EventStore, days: range) -> dict[str, list[str]]:
    """A list a day for each of three users, of which the second item is clicked and bought; the lists by id."""
    given = {}
    for day in days:
        for user in range(3):
            at = NOW + dt.timedelta(days=day, minutes=user)
            made = give(POOL, 3, Exploration(0.5), user_id=user, query="cup" if user else None, model="als", run="r1")
            assert events.submit(made.batch(at)).result().name == "NEW"
            given[made.list_id] = made.items
            later = (at + dt.timedelta(minutes=1)).isoformat()
            click = {"user_id": user, "item_id": made.items[1], "list_id": made.list_id, "timestamp": later}
            done = [{"event": "view", "position": 2, **click}, {"event": "purchase", "price": "2.50", "quantity": 2, **click}]
            events.submit(batch(f"{day}-{user}", done, Rules(), at + dt.timedelta(minutes=2))).result()
    return given


def settings(database: str) -> config.Config:
    return config.parse(tomllib.loads(suggest(database)))


def test_the_next_run_reads_what_was_shown_and_done_and_then_only_what_is_new(database, tmp_path):
    events, run = EventStore(database), Folder(tmp_path / "run")
    given = serve(events, range(8))
    log = settings(database).log
    assert log.events[0].preset == "assay_events"
    assert [(c["change"], c["rows"]) for c in collect(log, run).changes] == [("new", 8 * 3 * 5 + 8 * 2)]
    before = run.path("log/collect.json").read_bytes()
    assert [c["change"] for c in collect(log, run).changes] == ["unchanged"]
    assert run.path("log/collect.json").read_bytes() == before

    given |= serve(events, range(8, 9))
    events.close()
    assert [(c["change"], c["rows_read"]) for c in collect(log, run).changes] == [("appended", 3 * 5 + 2)]
    fresh = Folder(tmp_path / "fresh")
    collect(log, fresh)
    names = ["log/events/part-00000.parquet", "log/collect.json"]
    assert [run.path(name).read_bytes() for name in names] == [fresh.path(name).read_bytes() for name in names]

    clean(config.Clean(latest="2027-01-01"), run)
    rows = CleanLog.read(run).events().to_pylist()
    assert len(rows) == 9 * 3 * 5 + 9 * 2
    shown = [row for row in rows if row["event"] == "exposure"]
    chances = Exploration(0.5).propensities(5, 3)
    for row in shown:
        items = given[row["list_id"]]
        assert items[row["position"] - 1] == row["item_id"]
        assert row["propensity"] == pytest.approx(chances[POOL.index(row["item_id"]), row["position"] - 1], rel=1e-12)
    assert {row["query"] for row in rows if row["event"] == "search"} == {"cup"}
    found = searches(CleanLog.read(run), 7, 30)
    assert (len(found), found.column("listed").all(), found.impressions.num_rows) == (9 * 2, True, 9 * 2 * 3)
    assert found.of("bought").sum() == 9 * 2
    assert set(found.of("propensity")) <= set(chances.ravel())
    assert {(row["price"], row["quantity"]) for row in rows if row["event"] == "purchase"} == {(250, 2.0)}
    result = outcomes(CleanLog.read(run), "purchase").to_pylist()
    assert [(row["position"], row["reward"]) for row in result] == [(1, 0.0), (2, 1.0), (3, 0.0)] * 27
    assert {row["list_id"]: row["user_id"] for row in result}.keys() == given.keys()


def test_kinds_of_ones_own_come_back_by_their_names(tmp_path):
    events = EventStore(f"sqlite:///{tmp_path / 'e.db'}")
    said = [{"event": kind, "user_id": 1, "item_id": 2} for kind in ("like", "view")]
    events.submit(batch("k", said, Rules(frozenset({"like"})), NOW)).result()
    events.close()
    section = {"preset": "assay_events", "url": f"sqlite:///{tmp_path / 'e.db'}", "table": "assay_events"}
    log = config.Log(events=[config.Events.model_validate(section | {"own_kinds": {"like": ""}})])
    run = Folder(tmp_path / "run")
    collect(log, run)
    clean(config.Clean(latest="2027-01-01"), run)
    assert CleanLog.read(run).events("event").column("event").to_pylist() == ["like", "view"]
