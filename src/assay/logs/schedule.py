"""How a log of some length is cut into periods: what `assay init` suggests where the defaults would need a longer log."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from assay.config import Clean
from assay.numerics.periods import days

FEWEST = 5  # periods of a run: warm-up, train, validation, tuning and test
_WEEKS = 9  # from so many whole weeks on a period is a week
_DEFAULT_WEEKS = 26  # from so many on the config's defaults fit
_ISO = r"^\d{4}-\d\d-\d\d"


@dataclass(frozen=True)
class Schedule:
    """Keys of [samples]: the length of a period, and how many periods are warm-up, validation, tuning and test."""

    period_days: int
    warm_up: int
    validation: int
    tuning: int
    test: int


def schedule(first_day: int, last_day: int) -> Schedule | None:
    """What fits a log whose first and last day are so many days after Monday 1970-01-05; None where the defaults do.

    The last day may be broken, so it is not counted. Of the periods an eighth each is for validation, tuning and test (at most
    4 weeks, or 7 days), a fifth for warm-up; the rest, about half, is for training. ValueError: fewer than FEWEST whole days.
    """
    weeks, whole_days = last_day // 7 - -(-first_day // 7), last_day - first_day
    if weeks >= _DEFAULT_WEEKS:
        return None
    if whole_days < FEWEST:
        raise ValueError(f"{whole_days} whole days; a run needs {FEWEST}")
    length, count, most = (7, weeks, 4) if weeks >= _WEEKS else (1, whole_days, 7)
    each = min(max(count // 8, 1), most)
    return Schedule(length, min(max(count // 5, 1), 2 * most), each, each, each)


def span(times: Iterable[pa.Array], time_format: str | None) -> tuple[int, int] | None:
    """First and last day of raw times, as `schedule` takes them; None where none can be read.

    Times that cleaning takes out by default (before 1990, in the future) are left out. time_format as in [[log.events]].
    """
    earliest, now = datetime.fromisoformat(Clean().earliest).replace(tzinfo=UTC), datetime.now(UTC)
    ends = []
    for column in times:
        instants = _instants(column, time_format)
        possible = pc.and_(pc.greater_equal(instants, pa.scalar(earliest)), pc.less_equal(instants, pa.scalar(now)))
        instants = instants.filter(possible)
        if len(instants):
            each = days(instants)
            ends += [int(each.min()), int(each.max())]
    return (min(ends), max(ends)) if ends else None


def _instants(column: pa.Array, time_format: str | None) -> pa.Array:
    """Raw times as instants, to the day; those that cannot be read are left out."""
    kind = pa.timestamp("us", tz="UTC")
    if pa.types.is_temporal(column.type):
        return column.cast(pa.timestamp("us")).cast(kind).drop_null()
    if time_format in ("epoch_s", "epoch_ms"):
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            text = pc.utf8_trim_whitespace(column.cast(pa.string()))
            column = text.filter(pc.match_substring_regex(text, r"^\d+(\.\d+)?$"))
        seconds = pc.divide(column.cast(pa.float64()).drop_null(), 1.0 if time_format == "epoch_s" else 1000.0)
        return pc.multiply(pc.floor(seconds), 1_000_000.0).cast(pa.int64()).cast(kind)
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    if time_format is None:
        dated = pc.utf8_slice_codeunits(text.filter(pc.match_substring_regex(text, _ISO)), 0, 10)
        return pc.strptime(dated, format="%Y-%m-%d", unit="us", error_is_null=True).drop_null().cast(kind)
    return pc.strptime(text, format=time_format, unit="us", error_is_null=True).drop_null().cast(kind)
