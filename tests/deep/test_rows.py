"""Rows in batches: every row once, one order a seed, the same rows from Parquet as from memory."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from assay.deep.rows import ArrayRows, ParquetRows, Ragged  # noqa: E402


def gathered(rows, size, seed):
    batches = list(rows.batches(size, seed))
    return {name: torch.cat([batch[name] for batch in batches]).numpy() for name in batches[0]}, [len(b["row"]) for b in batches]


@given(st.integers(1, 60), st.integers(1, 20), st.sampled_from([None, 0, 5]))
@settings(deadline=None, max_examples=40)
def test_every_row_comes_once(n, size, seed):
    rows = ArrayRows({"x": np.arange(n) * 10})
    found, sizes = gathered(rows, size, seed)
    assert sorted(found["row"].tolist()) == list(range(n))
    np.testing.assert_array_equal(found["x"], found["row"] * 10)
    assert all(s == size for s in sizes[:-1])
    assert found["weight"].tolist() == [1.0] * n
    np.testing.assert_array_equal(gathered(rows, size, seed)[0]["row"], found["row"])
    if seed is None:
        assert found["row"].tolist() == list(range(n))


def test_parquet_rows_are_those_of_memory(tmp_path):
    table = pa.table({"x": np.arange(1000.0), "label": np.arange(1000) % 2})
    pq.write_table(table.slice(0, 700), tmp_path / "a.parquet", row_group_size=100)
    pq.write_table(table.slice(700), tmp_path / "b.parquet", row_group_size=64)

    def encode(part):
        return {name: part.column(name).to_numpy() for name in part.column_names}

    rows = ParquetRows([tmp_path / "a.parquet", tmp_path / "b.parquet"], ["x", "label"], encode)
    assert len(rows) == 1000
    plain, _ = gathered(rows, 128, None)
    np.testing.assert_array_equal(plain["row"], np.arange(1000))
    found, _ = gathered(rows, 128, 3)
    assert sorted(found["row"].tolist()) == list(range(1000))
    np.testing.assert_array_equal(found["x"], found["row"])
    assert (np.diff(found["row"]) != 1).mean() > 0.9
    np.testing.assert_array_equal(gathered(rows, 128, 3)[0]["row"], found["row"])
    assert not np.array_equal(gathered(rows, 128, 4)[0]["row"], found["row"])


def test_given_places_are_kept():
    rows = ArrayRows({"x": np.arange(3), "row": np.array([7, 8, 9]), "weight": np.array([1.0, 2.0, 0.5], np.float32)})
    found, _ = gathered(rows.take(np.array([2, 0])), 5, None)
    assert found["row"].tolist() == [9, 7]
    assert found["weight"].tolist() == [0.5, 1.0]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=8), st.integers(0, 2**16))
def test_ragged_rows_are_padded_where_they_are_read(sizes, seed):
    rng = np.random.default_rng(seed)
    values = [rng.integers(1, 9, size=(n, 2)) for n in sizes]
    ragged = Ragged(np.concatenate([[0], np.cumsum(sizes)]), np.concatenate(values))
    some = rng.integers(len(sizes), size=5)
    for column, rows in ((ragged, some), (ragged.take(some), np.arange(5))):
        padded = column[rows]
        assert padded.shape == (5, max([1, *(sizes[k] for k in some)]), 2)
        for k, row in zip(some, padded, strict=True):
            np.testing.assert_array_equal(row[: sizes[k]], values[k])
            assert not row[sizes[k] :].any()
    rows = ArrayRows({"a": np.arange(len(sizes)), "b": ragged})
    assert len(rows) == len(ragged) == len(sizes)
    other = ArrayRows({"a": np.arange(len(sizes)), "b": Ragged(ragged.starts, ragged.values + 1)})
    assert (rows.digest() == other.digest()) == (sum(sizes) == 0)
    batches = list(rows.take(some).batches(2, 0))
    assert [len(b["b"]) for b in batches] == [2, 2, 1]
    assert {int(v) for b in batches for v in b["a"]} == set(some.tolist())
