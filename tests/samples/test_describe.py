"""Features against a brute-force recount, and the promise that nothing later than a period changes them."""

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.samples.describe import Describer, families
from tests.samples.conftest import (
    BRANDS,
    CATEGORIES,
    DAY,
    ITEMS,
    USERS,
    Event,
    describer,
    events_table,
    items_table,
    random_log,
    users_table,
)

PERIODS = 20


def mean(values):
    return sum(values) / len(values) if values else None


def within(events, period, length):
    return [e for e in events if period - length <= e.period < period]


def category(item):
    return CATEGORIES[item % len(CATEGORIES)]


def entropy(classes):
    counts = Counter(c for c in classes if c is not None)
    total = sum(counts.values())
    return -sum(n / total * math.log(n / total) for n in counts.values()) if total else None


def place(event, bought):
    """Where a purchase stands among its category's prices of the period, as SQL's PERCENT_RANK: unknown prices last."""
    rivals = [e for e in bought if e.period == event.period and category(e.item) == category(event.item)]
    below = sum(e.price is not None and e.price < event.price for e in rivals)
    return below / (len(rivals) - 1) if len(rivals) > 1 else 0.0


def user_features(events, returned, bought, user, period):
    own = [e for e in bought if e.user == user]
    own_past = [e for e in own if e.period < period]
    days = sorted({e.day for e in events if e.user == user and e.period < period})
    gaps = np.diff(days)
    spend = within(own, period, 8)
    priced = [e for e in within(own, period, 16) if e.price is not None]
    back = sum(e.user == user and e.period < period for e in returned)
    visits = {(e.period, e.session if e.session is not None else str(e.day)) for e in spend}
    paid = [e.price * (e.quantity or 1.0) for e in spend if e.price is not None]
    deviations = []
    for e in events:
        if e.user == user and e.rating is not None and e.period < period:
            others = [o.rating for o in events if o.item == e.item and o.rating is not None and o.period < e.period]
            if others:
                deviations.append(abs(e.rating - mean(others)))
    burst = None
    if len(gaps) >= 2:
        burst = (gaps.std() - gaps.mean()) / (gaps.std() + gaps.mean())
    return {
        "user_periods_active_8": len({e.period for e in spend}),
        "user_purchases_4": len(within(own, period, 4)),
        "user_purchases_16": len(within(own, period, 16)),
        "user_periods_since": period - max(e.period for e in own_past) if own_past else None,
        "user_periods_known": period - min(e.period for e in own_past) if own_past else None,
        "user_category_entropy": entropy([category(e.item) for e in own_past]),
        "user_brand_entropy": entropy([BRANDS[e.item % len(BRANDS)] for e in own_past]),
        "user_spend_8": sum(paid) if paid else None,
        "user_basket_8": sum(paid) / len(visits) if paid else None,
        "user_price_level_16": mean([place(e, bought) for e in priced]),
        "user_return_share": back / (len(own_past) + back) if own_past or back else None,
        "user_rating_deviation": mean(deviations),
        "user_burstiness": burst,
    }


def item_features(events, bought, item, period):
    sold = [e for e in bought if e.item == item]
    triples = {(e.user, e.period) for e in sold}

    def buyers(length):
        return sum(period - length <= p < period for _, p in triples)

    earlier = [(u, p) for u, p in triples if p < period]
    again = sum(any(v == u and q < p for v, q in triples) for u, p in earlier)
    lately = mean([e.price for e in within(sold, period, 4) if e.price is not None])
    formerly = mean([e.price for e in sold if e.price is not None and period - 16 <= e.period < period - 4])
    ratings = [e.rating for e in events if e.item == item and e.rating is not None and e.period < period]
    views = sum(e.kind == "view" and e.item == item for e in within(events, period, 4))
    return {
        "item_buyers_1": buyers(1),
        "item_buyers_4": buyers(4),
        "item_buyers_16": buyers(16),
        "item_trend": math.log((buyers(4) + 1) / (buyers(16) / 4 + 1)),
        "item_repeat_share": again / len(earlier) if earlier else None,
        "item_periods_since": period - max(p for _, p in earlier) if earlier else None,
        "item_periods_known": period - min(p for _, p in earlier) if earlier else None,
        "item_price": lately if lately is not None else formerly,
        "item_price_change": math.log(lately / formerly) if lately and formerly else None,
        "item_rating": mean(ratings),
        "item_views_4": views or None,
    }


