"""How a log of some length is cut into periods: what `assay init` suggests where the defaults would need a longer log."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from assay.config import Clean
from assay.numerics.periods import days
from assay.pages.log import Cleaned

FEWEST = 5  # periods of a run: warm-up, train, validation, tuning and test
_WEEKS = 9  # from so many whole weeks on a period is a week
_DEFAULT_WEEKS = 26  # from so many on the config's defaults fit


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


def fitting(log: Cleaned) -> Schedule | None:
    """What fits a log that was cleaned; None where the defaults do, or nothing does."""
    first, last = (
        days(pa.array([datetime.fromisoformat(time)], pa.timestamp("us", tz="UTC")))[0] for time in (log.from_, log.to)
    )
    try:
        return schedule(int(first), int(last))
    except ValueError:
        return None


def ends(instants: pa.Array) -> tuple[int, int] | None:
    """First and last day of instants, as `schedule` takes them; None where there are none.

    Instants that cleaning takes out by default (before 1990, in the future) are left out.
    """
    earliest, now = datetime.fromisoformat(Clean().earliest).replace(tzinfo=UTC), datetime.now(UTC)
    possible = pc.and_(pc.greater_equal(instants, pa.scalar(earliest)), pc.less_equal(instants, pa.scalar(now)))
    instants = instants.filter(possible)
    if not len(instants):
        return None
    each = days(instants)
    return int(each.min()), int(each.max())
