from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as h

from assay.config import SamplesSection
from assay.logs.schedule import FEWEST, schedule, span
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


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        (["2024-01-09T10:00:00Z", "", "2024-01-02", "2024-13-99", "never"], None),
        (["09/01/2024 10:00", "02/01/2024 00:00", "x"], "%d/%m/%Y %H:%M"),
        (["1704794400", " 1704153600.5", "", "0", "99999999999"], "epoch_s"),
        (["1704794400000", "1704153600500"], "epoch_ms"),
        ([1704794400.0, 1704153600.25, None], "epoch_s"),
        ([datetime(2024, 1, 9, 10, tzinfo=UTC), None, datetime(2024, 1, 2, tzinfo=UTC)], None),
        ([datetime(2024, 1, 9, 10), datetime(2024, 1, 2)], None),
        ([date(2024, 1, 9), date(2024, 1, 2), date(1970, 1, 1)], None),
    ],
)
def test_the_span_of_raw_times(values, shape):
    days = [(day - MONDAY).days for day in (date(2024, 1, 2), date(2024, 1, 9))]
    assert span([pa.array(values[:1]), pa.array(values[1:])], shape) == tuple(days)


def test_what_is_no_time_has_no_span():
    assert span([pa.array(["a", ""])], None) is None
    assert span([], None) is None
