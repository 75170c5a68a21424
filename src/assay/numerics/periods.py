"""Periods of time, numbered from Monday 1970-01-05, and the hours and days of instants."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

FIRST_MONDAY = 4  # days from 1970-01-01 to Monday 1970-01-05
DAY = 86_400_000_000  # microseconds
_DAYS_BEFORE = 28  # with events, that the last day is compared with
_EARLY = 0.1  # share of these days that may end earlier than a day must reach: outages, holidays
_NEAR = 0.05  # share of a period that may be missing at its end


def days(timestamps: pa.ChunkedArray | pa.Array) -> NDArray[np.int64]:
    """Instants (n,) -> days since Monday 1970-01-05, UTC."""
    return np.asarray(microseconds(timestamps) // DAY - FIRST_MONDAY, np.int64)


def last_whole_day(timestamps: pa.ChunkedArray | pa.Array, period_days: int) -> int:
    """The last day, since Monday 1970-01-05, that a log of these instants covers to its end; -1 without instants.

    It is the day of the last instant if that day's events reach the hours in which the days before it end, else the day
    before. The days before: at most 28 with events; the hours: those that nine in ten of them reach, less a twentieth of a
    period, which is near enough to its end (72 minutes of a day, 8.4 hours of a week). So a log whose times are all midnight
    has a whole last day, and a shop that closes at six has one when its last event is at a quarter to six.
    """
    micro = microseconds(timestamps)
    if not len(micro):
        return -1
    day = micro // DAY
    last = int(day.max())
    ends = np.full(last - int(day.min()) + 1, -1, np.int64)  # of each day: the time of its last event
    np.maximum.at(ends, day - int(day.min()), micro % DAY)
    before = ends[:-1][ends[:-1] >= 0][-_DAYS_BEFORE:]
    usual = int(np.quantile(before, _EARLY, method="lower")) if len(before) else 0
    whole = ends[-1] >= usual - _NEAR * period_days * DAY
    return last - FIRST_MONDAY - (not whole)


def microseconds(timestamps: pa.ChunkedArray | pa.Array) -> NDArray[np.int64]:
    """Instants (n,) -> microseconds since 1970-01-01, UTC."""
    micro = pc.cast(pc.cast(timestamps, pa.timestamp("us", tz="UTC")), pa.int64()).to_numpy(zero_copy_only=False)
    return np.asarray(micro, np.int64)


def hours(timestamps: pa.ChunkedArray | pa.Array, time_zone: str) -> NDArray[np.int8]:
    """Instants (n,) -> hours of the day (n,) in a time zone."""
    second = microseconds(timestamps) // 1_000_000
    begins, which = np.unique(second // 3600, return_inverse=True)
    zone = ZoneInfo(time_zone)  # not Arrow's, which needs the system's time zones
    moments = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=int(k)) for k in begins)
    offsets = [moment.astimezone(zone).utcoffset() or timedelta() for moment in moments]
    shift = np.array([offset.total_seconds() for offset in offsets], np.int64)
    return np.asarray((second + shift[which]) // 3600 % 24, np.int8)


def periods_of(timestamps: pa.ChunkedArray | pa.Array, period_days: int) -> NDArray[np.int32]:
    """Instants (n,) -> numbers (n,) of their periods, `period_days` long."""
    return (days(timestamps) // period_days).astype(np.int32)


def start(period: int, period_days: int) -> datetime:
    """First instant of a period, UTC."""
    return datetime(1970, 1, 5, tzinfo=UTC) + timedelta(days=int(period) * period_days)


def starts(periods: NDArray[np.int32], period_days: int) -> pa.Array:
    """First instants of periods (n,), timestamp[us, UTC]."""
    micro = (periods.astype(np.int64) * period_days + FIRST_MONDAY) * DAY
    return pa.array(micro, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
