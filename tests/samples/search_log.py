"""Clean search logs, random or by hand, as the stage reads them, and searches recounted without any cleverness."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from assay.samples.searches import query_text
from tests.samples.conftest import DAY

ORDER = ("search", "exposure", "view", "cart", "purchase")
QUERIES = ("apple juice", "Apple  Juice", "苹果汁", "חלב", "🍌", "   ", None, None, None)


@dataclass(frozen=True)
class Row:
    """One line of a clean log: codes, kind, minutes since Monday 1970-01-05, and what may be unknown."""

    user: int
    item: int | None
    kind: str
    minute: float
    query: str | None = None
    session: str | None = None
    position: int | None = None
    propensity: float | None = None

    @property
    def period(self) -> int:
        return int(self.minute // (7 * 24 * 60))


def events_table(rows: Sequence[Row]) -> pa.Table:
    """Rows as clean/events.parquet holds them."""
    micro = [int(r.minute * 60_000_000) + 4 * DAY * 1_000_000 for r in rows]
    return pa.table(
        {
            "user_code": pa.array([r.user for r in rows], pa.int32()),
            "item_code": pa.array([r.item for r in rows], pa.int32()),
            "event": pa.array([r.kind for r in rows], pa.string()),
            "timestamp": pa.array(micro, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            "session_id": pa.array([r.session for r in rows], pa.string()),
            "query": pa.array([r.query for r in rows], pa.string()),
            "quantity": pa.nulls(len(rows), pa.float64()),
            "price": pa.nulls(len(rows), pa.int64()),
            "rating": pa.nulls(len(rows), pa.float32()),
            "position": pa.array([r.position for r in rows], pa.int32()),
            "propensity": pa.array([r.propensity for r in rows], pa.float64()),
        }
    )


def random_rows(seed: int, rows: int = 200, users: int = 3, items: int = 5, minutes: int = 2_000) -> list[Row]:
    """Few users, sessions, items and queries, close together, so that every rule is met."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(rows):
        kind = str(rng.choice(["search", "exposure", "exposure", "view", "cart", "purchase", "review"]))
        query = QUERIES[rng.integers(len(QUERIES))]
        item = None if kind == "search" else int(rng.integers(items))
        shown = kind == "exposure"
        out.append(
            Row(
                int(rng.integers(users)), item, kind, float(rng.integers(minutes)), query,
                None if rng.random() < 0.5 else f"s{rng.integers(2)}",
                int(rng.integers(1, 9)) if shown and rng.random() < 0.8 else None,
                0.25 if shown and rng.random() < 0.3 else None,
            )
        )  # fmt: skip
    return out


def recounted(rows: Sequence[Row], minutes: float) -> list[dict]:
    """Searches in order of time, each {user, query, minute, items: {item: {...}}}, row by row, by the definition."""
    order = sorted(
        (k for k, r in enumerate(rows) if r.kind in ORDER), key=lambda k: (rows[k].minute, ORDER.index(rows[k].kind), k)
    )
    found: list[dict] = []
    owner: dict[int, int] = {}
    last: dict[tuple, tuple[int, float]] = {}  # (user, session, query) -> search, minute of its last row
    for k in order:
        r = rows[k]
        text = query_text(r.query or "")
        if text:
            key = (r.user, r.session, text)
            if key not in last or r.minute - last[key][1] > minutes:
                found.append({"user": r.user, "query": text, "minute": r.minute, "rows": []})
                last[key] = (len(found) - 1, r.minute)
            owner[k] = last[key][0]
            last[key] = (owner[k], r.minute)

    def before(k: int, good) -> int | None:
        """The last row before k in its visit, and near enough, that is good."""
        for j in reversed(order[: order.index(k)]):
            if (rows[j].user, rows[j].session) == (rows[k].user, rows[k].session) and good(j):
                return j if rows[k].minute - rows[j].minute <= minutes else None
        return None

    queried = set(owner)
    for k in order:
        if k not in owner and rows[k].kind == "exposure" and (j := before(k, lambda j: j in queried)) is not None:
            owner[k] = owner[j]
    listed = {owner[k] for k in order if k in owner and rows[k].kind == "exposure"}
    for k in order:
        if k in owner or rows[k].item is None:
            continue
        item = rows[k].item
        j = before(k, lambda j, item=item: j in owner and rows[j].kind == "exposure" and rows[j].item == item)
        if j is None:
            j = before(k, lambda j: j in queried)
            j = None if j is None or owner[j] in listed else j
        if j is not None:
            owner[k] = owner[j]
    for k in order:
        if k in owner and rows[k].item is not None:
            found[owner[k]]["rows"].append(rows[k])
    return found
