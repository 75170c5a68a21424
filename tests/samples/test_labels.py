import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.config import SamplesSection
from assay.errors import ConfigError
from assay.samples.labels import KINDS, label
from tests.samples.conftest import CATEGORIES, DAY, Event, past, random_log

USERS, ITEMS, PERIODS = 12, 30, 16
SECTION = SamplesSection(available=4, negatives=1.5)


def shop(seed, rows=1_500):
    return [e for e in random_log(seed, rows, USERS, ITEMS, PERIODS) if e.kind != "exposure"]


def made(log, section=SECTION, seed=7, begin=4, end=PERIODS):
    return label(past(log, USERS, ITEMS), range(begin, end), section, seed)


def rows(found):
    return list(zip(found.user.tolist(), found.item.tolist(), found.period.tolist(), found.kind.tolist(), strict=True))


@settings(max_examples=20, deadline=None)
@given(h.integers(0, 1_000), h.integers(20, 600), h.sampled_from([0.5, 1.0, 1.5, 3.0]), h.integers(1, 6))
def test_both_classes_hold_what_was_on_sale_and_no_negative_was_taken(seed, size, ratio, available):
    log = shop(seed, size)
    found = made(log, SamplesSection(available=available, negatives=ratio))
    bought = {(e.user, e.item, e.period) for e in log if e.kind == "purchase"}
    sold = {(e.item, e.period) for e in log if e.kind == "purchase"}
    on_sale = {(i, p): any((i, p - k) in sold for k in range(1, available + 1)) for i in range(ITEMS) for p in range(PERIODS)}
    positives, negatives = set(), []
    for user, item, period, kind in rows(found):
        assert on_sale[item, period]
        if kind:
            negatives.append((user, item, period))
        else:
            positives.add((user, item, period))
    assert positives == {t for t in bought if t[2] >= 4 and on_sale[t[1], t[2]]}
    assert not bought & set(negatives)
    assert len(negatives) == len(set(negatives))
    account = found.account
    assert account["positives"] == len(positives)
    assert account["positives_not_on_sale"] == len({t for t in bought if t[2] >= 4}) - len(positives)
    assert sum(account["negatives"].values()) == len(negatives)
    drawn, most = len(negatives) + account["negatives_not_found"], int(np.ceil(ratio)) * len(positives)
    assert int(ratio) * len(positives) <= drawn <= most
    assert sorted(rows(found), key=lambda r: (r[2], r[0], r[1])) == rows(found)


def test_the_ratio_and_the_mixture_are_what_the_config_says():
    log = random_log(3, 30_000, 60, 400, 16)
    section = SamplesSection(available=4, negatives=1.5, from_popularity=0.5, from_history=0.3, from_category=0.2)
    found = label(past(log, 60, 400), range(6, 16), section, 7)
    counts = found.account["negatives"]
    total = sum(counts.values())
    assert total / found.account["positives"] == pytest.approx(1.5, abs=0.02)
    assert counts["history"] / total == pytest.approx(0.3, abs=0.03)
    known = sum(c is not None for c in CATEGORIES) / len(CATEGORIES)  # the others fall back to popularity
    assert counts["category"] / total == pytest.approx(0.2 * known, abs=0.03)


def test_one_seed_one_draw_whatever_the_order_of_the_log():
    log = shop(5)
    once = made(log)
    assert rows(made(log[::-1])) == rows(once)
    assert rows(made(log, seed=8)) != rows(once)
    assert np.array_equal(made(log, seed=8).user[made(log, seed=8).label == 1], once.user[once.label == 1])


def test_hours_are_those_of_the_first_event_and_negatives_have_their_positives():
    log = shop(9)
    found = made(log)
    first = {}
    for e in log:
        if e.kind == "purchase":
            key = (e.user, e.item, e.period)
            moment = (e.second, e.second // 3600 % 24)
            first[key] = min(first.get(key, moment), moment)
    hours = {}
    for (user, _, period), (_, hour) in first.items():
        hours.setdefault((user, period), set()).add(hour)
    for user, item, period, kind, hour in zip(
        found.user.tolist(), found.item.tolist(), found.period.tolist(), found.kind, found.hour, strict=True
    ):
        if kind:
            assert hour in hours[user, period]
        else:
            assert hour == first[user, item, period][1]


def test_later_events_change_no_earlier_label():
    log = shop(6)
    earlier = made([e for e in log if e.period < 10], end=10)
    both = made(log, end=10)
    assert rows(earlier) == rows(both)


def test_what_was_shown_and_not_taken_is_a_negative_and_nothing_is_drawn():
    before = [Event(0, item, "purchase", 3 * 7 * DAY) for item in range(5)]
    week = 4 * 7 * DAY
    shown = [Event(1, item, "exposure", week + item) for item in (0, 1, 2, 2, 9)]
    log = [*before, *shown, Event(1, 1, "purchase", week + 500)]
    found = made(log, end=5)
    assert rows(found) == [(1, 0, 4, KINDS.index("exposure")), (1, 1, 4, 0), (1, 2, 4, KINDS.index("exposure"))]
    assert found.account["negatives"]["exposure"] == 2


def test_a_market_with_nothing_else_to_draw_is_counted_and_not_invented():
    log = [Event(0, 0, "purchase", week * 7 * DAY) for week in range(8)]
    found = made(log, end=8)
    assert found.label.all()
    assert found.account["negatives_not_found"] >= len(found.label)


def test_a_mixture_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="are all 0"):
        made(shop(1), SamplesSection(from_popularity=0, from_history=0, from_category=0))
