"""Small clean logs, random or written by hand, as the stage reads them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from assay.logs.clean_log import CleanLog
from assay.logs.history import History
from assay.samples.describe import Describer

CATEGORIES = ("milk", "蛋奶", None, "🍌")
BRANDS = ("own", None, "שלי")
USERS, ITEMS = 5, 8
DAY = 86_400


@dataclass(frozen=True)
class Event:
    """One line of a clean log: codes, kind, seconds since Monday 1970-01-05, and what may be unknown."""

    user: int
    item: int | None
    kind: str
    second: int
    session: str | None = None
    quantity: float | None = None
    price: int | None = None
    rating: float | None = None

    @property
    def day(self) -> int:
        return self.second // DAY

    @property
    def period(self) -> int:
        return self.day // 7


def events_table(events: Sequence[Event]) -> pa.Table:
    """Events as clean/events.parquet holds them."""
    micro = [(e.second + 4 * DAY) * 1_000_000 for e in events]
    columns = {
        "user_code": pa.array([e.user for e in events], pa.int32()),
        "item_code": pa.array([e.item for e in events], pa.int32()),
        "event": pa.array([e.kind for e in events], pa.string()),
        "timestamp": pa.array(micro, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
        "session_id": pa.array([e.session for e in events], pa.string()),
        "quantity": pa.array([e.quantity for e in events], pa.float64()),
        "price": pa.array([e.price for e in events], pa.int64()),
        "rating": pa.array([e.rating for e in events], pa.float32()),
    }
    return pa.table(columns)


def users_table(count: int = USERS) -> pa.Table:
    return pa.table({"user_id": pa.array([f"u{k}" for k in range(count)], pa.string())})


def items_table(count: int = ITEMS) -> pa.Table:
    """Items whose categories and brands are partly unknown."""
    return pa.table(
        {
            "item_id": pa.array([f"i{k:03d}" for k in range(count)], pa.string()),
            "name": pa.array([f"item {k}" for k in range(count)], pa.string()),
            "department": pa.array(["food"] * count, pa.string()),
            "category": pa.array([CATEGORIES[k % len(CATEGORIES)] for k in range(count)], pa.string()),
            "brand": pa.array([BRANDS[k % len(BRANDS)] for k in range(count)], pa.string()),
        }
    )


def describer(events: Sequence[Event], returned: Sequence[Event] = ()) -> Describer:
    return Describer(events_table(events), events_table(returned), users_table(), items_table(), "purchase", 7)


def past(events: Sequence[Event], users: int = USERS, items: int = ITEMS) -> History:
    return CleanLog.of(events_table(events), users_table(users), items_table(items)).history("purchase", 7)


def random_log(seed: int, rows: int = 400, users: int = USERS, items: int = ITEMS, periods: int = 20) -> list[Event]:
    """Events of every kind with gaps, in no order."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(rows):
        kind = str(rng.choice(["purchase", "purchase", "purchase", "view", "cart", "search", "review"]))
        rated = kind == "review" or (kind == "purchase" and rng.random() < 0.2)
        out.append(
            Event(
                int(rng.integers(users)),
                None if kind == "search" else int(rng.integers(items)),
                kind,
                int(rng.integers(periods * 7 * DAY)),
                None if rng.random() < 0.5 else f"s{rng.integers(20)}",
                None if rng.random() < 0.3 else float(rng.integers(1, 4)),
                None if rng.random() < 0.2 else int(rng.integers(1, 500)),
                float(rng.integers(1, 11)) / 2 if rated else None,
            )
        )
    return out


@pytest.fixture(params=[1, 2, 3])
def log(request: pytest.FixtureRequest) -> list[Event]:
    return random_log(request.param)
