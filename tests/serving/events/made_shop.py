"""A made shop of which everything is known: whom what pleases, and how likely each place of a list is looked at."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from assay.engines.journal import Batch
from assay.logs.clean_log import CleanLog
from assay.serving.events import Exploration, GivenList, Rules, batch

START = dt.datetime(2025, 1, 6, 9, tzinfo=dt.UTC)  # a Monday


@dataclass(frozen=True)
class Shop:
    """Users like one group of items. items, groups, shown: numbers. A click: the place is looked at, and the item pleases."""

    items: int = 12
    groups: int = 3
    shown: int = 6

    @property
    def looked_at(self) -> np.ndarray:
        """(shown,) how likely each place is looked at."""
        return 1 / np.arange(1, self.shown + 1)

    @property
    def pleases(self) -> np.ndarray:
        """(groups, items) how likely an item pleases a user who likes a group."""
        item = np.arange(self.items)
        return 0.07 + 0.45 * (item % self.groups == np.arange(self.groups)[:, None]) - 0.02 * item / self.items

    @property
    def best(self) -> np.ndarray:
        """(groups, items) the items in the order in which they please."""
        return np.argsort(-self.pleases, axis=1, kind="stable")

    def clicks(self, orders: np.ndarray, groups: np.ndarray) -> float:
        """Expected clicks per shown item of lists (n, >= shown) for users (n,) of these groups."""
        chances = self.pleases[groups[:, None], orders[:, : self.shown]] * self.looked_at
        return float(chances.mean())


def log_of(shop: Shop, users: int, lists: int, exploration: Exploration, rng: np.random.Generator) -> tuple[CleanLog, np.ndarray]:
    """What came back of lists of each of some users, all from one ranking by item number; and the users' groups (users,).

    Users are drawn anew: the groups that they like, and how much they click.
    """
    group = rng.integers(shop.groups, size=users)
    eager = rng.uniform(0.7, 1.3, users)
    user = np.repeat(np.arange(users), lists)
    names = [f"{rng.integers(2**62):x}-{k}" for k in range(len(user))]
    item = exploration.ranks(names, shop.items, shop.shown)
    chances = exploration.propensities(shop.items, shop.shown)[item, np.arange(shop.shown)]
    clicked = rng.random(item.shape) < shop.pleases[group[user][:, None], item] * shop.looked_at * eager[user][:, None]
    row = np.arange(item.size)
    exposures = {
        "user_id": np.repeat(user, shop.shown), "item_id": item.ravel(), "list_id": np.repeat(names, shop.shown),
        "position": 1 + row % shop.shown, "propensity": chances.ravel(),
    }  # fmt: skip
    shown = pa.table(exposures | {"event": ["exposure"] * len(row), "timestamp": pa.array(row, pa.timestamp("us", tz="UTC"))})
    taken = shown.filter(pa.array(clicked.ravel()))
    taken = taken.set_column(taken.schema.names.index("event"), "event", pa.array(["view"] * taken.num_rows))
    return CleanLog.of(pa.concat_tables([shown, taken]), pa.table({}), pa.table({})), group


def visits(
    shop: Shop, orders: np.ndarray, groups: np.ndarray, weeks: range, give_list, rng: np.random.Generator, each: int = 3
) -> Iterator[tuple[GivenList, Batch | None, dt.datetime]]:
    """`each` lists a week for every user: what `give_list(user, order, list_id)` gave, what was bought of it, and when."""
    for week in weeks:
        for user, group in enumerate(groups):
            for visit in range(each):
                at = START + dt.timedelta(days=7 * week + int(rng.integers(7)), hours=visit, seconds=int(rng.integers(3_000)))
                given = give_list(user, orders[user].tolist(), f"{week}-{user}-{visit}")
                looked = shop.pleases[group, np.array(given.items)] * shop.looked_at
                bought = np.flatnonzero(rng.random(shop.shown) < looked)
                later = (at + dt.timedelta(minutes=2)).isoformat()
                said = [
                    {
                        "event": "purchase", "user_id": user, "item_id": given.items[place], "list_id": given.list_id,
                        "timestamp": later, "price": "2.50",
                    }
                    for place in bought.tolist()
                ]  # fmt: skip
                done = batch(f"{week}-{user}-{visit}", said, Rules(), at + dt.timedelta(minutes=3)) if said else None
                yield given, done, at
