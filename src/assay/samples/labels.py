"""Labels: positives are what happened; negatives were shown and not taken, or drawn from what was on sale.

A negative that nobody could have bought yet teaches a model the calendar, not taste, and its removal looks
like a gain (docs/decisions/0002): so both classes hold only items sold or shown in the `available` periods before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from assay.config import SamplesSection
from assay.errors import ConfigError
from assay.logs.history import Codes, History, Market, Triples
from assay.numerics.hashing import mix, splitmix

KINDS = ("positive", "popularity", "history", "category", "exposure", "candidate")
_EXPOSURE, CANDIDATE = 4, 5
_TRIES = 24  # a draw that fails so often (a tiny market) is left out and counted


@dataclass(frozen=True)
class Labelled:
    """Keys and labels (n,), sorted by period, user, item; `kind` indexes KINDS, `draw` is 0 for positives."""

    user: Codes
    item: Codes
    period: Codes
    label: NDArray[np.int8]
    kind: NDArray[np.int8]
    draw: NDArray[np.int32]
    hour: NDArray[np.int8]  # of the day: of the event, or of the positive that the negative was drawn for
    account: dict[str, Any]


@numba.njit(cache=True)
def _draw(
    begins: Any, items: Any, good: Any, base: Any, own: Any, own_begins: Any, own_ends: Any, on_sale: Any,
    popular: Any, by_category: Any, category_begins: Any, category: Any, ratio: Any, shares: Any,
    seen: Any, stamp: Any, out_for: Any, out_item: Any, out_kind: Any, out_draw: Any,
) -> Any:  # fmt: skip
    """Draw negatives for the requests of one period; return how many were drawn and how many failed."""
    unit = 2.0**-53
    whole = int(ratio)
    drawn, failed = 0, 0
    for r in range(len(begins) - 1):
        stamp += 1
        for j in range(begins[r], begins[r + 1]):
            seen[items[j]] = stamp
        for j in range(begins[r], begins[r + 1]):
            if not good[j]:
                continue
            count = whole
            if (splitmix(base[j]) >> np.uint64(11)) * unit < ratio - whole:
                count += 1
            for d in range(1, count + 1):
                h = splitmix(base[j] ^ np.uint64(d))
                share = (h >> np.uint64(11)) * unit
                wanted = 1 if share < shares[0] else (2 if share < shares[1] else 3)
                success = False
                for attempt in range(_TRIES):
                    h = splitmix(h)
                    kind = wanted if attempt < _TRIES // 2 else 1
                    c = category[items[j]]
                    if kind == 3 and c < 0:
                        kind = 1
                    if kind == 2 and own_ends[r] == own_begins[r]:
                        kind = 1
                    place = (h >> np.uint64(11)) * unit
                    if kind == 2:
                        item = own[own_begins[r] + int(place * (own_ends[r] - own_begins[r]))]
                    elif kind == 3:
                        low, high = category_begins[c], category_begins[c + 1]
                        if low == high:
                            continue
                        item = by_category[low + int(place * (high - low))]
                    else:
                        item = popular[int(place * len(popular))]
                    if on_sale[item] and seen[item] != stamp:
                        seen[item] = stamp
                        out_for[drawn], out_item[drawn] = j, item
                        out_kind[drawn], out_draw[drawn] = kind, d
                        drawn += 1
                        success = True
                        break
                if not success:
                    failed += 1
    return drawn, failed


def _sampled(
    history: History, market: Market, bought: Triples, section: SamplesSection, seed: int, seen: NDArray[np.int64]
) -> tuple[Triples, NDArray[np.int8], NDArray[np.int32], int]:
    """Negatives for what was bought in the market's period: triples, kind, draw, and how many were not found."""
    user, item = bought.user, bought.item
    requests, begins = np.unique(user, return_index=True)
    begins = np.append(begins, len(user))
    mixture = np.cumsum([section.from_popularity, section.from_history, section.from_category])
    capacity = int(np.ceil(section.negatives)) * len(user)
    positive, items = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
    kind, draw = np.empty(capacity, np.int8), np.empty(capacity, np.int32)
    own_begins, own_ends = history.past(requests, market.period)
    good = market.on_sale[item] & bool(len(market.popular))
    base = mix(seed, history.user_hash[user], market.period, history.item_hash[item])
    drawn, failed = _draw(
        begins, item, good, base, history.own_item, own_begins, own_ends, market.on_sale, market.popular,
        market.by_category, market.category_begins, history.category, section.negatives, mixture / mixture[-1],
        seen, np.int64(market.period) << 32, positive, items, kind, draw,
    )  # fmt: skip
    drawn_for = replace(bought.take(positive[:drawn]), item=items[:drawn])
    return drawn_for, kind[:drawn], draw[:drawn], failed


