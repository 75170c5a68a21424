"""What every engine must do, tried on DuckDB; and that another engine could read what cleaning and features ask of one."""

import datetime as dt
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay import engines
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
