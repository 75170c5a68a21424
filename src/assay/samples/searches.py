"""From clean events to searches and impressions: who asked what, and what became of every item that was shown.

A search is a query in a visit; its rows are those that carry the query, until `minutes` pass without one. Events without a
query follow the visit's last search that showed their item, else its last search, where that has no list on record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.logs.clean_log import CleanLog
from assay.numerics.hashing import hash_ids, mix
from assay.numerics.periods import periods_of
from assay.tables import SEARCH_OUTCOMES
from assay.text.words import normalised

Codes = NDArray[np.int32]
Ints = NDArray[np.int64]
LONGEST = 1_000  # characters of a query that tell it from others
TABLES = ("searches", "impressions", "queries")
_KINDS = ("search", "exposure", "view", "cart", "purchase")  # in the order in which they happen at one instant
_MICRO = 60_000_000  # a minute's
_COLUMNS = ("user_code", "item_code", "event", "timestamp", "session_id", "query", "position", "propensity")


def query_text(text: str) -> str:
    """A query as it is told from others: normalised as words are, blanks single, its first 1,000 characters; "" when empty."""
    return " ".join(normalised(text[:LONGEST]).split())


@dataclass(frozen=True)
class Searches:
    """R searches in order of time, and their impressions in order of search and item.

    requests: request_id int64, user_code, query_code, period int32, timestamp (of the first row), listed (bool: what was shown
    is on record). queries: (Q,) texts in order of text. impressions, one row a (search, item): request (place in requests,
    int64), item_code, position (int32, null unknown), propensity (float64, null unknown), shown, clicked, carted, bought (bool;
    clicked also where it was carted or bought), known (int32, the period at whose end all of that was known). account: counts.
    """

    requests: pa.Table
    queries: pa.Array
    impressions: pa.Table
    account: dict[str, Any]

    def __len__(self) -> int:
        return int(self.requests.num_rows)

    def column(self, name: str) -> NDArray[Any]:
        """A column of requests (R,)."""
        return np.asarray(self.requests.column(name).to_numpy(zero_copy_only=False))

    def of(self, name: str) -> NDArray[Any]:
        """A column of impressions (n,)."""
        return np.asarray(self.impressions.column(name).to_numpy(zero_copy_only=False))

    def tables(self) -> dict[str, pa.Table]:
        """The searches as tables by name, TABLES."""
        tables = (self.requests, self.impressions, pa.table({"query": self.queries}))
        return dict(zip(TABLES, tables, strict=True))

    @classmethod
    def of_tables(cls, tables: Mapping[str, pa.Table]) -> "Searches":
        """The searches that `tables` gave, without their account."""
        requests, impressions, queries = (tables[name] for name in TABLES)
        return cls(requests, queries.column("query").combine_chunks(), impressions, {})

    def outcome(self, target: str) -> NDArray[np.bool_]:
        """(n,) impressions that came to the target event."""
        return self.of(SEARCH_OUTCOMES[target])


@dataclass(frozen=True)
class _Rows:
    """Events in order of time, as arrays (n,): codes are -1 where there is none, `place` is the row in the clean events."""

    place: Ints
    visit: Ints
    item: Ints
    kind: Ints
    instant: Ints
    query: Ints

    def take(self, rows: NDArray[Any]) -> "_Rows":
        return _Rows(*(getattr(self, name)[rows] for name in ("place", "visit", "item", "kind", "instant", "query")))


def searches(log: CleanLog, period_days: int, minutes: float) -> Searches:
    """Every search of a clean log, with what it led to until `minutes` passed without an event of it."""
    events = log.events(*_COLUMNS)
    rows, queries, blank = _rows(events)
    with_query = np.flatnonzero(rows.query >= 0)
    search, of_row = _search_of_queries(rows.take(with_query), int(minutes * _MICRO))
    request = np.full(len(rows.place), -1, np.int64)
    request[with_query] = of_row
    _follow(rows, request, int(minutes * _MICRO))
    requests = _requests(events, log.users, rows.take(with_query[search]), queries, period_days)
    log_searches = Searches(requests, pa.array(queries, pa.string()), pa.table({}), {})
    kept = np.flatnonzero((request >= 0) & (rows.item >= 0))
    log_searches = _with_impressions(log_searches, events, rows.take(kept), request[kept], period_days)
    account = {
        "searches": len(log_searches),
        "queries": len(queries),
        "empty_queries": blank,
        "impressions": log_searches.impressions.num_rows,
        "searches_with_a_list": int(log_searches.column("listed").sum()),
        "clicked": int(log_searches.of("clicked").sum()),
        "bought": int(log_searches.of("bought").sum()),
        "follow_minutes": minutes,
    }
    return replace(log_searches, account=account)


def _rows(events: pa.Table) -> tuple[_Rows, list[str], int]:
    """Rows of the kinds that searches are made of, texts of queries by code, and how many queries are empty."""
    kind = pc.fill_null(pc.index_in(events.column("event"), pa.array(_KINDS)), -1).to_numpy().astype(np.int64)
    instant = pc.cast(events.column("timestamp"), pa.int64()).to_numpy()
    used = np.flatnonzero(kind >= 0)
    place = used[np.lexsort((used, kind[used], instant[used]))]
    taken = events.select(["user_code", "item_code", "session_id", "query"]).take(pa.array(place))
    query_texts = taken.column("query").combine_chunks().dictionary_encode()
    texts = [query_text(text) for text in query_texts.dictionary.to_pylist()]
    queries = sorted({text for text in texts if text})
    number = {text: code for code, text in enumerate(queries)}
    codes = np.array([*(number.get(text, -1) for text in texts), -1], np.int64)
    query = codes[query_texts.indices.fill_null(len(texts)).to_numpy()]
    blank = int(((query < 0) & (kind[place] == 0)).sum())
    session = taken.column("session_id").combine_chunks().dictionary_encode()
    visit = taken.column("user_code").to_numpy().astype(np.int64) * (len(session.dictionary) + 1)
    visit += session.indices.fill_null(len(session.dictionary)).to_numpy()
    item = pc.fill_null(taken.column("item_code"), -1).to_numpy().astype(np.int64)
    return _Rows(place, visit, item, kind[place], instant[place], query), queries, blank


def _search_of_queries(rows: _Rows, gap: int) -> tuple[Ints, Ints]:
    """Of rows with a query, in order of time: the first row (R,) of each search, in order of time, and each row's search (n,)."""
    order = np.lexsort((np.arange(len(rows.place)), rows.query, rows.visit))
    visit, query, instant = rows.visit[order], rows.query[order], rows.instant[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(visit) != 0) | (np.diff(query) != 0) | (np.diff(instant) > gap)
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(new) - 1
    first = order[new]
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.sort(first), rank[number]


