"""Samples of searches: features against a recount, nothing later matters, draws that keep their promises."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config import SamplesSection
from assay.logs.clean_log import CleanLog
from assay.samples.describe import Describer
from assay.samples.match import Match, item_texts, item_words
from assay.samples.query_features import frequency_class
from assay.samples.searches import searches
from assay.samples.shown import KINDS, candidates, labelled
from assay.text.retrieval import Retrieval
from tests.samples.conftest import ITEMS, USERS, items_table, users_table
from tests.samples.search_log import Row, events_table, random_rows

WEEK = 7 * 24 * 60
SECTION = SamplesSection(request="query", target="view", available=4, negatives=2.5, candidates_query=3)


def log(seed: int, rows: int = 300, listed: bool = True) -> list[Row]:
    """Twelve weeks; without lists where they are not wanted."""
    made = random_rows(seed, rows, USERS, ITEMS, minutes=600)
    spread = [Row(r.user, r.item, r.kind, r.minute + (k % 12) * WEEK, r.query, r.session, r.position) for k, r in enumerate(made)]
    return [r for r in spread if listed or r.kind != "exposure"]


def asked_of(rows):
    return searches(CleanLog.of(events_table(rows), users_table(), items_table()), 7, 120.0)


def described(rows, user, item, period, query, asked=None):
    events = events_table(rows)
    asked = asked or asked_of(rows)
    found = Describer(events, events.slice(0, 0), users_table(), items_table(), "view", 7, searches=asked)
    return found.describe(*(np.array(codes, np.int32) for codes in (user, item, period, query)))


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_features_of_query_and_match_are_those_of_a_recount(seed):
    rows = log(seed)
    asked = asked_of(rows)
    rng = np.random.default_rng(seed)
    n = 30
    query, item, period = rng.integers(len(asked.queries), size=n), rng.integers(ITEMS, size=n), rng.integers(13, size=n)
    table = described(rows, np.zeros(n), item, period, query, asked).to_pylist()
    of = asked.column("query_code")[asked.of("request")]
    when, code = asked.column("period"), asked.column("query_code")
    known, shown, clicked, bought = (asked.of(name) for name in ("known", "shown", "clicked", "bought"))
    for k, line in enumerate(table):
        mine = (of == query[k]) & (asked.of("item_code") == item[k]) & (known < period[k])
        assert line["match_clicks"] == clicked[mine].sum()
        assert line["match_purchases"] == bought[mine].sum()
        assert line["match_shown"] == (shown[mine].sum() or None)
        every = clicked[(of == query[k]) & (known < period[k])].sum()
        assert line["match_click_share"] == pytest.approx(clicked[mine].sum() / (every + 1))
        rate = (clicked[mine].sum() + 1) / (max(shown[mine].sum(), clicked[mine].sum()) + 10)
        assert line["match_click_rate"] == (pytest.approx(rate) if shown[mine].any() else None)
        for length in (4, 16):
            recent = (code == query[k]) & (when < period[k]) & (when >= period[k] - length)
            assert line[f"query_searches_{length}"] == recent.sum()
        ended = [max([when[s], *known[asked.of("request") == s]]) for s in np.flatnonzero(code == query[k])]
        over = [s for s, end in zip(np.flatnonzero(code == query[k]), ended, strict=True) if end < period[k]]
        hits = [clicked[asked.of("request") == s].any() for s in over]
        assert line["query_click_share"] == (pytest.approx(np.mean(hits)) if hits else None)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 11))
def test_nothing_of_the_period_or_later_changes_a_feature(seed, period):
    rows = log(seed)
    whole = asked_of(rows)
    earlier = [r for r in rows if r.period < period]
    part = asked_of(earlier)
    codes = [k for k, text in enumerate(whole.queries.to_pylist()) if text in part.queries.to_pylist()]
    if not codes:
        return
    same = [part.queries.to_pylist().index(whole.queries[k].as_py()) for k in codes]
    user, when = np.arange(len(codes)) % USERS, np.full(len(codes), period)
    item = np.arange(len(codes)) % ITEMS
    first = described(rows, user, item, when, codes, whole)
    second = described(earlier, user, item, when, same, part)
    assert first.equals(second)


def test_head_torso_and_tail_by_the_periods_before():
    rows = [Row(0, None, "search", k, "a", f"s{k}") for k in range(6)] + [
        Row(1, None, "search", k, "b", f"t{k}") for k in range(3)
    ]
    rows += [
        Row(2, None, "search", 1, "c", "u"),
        Row(2, None, "search", WEEK, "d", "v"),
        Row(2, None, "search", 20 * WEEK, "a", "w"),
    ]
    asked = asked_of(rows)
    query = np.array([0, 1, 2, 3, 0, 0], np.int32)
    period = np.array([1, 1, 1, 1, 0, 20], np.int32)
    found = frequency_class(asked, query, period).dictionary_decode().to_pylist()
    assert found == ["head", "torso", "tail", "new", "new", "new"]  # 20 periods on, nobody remembers


def lists_of(asked, retrieval=None):
    match = Match(asked.queries, item_words(items_table()), retrieval or Retrieval().fit(item_texts(items_table())))
    return match.lists(np.arange(len(asked.queries)), SECTION.candidates_query)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_negatives_were_shown_and_not_taken_or_are_drawn_from_what_was_on_sale(seed, listed):
    rows = log(seed, listed=listed)
    asked, past = asked_of(rows), history_of(rows)
    made, account = labelled(asked, past, lists_of(asked), 2, 12, SECTION, 7)
    key = made.search * ITEMS + made.item
    assert len(np.unique(key)) == len(key)
    taken = {
        (s, i) for s, i in zip(asked.of("request")[asked.of("clicked")], asked.of("item_code")[asked.of("clicked")], strict=True)
    }
    sale = {market.period: market.on_sale for market in past.markets(2, 12, SECTION.available)}
    for k, (search, item) in enumerate(zip(made.search, made.item, strict=True)):
        kind = KINDS[made.kind[k]]
        assert made.label[k] == (kind == "positive") == ((search, item) in taken)
        assert (made.draw[k] > 0) == (kind in ("retrieval", "popularity"))
        if not asked.column("listed")[search]:
            assert sale[asked.column("period")[search]][item]
        if kind == "exposure":
            assert asked.of("shown")[made.impression[k]]
    drawn = made.draw > 0
    assert not drawn[asked.column("listed")[made.search]].any()
    assert account["negatives_not_found"] + drawn.sum() >= 2 * (made.label[~asked.column("listed")[made.search]].sum())


def history_of(rows):
    return CleanLog.of(events_table(rows), users_table(), items_table()).history("view", 7)


def test_draws_do_not_depend_on_what_comes_later():
    rows = log(3, listed=False)
    first = labelled(asked_of(rows), history_of(rows), lists_of(asked_of(rows)), 2, 8, SECTION, 7)[0]
    earlier = [r for r in rows if r.period < 8]
    asked = asked_of(earlier)
    second = labelled(asked, history_of(earlier), lists_of(asked), 2, 8, SECTION, 7)[0]
    assert (first.draw > 0).any()
    assert [getattr(first, n).tolist() for n in ("item", "draw", "label")] == [
        getattr(second, n).tolist() for n in ("item", "draw", "label")
    ]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_candidates_are_the_list_or_what_retrieval_finds_on_sale(seed):
    rows = log(seed)
    asked, past = asked_of(rows), history_of(rows)
    lists = lists_of(asked)
    found = candidates(asked, past, lists, 3, 12, SECTION)
    sale = {market.period: market.on_sale for market in past.markets(3, 12, SECTION.available)}
    of, item = asked.of("request"), asked.of("item_code")
    wanted = []
    for search in range(len(asked)):
        period, mine = asked.column("period")[search], of == search
        if not 3 <= period < 12 or not asked.of("clicked")[mine].any():
            continue
        if asked.column("listed")[search]:
            these = item[mine & asked.of("shown")]
        else:
            these = [i for i in lists[asked.column("query_code")[search]] if i >= 0 and sale[period][i]][
                : SECTION.candidates_query
            ]
        clicked = set(item[mine & asked.of("clicked")])
        wanted += [(search, i, int(i in clicked)) for i in sorted(these)]
    assert list(zip(found.search.tolist(), found.item.tolist(), found.label.tolist(), strict=True)) == wanted


def test_text_features_are_those_of_the_formulas():
    items = items_table()
    retrieval = Retrieval().fit(item_texts(items))
    queries = pa.array(["item 3 milk", "nothing", "蛋奶"])
    found = (
        Match(queries, item_words(items), retrieval)
        .features(np.array([0, 0, 1, 2], np.int32), np.array([3, 4, 0, 1], np.int32))
        .to_pylist()
    )
    assert [line["text_words_in_name"] for line in found] == [pytest.approx(2 / 3), pytest.approx(1 / 3), 0, 0]
    assert [line["text_words_in_category"] for line in found] == [0, pytest.approx(1 / 3), 0, 1]
    assert [line["query_words"] for line in found] == [3, 3, 1, 1]
    assert found[0]["text_bm25"] == pytest.approx(retrieval.sources_["words"].scores("item 3 milk")[3])
    texts = item_texts(items)
    vectors = retrieval.sources_["vectors"].embedder.embed(["item 3 milk", texts[3]])
    assert found[0]["text_similarity"] == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-6)


def test_user_requests_do_not_have_features_of_queries():
    found = Describer(events_table(log(1)), events_table([]), users_table(), items_table(), "view", 7)
    one = np.zeros(1, np.int32)
    assert not [n for n in found.describe(one, one, one).column_names if n.startswith(("query", "match"))]
