"""The walk through time that draws and candidates share, against sets and counts made by hand."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.logs.history import Triples, category_codes
from assay.numerics.hashing import hash_ids
from tests.samples.conftest import CATEGORIES, DAY, ITEMS, USERS, Event, items_table, past, random_log, users_table

PERIODS = 20
CODES = h.integers(0, 4)


@pytest.fixture(params=[1, 2, 3])
def log(request):
    return random_log(request.param)


def rows(triples):
    return list(zip(triples.period.tolist(), triples.user.tolist(), triples.item.tolist(), strict=True))


def with_exposures(log):
    """Every other view becomes an exposure."""
    return [Event(**{**vars(e), "kind": "exposure"}) if e.kind == "view" and e.second % 2 else e for e in log]


@settings(max_examples=40, deadline=None)
@given(h.lists(h.tuples(CODES, CODES, CODES), max_size=40), CODES, CODES)
def test_triples_are_a_sorted_set_and_between_is_its_part(given_rows, begin, end):
    columns = [np.array([r[k] for r in given_rows], np.int32) for k in range(3)]
    instant = np.arange(len(given_rows))[::-1]
    found = Triples.distinct(*columns, instant, (instant % 24).astype(np.int8))
    expected = sorted({(p, u, i) for u, i, p in given_rows})
    assert rows(found) == expected
    assert len(found) == len(expected)
    last = {(p, u, i): instant[k] % 24 for k, (u, i, p) in enumerate(given_rows)}  # the later row is the earlier instant
    assert found.hour.tolist() == [last[triple] for triple in expected]
    parts = [found.take(slice(k, k + 3)) for k in range(0, len(found) + 1, 3)]
    again = Triples.joined(parts)
    assert (rows(again), again.hour.tolist(), again.instant.tolist()) == (
        rows(found),
        found.hour.tolist(),
        found.instant.tolist(),
    )
    assert rows(found)[found.between(begin, max(begin, end))] == [r for r in expected if begin <= r[0] < end]


def test_a_history_holds_every_target_and_exposure_once(log):
    log = with_exposures(log) * 2
    found = past(log)
    for kind, triples in (("purchase", found.bought), ("exposure", found.shown)):
        assert rows(triples) == sorted({(e.period, e.user, e.item) for e in log if e.kind == kind})
    assert len(found.shown) > 0
    assert (found.first_day, found.last_event_day) == (min(e.day for e in log), max(e.day for e in log))
    assert found.last_event_day - found.last_day in (0, 1)
    assert found.next_period(7) == max(e.period for e in log) + 1
    np.testing.assert_array_equal(found.user_hash, hash_ids(users_table().column("user_id")))
    np.testing.assert_array_equal(found.item_hash, hash_ids(items_table().column("item_id")))


def test_everyones_own_purchases_stand_in_order_of_time(log):
    found = past(log)
    for user in range(USERS):
        mine = slice(found.own_begins[user], found.own_begins[user + 1])
        got = list(zip(found.own_period[mine].tolist(), found.own_item[mine].tolist(), strict=True))
        assert got == sorted({(e.period, e.item) for e in log if e.kind == "purchase" and e.user == user})


def test_a_market_is_what_was_sold_or_shown_in_the_periods_before(log):
    log = with_exposures(log)
    found = past(log)
    names = sorted({c for c in CATEGORIES if c is not None})
    assert found.categories == len(names)
    for market in found.markets(3, PERIODS, 2):
        window = [e for e in log if market.period - 2 <= e.period < market.period]
        sold = sorted(t[2] for t in {(e.period, e.user, e.item) for e in window if e.kind == "purchase"})
        seen = {e.item for e in window if e.kind in ("purchase", "exposure")}
        assert set(np.flatnonzero(market.on_sale).tolist()) == seen
        assert sorted(market.popular.tolist()) == sold
        for code, name in enumerate(names):
            inside = market.by_category[market.category_begins[code] : market.category_begins[code + 1]]
            assert sorted(inside.tolist()) == [i for i in sold if CATEGORIES[i % len(CATEGORIES)] == name]


def test_an_item_that_was_only_shown_is_on_sale():
    found = past([Event(0, 1, "purchase", 0), Event(0, 2, "exposure", 0)])
    (market,) = found.markets(1, 2, 1)
    assert np.flatnonzero(market.on_sale).tolist() == [1, 2]
    assert market.popular.tolist() == [1]


def test_categories_are_numbered_in_order_of_name_and_unknown_is_minus_one():
    codes, count = category_codes(pa.table({"category": ["z", None, "a", "z", "奶"]}))
    assert (codes.tolist(), count) == ([1, -1, 0, 1, 2], 3)


def test_events_without_an_item_are_no_purchases():
    log = [Event(0, None, "purchase", DAY), Event(1, 2, "purchase", 9 * DAY)]
    assert rows(past(log).bought) == [(1, 1, 2)]


def test_a_log_of_nothing_has_no_days():
    found = past([])
    assert (len(found.bought), len(found.shown), found.first_day, found.last_day, found.last_event_day) == (0, 0, 0, -1, -1)
    assert found.own_begins.tolist() == [0] * (USERS + 1)
    assert len(found.category) == ITEMS


def test_the_order_of_the_log_changes_nothing():
    log = random_log(9)
    once, again = past(log), past(log[::-1])
    assert rows(once.bought) == rows(again.bought)
    assert once.own_item.tolist() == again.own_item.tolist()


def test_a_last_day_that_broke_off_is_not_whole_but_what_comes_next_comes_after_it():
    log = [Event(0, 1, "purchase", day * DAY + second) for day in range(14) for second in (0, DAY - 60)]
    broken = past([*log, Event(0, 1, "purchase", 14 * DAY + 600)])
    assert (past(log).last_day, past(log).next_period(7)) == (13, 2)
    assert (broken.last_day, broken.last_event_day, broken.next_period(7)) == (13, 14, 3)


def test_the_hour_of_a_request_is_that_of_the_first_thing_it_took(log):
    """Not the earliest of the hours of its days; -1 where nothing was taken."""
    first = {}
    for e in sorted(log, key=lambda e: e.second):
        if e.kind == "purchase":
            first.setdefault((e.user, e.period), e.second // 3600 % 24)
    user, period = (part.ravel().astype(np.int32) for part in np.meshgrid(np.arange(USERS), np.arange(-1, PERIODS + 2)))
    expected = [first.get(key, -1) for key in zip(user.tolist(), period.tolist(), strict=True)]
    assert past(log).hours(user, period).tolist() == expected
    assert past([]).hours(user, period).tolist() == [-1] * len(user)


def test_a_first_taking_is_the_first_of_its_user_and_item(log):
    found, had = past(log), set()
    expected = []
    for _, user, item in rows(found.bought):
        expected.append((user, item) not in had)
        had.add((user, item))
    assert found.first_takings.tolist() == expected
