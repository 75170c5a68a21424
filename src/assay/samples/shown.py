"""Samples and candidates of searches: what was shown and what became of it; where no list is on record, what retrieval finds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.config import SamplesSection
from assay.logs.history import Codes, History, Market
from assay.numerics.hashing import mix
from assay.samples.searches import Searches

KINDS = ("positive", "exposure", "clicked", "retrieval", "popularity")
CANDIDATE_SOURCES = ("shown", "retrieval")
_TRIES = 8  # a draw that fails so often is left out and counted
_FROM_RETRIEVAL = 0.5  # share of drawn negatives; the rest is popular


@dataclass(frozen=True)
class Shown:
    """Items (n,) of searches, in order of search and item: `search` is the place in Searches; `impression` that of the row there,
    or -1; `kind` indexes KINDS; `draw` is 0 but for drawn ones; `source` bits of CANDIDATE_SOURCES."""

    search: NDArray[np.int64]
    item: Codes
    label: NDArray[np.int8]
    kind: NDArray[np.int8]
    draw: NDArray[np.int32]
    impression: NDArray[np.int64]
    source: NDArray[np.int8]

    @classmethod
    def of(cls, parts: list[dict[str, NDArray[Any]]]) -> "Shown":
        """Parts one after the other, then in order; what a part does not name is 0, an impression -1."""
        kinds = {"search": np.int64, "item": np.int32, "label": np.int8, "kind": np.int8, "draw": np.int32}
        kinds |= {"impression": np.int64, "source": np.int8}
        columns: dict[str, NDArray[Any]] = {}
        for name, dtype in kinds.items():
            missing = -1 if name == "impression" else 0
            columns[name] = np.concatenate(
                [np.asarray(part.get(name, np.full(len(part["search"]), missing)), dtype) for part in parts]
                or [np.empty(0, dtype)]
            )
        order = np.lexsort((columns["item"], columns["search"]))
        return cls(**{name: values[order] for name, values in columns.items()})


def _periods(
    searches: Searches, past: History, begin: int, end: int, available: int
) -> Iterator[tuple[Market, NDArray[np.int64]]]:
    """Each period's market and the rows of impressions whose search was in it."""
    period = searches.column("period")[searches.of("request")]
    for market in past.markets(begin, end, available):
        yield market, np.flatnonzero(period == market.period)


def labelled(
    searches: Searches, past: History, lists: NDArray[np.int64], begin: int, end: int, section: SamplesSection, seed: int
) -> tuple[Shown, dict[str, Any]]:
    """Samples of the searches in periods from begin up to, not including, end, and an account of them.

    With a list on record: what it showed, and what was taken besides; not taken is negative. Without one: what was taken and on
    sale, what was clicked and not taken, and for every positive `negatives` draws, half from what retrieval finds for the query
    (lists (Q, m), by query code), half by popularity: never what the search took, never twice, always on sale. A draw depends
    on (seed, request, item, draw) alone.
    """
    of, item, taken = searches.of("request"), searches.of("item_code"), searches.outcome(section.target)
    listed = searches.column("listed")[of]
    parts: list[dict[str, NDArray[Any]]] = []
    missed = excluded = 0
    for market, rows in _periods(searches, past, begin, end, section.available):
        good = listed[rows] | market.on_sale[item[rows]]
        excluded += int((~good & taken[rows]).sum())
        rows = rows[good]
        kind = np.where(taken[rows], 0, np.where(searches.of("shown")[rows], 1, 2))
        parts.append({"search": of[rows], "item": item[rows], "label": taken[rows], "kind": kind, "impression": rows})
        drawn, failed = _drawn(searches, past, market, lists, rows[taken[rows] & ~listed[rows]], rows, section.negatives, seed)
        parts.append(drawn)
        missed += failed
    impressions = Shown.of(parts)
    counts = np.bincount(impressions.kind, minlength=len(KINDS))
    account = {
        "positives": int(counts[0]),
        "positives_not_on_sale": excluded,
        "negatives": {name: int(count) for name, count in zip(KINDS[1:], counts[1:], strict=True)},
        "negatives_not_found": missed,
        "ratio": round(float(counts[1:].sum() / max(counts[0], 1)), 6),
    }
    return impressions, account


