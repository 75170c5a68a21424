"""A search log made by hand, for tests: queries in several scripts, lists with positions, clicks under a known examination."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assay.config import Config, parse

KINDS = ("apple juice", "苹果汁", "חלב טרי", "молоко", "🍌 banana", "rye bread", "olive oil", "green tea")
MAKES = ("organic", "fresh", "large", "plain", "old style")
START = 1_704_067_200_000_000  # Monday 2024-01-01, microseconds
_MINUTE = 60_000_000
_WEEK = 7 * 24 * 60 * _MINUTE


@dataclass(frozen=True)
class SearchLog:
    """events and items as raw tables; examination (positions,): the probability that a place is looked at, by place from 1.

    relevance (queries, items): the probability that an item is clicked for a query when it is looked at; queries, by code.
    """

    events: pa.Table
    items: pa.Table
    examination: NDArray[np.float64]
    relevance: NDArray[np.float64]
    queries: list[str]


def make_search_log(
    users: int = 60,
    weeks: int = 16,
    searches: int = 2,
    length: int = 8,
    eta: float = 1.0,
    random_share: float = 0.1,
    boost: float = 0.0,
    noise: float = 0.25,
    seed: int = 0,
) -> SearchLog:
    """Users who search about `searches` times a week, each time shown `length` of 40 items, place k looked at with 1 / k ** eta.

    A list is ranked by relevance with normal `noise`, so that an item stands in several places; a share of lists is shuffled, and
    has its propensity logged. Items of the first make are put forward by `boost`, whatever they are worth. Clicks are views; a
    third of them buys. Events after the search carry no query.
    """
    rng = np.random.default_rng(seed)
    names = [f"{make} {kind}" for kind in KINDS for make in MAKES]
    queries = [*KINDS, *(f"{MAKES[k % len(MAKES)]} {kind}" for k, kind in enumerate(KINDS))]
    examination: NDArray[np.float64] = np.arange(1, length + 1, dtype=np.float64) ** -eta
    quality = rng.beta(2, 2, len(names))
    kind_of = np.repeat(np.arange(len(KINDS)), len(MAKES))
    relevance = np.full((len(queries), len(names)), 0.02)
    for q in range(len(queries)):
        fits = kind_of == q % len(KINDS)
        relevance[q, fits] = 0.15 + 0.7 * quality[fits]
    put_forward = boost * (np.arange(len(names)) % len(MAKES) == 0)
    taste = rng.integers(len(KINDS), size=users)
    popularity = 1.0 / np.arange(1, len(queries) + 1)
    lines: list[tuple[Any, ...]] = []
    for week in range(weeks):
        for user in range(users):
            for _ in range(rng.poisson(searches)):
                q = int(taste[user]) if rng.random() < 0.4 else int(rng.choice(len(queries), p=popularity / popularity.sum()))
                at = START + week * _WEEK + int(rng.integers(7 * 24 * 60 - 60)) * _MINUTE
                lines += _one(
                    rng, f"u{user}", f"s{len(lines)}", q, at, queries, relevance[q], put_forward, examination, random_share, noise
                )
    fields = ("user_id", "session_id", "item", "event", "timestamp", "query", "position", "propensity")
    columns = dict(zip(fields, map(list, zip(*lines, strict=True)), strict=True))
    ids = pa.array([f"i{k:03d}" for k in range(len(names))])
    events = pa.table(
        {
            "user_id": pa.array(columns["user_id"]),
            "session_id": pa.array(columns["session_id"]),
            "item_id": ids.take(pa.array(columns["item"], pa.int32())),
            "event": pa.array(columns["event"]),
            "timestamp": pa.array(columns["timestamp"], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            "query": pa.array(columns["query"], pa.string()),
            "position": pa.array(columns["position"], pa.int32()),
            "propensity": pa.array(columns["propensity"], pa.float64()),
        }
    )
    category = pa.array([KINDS[k] for k in kind_of])
    brand = pa.array([f"brand {k % 3}" for k in range(len(names))])
    items = pa.table({"item_id": ids, "name": pa.array(names), "category": category, "brand": brand})
    return SearchLog(events, items, examination, relevance, queries)


def _one(
    rng: np.random.Generator, user: str, session: str, q: int, at: int, queries: list[str],
    relevance: NDArray[np.float64], put_forward: NDArray[np.float64], examination: NDArray[np.float64], random_share: float,
    noise: float,
) -> list[tuple[Any, ...]]:  # fmt: skip
    """The events of one search."""
    length, shuffled = len(examination), rng.random() < random_share
    best = np.argsort(-(relevance + put_forward + rng.normal(0, noise, len(relevance))))[:length]
    shown = rng.permutation(best) if shuffled else best
    propensity = 1.0 / length if shuffled else None
    lines: list[tuple[Any, ...]] = [(user, session, None, "search", at, queries[q], None, None)]
    lines += [(user, session, int(i), "exposure", at, queries[q], k, propensity) for k, i in enumerate(shown, 1)]
    clicked = (rng.random(length) < examination) & (rng.random(length) < relevance[shown])
    for n, item in enumerate(shown[clicked]):
        lines.append((user, session, int(item), "view", at + (n + 1) * _MINUTE, None, None, None))
        if rng.random() < 1 / 3:
            lines.append((user, session, int(item), "purchase", at + (n + 1) * _MINUTE + 30_000_000, None, None, None))
    return lines


def search_config(folder: Path, log: SearchLog, **sections: dict[str, Any]) -> Config:
    """Write the log's tables into a folder; a config for them, small enough for tests, that ranks for queries."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(log.events, folder / "events.parquet")
    pq.write_table(log.items, folder / "items.parquet")
    same = {name: name for name in (*log.events.column_names,)}
    content: dict[str, Any] = {
        "log": {
            "events": [{"path": str(folder / "events.parquet"), "columns": same}],
            "items": {"path": str(folder / "items.parquet"), "columns": {n: n for n in log.items.column_names}},
        },
        "samples": {"request": "query", "target": "view", "warm_up": 3, "validation": 3, "tuning": 3, "test": 3},
        "encode": {"rare": 20, "bins": 4},
        "models": {"lightgbm_trees": 10, "subsample": 3000, "names": ["popularity", "logistic", "lightgbm"]},
        "evaluate": {"resamples": 50},
        "select": {"fractions": [0.01, 0.02]},
    }
    return parse(content | sections)
