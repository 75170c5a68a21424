"""Ids of any size come through as they were, digit by digit, whatever the log's kind."""

import csv
import io
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay import config
from assay.errors import SourceError
from assay.logs import attributes, canonical, sources
from assay.logs.cleaning import clean
from assay.logs.collect import collect
from assay.runs.store import Folder

COLUMNS = {"user_id": "u", "item_id": "i", "timestamp": "t"}
AT = "2024-01-01 10:00:00"
TYPES = {  # of Parquet: the type, and the whole numbers that it holds
    "int64": (pa.int64(), -(2**63), 2**63 - 1),
    "uint32": (pa.uint32(), 0, 2**32 - 1),
    "uint64": (pa.uint64(), 0, 2**64 - 1),
    "decimal128": (pa.decimal128(38, 0), -(10**38) + 1, 10**38 - 1),
    "decimal256": (pa.decimal256(60, 0), -(10**60) + 1, 10**60 - 1),
}
SHARED = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def numbers(low: int, high: int) -> st.SearchStrategy[list[int]]:
    """Distinct whole numbers, those at the ends of 64 bits among them."""
    ends = [n for n in (low, high, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 2**53 + 1) if low <= n <= high]
    return st.lists(st.integers(low, high) | st.sampled_from(ends), min_size=1, max_size=6, unique=True)


def read(section: config.Events) -> pa.Table:
    return pa.Table.from_batches(b for s in sources.open_sources(section) for b in canonical.events(s, section))


@pytest.mark.slow
@SHARED
@given(users=numbers(-(10**60), 10**60), items=numbers(-(10**60), 10**60))
def test_ids_of_text_files(section, users, items):
    rows = [{"u": users[n % len(users)], "i": items[n % len(items)], "t": AT} for n in range(6)]
    text = io.StringIO()
    writer = csv.DictWriter(text, ["u", "i", "t"])
    writer.writeheader()
    writer.writerows(rows)
    for content, name in ((text.getvalue(), "log.csv"), ("\n".join(map(json.dumps, rows)), "log.jsonl")):
        table = read(section(content, name=name))
        assert table["user_id"].to_pylist() == [str(row["u"]) for row in rows]
        assert table["item_id"].to_pylist() == [str(row["i"]) for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize("name", TYPES)
@SHARED
@given(data=st.data())
def test_ids_of_parquet_files(tmp_path, name, data):
    kind, low, high = TYPES[name]
    ids = data.draw(numbers(low, high))
    values = pa.array([Decimal(i) for i in ids] if pa.types.is_decimal(kind) else ids, kind)
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"u": values, "i": values, "t": [AT] * len(ids)}), path)
    table = read(config.Events(path=str(path), event="view", columns=COLUMNS))
    expected = ids if name in ("int64", "uint32") else [str(i) for i in ids]
    assert table["user_id"].to_pylist() == table["item_id"].to_pylist() == expected
    named = config.Items(path=str(path), columns={"item_id": "i"})
    assert attributes.items(named)["item_id"].to_pylist() == expected
    assert attributes.users(config.Users(path=str(path), columns={"user_id": "u"}))["user_id"].to_pylist() == expected


@pytest.mark.parametrize("value", [1e16, -1e19, 2.0**63, 0.5])
def test_a_float_that_is_no_whole_number_to_the_unit_is_no_id(tmp_path, value):
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"u": [1.0, None, value], "i": [1.0, 2.0, 3.0], "t": [AT] * 3}), path)
    with pytest.raises(SourceError, match=r"row 3, column 'u': .* is not an id; give it as text"):
        read(config.Events(path=str(path), event="view", columns=COLUMNS))
    pq.write_table(pa.table({"u": [1.0, value], "i": [1.0, 2.0]}), path)
    with pytest.raises(SourceError, match=r"row 2, column 'u': .* is not an id; give it as text"):
        attributes.users(config.Users(path=str(path), columns={"user_id": "u"}))


