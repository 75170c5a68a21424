"""What every source must do, whatever its formula."""

import numpy as np
import pyarrow as pa
import pytest

from assay.samples.candidates import sources
from assay.samples.candidates.popular import Popular
from tests.samples.candidates.conftest import ITEMS, USERS, Event, busy_log, history, moment, rows
from tests.samples.conftest import DAY, items_table

EVERYONE = range(USERS)
BLANK = items_table(ITEMS).select(["item_id"]).append_column("name", pa.nulls(ITEMS, pa.string()))
BLANK = BLANK.append_column("category", pa.nulls(ITEMS, pa.string())).append_column("brand", pa.nulls(ITEMS, pa.string()))


@pytest.fixture(params=sources.NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def shown_log(seed: int = 1) -> list[Event]:
    """A log with exposures, in no order; item 19 is first taken in period 20."""
    events = [event for event in busy_log(seed) if event.item != 19 or event.period >= 20]
    return events + [Event(e.user, e.item, "exposure", e.second) for e in events if e.kind == "view"]


def test_names_are_those_of_the_sources_and_fit_the_bits() -> None:
    made = sources.make()
    assert tuple(made) == sources.NAMES == tuple(source.name for source in made.values())
    assert len(made) <= 15
    assert all(set(names) <= set(made) for names in (*sources.SCORED.values(), *sources.USUAL.values()))
    assert sources.NAMES[:4] == ("own", "popular", "category", "user_knn")  # bits of runs that were written before


def test_only_items_of_the_past_have_scores(name: str) -> None:
    past = history(shown_log())
    for period in (1, 9, 20):
        happened = {e.item for e in shown_log() if e.kind in ("purchase", "exposure") and e.period < period}
        listed = [set(row) for row in rows(sources.make()[name], moment(past, period), EVERYONE)]
        assert all(row <= happened for row in listed)
        assert period == 1 or any(listed)


@pytest.mark.parametrize("period", [5, 16, 22])
def test_nothing_later_matters(name: str, period: int) -> None:
    before = [event for event in shown_log() if event.period < period]
    whole, cut = (rows(sources.make()[name], moment(history(e), period), EVERYONE) for e in (shown_log(), before))
    assert whole == cut


@pytest.mark.parametrize("days", [1, 7])
def test_earlier_questions_do_not_matter(name: str, days: int) -> None:
    past = history(shown_log(), period_days=days)
    asked, last = sources.make()[name], 27 * 7 // days
    for period in (1, last // 2, last - 1, last, 2):
        at = moment(past, period, period_days=days)
        assert rows(asked, at, EVERYONE) == rows(sources.make()[name], at, EVERYONE)
        assert rows(asked, at, EVERYONE) == rows(asked, at, EVERYONE)


def test_a_user_has_the_same_scores_whoever_is_asked_for_beside(name: str) -> None:
    past = history(shown_log())
    for period in (9, 20):
        everyone = rows(sources.make()[name], moment(past, period), EVERYONE)
        some = rows(sources.make()[name], moment(past, period), [1, 4, 8])
        assert some == [everyone[user] for user in (1, 4, 8)]
        assert rows(sources.make()[name], moment(past, period), []) == []


def test_the_order_of_the_log_does_not_matter(name: str) -> None:
    events = shown_log()
    order = np.random.default_rng(5).permutation(len(events))
    one, other = (rows(sources.make()[name], moment(history(e), 20), EVERYONE) for e in (events, [events[k] for k in order]))
    assert one == other


def test_a_user_without_a_past_has_nothing_or_best_sellers(name: str) -> None:
    past = history(shown_log(), users=USERS + 1)
    [row] = rows(sources.make()[name], moment(past, 20), [USERS])
    assert bool(row) == (name == Popular.name)


def test_an_empty_log_gives_empty_rows(name: str) -> None:
    assert rows(sources.make()[name], moment(history([]), 3), EVERYONE) == [{}] * USERS
    late = history([Event(0, 1, "purchase", 7 * DAY * 9)])
    assert rows(sources.make()[name], moment(late, 9), EVERYONE) == [{}] * USERS


def test_one_item_and_one_user(name: str) -> None:
    items = items_table(1)
    past = history([Event(0, 0, "purchase", 7 * DAY * week) for week in range(12)], users=1, items=items)
    [row] = rows(sources.make()[name], moment(past, 12, items=items), [0])
    assert set(row) <= {0}


@pytest.mark.parametrize("days", [1, 7])
def test_items_without_category_or_text_are_no_error(name: str, days: int) -> None:
    past = history(shown_log(), items=BLANK, period_days=days)
    listed = rows(sources.make()[name], moment(past, 140 // days, items=BLANK, period_days=days), EVERYONE)
    assert any(listed) == (name not in ("category", "text"))
