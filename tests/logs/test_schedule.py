from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as h

from assay.config import SamplesSection
from assay.logs.schedule import FEWEST, ends, schedule
from assay.samples.splits import split_periods
from assay.tables import SPLITS

MONDAY = date(1970, 1, 5)


@given(h.integers(15_000, 20_000), h.integers(FEWEST, 900), h.booleans())
def test_what_is_suggested_fits_the_log_whether_its_last_day_is_whole_or_not(first, length, whole):
    last = first + length
    fitting = schedule(first, last)
    section = SamplesSection() if fitting is None else SamplesSection.model_validate(vars(fitting))
    splits = split_periods(first, last if whole else last - 1, section)
    train, *later = (end - begin for begin, end in map(splits.span, SPLITS))
    assert train >= max(later)
    assert min(later) >= 1


def test_short_logs_have_days_long_ones_weeks_and_the_longest_the_defaults():
    of = {days: schedule(20_000, 20_000 + days) for days in (12, 60, 100, 400)}
    assert vars(of[12]) == {"period_days": 1, "warm_up": 2, "validation": 1, "tuning": 1, "test": 1}
    assert vars(of[60]) == {"period_days": 1, "warm_up": 12, "validation": 7, "tuning": 7, "test": 7}
    assert (of[100].period_days, of[100].test) == (7, 1)
    assert of[400] is None
    with pytest.raises(ValueError, match="4 whole days; a run needs 5"):
        schedule(20_000, 20_004)


def test_the_ends_of_a_log_leave_out_what_cannot_be():
    kind = pa.timestamp("us", tz="UTC")
    possible = [datetime(2024, 1, 9, 10, tzinfo=UTC), None, datetime(2024, 1, 2, tzinfo=UTC)]
    days = tuple((day - MONDAY).days for day in (date(2024, 1, 2), date(2024, 1, 9)))
    assert ends(pa.array(possible, kind)) == days
    odd = [datetime(1970, 1, 1, tzinfo=UTC), datetime(2261, 1, 1, tzinfo=UTC)]
    assert ends(pa.array([*odd, *possible], kind)) == days
    assert ends(pa.array([*odd, None], kind)) is None
