"""What a client may say of an event, and the sentence where it may not."""

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.engines.journal import COLUMNS
from assay.pages.log import SourcesRead
from assay.runs.store import Folder, write_json
from assay.serving.events import Event, EventError, Rules, batch

NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
GOOD = {"event": "purchase", "user_id": "u", "item_id": 7}


def row(**change):
    [stored] = batch("k", [GOOD | change], Rules(frozenset({"like"}), 2), NOW).rows
    return stored


def test_an_event_is_stored_as_it_was_said():
    stored = row(
        timestamp="2026-01-31T11:00:00.000001+01:00", session_id="s", list_id="l", query="杯 🛒", quantity=2, price="12.50",
        rating=-1, position=3,
    )  # fmt: skip
    assert stored == {
        "event": "purchase", "time_us": 1_769_853_600_000_001, "user_id": "u", "item_id": "7", "session_id": "s", "list_id": "l",
        "query": "杯 🛒", "quantity": 2.0, "price": 12.5, "rating": -1.0, "position": 3,
    }  # fmt: skip
    assert set(stored) <= set(COLUMNS)
    assert row()["time_us"] == 1_769_860_800_000_000  # the server's own clock
    assert row(user_id=None, session_id=9, list_id=8)["user_id"] == "9"
    assert row(user_id=None, list_id=8)["user_id"] == "8"
    assert row(event="rating", rating=4)["event"] == "review"
    assert row(event="like")["event"] == "like"
    assert row(event="search", item_id=None, query="tea")["item_id"] is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"event": "purchsae"}, "unknown kind 'purchsae'; did you mean 'purchase'"),
        ({"event": "exposure"}, "exposures are written by the server"),
        ({"event": 5}, "event: "),
        ({"item_id": None}, "a purchase needs item_id"),
        ({"item_id": ""}, "item_id: is empty"),
        ({"item_id": " "}, "item_id: is empty"),
        ({"item_id": "x" * 201}, "has 201 characters; give at most 200"),
        ({"item_id": "a\0"}, "holds a character"),
        ({"item_id": "\ud800"}, "holds a character"),
        ({"item_id": 2**63}, "beyond 64 bits"),
        ({"item_id": 1.5}, "item_id: give an id as text or as a whole number"),
        ({"item_id": True}, "item_id: give an id"),
        ({"user_id": None}, "nobody did it"),
        ({"user_id": {}}, "user_id: give an id"),
        ({"query": "x" * 1001}, "at most 1,000"),
        ({"event": "search", "query": "x"}, "a search has no item_id"),
        ({"event": "search", "item_id": None}, "a search needs its query"),
        ({"event": "review"}, "a review needs the field rating"),
        ({"timestamp": "2026-01-31T12:00:00"}, "has no zone"),
        ({"timestamp": "yesterday"}, "is no time"),
        ({"timestamp": 1_700_000_000}, "give a time as text"),
        ({"timestamp": "2026-01-31T12:06:00Z"}, "after the server's clock"),
        ({"timestamp": "1969-12-31T23:59:59Z"}, "before 1970"),
        ({"timestamp": "0001-01-01T00:00:00+14:00"}, "no time of this calendar"),
        ({"price": 12.505}, "more decimals than the log's currency, which has 2"),
        ({"price": "-1"}, "0 or more"),
        ({"price": "12,50"}, "is no number"),
        ({"price": "1e15"}, "more than 15 digits"),
        ({"price": "12345678901234.56"}, "more than 15 digits"),
        ({"price": math.nan}, "0 or more"),
        ({"price": True}, "give money"),
        ({"quantity": 0}, "quantity: "),
        ({"quantity": "2"}, "quantity: "),
        ({"quantity": math.inf}, "quantity: "),
        ({"rating": math.nan}, "rating: "),
        ({"position": 0}, "position: "),
        ({"position": 1.0}, "position: "),
        ({"itme_id": 1}, "'itme_id' is no field of an event; did you mean 'item_id'"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(change, sentence):
    with pytest.raises(EventError, match=r"^event 2: ") as caught:
        batch("k", [GOOD, GOOD | change], Rules(), NOW)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("key", [None, "", "a b", "x" * 129, "ключ", "list/1", 5])
def test_a_batch_needs_a_key(key):
    with pytest.raises(EventError, match="idempotency key"):
        batch(key, [GOOD], Rules(), NOW)


@pytest.mark.parametrize("events", [[], [GOOD] * 1001])
def test_a_batch_is_bounded(events):
    with pytest.raises(EventError, match="1 to 1,000 events"):
        batch("k", events, Rules(), NOW)


def test_a_digest_is_of_what_was_said_not_of_when():
    later = NOW + dt.timedelta(days=1)
    assert batch("k", [GOOD], Rules(), NOW).digest == batch("k", [GOOD], Rules(), later).digest
    assert batch("k", [GOOD], Rules(), NOW).digest != batch("k", [GOOD | {"item_id": 8}], Rules(), NOW).digest


def test_rules_are_those_of_the_runs_log(tmp_path):
    run = Folder(tmp_path)
    assert Rules.of(run) == Rules()
    page = SourcesRead(rows=1, time_zone="UTC", minor_units=3, own_kinds=["like"], sources=[])
    write_json(run.path(page.path), page.content())
    assert Rules.of(run) == Rules(frozenset({"like"}), 3)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)
FIELDS = st.dictionaries(st.sampled_from(sorted(Event.model_fields)), ANY)


@given(content=ANY | FIELDS | FIELDS.map(lambda fields: GOOD | fields))
def test_anything_is_taken_or_refused_in_one_line(content):
    refusal, stored = None, None
    try:
        [stored] = batch("k", [content], Rules(), NOW).rows
    except EventError as error:
        refusal = str(error)
    if stored is None:
        assert len(refusal.splitlines()) == 1
        assert len(refusal) < 500
    else:
        assert stored["event"] in Rules().kinds
        assert 1 <= len(stored["user_id"]) <= 200
        assert 0 <= stored["time_us"] <= 1_769_860_800_000_000 + 300_000_000
        assert stored["price"] is None or round(stored["price"] * 100) / 100 == stored["price"]