def _follow(rows: _Rows, request: Ints, gap: int) -> None:
    """Give events without a query, in place, the search that they follow: -1 where there is none."""
    exposure = rows.kind == _KINDS.index("exposure")
    latest = _latest(rows.visit, rows.instant, request, request >= 0, gap)
    request[:] = np.where(exposure & (request < 0), latest, request)
    listed = np.zeros(int(request.max(initial=-1)) + 2, bool)
    listed[request[exposure]] = True
    listed[-1] = False  # of no search
    pair = rows.visit * (int(rows.item.max(initial=0)) + 1) + rows.item
    while True:  # an item that is shown again belongs to the search that showed it, and so does what follows
        shown = _latest(pair, rows.instant, request, exposure & (request >= 0), gap)
        again = exposure & (request < 0) & (shown >= 0)
        if not again.any():
            break
        request[again] = shown[again]
    followers = (request < 0) & (rows.item >= 0)
    latest = np.where(listed[latest], -1, latest)  # what a list on record did not show is not its
    request[:] = np.where(followers, np.where(shown >= 0, shown, latest), request)


def _latest(group: Ints, instant: Ints, value: Ints, source: NDArray[np.bool_], gap: int) -> Ints:
    """(n,) of rows in order of time: the value of the last source row of the same group within the gap; -1 where none."""
    order = np.argsort(group, kind="stable")
    at = np.maximum.accumulate(np.where(source[order], np.arange(len(order)), -1))
    latest = order[at]
    good = (at >= 0) & (group[latest] == group[order]) & (instant[order] - instant[latest] <= gap)
    out = np.empty(len(order), np.int64)
    out[order] = np.where(good, value[latest], -1)
    return out


def _requests(events: pa.Table, users: pa.Table, first: _Rows, queries: Sequence[str], period_days: int) -> pa.Table:
    taken = events.select(["user_code", "timestamp", "session_id"]).take(pa.array(first.place))
    user = taken.column("user_code").to_numpy().astype(np.int32)
    query_hash = hash_ids(pa.array(queries, pa.string()))[first.query] if queries else np.empty(0, np.uint64)
    session = hash_ids(pc.fill_null(taken.column("session_id"), ""))
    ids = mix(hash_ids(users.column("user_id"))[user], query_hash, first.instant, session).view(np.int64)
    return pa.table(
        {
            "request_id": ids,
            "user_code": user,
            "query_code": first.query.astype(np.int32),
            "period": periods_of(taken.column("timestamp"), period_days),
            "timestamp": taken.column("timestamp"),
        }
    )


def _with_impressions(log_searches: Searches, events: pa.Table, rows: _Rows, request: Ints, period_days: int) -> Searches:
    """Group rows (n,), in order of time, by search and item."""
    order = np.lexsort((np.arange(len(request)), rows.item, request))
    rows, request = rows.take(order), request[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(request) != 0) | (np.diff(rows.item) != 0)
    group, first = np.cumsum(new) - 1, np.flatnonzero(new)
    taken = events.select(["timestamp", "position", "propensity"]).take(pa.array(rows.place))
    known_at = np.zeros(len(first), np.int32)
    np.maximum.at(known_at, group, periods_of(taken.column("timestamp"), period_days))

    def happened(*kinds: str) -> NDArray[np.bool_]:
        wanted = np.isin(rows.kind, [_KINDS.index(kind) for kind in kinds])
        return np.bincount(group, wanted, minlength=len(first)) > 0

    columns = {
        "request": request[new],
        "item_code": rows.item[new].astype(np.int32),
        "position": _first_known(taken.column("position"), group, len(first)),
        "propensity": _first_known(taken.column("propensity"), group, len(first)),
        "shown": happened("exposure"),
        "clicked": happened("view", "cart", "purchase"),
        "carted": happened("cart"),
        "bought": happened("purchase"),
        "known": known_at,
    }
    impressions = pa.table(columns)
    listed = np.bincount(columns["request"], columns["shown"], minlength=len(log_searches)) > 0
    return replace(
        log_searches, requests=log_searches.requests.append_column("listed", pa.array(listed)), impressions=impressions
    )


def _first_known(column: pa.ChunkedArray, group: Ints, groups: int) -> pa.Array:
    """(groups,) the first value that is not null of each group; groups stand together."""
    valid = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    present, first = np.unique(group[valid], return_index=True)
    at = np.zeros(groups, np.int64)
    missing = np.ones(groups, bool)
    at[present], missing[present] = valid[first], False
    return column.take(pa.array(at, mask=missing)).combine_chunks()
