"""What a search looks up is, to the bit, what the engine says of the whole log."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config import SamplesSection
from assay.logs.clean_log import CleanLog
from assay.samples.match import Match, item_texts, item_words
from assay.samples.query_features import QueryFeatures
from assay.samples.searches import Searches, searches
from assay.search.snapshot import Snapshot, snapshot
from assay.text.retrieval import Retrieval
from tests.samples.conftest import ITEMS, USERS, items_table, users_table
from tests.samples.search_log import Row, events_table, random_rows

WEEK = 7 * 24 * 60
PERIOD = 12
NEW_QUERY = "new apple 苹果"
RETRIEVAL = Retrieval().fit(item_texts(items_table()))
WORDS = item_words(items_table())


@dataclass(frozen=True)
class Shop:
    """A log of twelve weeks, its searches and what is on sale after it."""

    log: CleanLog
    searches: Searches
    on_sale: np.ndarray


def shop(seed: int, rows: int) -> Shop:
    rng = np.random.default_rng(seed)
    close = random_rows(seed, rows, USERS, ITEMS, minutes=600)
    weeks = rng.integers(PERIOD, size=rows)
    spread = [
        Row(r.user, r.item, r.kind, r.minute + w * WEEK, r.query, r.session, r.position)
        for r, w in zip(close, weeks, strict=True)
    ]
    events = events_table(spread)
    events = events.set_column(events.column_names.index("price"), "price", pa.array(rng.integers(1, 500, rows)))
    returned = pa.table({"user_id": pa.array(["u0"]), "step": pa.array(["returns"]), **gone(events)})
    tables = {"events": events, "users": users_table(), "items": items_table(), "rejected": returned}
    log = CleanLog(lambda name, columns: tables[name].select(columns or tables[name].column_names))
    return Shop(log, searches(log, 7, 120.0), rng.random(ITEMS) < 0.7)


def gone(events: pa.Table) -> dict[str, pa.ChunkedArray]:
    """A returned row's columns besides user and step."""
    names = ("event", "timestamp", "session_id", "quantity", "price", "rating")
    return {name: events.column(name).slice(0, 1) for name in names}


def truth(shop: Shop, own: str | None, user: int, query: int, items: np.ndarray) -> pa.Table:
    """The engine's word, of a log with one more user and one more query, of which nothing is known."""
    more = {"users": pa.concat_tables([shop.log.users, pa.table({"user_id": pa.nulls(1, pa.string())})])}
    log = CleanLog(lambda name, columns: more[name] if name in more else shop.log.load(name, columns))
    texts = pa.concat_arrays([shop.searches.queries, pa.array([NEW_QUERY])])
    asked = Searches(shop.searches.requests, texts, shop.searches.impressions, {})
    features = QueryFeatures(SamplesSection(target="view", features=own), log, asked, Match(texts, WORDS, RETRIEVAL))
    same = (np.full(len(items), code, np.int32) for code in (user, PERIOD, query))
    who, when, what = same
    return features.of(who, items, when, what)


def kept(shop: Shop, own: str | None = None) -> tuple[Snapshot, list[str]]:
    features = QueryFeatures(
        SamplesSection(target="view", features=own), shop.log, shop.searches, Match(shop.searches.queries, WORDS, RETRIEVAL)
    )
    events = shop.log.events("user_code", "item_code")
    tables, left_out = snapshot(features.describer, events, shop.searches, shop.on_sale, PERIOD)
    return Snapshot(shop.log, tables), left_out


def looked_up(shop: Shop, past: Snapshot, user: int, query: int, items: np.ndarray) -> pa.Table:
    text = [*shop.searches.queries.to_pylist(), NEW_QUERY][query]
    match = Match(pa.array([text]), WORDS, RETRIEVAL)
    ident = [*shop.log.users.column("user_id").to_pylist(), "nobody"][user]
    return past.describe(past.user_code(ident), items, past.query_code(text), match)


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([30, 150, 500]))
def test_every_user_and_query_is_described_as_the_engine_does_to_the_bit(seed, rows):
    made = shop(seed, rows)
    items = np.flatnonzero(made.on_sale).astype(np.int32)
    if not len(items) or not len(made.searches):
        return
    past, left_out = kept(made)
    assert left_out == []
    rng = np.random.default_rng(seed)
    queries = len(made.searches.queries)
    cases = [(USERS, queries), (USERS, int(rng.integers(queries))), (int(rng.integers(USERS)), queries)]
    for user, query in [*cases, (int(rng.integers(USERS)), int(rng.integers(queries)))]:
        expected, table = truth(made, None, user, query, items), looked_up(made, past, user, query, items)
        assert table.column_names == expected.column_names
        for name in table.column_names:
            assert table.column(name).to_pylist() == expected.column(name).to_pylist(), name


OWN = {
    "pair/visits.sql": """
        SELECT wanted.user_code, wanted.item_code, wanted.period, COALESCE(n, 0) AS pair_events, user_code + 1 AS pair_user
        FROM wanted
        LEFT JOIN (SELECT user_code AS u, item_code AS i, COUNT(*) AS n FROM events GROUP BY u, i)
        ON u = user_code AND i = item_code
        ORDER BY user_code, item_code, period""",
    "pair/any.sql": "SELECT user_code, item_code, period, 10 * user_code + item_code AS pair_any FROM wanted ORDER BY ALL",
    "item/own.sql": "SELECT item_code, period, 2 * item_code AS item_own FROM wanted ORDER BY ALL",
    "category/own.sql": "SELECT user_code, category, period, category AS category_own FROM wanted ORDER BY ALL",
}


@pytest.fixture
def own(tmp_path: Path) -> str:
    for name, select in OWN.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(select)
    return str(tmp_path)


def test_families_of_the_user_s_own_are_kept_where_pairs_that_never_met_are_alike(own):
    made = shop(3, 300)
    past, left_out = kept(made, own)
    assert sorted(left_out) == ["category_own", "pair_any"]
    items = np.flatnonzero(made.on_sale).astype(np.int32)
    for user in (0, USERS):
        expected, table = truth(made, own, user, 0, items), looked_up(made, past, user, 0, items)
        assert set(expected.column_names) - set(table.column_names) == {"category_own", "pair_any"}
        for name in table.column_names:
            assert table.column(name).to_pylist() == expected.column(name).to_pylist(), name


def test_an_id_of_another_kind_is_nobody_s():
    past, _ = kept(shop(3, 100))
    numbers = CleanLog.of(pa.table({}), pa.table({"user_id": pa.array([7, 8])}), items_table())
    past.user_ids = numbers.users.column("user_id")
    assert [past.user_code(ident) for ident in (8, "x", 2**70, None, 9)] == [1, None, None, None, None]