def _exposed(history: History, market: Market) -> Triples:
    """Shown in the period and not taken in it, of items known before it."""
    shown, bought = (t.between(market.period, market.period + 1) for t in (history.shown, history.bought))
    items = len(history.category)
    key = history.shown.user[shown].astype(np.int64) * items + history.shown.item[shown]
    taken = history.bought.user[bought].astype(np.int64) * items + history.bought.item[bought]
    keep = ~np.isin(key, taken) & market.on_sale[history.shown.item[shown]]
    return history.shown.take(shown).take(keep)


def exposed_periods(history: History) -> NDArray[np.int32]:
    """Periods in which anything was shown, rising."""
    return np.unique(history.shown.period)


def label(history: History, periods: Sequence[int], section: SamplesSection, seed: int) -> Labelled:
    """Positives and negatives of the requests in some periods, rising.

    In a period with exposures the negatives are what was shown and not taken. In another, every positive on sale brings
    `negatives` draws (a fraction by hash) from recent popularity, the user's own past and the item's category; never a positive
    of the same request, never twice. Each draw depends on (seed, user id, period, item id, draw) alone, so row order and later
    events cannot matter.
    """
    if section.from_popularity + section.from_history + section.from_category <= 0:
        raise ConfigError("[samples] from_popularity, from_history and from_category are all 0; give one of them a share")
    seen = np.full(len(history.category), -1, np.int64)
    none = history.bought.take(slice(0))
    parts: list[tuple[Triples, NDArray[np.int8], NDArray[np.int32]]] = [(none, np.empty(0, np.int8), np.empty(0, np.int32))]
    shown = frozenset(exposed_periods(history).tolist())
    positives = excluded = missed = 0
    for market in (market for period in periods for market in history.markets(period, period + 1, section.available)):
        bought = history.bought.take(history.bought.between(market.period, market.period + 1))
        good = market.on_sale[bought.item]
        taken = bought.take(good)
        parts.append((taken, np.zeros(len(taken), np.int8), np.zeros(len(taken), np.int32)))
        if market.period in shown:
            exposed = _exposed(history, market)
            parts.append((exposed, np.full(len(exposed), _EXPOSURE, np.int8), np.ones(len(exposed), np.int32)))
        else:
            triples, kind, draw, failed = _sampled(history, market, bought, section, seed, seen)
            parts.append((triples, kind, draw))
            missed += failed
        positives += len(taken)
        excluded += len(good) - len(taken)
    triples = Triples.joined([t for t, _, _ in parts])
    kind = np.concatenate([k for _, k, _ in parts])
    draw = np.concatenate([d for _, _, d in parts])
    counts = np.bincount(kind, minlength=len(KINDS))
    account = {
        "positives": positives,
        "positives_not_on_sale": excluded,
        "negatives": {KINDS[k]: int(counts[k]) for k in range(1, len(KINDS)) if k != CANDIDATE},
        "negatives_not_found": missed,
    }
    order = np.lexsort((triples.item, triples.user, triples.period))
    ordered, kind = triples.take(order), kind[order]
    return Labelled(
        ordered.user, ordered.item, ordered.period, (kind == 0).astype(np.int8), kind, draw[order], ordered.hour, account
    )
