"""Tables in memory as the log of a run: kept whole, replaced only when they are understood, alike whatever holds them."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import assay
from assay.errors import ConfigError, InputError
from assay.front import tables
from assay.runs.store import file_digest
from tests.test_front import purchases

TEXT = st.one_of(st.none(), st.text(max_size=4))
AS = {"text": pa.string(), "large": pa.large_string(), "view": pa.string_view(), "codes": pa.dictionary(pa.int32(), pa.string())}


class Streamed:
    """A table of a library that only speaks the Arrow C stream, in many small batches and its own types for text."""

    def __init__(self, table: pa.Table) -> None:
        fields = [
            pa.field(field.name, pa.string_view() if pa.types.is_string(field.type) else field.type) for field in table.schema
        ]
        self.schema = pa.schema(fields)
        self.batches = [batch.cast(self.schema) for batch in table.to_batches(max_chunksize=7)]

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return pa.RecordBatchReader.from_batches(self.schema, self.batches).__arrow_c_stream__(requested_schema)


def batches(count: int) -> Iterator[pa.RecordBatch]:
    for n in range(count):
        yield pa.record_batch({"user": ["a"], "item": [f"i{n}"], "time": ["2024-01-01T00:00:00Z"]})


@pytest.mark.parametrize("kind", ["arrow", "duckdb", "stream", "categories"])
def test_the_same_content_is_the_same_run_whatever_holds_it(kind: str, tmp_path: Path) -> None:
    frame = purchases(12, 14)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    events = {
        "arrow": lambda: table,
        "duckdb": lambda: duckdb.connect().from_arrow(table),
        "stream": lambda: Streamed(table),
        "categories": lambda: frame.assign(product=frame["product"].astype("category")),
    }[kind]()
    first = assay.run(events=frame, folder=tmp_path / "run", until="clean")
    made = {name: entry.artefacts for name, entry in first.stages.items()}
    costs = (tmp_path / "run" / "cost.json").read_bytes()
    again = assay.run(events=events, folder=tmp_path / "run", until="clean")
    assert again.stages["clean"].artefacts == made["clean"]
    if kind != "duckdb":  # which gives times in another unit, so that the log is read again
        assert again.stages["collect"].artefacts == made["collect"]
        assert (tmp_path / "run" / "cost.json").read_bytes() == costs  # nothing was done again


def test_other_content_is_another_run(tmp_path: Path) -> None:
    frame = purchases(12, 14)
    first = assay.run(events=frame, users=pd.DataFrame({"id": ["c1"], "age": [40]}), folder=tmp_path, until="clean")
    assert first.config.log is not None
    assert first.config.log.users is not None
    assert first.config.log.users.columns == {"user_id": "id", "age": "age"}
    rows = first.read_table("clean/events.parquet").num_rows
    second = assay.run(events=frame.iloc[:-100], folder=tmp_path, until="clean")
    assert second.read_table("clean/events.parquet").num_rows < rows
    assert not (tmp_path / "input" / "users.parquet").exists()
    config = second.config  # of the files that the folder keeps: the run can be made again of them
    assert (
        assay.run(config, folder=tmp_path / "again", until="clean")
        .read_table("clean/events.parquet")
        .equals(second.read_table("clean/events.parquet"))
    )


def test_columns_kinds_and_times_as_the_user_says_them(tmp_path: Path) -> None:
    events = pa.table(
        {
            "a": ["u1", "u2", "u1"],
            "b": [3, 4, 3],
            "c": ["13/02/2024 10:00", "02/02/2024 11:00", "01/03/2024 12:00"],
            "d": ["buy", "pv", "pv"],
        }
    )
    columns = {"user_id": "a", "item_id": "b", "timestamp": "c", "event": "d"}
    log = {"events": {"time_zone": "Europe/Rome"}}
    run = assay.run(events=events, columns=columns, folder=tmp_path, until="clean", log=log)
    assert run.config.log is not None
    [section] = run.config.log.events
    assert (section.time_format, section.time_zone, section.kinds) == (
        "%d/%m/%Y %H:%M",
        "Europe/Rome",
        {"buy": "purchase", "pv": "view"},
    )
    clean = run.read_table("clean/events.parquet")
    assert clean["timestamp"].cast(pa.int64()).to_pylist()[0] == np.datetime64("2024-02-02T10:00:00", "us").astype(np.int64)
    assert sorted(clean["event"].to_pylist()) == ["purchase", "view", "view"]


def test_a_kind_of_event_that_comes_late_is_mapped_too(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=1500, freq="h", tz="UTC")
    frame = pd.DataFrame({"user": "u1", "item": [f"i{n}" for n in range(1500)], "time": days, "action": ["buy"] * 1499 + ["pv"]})
    run = assay.run(events=frame, folder=tmp_path, until="clean")
    assert run.config.log is not None
    assert run.config.log.events[0].kinds == {"buy": "purchase", "pv": "view"}


@pytest.mark.parametrize(
    ("events", "options", "message"),
    [
        ([1, 2], {}, "events: a list is no table"),
        ("log.csv", {}, "events: a str is no table"),
        (pa.table({"x": [1]}), {}, r"events: no column looks like user_id \(it has: 'x'\); name it: columns="),
        (pa.table({"user": ["a"], "item": ["b"]}), {}, "no column looks like timestamp"),
        (pa.table({"user": pa.array([], pa.string())}), {}, "events: has no rows"),
        (pa.table([["a"], ["b"]], names=["user", "user"]), {}, "the column 'user' more than once"),
        (pd.DataFrame({"user": ["a", 1]}), {}, "events: cannot be kept as Parquet"),
        (pd.DataFrame({"user": [2**70]}), {}, "events: cannot be kept as Parquet"),
        (pa.table({"user": ["a"], "item": ["b"], "date": ["01/02/2024"]}), {}, "day/month or month/day; say which"),
        (pa.table({"user": ["a"]}), {"log": {"hash_ids": True}}, "kept in the run's folder as it is"),
        (pa.table({"user": ["a"]}), {"log": []}, "log: give a dictionary"),
        (pa.table({"user": ["a"]}), {"log": {"events": "x"}}, "log: events: give a dictionary"),
        (pa.table({"user": ["a"]}), {"columns": ["user"]}, "columns: give a dictionary"),
        (pa.table({"user": ["a"]}), {"columns": {"user_id": "usr"}}, "has no column 'usr' for user_id; did you mean 'user'"),
        (pa.table({"user": ["a"]}), {"sample": {}}, "unknown key 'sample'; did you mean 'samples'"),
        (pa.table({"user": ["a"]}), {"config": {}}, "give either a config, or events"),
        (None, {"items": pa.table({"item": ["a"]})}, "give either a config, or events"),
        (None, {"config": {}, "columns": {}}, "give either a config, or events"),
    ],
)
def test_wrong_input_is_named(events: object, options: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        assay.run(events=events, folder=tmp_path / "run", **options)
    assert {path.name for path in tmp_path.glob("run/*")} <= {".lock"}


def test_tables_whose_columns_cannot_be_guessed_replace_nothing(tmp_path: Path) -> None:
    assay.run(events=purchases(12, 14), items=pa.table({"sku": ["p1"]}), folder=tmp_path, until="collect")
    before = {path.name: path.read_bytes() for path in (tmp_path / "input").iterdir()}
    (tmp_path / ".input-killed").mkdir()
    with pytest.raises(InputError, match="no column looks like timestamp"):
        assay.run(events=pa.table({"user": ["a"], "item": ["b"]}), folder=tmp_path, until="collect")
    for wrong in ({"until": "sample"}, {"recommend": {"model": "lightgmb"}}, {"models": {"names": ["logistik"]}}):
        with pytest.raises(ConfigError):
            assay.run(events=purchases(13, 14), folder=tmp_path, **wrong)
    assert {path.name: path.read_bytes() for path in (tmp_path / "input").iterdir()} == before
    assert not list(tmp_path.glob(".input-*"))


def test_a_wrong_section_is_refused_before_a_kept_table_is_replaced(tmp_path: Path) -> None:
    frame = purchases(12, 14)
    assay.run(events=frame, folder=tmp_path, until="collect")
    before = file_digest(tmp_path / "input" / "events.parquet")
    with pytest.raises(ConfigError, match="warm_up"):
        assay.run(events=frame.iloc[:10], folder=tmp_path, samples={"warm_up": 0})
    assert file_digest(tmp_path / "input" / "events.parquet") == before


@pytest.mark.slow
@given(
    rows=st.lists(st.tuples(TEXT, st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))), min_size=1, max_size=30),
    kinds=st.tuples(st.sampled_from(list(AS)), st.sampled_from(list(AS))),
    sizes=st.tuples(st.integers(1, 30), st.integers(1, 30)),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_kept_table_is_its_content_whatever_holds_it(
    rows: list, kinds: tuple[str, str], sizes: tuple[int, int], tmp_path: Path
) -> None:
    text, number = pa.array([row[0] for row in rows], pa.string()), pa.array([row[1] for row in rows], pa.int64())
    digests = set()
    for kind, size in zip(kinds, sizes, strict=True):
        column = text.dictionary_encode() if kind == "codes" else text.cast(AS[kind])
        batches = pa.table({"a b": column, "号": number}).to_batches(max_chunksize=size)
        with tables.beside({"events": pa.Table.from_batches(batches).replace_schema_metadata({"made": "by"})}, tmp_path) as paths:
            tables.keep(paths, tmp_path)
        path = tables.kept("events", tmp_path)
        assert pq.read_table(path).to_pydict() == {"a b": text.to_pylist(), "号": number.to_pylist()}
        digests.add(file_digest(path))
    assert len(digests) == 1


def test_a_stream_that_can_be_read_once_is_enough(tmp_path: Path) -> None:
    first = next(batches(1))
    run = assay.run(events=pa.RecordBatchReader.from_batches(first.schema, batches(50)), folder=tmp_path, until="collect")
    assert run.read_json("log/collect.json")["rows"] == 50
