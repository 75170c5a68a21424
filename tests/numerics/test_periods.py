from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as h

from assay.numerics.periods import days, hours, periods_of, start, starts


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