@pytest.mark.slow
@SHARED
@given(ids=numbers(0, 2**64 - 1), wide=numbers(-(10**30) + 1, 10**30 - 1))
def test_ids_of_databases(database, execute, ids, wide):
    kind = {"mysql": "BIGINT UNSIGNED", "postgresql": "NUMERIC(20)", "sqlite": "TEXT"}[database.partition(":")[0]]
    long = "TEXT" if kind == "TEXT" else "DECIMAL(30, 0)"
    execute("DROP TABLE IF EXISTS log")
    execute(f"CREATE TABLE log (u {kind}, i {long}, t VARCHAR(30))")
    rows = [{"u": str(ids[n % len(ids)]), "i": str(wide[n % len(wide)]), "t": AT} for n in range(6)]
    execute(
        "INSERT INTO log VALUES ("
        + ", ".join(
            f"CAST(:{c} AS {t})" if c != "t" and kind.startswith("NUM") else f":{c}"
            for c, t in (("u", kind), ("i", long), ("t", ""))
        )
        + ")",
        *rows,
    )
    for place in ({"table": "log"}, {"query": "SELECT * FROM log WHERE u IS NOT NULL"}):
        table = read(config.Events(url=database, event="view", columns=COLUMNS, **place))
        assert sorted(table["user_id"].to_pylist()) == sorted(row["u"] for row in rows)
        assert sorted(table["item_id"].to_pylist()) == sorted(row["i"] for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("column", ["u", "i"])
def test_a_log_grows_by_ids_beyond_64_bits(database, execute, tmp_path, column):
    kind = {"mysql": "BIGINT UNSIGNED", "postgresql": "NUMERIC(20)", "sqlite": "BIGINT"}[database.partition(":")[0]]
    high = 2**62 if kind == "BIGINT" else 2**63
    execute(f"CREATE TABLE log (u {kind}, i {'BIGINT' if kind == 'BIGINT' else 'DECIMAL(30, 0)'}, t VARCHAR(30))")

    def put(n: int) -> None:
        execute(f"INSERT INTO log VALUES ({high + n}, {high + n}, '{AT}')")

    section = config.Events(url=database, table="log", event="view", columns=COLUMNS, grows_by=column)
    log, run = config.Log(events=[section]), Folder(tmp_path / "run")
    put(1)
    collect(log, run)
    put(2)
    put(3)
    [change] = collect(log, run).changes
    assert (change["change"], change["rows_read"]) == ("appended", 2)
    [change] = collect(log, run).changes
    assert (change["change"], change["rows_read"]) == ("unchanged", 0)
    expected = [high + n if kind == "BIGINT" else str(high + n) for n in (1, 2, 3)]
    assert run.read_table("log/events/part-00000.parquet")["user_id"].to_pylist() == expected


def test_whole_numbers_of_databases_stay_numbers_elsewhere(database, execute):
    """Unsigned and decimal columns are quantities and prices too."""
    unsigned = "BIGINT UNSIGNED" if database.startswith("mysql") else "BIGINT"
    execute(f"CREATE TABLE log (u INT, i INT, t BIGINT, n {unsigned}, p DECIMAL(12, 0))")
    execute("INSERT INTO log VALUES (1, 2, 1704067200, 3, 12), (2, 2, 1704067201, NULL, 2)")
    columns = COLUMNS | {"quantity": "n", "price": "p"}
    table = read(config.Events(url=database, table="log", event="view", columns=columns, time_format="epoch_s"))
    assert table["user_id"].to_pylist() == [1, 2]
    assert table["quantity"].to_pylist() == [3.0, None]
    assert table["price"].to_pylist() == [1200, 200]


def test_one_user_in_sources_of_several_types_is_one_user(tmp_path):
    big = 2**63 + 5
    (tmp_path / "a.csv").write_text(f"u,i,t\n{big},1,{AT}\n7,1,{AT}\n", encoding="utf-8")
    pq.write_table(pa.table({"u": pa.array([big, 7], pa.uint64()), "i": [1, 2], "t": [AT] * 2}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"u": [7, 8], "i": [1, 2], "t": [AT] * 2}), tmp_path / "c.parquet")
    paths = [str(tmp_path / name) for name in ("a.csv", "b.parquet", "c.parquet")]
    section = config.Events(path=paths, event="view", columns=COLUMNS)
    run = Folder(tmp_path / "run")
    collect(config.Log(events=[section]), run)
    clean(config.Clean(most_lost=1), run)
    assert run.read_table("clean/users.parquet")["user_id"].to_pylist() == ["7", "8", str(big)]


@pytest.mark.slow
@given(text=st.text(st.characters(codec="utf-8", categories=["Cc", "Cf", "L", "P"]), min_size=1).filter(lambda t: t.strip()))
@SHARED
def test_control_characters_stay_in_the_data(section, text):
    """What is shown is made harmless where it is shown; the data keep every character."""
    row = {"u": text, "i": text, "t": AT, "q": text}
    table = read(section(json.dumps(row), name="log.jsonl", columns={"query": "q"}))
    for name in ("user_id", "item_id", "query"):
        assert table[name].to_pylist() == [text]
