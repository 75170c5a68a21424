from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as h

from assay.numerics.periods import days, hours, last_whole_day, periods_of, start, starts


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


MONDAY = datetime(2024, 1, 1, tzinfo=UTC)


def instants(*moments):
    return pa.array(list(moments), pa.timestamp("us", tz="UTC"))


def days_of_hours(count, *of_each):
    return [MONDAY + timedelta(days=day, hours=hour) for day in range(count) for hour in of_each]


@pytest.mark.parametrize(
    ("period_days", "more", "whole"),
    [
        (1, [0.17], 6),  # ten minutes of the eighth day
        (1, [9, 16.5], 6),  # an hour and a half before closing time
        (1, [9, 17], 7),  # an hour before: near enough to the end of a day
        (1, [9, 18], 7),
        (1, [23.9], 7),
        (7, [9], 6),  # a week bears 8.4 hours less
        (7, [9.7], 7),
    ],
)
def test_the_last_day_is_whole_when_it_reaches_the_hours_in_which_days_end(period_days, more, whole):
    eighth = [MONDAY + timedelta(days=7, hours=hour) for hour in more]
    found = last_whole_day(instants(*days_of_hours(7, 9, 12, 18), *eighth), period_days)
    assert found == days(instants(MONDAY))[0] + whole


def test_one_broken_day_before_does_not_lower_what_a_day_must_reach():
    log = [*days_of_hours(20, 9, 20), MONDAY + timedelta(days=20, hours=3), MONDAY + timedelta(days=21, hours=4)]
    assert last_whole_day(instants(*log), 1) == days(instants(MONDAY))[0] + 20


@given(h.integers(1, 60), h.integers(1, 14), h.integers(0, 23))
def test_where_times_are_whole_days_the_last_day_is_whole(count, period_days, hour):
    log = days_of_hours(count, hour)
    assert last_whole_day(instants(*log), period_days) == days(instants(log[-1]))[0]


def test_no_instants_have_no_whole_day():
    assert last_whole_day(instants(), 1) == -1
