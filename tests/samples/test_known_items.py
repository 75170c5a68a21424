"""Derived queries: their words, who asks them, and what they led to."""

import pyarrow as pa
import pytest

from assay.errors import InputError
from assay.logs.clean_log import CleanLog
from assay.samples.known_items import item_query, known_items, variants
from tests.samples.conftest import Event, events_table, items_table, random_log, users_table


def made(log, **more):
    return known_items(CleanLog.of(events_table(log), users_table(), items_table()), "purchase", 7, 7, **more)


@pytest.mark.parametrize(
    ("name", "category", "wanted"),
    [
        ("FLUID MILK WHITE ONLY 1 GA", "MILK", "fluid milk white only"),
        ("YOGURT NOT MULTI-PACKS 6 OZ", None, "yogurt not multi packs"),
        ("12 OZ", "BEER", "beer"),
        (None, "蛋奶", "蛋奶"),
        ("חלב טרי 3%", None, "חלב טרי"),
        (None, None, ""),
        ("one two three four five", None, "one two three four"),
    ],
)
def test_words_before_the_size(name, category, wanted):
    assert item_query(name, category) == wanted


def test_a_user_asks_once_a_period_for_what_was_taken_then(log):
    found = made(log)
    queries, names = found.queries.to_pylist(), items_table().column("name").to_pylist()
    categories = items_table().column("category").to_pylist()
    of_item = [item_query(*pair) for pair in zip(names, categories, strict=True)]
    taken = {(e.user, e.period, e.item) for e in log if e.kind == "purchase"}
    kinds = sorted({of_item[i] for _, _, i in taken})
    asked = list(zip(found.column("user_code").tolist(), found.column("period").tolist(), strict=True))
    assert len(set(asked)) == len(asked)
    assert set(asked) == {(user, period) for user, period, _ in taken}
    got: dict[int, set[int]] = {}
    for line in found.impressions.to_pylist():
        got.setdefault(line["request"], set()).add(line["item_code"])
        assert line["bought"]
        assert not line["shown"]
    for place, (user, period) in enumerate(asked):
        text = queries[found.column("query_code")[place]]
        kind = of_item[min(got[place])]
        assert text in variants(kinds)[kinds.index(kind)]
        assert got[place] == {i for u, p, i in taken if (u, p) == (user, period) and of_item[i] == kind}
    assert "derived" in found.account["queries_are"]


def test_a_kind_is_asked_for_in_full_without_a_word_and_with_a_foreign_one():
    kinds = ["apple juice", "milk", "rye bread rolls"]
    for kind, (full, again, fewer, foreign) in zip(kinds, variants(kinds), strict=True):
        assert full == again == kind
        assert set(fewer.split()) <= set(kind.split())
        assert len(fewer.split()) == max(1, len(kind.split()) - 1)
        assert foreign.endswith(kind)
        assert foreign.removesuffix(kind).strip() in {"", "apple", "milk", "rye"}


def test_fewer_searches_are_some_of_all(log):
    every, some = made(log), made(log, most=10)
    assert len(some) == 10
    assert set(some.column("request_id")) <= set(every.column("request_id"))


def test_the_order_of_rows_plays_no_part():
    log = random_log(5)
    first, second = made(log), made(log[::-1])
    assert first.requests.equals(second.requests)
    assert first.impressions.equals(second.impressions)


def test_items_without_words_are_said():
    log = [Event(0, 0, "purchase", 0)]
    items = items_table().drop_columns(["name", "category"])
    for name in ("name", "category"):
        items = items.append_column(name, pa.nulls(items.num_rows, pa.string()))
    with pytest.raises(InputError, match="name or a category"):
        known_items(CleanLog.of(events_table(log), users_table(), items), "purchase", 7, 7)
