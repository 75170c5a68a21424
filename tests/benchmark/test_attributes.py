import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest

from assay.benchmark.attributes import MOST, attribute
from assay.errors import InputError


def column(values, kind=None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, kind)])


def levels_of(values, kind=None):
    found = attribute("a", column(values, kind), column(values, kind))
    return found.levels, found.pool.tolist()


def test_the_most_frequent_categories_have_a_level_and_the_rest_is_other():
    values = [f"类{k:02} 🥛" for k in range(20) for _ in range(20 - k)]
    found = attribute("kind", column(values), column(values))
    assert found.levels == (*(f"类{k:02} 🥛" for k in range(MOST)), "other")
    assert found.traffic[0] == pytest.approx(20 / 210)
    assert found.traffic[-1] == pytest.approx(sum(range(1, 9)) / 210)
    np.testing.assert_allclose(found.shares, found.traffic)


def test_ties_go_by_text_and_a_category_named_other_is_other():
    values = [*"zyx", *"abcdefghij", "other", "other"]
    found = attribute("a", column(values), column(values))
    assert found.levels == (*"abcdefghij", "x", "other")
    assert found.traffic[-1] == pytest.approx(4 / 15)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())])
def test_all_kinds_of_text_are_cut_alike(kind):
    assert levels_of(["b", None, "b", "א"], kind) == (("b", "א", None), [0, 2, 0, 1])


def test_dictionaries_of_numbers_truth_values_and_nothing_are_categories():
    assert levels_of([30, 4, 30], pa.dictionary(pa.int8(), pa.int32())) == (("30", "4"), [0, 1, 0])
    assert levels_of([True, False, None, True]) == (("true", "false", None), [0, 1, 2, 0])
    assert levels_of([None, None], pa.null()) == ((None,), [0, 0])


def test_numbers_are_cut_into_fifths_of_the_traffic():
    found = attribute("price", column([-5.0, 25.0, 99.0, float("nan")]), column(np.arange(100.0)))
    assert found.levels == ("below 20", "20 to 40", "40 to 60", "60 to 80", "80 or more", None)
    assert found.pool.tolist() == [0, 1, 4, 5]
    np.testing.assert_allclose(found.traffic, [0.2] * 5 + [0])
    assert found.label(1) == "price '20 to 40'"
    assert found.label(5) == "price null"


def test_equal_numbers_stay_together():
    assert levels_of([1, 1, 1, 1, 1, 1, 2, 2, 3, None]) == (("below 2", "2 or more", None), [0] * 6 + [1] * 3 + [2])
    assert levels_of([7, 7, None]) == (("any value", None), [0, 0, 1])
    assert levels_of([None, None], pa.int64()) == ((None,), [0, 0])


def test_edges_are_short_where_they_can_be_told_apart():
    assert levels_of([0.123456, 1.23456, 2.3456])[0] == ("below 1.235", "1.235 to 2.346", "2.346 or more")
    assert levels_of([1.00001, 1.00002, 1.00003])[0] == ("below 1.00002", "1.00002 to 1.00003", "1.00003 or more")


def test_times_durations_and_decimals_are_cut_like_numbers():
    days = [datetime.date(2024, 1, day) for day in (1, 2)]
    assert levels_of(days) == (("below 2024-01-02", "2024-01-02 or more"), [0, 1])
    times = [datetime.datetime(2024, 1, 1, hour) for hour in (8, 9)]
    assert levels_of(times, pa.timestamp("s", "UTC"))[0] == ("below 2024-01-01T09:00:00", "2024-01-01T09:00:00 or more")
    assert levels_of([datetime.timedelta(seconds=1), datetime.timedelta(seconds=2)], pa.duration("s"))[1] == [0, 1]
    assert levels_of([decimal.Decimal("1.5"), decimal.Decimal("2.5")]) == (("below 2.5", "2.5 or more"), [0, 1])


def test_pool_and_traffic_may_differ_in_width():
    found = attribute("n", column([1, 9], pa.int8()), column([1.0, 9.0]))
    assert found.pool.tolist() == [0, 1]


def test_refuses():
    with pytest.raises(InputError, match="'a' is int64 in the requests and string in the traffic"):
        attribute("a", column([1]), column(["1"]))
    with pytest.raises(InputError, match="'a' holds list<item: int64>; convert it"):
        attribute("a", column([[1]]), column([[1]]))
