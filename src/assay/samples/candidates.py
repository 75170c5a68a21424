"""Which items a request is ranked over: the user's own past, what is popular, and its categories' best sellers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.config import SamplesSection
from assay.logs.history import Codes, History, Market

CANDIDATE_SOURCES = ("history", "category", "popularity")
_EACH = 5  # best sellers taken from one of the user's categories


@dataclass(frozen=True)
class Candidates:
    """Distinct (user, item) of requests in one or more periods, sorted by period, user, item.

    source (n,) bits: 1 << k is set when CANDIDATE_SOURCES[k] named the item. label (n,): taken in the period.
    """

    user: Codes
    item: Codes
    period: Codes
    source: NDArray[np.int8]
    label: NDArray[np.int8]


def _first(group: NDArray[np.int64], most: int) -> NDArray[np.bool_]:
    """Which rows are among the first `most` of their group; equal groups stand together."""
    begins = np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1]))) if len(group) else np.empty(0, np.int64)
    place = np.arange(len(group)) - np.repeat(begins, np.diff(np.append(begins, len(group))))
    return np.asarray(place < most)


def _own(history: History, market: Market, users: Codes, most: int) -> NDArray[np.int64]:
    """(2, n) user and item: what each user took most often before, last taken first among equals."""
    before = slice(0, history.bought.between(market.period, market.period).start)
    user, item, period = (c[before] for c in (history.bought.user, history.bought.item, history.bought.period))
    has_request = np.zeros(len(history.user_hash), bool)
    has_request[users] = True
    rows = has_request[user] & market.on_sale[item]
    pair, first, times = np.unique(
        user[rows][::-1].astype(np.int64) * len(history.category) + item[rows][::-1], return_index=True, return_counts=True
    )
    last = period[rows][::-1][first]
    who, what = pair // len(history.category), pair % len(history.category)
    order = np.lexsort((what, -last, -times, who))
    order = order[_first(who[order], most)]
    return np.stack((who[order], what[order]))


def _best_sellers(market: Market) -> tuple[Codes, NDArray[np.int64]]:
    """Items on sale and their sales, best first; ties by item code."""
    items, sales = np.unique(market.popular, return_counts=True)
    order = np.lexsort((items, -sales))
    return items[order], sales[order]


def _categories(history: History, market: Market, users: Codes, most: int) -> NDArray[np.int64]:
    """(2, n) user and item: the best sellers of the categories that each user took from most often before."""
    items, _ = _best_sellers(market)
    with_category = items[history.category[items] >= 0]
    with_category = with_category[np.argsort(history.category[with_category], kind="stable")]
    with_category = with_category[_first(history.category[with_category].astype(np.int64), _EACH)]
    begins = np.searchsorted(history.category[with_category], np.arange(history.categories + 1))
    before = history.bought.between(market.period, market.period).start
    user, category = history.bought.user[:before], history.category[history.bought.item[:before]]
    has_request = np.zeros(len(history.user_hash), bool)
    has_request[users] = True
    rows = has_request[user] & (category >= 0)
    pair, times = np.unique(user[rows].astype(np.int64) * max(history.categories, 1) + category[rows], return_counts=True)
    who, which = pair // max(history.categories, 1), pair % max(history.categories, 1)
    order = np.lexsort((which, -times, who))
    order = order[_first(who[order], -(-most // _EACH))]
    who, which = who[order], which[order]
    sizes = begins[which + 1] - begins[which]
    inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.stack((np.repeat(who, sizes), with_category[np.repeat(begins[which], sizes) + inside].astype(np.int64)))


def _of_period(history: History, market: Market, users: Codes, section: SamplesSection) -> Candidates:
    popular = _best_sellers(market)[0][: section.candidates_popular]
    by_source = (
        _own(history, market, users, section.candidates_history),
        _categories(history, market, users, section.candidates_category),
        np.stack((np.repeat(users, len(popular)), np.tile(popular, len(users)))).astype(np.int64),
    )
    items = len(history.category)
    pair, row = np.unique(np.concatenate([who * items + what for who, what in by_source]), return_inverse=True)
    source = np.zeros(len(pair), np.int8)
    at = 0
    for k, part in enumerate(by_source):
        source[row[at : at + part.shape[1]]] |= np.int8(1 << k)
        at += part.shape[1]
    taken = history.bought.between(market.period, market.period + 1)
    truth = history.bought.user[taken].astype(np.int64) * items + history.bought.item[taken]
    user, item = (pair // items).astype(np.int32), (pair % items).astype(np.int32)
    label = np.isin(pair, truth).astype(np.int8)
    return Candidates(user, item, np.full(len(pair), market.period, np.int32), source, label)


def candidates(history: History, begin: int, end: int, section: SamplesSection, everyone: bool = False) -> Candidates:
    """Candidates of the requests in the periods from begin up to, not including, end.

    A request is a user with a taken item in the period; with `everyone`, every user who ever took one. All that a
    request's candidates are chosen by is older than its period. Only items on sale (sold or shown in the
    `available` periods before) are candidates.
    """
    parts = []
    for market in history.markets(begin, end, section.available):
        rows = history.bought.between(market.period, market.period + 1)
        users = np.unique(history.bought.user if everyone else history.bought.user[rows])
        parts.append(_of_period(history, market, users, section))
    if not parts:
        none = np.empty(0, np.int32)
        return Candidates(none, none, none, none.astype(np.int8), none.astype(np.int8))
    return Candidates(
        np.concatenate([part.user for part in parts]),
        np.concatenate([part.item for part in parts]),
        np.concatenate([part.period for part in parts]),
        np.concatenate([part.source for part in parts]),
        np.concatenate([part.label for part in parts]),
    )


def recall(offered: Candidates, truths: int) -> dict[str, float]:
    """Share of what was taken that each source, and all together, had among the candidates."""
    hits = {name: int(offered.label[(offered.source >> k) & 1 == 1].sum()) for k, name in enumerate(CANDIDATE_SOURCES)}
    return {name: round(hit / max(truths, 1), 6) for name, hit in (hits | {"all": int(offered.label.sum())}).items()}
