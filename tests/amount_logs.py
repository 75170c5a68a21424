"""A small log of a feed, where people watch, share and rate what they like, for tests of grades and amounts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from assay.config import Config, parse
from assay.numerics.periods import periods_of
from assay.runs.store import Folder

SPLITS = {"warm_up": 3, "validation": 3, "tuning": 3, "test": 3}
KINDS = {"view": 1.0, "share": 3.0}
USERS, ITEMS, WEEKS = 36, 24, 16


def write_feed(path: Path, seed: int = 0) -> None:
    """Each user watches mostly one of four kinds of items, and those that suit them for longer."""
    rng = np.random.default_rng(seed)
    lines = ["who,what,when,kind,minutes,stars"]
    for week in range(WEEKS):
        for user in range(USERS):
            for _ in range(1 + rng.poisson(3)):
                group = user % 4 if rng.random() < 0.7 else int(rng.integers(4))
                item = group + 4 * int(min(rng.geometric(0.35) - 1, ITEMS // 4 - 1))
                when = np.datetime64("2024-01-01T07:00:00") + np.timedelta64(week * 7 + int(rng.integers(7)), "D")
                when += np.timedelta64(int(rng.integers(50_000)), "s")
                likes = group == user % 4
                minutes = round(0.1 + float(rng.gamma(3.0, 6.0 if likes else 2.0)), 1)
                stars = "" if rng.random() < 0.3 else str(int(rng.integers(3, 6) if likes else rng.integers(1, 5)))
                lines.append(f"u{user},i{item},{when},view,{minutes},{stars}")
                if likes and rng.random() < 0.4:
                    lines.append(f"u{user},i{item},{when + np.timedelta64(60, 's')},share,,")
    path.write_text("\n".join([*lines, "u0,i0,2024-04-21T23:59:00,view,1.0,3"]) + "\n", encoding="utf-8")


def feed_config(log: Path, **sections: Any) -> Config:
    """A config for write_feed's log, small enough for tests; [samples] is added to."""
    columns = {
        "user_id": "who",
        "item_id": "what",
        "timestamp": "when",
        "event": "kind",
        "quantity": "minutes",
        "rating": "stars",
    }
    content = {
        "log": {"events": [{"path": str(log), "columns": columns, "own_kinds": {"share": ""}}]},
        "encode": {"rare": 20, "bins": 4},
        "models": {"lightgbm_trees": 10, "subsample": 2000},
        "evaluate": {"resamples": 50},
        "select": {"fractions": [0.01, 0.02]},
    }
    return parse(content | sections | {"samples": {"target": "view", **SPLITS, **sections.get("samples", {})}})


def by_hand(
    run: Folder, worth: Callable[[dict[str, Any]], float | None], how: Callable[[list[float]], float]
) -> dict[tuple[int, int, int], float]:
    """(user, item, period) -> how much the clean log's events say it counts, above 0."""
    events = run.read_table("clean/events.parquet")
    found: dict[tuple[int, int, int], list[float]] = {}
    for event, period in zip(events.to_pylist(), periods_of(events.column("timestamp"), 7).tolist(), strict=True):
        if event["item_code"] is not None and (one := worth(event)) is not None:
            found.setdefault((event["user_code"], event["item_code"], period), []).append(one)
    return {key: how(each) for key, each in found.items() if how(each) > 1e-9}
