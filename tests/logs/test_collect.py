"""Collecting: only what is new is read again, and the result is that of a fresh read, byte for byte."""

import datetime as dt
import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay import config
from assay.errors import ConfigError, SourceError
from assay.logs import collect as module
from assay.logs.cleaning import clean
from assay.logs.collect import Collected, collect, fingerprint, regrouped
from assay.runs.store import Folder

COLUMNS = {"user_id": "u", "item_id": "i", "timestamp": "t"}


def line(n: int) -> str:
    return f"🛒{n % 5},i{n % 3},2024-01-{1 + n % 28:02d} 10:00:{n % 60:02d}\n"


def log(path: str, **more) -> config.Log:
    return config.Log(events=[config.Events(path=path, event="purchase", columns=COLUMNS, **more)])


def artefacts(run: Folder, collected: Collected) -> dict[str, bytes]:
    there = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    assert there == set(collected.files)
    return {name: run.path(name).read_bytes() for name in collected.files}


def changes(collected: Collected) -> list[tuple[str, int, int]]:
    return [(s["change"], s["rows"], s["rows_read"]) for s in collected.changes]


def fresh(tmp_path: Path, log_section: config.Log) -> dict[str, bytes]:
    run = Folder(tmp_path / f"fresh{len(list(tmp_path.iterdir()))}")
    return artefacts(run, collect(log_section, run))


def test_a_log_that_grows_is_read_where_it_grew(tmp_path, run):
    section = log(str(tmp_path / "*.csv"))
    a, b = tmp_path / "a.csv", tmp_path / "b.csv"
    a.write_text("u,i,t\n" + "".join(map(line, range(10))), encoding="utf-8")
    assert changes(collect(section, run)) == [("new", 10, 10)]
    before, account = fingerprint(section), run.path("log/collect.json").read_bytes()
    assert changes(collect(section, run)) == [("unchanged", 10, 0)]
    assert run.path("log/collect.json").read_bytes() == account
    assert fingerprint(section) == before

    a.write_text(a.read_text(encoding="utf-8") + line(10) + line(11), encoding="utf-8")
    b.write_text("u,i,t\n" + line(12), encoding="utf-8")
    collected = collect(section, run)
    assert artefacts(run, collected) == fresh(tmp_path, section)
    assert changes(collected) == [("appended", 12, 2), ("new", 1, 1)]
    assert fingerprint(section) != before

    a.write_text("u,i,t\n" + line(3), encoding="utf-8")
    collected = collect(section, run)
    assert artefacts(run, collected) == fresh(tmp_path, section)
    assert changes(collected) == [("changed", 1, 1), ("unchanged", 1, 0)]

    first = tmp_path / "0.csv"  # a new file before the others: their parts move on, and are not read again
    first.write_text("u,i,t\n" + line(7), encoding="utf-8")
    collected = collect(section, run)
    assert artefacts(run, collected) == fresh(tmp_path, section)
    assert changes(collected) == [("new", 1, 1), ("unchanged", 1, 0), ("unchanged", 1, 0)]
    first.unlink()

    b.unlink()
    assert artefacts(run, collect(section, run)) == fresh(tmp_path, section)
    assert len(list(run.path("log/events").iterdir())) == 1


def test_a_damaged_part_is_read_again(tmp_path, run):
    path = tmp_path / "a.csv"
    path.write_text("u,i,t\n" + line(1), encoding="utf-8")
    part = collect(log(str(path)), run).files[0]
    run.path(part).write_bytes(b"")
    path.write_text(path.read_text(encoding="utf-8") + line(2), encoding="utf-8")
    assert artefacts(run, collect(log(str(path)), run)) == fresh(tmp_path, log(str(path)))


