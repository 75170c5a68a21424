"""Periods of time, numbered from Monday 1970-01-05, and the hours and days of instants."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

FIRST_MONDAY = 4  # days from 1970-01-01 to Monday 1970-01-05
DAY = 86_400_000_000  # microseconds


def days(timestamps: pa.ChunkedArray | pa.Array) -> NDArray[np.int64]:
    """Instants (n,) -> days since Monday 1970-01-05, UTC."""
    micro = pc.cast(pc.cast(timestamps, pa.timestamp("us", tz="UTC")), pa.int64()).to_numpy(zero_copy_only=False)
    return np.asarray(micro // DAY - FIRST_MONDAY, np.int64)


def hours(timestamps: pa.ChunkedArray | pa.Array, time_zone: str) -> NDArray[np.int8]:
    """Instants (n,) -> hours of the day (n,) in a time zone."""
    micro = pc.cast(pc.cast(timestamps, pa.timestamp("us", tz="UTC")), pa.int64()).to_numpy(zero_copy_only=False)
    second = micro // 1_000_000
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
