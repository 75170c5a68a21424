"""Which events are takings, and how much each counts, against a walk over the events of a small log."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.config import SamplesSection
from assay.errors import ConfigError
from assay.logs.clean_log import CleanLog
from assay.logs.history import Counted
from assay.logs.takings import counted, taken
from tests.samples.conftest import DAY, ITEMS, USERS, Event, events_table, items_table, random_log, users_table


def clean(log, **more):
    events = events_table(log)
    ids = items_table().column("item_id").to_pylist()
    named = events.append_column("item_id", [[None if e.item is None else ids[e.item] for e in log]])
    return CleanLog.of(named, users_table(), items_table(), **more)


def value(log, **section):
    return counted(clean(log), SamplesSection(**section)).value


def same(found, expected):
    np.testing.assert_array_equal(found, np.array([math.nan if one is None else one for one in expected], float))


LOG = [
    Event(0, 1, "purchase", 10, quantity=2.0, price=150, rating=4.5),
    Event(0, 1, "purchase", 20, quantity=None, price=150, rating=2.0),
    Event(0, 1, "cart", 30, rating=5.0),
    Event(1, 2, "purchase", 40, quantity=-3.0, price=100, rating=None),
    Event(1, None, "purchase", 50, quantity=1.0, price=100, rating=5.0),
    Event(2, 3, "view", 60),
    Event(2, 3, "purchase", 70, quantity=0.0, price=None, rating=5.0),
]


def test_without_a_word_takings_have_no_amounts():
    assert counted(clean(LOG), SamplesSection()) is None
    assert taken(clean(LOG), SamplesSection()).tolist() == [True, True, False, True, False, False, True]


def test_a_condition_is_of_the_targets_events_and_unknown_is_no():
    found = counted(clean(LOG), SamplesSection(positive="rating >= 4"))
    same(found.value, [1, None, None, None, 1, None, 1])
    assert found.how == "once"
    assert taken(clean(LOG), SamplesSection(positive="rating >= 4")).tolist() == [True, *[False] * 5, True]


def test_grades_are_by_kind_or_by_an_expression():
    found = counted(clean(LOG), SamplesSection(grades={"view": 0, "cart": 1, "purchase": 3}))
    same(found.value, [3, 3, 1, 3, 3, 0, 3])
    assert found.how == "highest"
    same(value(LOG, grades={"purchase": 3}), [3, 3, None, 3, 3, None, 3])
    same(value(LOG, grades="rating - 2"), [2.5, 0, None, None, 3, None, 3])
    kinds = {"view": 0, "cart": 1, "purchase": 3}
    assert taken(clean(LOG), SamplesSection(grades=kinds)).tolist() == [True, True, True, True, False, False, True]


def test_an_amount_is_computed_in_whole_currency_and_a_condition_goes_with_it():
    found = counted(clean(LOG), SamplesSection(amount="price * quantity"))
    same(found.value, [3.0, None, None, -3.0, 1.0, None, None])
    assert found.how == "sum"
    assert value(LOG, amount="price")[0] == 1.5
    assert counted(clean(LOG, minor_units=0), SamplesSection(amount="price")).value[0] == 150
    same(value(LOG, amount="price * quantity", positive="quantity > 0"), [3, None, None, None, 1, None, None])
    same(value(LOG, grades={"cart": 1, "purchase": 3}, positive="rating > 4"), [3, None, 1, None, 3, None, 3])


@pytest.mark.parametrize("expression", ["quantity * 'inf'::DOUBLE", "'nan'::DOUBLE", "NULL"])
def test_what_is_no_finite_number_is_no_taking(expression):
    same(value(LOG, amount=expression), [None] * len(LOG))
    same(value(LOG, grades=expression), [None] * len(LOG))


@pytest.mark.parametrize(
    ("key", "expression"),
    [
        ("positive", "ratings >= 4"),
        ("positive", "'perhaps'"),
        ("grades", "'three'"),
        ("amount", "price *"),
        ("amount", "event"),
        ("amount", "1); DROP TABLE stored; --"),
        ("amount", "sum(price)"),
        ("amount", "count(*)"),
        ("amount", "unnest([1, 2])"),
        ("amount", "price) AS counted, (1"),
    ],
)
def test_an_expression_that_fails_names_its_key_and_the_columns(key, expression):
    with pytest.raises(ConfigError, match=rf"\[samples\] {key}: .* cannot be computed") as caught:
        value(LOG, **{key: expression})
    assert "rating" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_expression_that_walks_over_events_in_another_order_stays_with_its_event():
    same(value(LOG, amount="row_number() OVER (ORDER BY timestamp DESC)"), [7, 6, None, 4, 3, None, 1])


@pytest.mark.parametrize(
    "reads", ["(SELECT count(*) FROM read_text('{}'))", "(SELECT count(*) FROM '{}')", "(SELECT 1 FROM glob('{}'))"]
)
def test_an_expression_reads_nothing_but_the_log(reads, tmp_path: Path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with pytest.raises(ConfigError, match=r"\[samples\] amount"):
        value(LOG, amount=reads.format(secret))


KINDS = {"view": 0.0, "cart": 1.0, "purchase": 3.0}


def by_triple(log, worth):
    """(period, user, item) -> amounts of its events, by a walk."""
    out = {}
    for e in log:
        if e.item is not None and (one := worth(e)) is not None:
            out.setdefault((e.period, e.user, e.item), []).append(one)
    return out


def amounts(found):
    user, item, period = (a.ravel().astype(np.int32) for a in np.meshgrid(np.arange(USERS), np.arange(ITEMS), np.arange(-1, 22)))
    each = found.amounts(user, item, period)
    return dict(zip(zip(period.tolist(), user.tolist(), item.tolist(), strict=True), each.tolist(), strict=True))


@settings(max_examples=8)
@given(h.integers(0, 1_000))
def test_a_history_keeps_the_highest_grade_and_the_sum_of_amounts(seed):
    log, of = random_log(seed, 300), {}
    sections = {
        "grades": (SamplesSection(grades=KINDS), lambda e: KINDS.get(e.kind), max),
        "amount": (
            SamplesSection(amount="(quantity - 1.5) * price"),
            lambda e: (e.quantity - 1.5) * e.price / 100
            if e.kind == "purchase" and None not in (e.quantity, e.price) else None,
            sum,
        ),
        "positive": (
            SamplesSection(positive="quantity > 1"),
            lambda e: 1 if e.kind == "purchase" and (e.quantity or 0) > 1 else None,
            max,
        ),
    }  # fmt: skip
    for name, (section, worth, how) in sections.items():
        events = clean(log)
        found = events.history("purchase", 7, counted(events, section))
        of[name] = {key: how(each) for key, each in by_triple(log, worth).items() if how(each) > 1e-9}
        bought = list(zip(found.bought.period.tolist(), found.bought.user.tolist(), found.bought.item.tolist(), strict=True))
        assert bought == sorted(of[name]), name
        for key, amount in amounts(found).items():
            assert amount == pytest.approx(of[name].get(key, 0.0)), name
        own = [found.own_item[found.own_begins[u] : found.own_begins[u + 1]].tolist() for u in range(USERS)]
        assert own == [[i for p, w, i in sorted(of[name]) if w == u] for u in range(USERS)]
    assert len(of["amount"]) < len(by_triple(log, sections["amount"][1]))  # some came back to nothing


def test_a_history_without_amounts_counts_takings_once():
    log = random_log(3)
    found = amounts(clean(log).history("purchase", 7))
    bought = {(e.period, e.user, e.item) for e in log if e.kind == "purchase" and e.item is not None}
    assert found == {key: float(key in bought) for key in found}
    assert set(amounts(clean([]).history("purchase", 7)).values()) == {0.0}


def test_what_counts_nothing_has_no_hour():
    """A view of grade 0 does not say when its request took something."""
    log = [Event(0, 1, "view", 3600), Event(0, 1, "purchase", 5 * 3600), Event(0, 2, "view", 2 * 3600)]
    events = clean(log)
    found = events.history("purchase", 7, counted(events, SamplesSection(grades=KINDS)))
    assert found.hours(np.array([0]), np.array([0])).tolist() == [5]
    assert found.bought.instant.tolist() == [(5 * 3600 + 4 * DAY) * 1_000_000]


def test_counted_events_without_an_item_are_left_out():
    events = clean([Event(0, None, "purchase", 0), Event(0, 1, "purchase", 1)])
    found = events.history("purchase", 7, Counted(np.array([5.0, 2.0]), "sum"))
    assert found.amount.tolist() == [2.0]
