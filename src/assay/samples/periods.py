"""Periods of time, numbered from Monday 1970-01-05, and the four-way split by one global time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.config import SamplesSection
from assay.errors import SplitError
from assay.tables import SPLITS

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


@dataclass(frozen=True)
class Splits:
    """Where each split begins: `begins[k]` is the first period of SPLITS[k]; `end` is past the last of test."""

    begins: tuple[int, int, int, int]
    end: int

    def of(self, periods: NDArray[np.int32]) -> NDArray[np.int64]:
        """Index (n,) into SPLITS of each period; -1 in warm-up; periods past the end count as test."""
        return np.searchsorted(np.array(self.begins), periods, side="right") - 1

    def span(self, name: str) -> tuple[int, int]:
        """First period of a split, and the one past its last."""
        bounds = (*self.begins, self.end)
        at = SPLITS.index(name)
        return bounds[at], bounds[at + 1]

    def dates(self, period_days: int) -> dict[str, dict[str, str | int]]:
        """Per split: periods, first day and last day (ISO dates)."""
        return {
            name: {
                "periods": end - begin,
                "from": start(begin, period_days).date().isoformat(),
                "to": (start(end, period_days).date() - timedelta(days=1)).isoformat(),
            }
            for name in SPLITS
            for begin, end in [self.span(name)]
        }


def _iso(day: int) -> str:
    return (date(1970, 1, 5) + timedelta(days=int(day))).isoformat()


def split_periods(first_day: int, last_day: int, section: SamplesSection) -> Splits:
    """Warm-up | train < validation < tuning < test, counted from the last whole period of the log.

    first_day and last_day (of the log's events) are days since 1970-01-05. A last period that the log does
    not cover to its last day serves as nobody's truth. SplitError when there are too few periods.
    """
    length = section.period_days
    first, end = first_day // length, (last_day + 1) // length
    later = section.validation + section.tuning + section.test
    needed = section.warm_up + 1 + later
    if end - first < needed:
        raise SplitError(
            f"the log, {_iso(first_day)} to {_iso(last_day)}, has {max(end - first, 0)} whole periods of {length} days,"
            f" but {needed} are needed: warm_up {section.warm_up} + train 1 + validation {section.validation}"
            f" + tuning {section.tuning} + test {section.test}; lower these or period_days in [samples], or bring a longer log"
        )
    test = end - section.test
    tuning = test - section.tuning
    return Splits((first + section.warm_up, tuning - section.validation, tuning, test), end)


def check_split(label: NDArray[np.int8], split: NDArray[np.int64], advice: str) -> None:
    """SplitError naming the first split that has no rows, or rows of one class only; `advice` says what to change."""
    for at, name in enumerate(SPLITS):
        labels = label[split == at]
        if len(labels) == 0:
            raise SplitError(f"the {name} split has no rows; {advice}")
        if labels.min() == labels.max():
            kind = "positive" if labels[0] else "negative"
            raise SplitError(f"all {len(labels)} rows of the {name} split are {kind}; {advice}")
