import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as h

from assay.config import SamplesSection
from assay.errors import SplitError
from assay.logs.history import history
from assay.samples.splits import check_splits, split_periods
from assay.tables import SPLITS
from assay.task import BINARY
from tests.samples.conftest import DAY, Event, events_table, items_table, users_table

SECTION = SamplesSection(warm_up=2, validation=1, tuning=2, test=3)


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
        check_splits(np.array(label, np.int8), np.array(split), BINARY, "do this")


@pytest.mark.parametrize(("last_second", "test_day"), [(620, 6), (DAY - 60, 7)])
def test_a_last_day_of_ten_minutes_is_not_tested_on(last_second, test_day):
    log = [Event(0, 1, "view", day * DAY + second) for day in range(7) for second in range(0, DAY, 1200)]
    log += [Event(0, 1, "view", 7 * DAY + second) for second in (600, 610, last_second)]
    section = SamplesSection(target="view", period_days=1, warm_up=1, validation=1, tuning=1, test=1)
    past = history(events_table(log), users_table(), items_table(), "view", 1)
    assert split_periods(past.first_day, past.last_day, section).span("test") == (test_day, test_day + 1)
