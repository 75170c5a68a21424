"""Known-item queries for a log that has none: the words by which a bought item could have been asked for.

They flatter whatever compares texts: the words come from the very names that are searched, so that no query is misspelt, vague
or about something that is not sold.
"""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import InputError
from assay.language import english
from assay.logs.clean_log import CleanLog
from assay.numerics.hashing import hash_ids, mix
from assay.numerics.periods import periods_of
from assay.samples.searches import Searches, query_text
from assay.text.words import words

HOW = english(
    "derived, not asked: the first words of the name of an item that the user bought in that period, one in four without one of "
    "them, one in four with a word of another item. This flatters text match: the words come from the names that are searched"
)
_LONGEST = 4  # words of a query
_DIGIT = re.compile(r"\d")


def item_query(name: str | None, category: str | None) -> str:
    """The query that an item is asked for by: the first words of its name, at most 4, before any with a digit (a size); else of
    its category; "" where it has neither."""
    for text in (name, category):
        query_words: list[str] = []
        for word in words(text or ""):
            if _DIGIT.search(word) or len(query_words) == _LONGEST:
                break
            query_words.append(word)
        if query_words:
            return query_text(" ".join(query_words))
    return ""


def known_items(log: CleanLog, target: str, period_days: int, seed: int, most: int = 30_000) -> Searches:
    """At most one derived search per user and period, `most` at most in all, by hash: for one item that the user took then.

    Its query is one of `variants` of the item's, by hash; its impressions are all items of the same `item_query` that the user
    took in the period. InputError: no taken item has a name or a category.
    """
    events, users, items = log.events("user_code", "item_code", "event", "timestamp"), log.users, log.items
    rows = pc.and_(pc.equal(events.column("event"), target), pc.is_valid(events.column("item_code")))
    taken = events.select(["user_code", "item_code", "timestamp"]).filter(rows)
    user, item = (taken.column(name).to_numpy().astype(np.int64) for name in ("user_code", "item_code"))
    period = periods_of(taken.column("timestamp"), period_days).astype(np.int64)
    named = zip(items.column("name").to_pylist(), items.column("category").to_pylist(), strict=True)
    texts = [item_query(*pair) for pair in named]
    kinds = sorted({texts[code] for code in np.unique(item) if texts[code]})
    if not kinds:
        raise InputError("no item that was taken has a name or a category to make queries of; map them in [log.items] columns")
    number = {text: code for code, text in enumerate(kinds)}
    kind = np.array([number.get(text, -1) for text in texts], np.int64)[item]
    has_kind = kind >= 0
    user, item, period, kind = user[has_kind], item[has_kind], period[has_kind], kind[has_kind]
    instant = pc.cast(taken.column("timestamp"), pa.int64()).to_numpy()[has_kind]
    user_hash = hash_ids(users.column("user_id"))[user]
    drawn = mix(seed, user_hash, period, hash_ids(items.column("item_id"))[item])
    order = np.lexsort((instant, drawn, user, period))
    first = order[_new(period[order], user[order])]
    first = first[np.argsort(mix(seed, user_hash[first], period[first]), kind="stable")[:most]]
    first = first[np.lexsort((user[first], instant[first]))]
    ids = mix(user_hash[first], period[first], kind[first])
    texts = variants(kinds)[kind[first], (mix(seed, ids) % np.uint64(4)).astype(np.int64)]
    queries, query = np.unique(texts.astype(str), return_inverse=True)
    requests = pa.table(
        {
            "request_id": ids.view(np.int64),
            "user_code": user[first].astype(np.int32),
            "query_code": query.astype(np.int32),
            "period": period[first].astype(np.int32),
            "timestamp": pa.array(instant[first], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            "listed": np.zeros(len(first), bool),
        }
    )
    impressions = _taken(first, user, item, period, kind, target)
    account = {"searches": len(first), "queries": len(queries), "impressions": impressions.num_rows, "queries_are": HOW}
    return Searches(requests, pa.array(queries.tolist(), pa.string()), impressions, account)


def variants(kinds: list[str]) -> NDArray[np.object_]:
    """(K, 4) how items of each kind are asked for: twice by all its words, without one of them, with the first word of another.

    People leave words out, and use words that no name has; the same kinds give the same variants.
    """
    hashes = hash_ids(pa.array(kinds, pa.string()))
    texts = np.empty((len(kinds), 4), object)
    for k, text in enumerate(kinds):
        parts, h = text.split(), int(hashes[k])
        fewer = [word for place, word in enumerate(parts) if place != h % len(parts)] if len(parts) > 1 else parts
        foreign = kinds[(h >> 8) % len(kinds)].split()[0]
        texts[k] = [text, text, " ".join(fewer), f"{foreign} {text}" if foreign not in parts else text]
    return texts


def _new(*columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) rows that differ from the one before."""
    new = np.ones(len(columns[0]), bool)
    new[1:] = np.any([np.diff(column) != 0 for column in columns], axis=0)
    return new


def _taken(
    first: NDArray[np.int64], user: NDArray[np.int64], item: NDArray[np.int64], period: NDArray[np.int64],
    kind: NDArray[np.int64], target: str,
) -> pa.Table:  # fmt: skip
    """Impressions: what the user took in the period of each chosen row that is of its kind."""
    users, kinds, items = (int(column.max()) + 1 for column in (user, kind, item))
    key = (period * users + user) * kinds + kind
    order = np.argsort(key[first])
    place = order[np.minimum(np.searchsorted(key[first][order], key), len(first) - 1)]
    rows = np.flatnonzero(key[first][place] == key)
    pair = np.unique(place[rows] * items + item[rows])
    request, what = pair // items, (pair % items).astype(np.int32)
    yes, no = np.ones(len(pair), bool), np.zeros(len(pair), bool)
    return pa.table(
        {
            "request": request,
            "item_code": what,
            "position": pa.nulls(len(pair), pa.int32()),
            "propensity": pa.nulls(len(pair), pa.float64()),
            "shown": no,
            "clicked": yes,
            "carted": yes if target != "view" else no,
            "bought": yes if target == "purchase" else no,
            "known": period[first][request].astype(np.int32),
        }
    )