def test_an_error_in_a_tail_names_the_row_of_the_file(tmp_path, run):
    path = tmp_path / "a.csv"
    section = config.Log(events=[config.Events(path=str(path), event="view", columns=COLUMNS | {"price": "p"})])
    path.write_text("u,i,t,p\n1,1,2024-01-01,1\n1,1,2024-01-01,1\n", encoding="utf-8")
    collect(section, run)
    kept = run.path("log/events/part-00000.parquet").read_bytes()
    for wrong, message in [("x", "row 3, column 'p': 'x'"), ("1,1", "row 3 has 5 fields")]:
        path.write_text(f"u,i,t,p\n1,1,2024-01-01,1\n1,1,2024-01-01,1\n1,1,2024-01-01,{wrong}\n", encoding="utf-8")
        with pytest.raises(SourceError, match=message):
            collect(section, run)
        assert run.path("log/events/part-00000.parquet").read_bytes() == kept


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=4), kind=st.sampled_from(["csv", "jsonl"]))
def test_any_growth_gives_the_bytes_of_a_fresh_read(tmp_path_factory, sizes, kind):
    folder = tmp_path_factory.mktemp("growth")
    path, run = folder / f"a.{kind}", Folder(folder / "run")
    rows = 0
    path.write_text("u,i,t\n" if kind == "csv" else "", encoding="utf-8")
    for size in sizes:
        with path.open("a", encoding="utf-8") as stream:
            for n in range(rows, rows + size):
                u, i, t = line(n).strip().split(",")
                stream.write(line(n) if kind == "csv" else f'{{"u": "{u}", "i": "{i}", "t": "{t}"}}\n')
        rows += size
        collected = collect(log(str(path)), run)
        assert changes(collected)[0][1:] == (rows, size)
    assert artefacts(run, collected) == fresh(folder, log(str(path)))


def test_a_database_is_read_beyond_its_watermark(tmp_path, run):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as c:
        c.execute("CREATE TABLE e (n INTEGER, u TEXT, i INTEGER, t TEXT)")
        c.executemany("INSERT INTO e VALUES (?, ?, ?, ?)", [(n, f"u{n}", n, f"2024-01-0{n}") for n in (3, 1, 2)])
    events = config.Events(url=f"sqlite:///{path}", table="e", grows_by="n", event="view", columns=COLUMNS)
    section = config.Log(events=[events])
    collect(section, run)
    state = fingerprint(section)
    with sqlite3.connect(path) as c:
        c.execute("INSERT INTO e VALUES (4, 'u4', 4, '2024-01-04')")
    assert fingerprint(section) != state
    collected = collect(section, run)
    assert artefacts(run, collected) == fresh(tmp_path, section)
    assert changes(collected) == [("appended", 4, 1)]
    assert run.read_table("log/events/part-00000.parquet")["item_id"].to_pylist() == [1, 2, 3, 4]
    account = run.path("log/collect.json").read_bytes()
    collect(section, run)
    assert run.path("log/collect.json").read_bytes() == account


def test_whole_number_ids_become_text_when_another_source_has_text(tmp_path, run):
    import pyarrow.parquet as pq

    at = pa.array([dt.datetime(2024, 1, 1)], pa.timestamp("us"))
    pq.write_table(pa.table({"u": [7], "i": [8], "t": at}), tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("u,i,t\n007,8,2024-01-02\n", encoding="utf-8")
    section = config.Log(
        events=[config.Events(path=str(tmp_path / n), event="view", columns=COLUMNS) for n in ("a.parquet", "b.csv")]
    )
    collect(section, run)
    clean(config.Clean(), run)
    table = run.read_table("clean/events.parquet")
    assert table["user_id"].to_pylist() == ["7", "007"]
    assert table["event_id"].to_pylist() == [0, 1]
    assert table["item_code"].to_pylist() == [0, 0]


def test_row_groups_do_not_depend_on_batches(monkeypatch):
    monkeypatch.setattr(module, "ROWS", 4)
    table = pa.table({"n": list(range(11))})
    for size in (1, 3, 4, 11):
        batches = list(regrouped(table.to_batches(max_chunksize=size), table.schema))
        assert [b.num_rows for b in batches] == [4, 4, 3]
        assert pa.Table.from_batches(batches).equals(table)


def test_currencies_must_agree(tmp_path, run):
    (tmp_path / "a.csv").write_text("u,i,t\n" + line(1), encoding="utf-8")
    sections = [log(str(tmp_path / "a.csv"), minor_units=m).events[0] for m in (0, 2)]
    with pytest.raises(ConfigError, match="minor_units"):
        collect(config.Log(events=sections), run)