def _drawn(
    searches: Searches, past: History, market: Market, lists: NDArray[np.int64], positive: NDArray[np.int64],
    excluded: NDArray[np.int64], ratio: float, seed: int,
) -> tuple[dict[str, NDArray[Any]], int]:  # fmt: skip
    """Negatives for positives (rows of impressions) of one period, none among the rows `excluded`; and how many failed."""
    of, items = searches.of("request"), len(past.category)
    base = mix(seed, searches.column("request_id")[of[positive]], past.item_hash[searches.of("item_code")[positive]])
    count = int(ratio) + (_unit(base) < ratio - int(ratio)).astype(np.int64)
    row = np.repeat(np.arange(len(positive)), count)
    draw = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + 1
    state, search = mix(base[row], draw), of[positive][row]
    ranked_items = lists[searches.column("query_code")[search]]
    size = (ranked_items >= 0).sum(axis=1) if len(ranked_items) else np.zeros(0, np.int64)
    from_lists = (_unit(state) < _FROM_RETRIEVAL) & (size > 0)
    taboo = of[excluded] * items + searches.of("item_code")[excluded]
    open_ = np.arange(len(row)) if len(market.popular) else np.empty(0, np.int64)
    chosen = np.full(len(row), -1, np.int64)
    for attempt in range(_TRIES):
        state[open_] = mix(state[open_], attempt)
        if 2 * attempt >= _TRIES:
            from_lists[open_] = False  # the list has nothing left: popularity
        place = _unit(state[open_])
        listed = ranked_items[open_, (place * np.maximum(size[open_], 1)).astype(np.int64)]
        popular = market.popular[(place * len(market.popular)).astype(np.int64)]
        item = np.where(from_lists[open_], listed, popular)
        pair = search[open_] * items + item
        first = np.zeros(len(open_), bool)
        first[np.unique(pair, return_index=True)[1]] = True
        good = first & market.on_sale[item] & ~np.isin(pair, taboo)
        chosen[open_[good]] = item[good]
        taboo = np.concatenate((taboo, pair[good]))
        open_ = open_[~good]
        if not len(open_):
            break
    kept = chosen >= 0
    kind = np.where(from_lists, KINDS.index("retrieval"), KINDS.index("popularity"))
    columns = {"search": search, "item": chosen, "kind": kind, "draw": draw}
    return {name: values[kept] for name, values in columns.items()}, int((~kept).sum())


def _unit(state: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Numbers in [0, 1) from hashes."""
    return np.asarray((state >> np.uint64(11)) * 2.0**-53, np.float64)


def candidates(
    searches: Searches, past: History, lists: NDArray[np.int64], begin: int, end: int, section: SamplesSection
) -> Shown:
    """What the searches of some periods that took something are ranked over: their list, else what retrieval finds on sale."""
    of, item, taken = searches.of("request"), searches.of("item_code"), searches.outcome(section.target)
    listed, items = searches.column("listed"), len(past.category)
    truth = of[taken] * items + item[taken]
    parts: list[dict[str, NDArray[Any]]] = []
    for market, rows in _periods(searches, past, begin, end, section.available):
        search = np.unique(of[rows][taken[rows]])
        shown = rows[np.isin(of[rows], search) & searches.of("shown")[rows]]
        label = taken[shown]
        parts.append(
            {"search": of[shown], "item": item[shown], "label": label, "impression": shown, "source": np.ones(len(shown))}
        )
        search = search[~listed[search]]
        ranked_items = lists[searches.column("query_code")[search]]
        good = (ranked_items >= 0) & np.append(market.on_sale, False)[ranked_items]
        good &= np.cumsum(good, axis=1) <= section.candidates_query
        which, where = np.nonzero(good)
        pair = search[which] * items + ranked_items[which, where]
        source = np.full(len(pair), 2)
        parts.append(
            {"search": search[which], "item": ranked_items[which, where], "label": np.isin(pair, truth), "source": source}
        )
    return Shown.of(parts)