def pair_features(events, bought, user, item, period):
    own = [e for e in bought if e.user == user and e.period < period]
    times = sorted({e.period for e in own if e.item == item})
    attention = Counter(e.kind for e in within(events, period, 4) if e.user == user and e.item == item)
    out = {
        "pair_times_bought": len(times),
        "pair_periods_since": period - times[-1] if times else None,
        "pair_due": (period - times[-1]) * (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else None,
        "pair_views_4": attention["view"] or None,
        "pair_carts_4": attention["cart"] or None,
    }
    sixteen = within(own, period, 16)
    mine, brand = category(item), BRANDS[item % len(BRANDS)]
    alike = [e for e in own if mine is not None and category(e.item) == mine]
    branded = [e for e in sixteen if brand is not None and BRANDS[e.item % len(BRANDS)] == brand]
    count = len([e for e in alike if e.period >= period - 16])
    out["category_times_16"] = count
    out["category_share_16"] = count / len(sixteen) if sixteen else None
    out["category_periods_since"] = period - max(e.period for e in alike) if alike else None
    out["category_usual_price"] = mean([e.price for e in alike if e.price is not None])
    out["brand_share_16"] = len(branded) / len(sixteen) if sixteen else None
    return out


@pytest.mark.slow
def test_every_number_is_what_a_recount_gives(log):
    returned = [e for e in random_log(77, 40) if e.kind == "purchase"]
    rng = np.random.default_rng(5)
    keys = [(int(rng.integers(USERS)), int(rng.integers(ITEMS)), int(rng.integers(1, PERIODS + 2))) for _ in range(120)]
    user, item, period = (np.array(column, np.int32) for column in zip(*keys, strict=True))
    found = describer(log, returned).describe(user, item, period)
    bought = [e for e in log if e.kind == "purchase"]
    checked = set()
    for row, (u, i, p) in enumerate(keys):
        expected = user_features(log, returned, bought, u, p)
        expected |= item_features(log, bought, i, p) | pair_features(log, bought, u, i, p)
        for name, value in expected.items():
            got = found.column(name)[row].as_py()
            assert (got is None) == (value is None), (name, u, i, p, got, value)
            if value is not None:
                assert got == pytest.approx(value, rel=2e-3, abs=2e-3), (name, u, i, p)
        price, usual = expected["item_price"], expected["category_usual_price"]
        gap = found.column("pair_price_gap")[row].as_py()
        assert (gap is None) == (not (price and usual))
        if gap is not None:
            assert gap == pytest.approx(math.log(price / usual), abs=1e-4)
        checked |= expected.keys()
    numbers = {name for name in found.column_names if pa.types.is_floating(found.column(name).type)}
    left = numbers - checked - FADING - {"pair_price_gap", "user_views_4", "user_carts_4", "user_searches_4"}
    assert not left, f"features without a recount: {left}"


NAMES = ("milk 牛奶", None, "bread", "milk 牛奶", "חלב")  # of items, in turn: several share one


def fading_describer(events, period_days):
    items = items_table()
    names = pa.array([NAMES[k % len(NAMES)] for k in range(ITEMS)], pa.string())
    items = items.set_column(items.column_names.index("name"), "name", names)
    return Describer(events_table(events), events_table([]), users_table(), items, "purchase", period_days)


def fading_features(log, user, item, period, period_days):
    """Of one (user, item, period), in millionths until the end, from the events before the period."""
    start = period * period_days
    past = {(e.user, e.item, e.day) for e in log if e.kind == "purchase" and e.day < start}
    own = {(i, d) for u, i, d in past if u == user}

    def faded(counts, half_life):
        millionths = {
            day: math.floor(1e6 * 0.5 ** ((start - day) / half_life) + 0.5) for day in counts
        }  # halves go up, as in SQL
        return sum(count * millionths[day] for day, count in counts.items())

    def share(part, whole):
        return part / whole if whole else None

    def of_days(prefix, days, half_lives):
        counts = dict.fromkeys(days, 1)
        out = {f"{prefix}_faded_{half}": faded(counts, half) / 1e6 for half in half_lives}
        since = start - max(days) if days else None
        out[f"{prefix}_days_since"] = since
        out[f"{prefix}_gaps_since"] = since * (len(days) - 1) / (max(days) - min(days)) if len(days) > 1 else None
        return out

    mine, name = category(item), NAMES[item % len(NAMES)]
    pair = {d for i, d in own if i == item}
    out = of_days("pair", pair, (7, 14, 28, 56, 112, 365))
    out |= of_days("category", {d for i, d in own if mine is not None and category(i) == mine}, (14, 56, 365))
    out |= of_days("name", {d for i, d in own if name is not None and NAMES[i % len(NAMES)] == name}, (14, 56, 365))
    items = Counter(d for _, d in own)
    trips, counts = dict.fromkeys(items, 1), dict.fromkeys(pair, 1)
    out["pair_trip_share_28"] = share(faded(counts, 28), faded(trips, 28))
    out["pair_trip_share_112"] = share(faded(counts, 112), faded(trips, 112))
    out["pair_share_56"] = share(faded(counts, 56), faded(items, 56))
    fresh = Counter(min(d for i, d in own if i == one) for one in {i for i, _ in own})
    out["user_trips_28"], out["user_trips_112"] = faded(trips, 28) / 1e6, faded(trips, 112) / 1e6
    out["user_items_per_trip"] = share(faded(items, 112), faded(trips, 112))
    out["user_new_share"] = share(faded(fresh, 112), faded(items, 112))
    out["user_days_since"] = start - max(items) if items else None
    out["user_trip_gap"] = (max(items) - min(items)) / (len(items) - 1) if len(items) > 1 else None
    triples = {(u, d // period_days) for u, i, d in past if i == item}
    takings = Counter(p * period_days for _, p in triples)  # an item's are told by the period
    first = Counter(min(p for u, p in triples if u == one) * period_days for one in {u for u, _ in triples})
    out["item_first_buyers_7"], out["item_first_buyers_28"] = faded(first, 7) / 1e6, faded(first, 28) / 1e6
    out["item_first_share"] = share(faded(first, 56), faded(takings, 56))
    return out


FADING = set(fading_features([], 0, 0, 0, 7))


def wanted(period_days, count=150):
    rng = np.random.default_rng(5)
    last = (PERIODS + 30) * 7 // period_days  # long after the log too, where all has faded
    return tuple(rng.integers(0, most, count).astype(np.int32) for most in (USERS, ITEMS, last))


@pytest.mark.parametrize("period_days", [1, 7])
def test_every_fading_number_is_what_a_recount_gives(log, period_days):
    keys = wanted(period_days)
    found = fading_describer(log, period_days).describe(*keys)
    unknown = Counter()
    for row, key in enumerate(zip(*(column.tolist() for column in keys), strict=True)):
        for name, value in fading_features(log, *key, period_days).items():
            got = found.column(name)[row].as_py()
            assert (got is None) == (value is None), (name, key, got, value)
            unknown[name] += value is None
            if value is not None:
                assert got == pytest.approx(value, rel=1e-5, abs=1e-9), (name, key)
    counted = {
        name for name in FADING if "faded" in name or "first_buyers" in name or name in ("user_trips_28", "user_trips_112")
    }
    assert {name for name in FADING if unknown[name]} >= FADING - counted  # unknown before the first, or the second
    assert not any(unknown[name] for name in counted)  # but no count is


@pytest.mark.parametrize("period_days", [1, 7])
def test_later_events_change_no_fading_number(log, period_days):
    cut = 9 * 7 // period_days
    user, item, period = wanted(period_days)
    period = period % (cut + 1)
    earlier = [e for e in log if e.day < cut * period_days]
    assert len(earlier) < len(log)
    before, after = (fading_describer(each, period_days).describe(user, item, period) for each in (earlier, log))
    assert before.select(sorted(FADING)).equals(after.select(sorted(FADING)))


def test_fading_numbers_of_one_who_took_something_once_and_of_one_who_never_did():
    log = [Event(0, 1, "purchase", 10 * DAY), Event(0, 1, "purchase", 10 * DAY + 60), Event(0, 2, "view", 11 * DAY)]
    found = fading_describer(log, 7).describe(*(np.array(column, np.int32) for column in ((0, 1), (1, 1), (2, 2))))
    once, never = ({name: found.column(name)[row].as_py() for name in sorted(FADING)} for row in (0, 1))
    assert once["pair_faded_7"] == pytest.approx(0.5 ** (4 / 7), abs=1e-6)  # two in one day count once
    assert (once["pair_days_since"], once["user_days_since"], once["pair_gaps_since"], once["user_trip_gap"]) == (
        4,
        4,
        None,
        None,
    )
    assert (once["pair_trip_share_28"], once["pair_share_56"], once["user_new_share"], once["user_items_per_trip"]) == (
        1,
        1,
        1,
        1,
    )
    assert (never["pair_faded_7"], never["user_trips_28"]) == (0, 0)
    assert (never["pair_trip_share_28"], never["pair_days_since"], never["user_new_share"]) == (None, None, None)
    assert never["item_first_share"] == once["item_first_share"] == 1


SECONDS = h.integers(0, PERIODS * 7 * DAY - 1)
EVENTS = h.lists(
    h.builds(
        Event,
        user=h.integers(0, USERS - 1),
        item=h.none() | h.integers(0, ITEMS - 1),
        kind=h.sampled_from(["purchase", "view", "cart", "search", "review", "exposure"]),
        second=SECONDS,
        session=h.none() | h.sampled_from(["a", "b"]),
        quantity=h.none() | h.floats(0.1, 100),
        price=h.none() | h.integers(0, 10**7),
        rating=h.none() | h.floats(0, 10, width=32),
    ),
    max_size=60,
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(EVENTS, EVENTS, h.integers(1, PERIODS), h.integers(0, 100))
def test_events_of_the_future_change_no_feature_of_an_earlier_sample(log, more, cut, seed):
    """The samples' own period, too: a request is described as it stood when the period began."""
    earlier = [e for e in log if e.period < cut]
    later = [Event(**{**vars(e), "second": e.second % ((PERIODS + 3 - cut) * 7 * DAY) + cut * 7 * DAY}) for e in [*log, *more]]
    rng = np.random.default_rng(seed)
    user, item = rng.integers(0, USERS, 40, np.int32), rng.integers(0, ITEMS, 40, np.int32)
    period = rng.integers(max(0, cut - 6), cut + 1, 40, np.int32)
    before = describer(earlier, earlier[::3]).describe(user, item, period)
    after = describer(earlier + later, earlier[::3] + later[::2]).describe(user, item, period)
    assert before.equals(after)


@pytest.mark.slow
def test_the_order_of_the_log_changes_nothing(log):
    user, item = np.arange(40, dtype=np.int32) % USERS, np.arange(40, dtype=np.int32) % ITEMS
    period = np.full(40, 15, np.int32)
    assert describer(log).describe(user, item, period).equals(describer(log[::-1]).describe(user, item, period))


def test_the_first_period_of_a_log_knows_nothing_and_says_so():
    log = [Event(0, 1, "purchase", 3 * DAY, price=100)]
    found = describer(log).describe(*(np.array([k], np.int32) for k in (0, 1, 0)))
    assert found.column("pair_times_bought").to_pylist() == [0]
    assert found.column("item_price").to_pylist() == [None]
    assert found.column("user_periods_since").to_pylist() == [None]


def test_every_unit_has_a_family_and_each_is_found_by_its_file():
    found = [(family.unit, family.name) for family in families()]
    assert {unit for unit, _ in found} == {"user", "item", "pair", "category", "name", "brand", "query", "match"}
    assert len(found) == len(set(found))
    assert ("user", "credibility") in found
