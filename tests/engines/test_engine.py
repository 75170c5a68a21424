"""What every engine must do, tried on DuckDB; and that another engine could read what cleaning and features ask of one."""

import datetime as dt
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay import engines
from assay.engines.duckdb import DuckDB, OverFiles
from assay.engines.engine import Engine, EngineError, count, identifier, literal, one, put, set_parameters


@pytest.fixture
def engine():
    with closing(engines.connect()) as session:
        yield session


def test_tables_keep_the_order_of_rows(engine: Engine):
    order = np.random.default_rng(1).permutation(400_000)
    engine.lend("lent", pa.table({"n": order}))
    engine.keep("kept", "SELECT n, n % 7 AS rest FROM lent WHERE n % 2 = 0;\n")
    kept = order[order % 2 == 0]
    assert np.array_equal(engine.table("SELECT n FROM kept")["n"].to_numpy(), kept)
    engine.add("kept", "SELECT n, 0 FROM lent WHERE n < 3")
    assert np.array_equal(engine.table("SELECT n FROM kept")["n"].to_numpy(), [*kept, *order[order < 3]])
    batches = list(engine.batches("SELECT n FROM kept", 1 << 16))
    assert max(batch.num_rows for batch in batches) <= 1 << 16
    assert np.array_equal(pa.Table.from_batches(batches)["n"].to_numpy(), [*kept, *order[order < 3]])


def test_a_table_is_made_anew_from_itself(engine: Engine):
    put(engine, "t", pa.table({"n": [1, 2, 3]}))
    engine.keep("t", "SELECT n + 1 AS n FROM t WHERE n > 1")
    assert engine.table("SELECT n FROM t").to_pydict() == {"n": [3, 4]}
    assert (count(engine, "t"), one(engine, "SELECT MIN(n) AS low, MAX(n) AS high FROM t")) == (2, (3, 4))
    with pytest.raises(EngineError):
        engine.table("SELECT * FROM lent_rows")  # nothing of put stays


def test_what_was_dropped_is_gone(engine: Engine):
    engine.lend("lent", pa.table({"n": [1]}))
    engine.keep("kept", "SELECT n FROM lent")
    for name in ("lent", "kept"):
        engine.drop(name)
        with pytest.raises(EngineError, match=name):
            engine.table(f"SELECT * FROM {name}")


def test_names_texts_and_parameters_are_never_read_as_sql(engine: Engine):
    nasty = "a\"b'; DROP TABLE kept; --"
    engine.keep(nasty, f"SELECT {literal(nasty)} AS {identifier(nasty)}")
    assert engine.table(f"SELECT {identifier(nasty)} FROM {identifier(nasty)}").to_pydict() == {nasty: [nasty]}
    set_parameters(engine, {"text": nasty, "number": 2.5, "none": None})
    assert engine.table("SELECT text, number, none FROM parameters").to_pylist() == [{"text": nasty, "number": 2.5, "none": None}]


@pytest.mark.parametrize("folder", ["plain", "o'clock", "файлы"])
def test_a_parquet_file_is_read_with_its_rows_numbers(engine: Engine, tmp_path: Path, folder: str):
    path = tmp_path / folder / "x.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"who": ["a", "b", "c"]}), path, row_group_size=2)
    assert engine.table(engine.parquet(path)).to_pydict() == {"who": ["a", "b", "c"]}
    numbered = engine.table(f"SELECT place, who FROM ({engine.parquet(path, number='place')}) AS part")
    assert numbered.to_pydict() == {"place": [0, 1, 2], "who": ["a", "b", "c"]}


def test_an_engine_s_errors_are_its_own(engine: Engine):
    engine.keep("t", "SELECT 1 AS n")
    for act in (engine.table, lambda sql: engine.keep("t", sql), lambda sql: engine.add("t", sql)):
        with pytest.raises(EngineError, match="no_such_table"):
            act("SELECT * FROM no_such_table")


@pytest.mark.parametrize(("zone", "hour"), [("UTC", 0), ("Asia/Tokyo", 15)])
def test_text_is_read_as_a_time_of_the_session_s_zone(zone: str, hour: int):
    with closing(engines.connect(zone)) as engine:
        [instant] = one(engine, "SELECT CAST('2024-01-02 00:00:00' AS TIMESTAMPTZ) AS at")
        assert instant.astimezone(dt.UTC).hour == hour


def test_sql_of_a_users_own_reads_its_files_and_nothing_else(tmp_path: Path):
    """Not even of the folder that engines spill to, which DuckDB would allow."""
    mine, other = tmp_path / "mine.csv", tmp_path / "other.csv"
    for path in (mine, other):
        path.write_text("n\n1\n")
    with closing(engines.over_files([mine])) as session:
        assert session.table(f"SELECT n FROM read_csv({literal(str(mine))})").to_pydict() == {"n": [1]}
        for text in (f"SELECT * FROM read_csv({literal(str(other))})", f"SELECT * FROM {literal(str(other))}"):
            with pytest.raises(EngineError, match="disabled by configuration"):
                session.table(text)
        with pytest.raises(EngineError):
            session.table("SET enable_external_access = true")


def test_an_expression_has_one_value_of_each_row_in_their_order():
    rows = pa.table({"x": [3.0, 1.0, None], "row": [7, 8, 9]})
    with closing(engines.over_files([])) as session:
        assert session.each(rows, "x + row", "DOUBLE").to_pylist() == [10, 9, None]
        assert session.each(rows, "rank() OVER (ORDER BY x)", "BIGINT").to_pylist() == [2, 1, 3]
        assert session.each(rows.slice(0, 0), "x", "DOUBLE").to_pylist() == []
        with pytest.raises(EngineError, match="it has 6 values for 3 rows"):
            session.each(rows, "unnest([1, 2])", "BIGINT")
        for wrong in ("sum(x)", "x) FROM rows; SELECT (1", "y"):
            with pytest.raises(EngineError):
                session.each(rows, wrong, "DOUBLE")


@pytest.mark.parametrize("over", ["OVER ()", "over w", "OVER\n(ORDER BY n)"])
def test_one_thread_alone_makes_windows(over):
    threads = "CAST(current_setting('threads') AS INTEGER)"
    plain = f"SELECT {threads} AS threads, 1 AS total"
    window = " WINDOW w AS (ORDER BY n)" if over == "over w" else ""
    windowed = f"SELECT {threads} AS threads, SUM(n) {over} AS total FROM (SELECT 1 AS n) AS source{window}"
    with closing(DuckDB(threads=3)) as engine:
        for select, expected in ((plain, 3), (windowed, 1), (plain, 3)):
            assert engine.table(select).column("threads").to_pylist() == [expected]
            assert engine.batches(select, 10).read_all().column("threads").to_pylist() == [expected]
        engine.keep("kept", plain)
        engine.add("kept", windowed)
        assert engine.table("SELECT * FROM kept").column("threads").to_pylist() == [3, 1]
    with closing(OverFiles([])) as engine:
        assert engine.table(windowed).column("threads").to_pylist() == [1]
