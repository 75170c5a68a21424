from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as h

from assay.config import SamplesSection
from assay.errors import SplitError
from assay.samples.periods import check_split, days, hours, periods_of, split_periods, start, starts
from assay.tables import SPLITS

SECTION = SamplesSection(warm_up=2, validation=1, tuning=2, test=3)


@given(h.datetimes(datetime(1960, 1, 1), datetime(2200, 1, 1)), h.integers(1, 40))
def test_an_instant_lies_in_the_period_that_begins_before_it(moment, length):
    table = pa.array([moment.replace(tzinfo=UTC)], pa.timestamp("us", tz="UTC"))
    period = int(periods_of(table, length)[0])
    assert start(period, length) <= moment.replace(tzinfo=UTC) < start(period + 1, length)
    assert starts(np.array([period], np.int32), length)[0].as_py() == start(period, length)


def test_hours_are_local():
    moments = pa.array([datetime(2024, 1, 1, 23, 30, tzinfo=UTC), datetime(2024, 7, 1, 23, 30, tzinfo=UTC)])
    moments = moments.cast(pa.timestamp("us", tz="UTC"))
    assert hours(moments, "UTC").tolist() == [23, 23]
    assert hours(moments, "Europe/Rome").tolist() == [0, 1]
    assert hours(moments, "America/New_York").tolist() == [18, 19]
    assert hours(moments, "Asia/Kolkata").tolist() == [5, 5]
    assert hours(moments.slice(0, 0), "UTC").tolist() == []


@given(h.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)), h.sampled_from(["UTC", "Europe/Rome", "Asia/Kolkata"]))
def test_an_hour_is_that_of_a_clock_there(moment, zone):
    there = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    assert hours(pa.array([moment.replace(tzinfo=UTC)], pa.timestamp("us", tz="UTC")), zone).tolist() == [there.hour]


def test_weeks_begin_on_mondays():
    assert start(0, 7).weekday() == 0
    assert days(pa.array([datetime(1970, 1, 5, tzinfo=UTC)], pa.timestamp("us", tz="UTC"))).tolist() == [0]


@given(h.integers(0, 400), h.integers(1, 900), h.integers(1, 14))
def test_the_four_splits_follow_one_another_and_end_with_the_last_whole_period(first, length, period_days):
    section = SECTION.model_copy(update={"period_days": period_days})
    last = first + length - 1
    whole = (last + 1) // period_days - first // period_days
    if whole < 9:
        with pytest.raises(SplitError, match=r"whole periods of .* but 9 are needed"):
            split_periods(first, last, section)
        return
    found = split_periods(first, last, section)
    spans = [found.span(name) for name in SPLITS]
    assert [b - a for a, b in spans][1:] == [1, 2, 3]
    assert all(spans[k][1] == spans[k + 1][0] for k in range(3))
    assert spans[0][0] == first // period_days + 2
    assert spans[0][1] > spans[0][0]
    assert found.end * period_days <= last + 1 < (found.end + 1) * period_days
    numbers = np.arange(found.begins[0] - 2, found.end, dtype=np.int32)
    named = [name for name in SPLITS for _ in range(*found.span(name))]
    assert [SPLITS[k] if k >= 0 else "warm-up" for k in found.of(numbers)] == ["warm-up"] * 2 + named


@pytest.mark.parametrize(
    ("split", "label", "says"),
    [
        ([0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1], "the test split has no rows; do this"),
        ([0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 0, 1, 1, 1, 0, 1], "all 2 rows of the tuning split are positive; do this"),
        ([0, 0, 1, 1, 2, 2, 3, 3], [0, 0, 0, 1, 1, 0, 0, 1], "all 2 rows of the train split are negative; do this"),
    ],
)
def test_a_split_that_cannot_serve_is_named(split, label, says):
    with pytest.raises(SplitError, match=says):
        check_split(np.array(label, np.int8), np.array(split), "do this")
