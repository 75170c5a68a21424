"""Searches and impressions against a recount by the definition, and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.logs.clean_log import CleanLog
from assay.samples.searches import LONGEST, query_text, searches
from tests.samples.conftest import items_table, users_table
from tests.samples.search_log import Row, events_table, random_rows, recounted


def made(rows, minutes=30.0):
    return searches(CleanLog.of(events_table(rows), users_table(), items_table()), 7, minutes)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([5.0, 30.0, 300.0]))
def test_every_log_gives_the_searches_of_the_definition(seed, minutes):
    rows = random_rows(seed)
    found, wanted = made(rows, minutes), recounted(rows, minutes)
    queries = found.queries.to_pylist()
    got = [(u, queries[q]) for u, q in zip(found.column("user_code"), found.column("query_code"), strict=True)]
    assert got == [(w["user"], w["query"]) for w in wanted]
    assert found.column("listed").tolist() == [any(r.kind == "exposure" for r in w["rows"]) for w in wanted]
    lines = iter(found.impressions.to_pylist())
    for place, search in enumerate(wanted):
        for item in sorted({r.item for r in search["rows"]}):
            mine, line = [r for r in search["rows"] if r.item == item], next(lines)
            kinds = {r.kind for r in mine}
            assert (line["request"], line["item_code"]) == (place, item)
            assert line["shown"] == ("exposure" in kinds)
            assert line["clicked"] == bool(kinds & {"view", "cart", "purchase"})
            assert (line["carted"], line["bought"]) == ("cart" in kinds, "purchase" in kinds)
            assert line["position"] == next((r.position for r in mine if r.position is not None), None)
            assert line["propensity"] == next((r.propensity for r in mine if r.propensity is not None), None)
            assert line["known"] == max(r.period for r in mine)
    assert next(lines, None) is None


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_request_ids_are_unique_and_do_not_depend_on_other_users(seed):
    rows = random_rows(seed)
    found = made(rows)
    ids = found.column("request_id")
    assert len(np.unique(ids)) == len(ids)
    alone = made([r for r in rows if r.user == 0])
    assert sorted(alone.column("request_id")) == sorted(ids[found.column("user_code") == 0])


def test_what_a_list_did_not_show_is_not_its():
    rows = [
        Row(0, None, "search", 0, "milk"),
        Row(0, 1, "exposure", 0, "milk", position=1),
        Row(0, 1, "view", 1),
        Row(0, 2, "purchase", 2),  # never shown
        Row(0, None, "search", 5, "bread"),  # no list on record
        Row(0, 3, "purchase", 6),
        Row(0, 1, "purchase", 7),  # shown for milk, so milk's
        Row(0, 4, "purchase", 50),  # too late
    ]
    found = made(rows)
    assert [(i["request"], i["item_code"], i["clicked"], i["bought"]) for i in found.impressions.to_pylist()] == [
        (0, 1, True, True),
        (1, 3, True, True),
    ]


def test_an_item_that_is_shown_again_and_again_stays_with_its_search():
    shown = [Row(0, 1, "exposure", minute) for minute in (0, 25, 50, 75)]
    found = made([Row(0, None, "search", 0, "milk"), *shown, Row(0, 1, "cart", 100)])
    assert [(i["request"], i["item_code"], i["carted"]) for i in found.impressions.to_pylist()] == [(0, 1, True)]


def test_without_any_query_there_is_no_search():
    found = made([Row(0, 1, "view", 0), Row(0, None, "search", 1, "  "), Row(0, None, "search", 2, None)])
    assert len(found) == 0
    assert found.impressions.num_rows == 0
    assert found.account["empty_queries"] == 2
    assert len(made([])) == 0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("  Organic\tAPPLE  juice ", "organic apple juice"),
        ("ＡＢＣ", "abc"),
        ("\u200fחלב\u200f טרי", "חלב טרי"),
        ("🍌", "🍌"),
        (" \n", ""),
        ("苹果汁", "苹果汁"),
    ],
)
def test_queries_that_people_take_for_one_are_one(text, wanted):
    assert query_text(text) == wanted


def test_a_query_without_end_is_cut():
    assert len(query_text("a" * 10_000)) == LONGEST


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    once = query_text(text)
    assert query_text(once)[: LONGEST // 2] == once[: LONGEST // 2]
