"""Pages of training samples, against a filter by hand."""

from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import NotThereError
from assay.serving.living import Served
from assay.serving.samples import Filter, samples


@pytest.fixture(scope="module")
def served(served_folder: Path) -> Served:
    return Served(served_folder)


@pytest.fixture(scope="module")
def rows(served_folder: Path) -> list[dict]:
    values = {row["sample_id"]: row for row in pq.read_table(served_folder / "importance/influence.parquet").to_pylist()}
    table = pq.read_table(
        served_folder / "samples/samples.parquet", columns=["sample_id", "user_id", "item_id", "timestamp", "label", "split"]
    )
    items = {row["item_id"]: row for row in pq.read_table(served_folder / "clean/items.parquet").to_pylist()}
    return [
        {**row, **values[row["sample_id"]], "category": items[row["item_id"]]["category"], "day": row["timestamp"].date()}
        for row in table.to_pylist()
        if row["split"] == "train"
    ]


ENDS = st.tuples(st.none() | st.floats(-2, 2), st.none() | st.floats(-2, 2))


@given(
    user=st.none() | st.sampled_from(["u7", "a/b?c", "nobody"]),
    item=st.none() | st.sampled_from(["x/y z", "牛奶-7 🥛", "none"]),
    category=st.none() | st.sampled_from(["A & B", "none"]),
    week=st.none() | st.dates(date(2024, 1, 1), date(2024, 5, 1)),
    label=st.none() | st.sampled_from([0, 1]),
    z=ENDS,
    sort=st.sampled_from(["value", "-value", "z", "-z", "period", "-period"]),
    size=st.integers(1, 40),
)
def test_pages_hold_what_fits_in_order(served, rows, user, item, category, week, label, z, sort, size):
    def fits(row):
        return (
            (user is None or row["user_id"] == user)
            and (item is None or row["item_id"] == item)
            and (category is None or row["category"] == category)
            and (week is None or row["day"] <= week < row["day"] + timedelta(days=7))
            and (label is None or row["label"] == label)
            and (z[0] is None or row["z"] >= z[0])
            and (z[1] is None or row["z"] <= z[1])
        )

    expected = {row["sample_id"]: row for row in rows if fits(row)}
    chosen = Filter(user=user, item=item, category=category, period=week, label=label, z=z)
    found, page = [], 1
    while len(found) < min(len(expected), 80):
        answer = samples(served, chosen, sort=sort, page=page, size=size)
        assert answer.total == len(expected)
        assert len(answer.samples) == min(size, len(expected) - len(found))
        found, page = found + answer.samples, page + 1
    assert {one.sample_id for one in found} <= expected.keys()
    assert len({one.sample_id for one in found}) == len(found)
    for one in found:
        row = expected[one.sample_id]
        assert (one.user, one.item, one.label, one.period) == (
            row["user_id"],
            row["item_id"],
            row["label"],
            row["day"].isoformat(),
        )
        assert (one.value, one.stderr, one.z) == (row["value"], row["stderr"], row["z"])
    key = {"value": "value", "z": "z", "period": "day"}[sort.removeprefix("-")]
    order = [expected[one.sample_id][key] for one in found]
    assert order == sorted(order, reverse=sort.startswith("-"))
    every = sorted((row[key] for row in expected.values()), reverse=sort.startswith("-"))
    assert order == every[: len(order)]


def test_weights_are_those_of_the_selection(served, served_folder):
    weights = {row["sample_id"]: row["weight"] for row in pq.read_table(served_folder / "selection/weights.parquet").to_pylist()}
    for one in samples(served, Filter(), size=100).samples:
        assert one.weight == weights[one.sample_id]


def test_another_valuer_has_other_values_and_an_unknown_one_is_named(served, served_folder):
    loss = {row["sample_id"]: row["value"] for row in pq.read_table(served_folder / "importance/loss.parquet").to_pylist()}
    for one in samples(served, Filter(), valuer="loss").samples:
        assert one.value == loss[one.sample_id]
    with pytest.raises(NotThereError, match="did you mean 'influence'"):
        samples(served, Filter(), valuer="influense")
