"""Who had which item in which period, ordered for walking through time: the one view that draws and candidates share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.numerics.hashing import Hashes, hash_ids, mix
from assay.numerics.periods import days, hours, last_whole_day

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Triples:
    """Distinct (user, item, period), sorted by period, user, item.

    instant, hour: of the first event of each, microseconds since 1970-01-01 and hour of the day.
    """

    user: Codes
    item: Codes
    period: Codes
    instant: NDArray[np.int64]
    hour: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.user)

    @classmethod
    def distinct(cls, user: Codes, item: Codes, period: Codes, instant: NDArray[np.int64], hour: NDArray[np.int8]) -> "Triples":
        """The distinct ones of given triples (n,), in any order, each with the hour of its earliest instant."""
        order = np.lexsort((instant, item, user, period))
        every = cls(user, item, period, instant, hour).take(order)
        new = np.ones(len(every), bool)
        new[1:] = (np.diff(every.period) != 0) | (np.diff(every.user) != 0) | (np.diff(every.item) != 0)
        return every.take(new)

    @classmethod
    def joined(cls, parts: Sequence["Triples"]) -> "Triples":
        """Several, one after another; one at least."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))

    def take(self, rows: slice | NDArray[Any]) -> "Triples":
        """The triples of some rows."""
        return Triples(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def between(self, begin: int, end: int) -> slice:
        """Rows of the periods from begin up to, not including, end."""
        low, high = np.searchsorted(self.period, [begin, end])
        return slice(int(low), int(high))


@dataclass(frozen=True)
class Market:
    """What is known at the start of a period: nothing in it is later."""

    period: int
    on_sale: NDArray[np.bool_]  # (items,) sold or shown in the `available` periods before
    popular: Codes  # items of all purchases (distinct user, item, period) in those periods
    by_category: Codes  # the same, sorted by category
    category_begins: NDArray[np.int64]  # (categories + 1,) where each category begins in by_category


@dataclass(frozen=True)
class Counted:
    """How much each event (n,) counts as a taking, NaN for one that is none.

    how: several of a user, item and period count as the highest of them, as their sum, or once. What comes to 0 or less was not
    taken.
    """

    value: NDArray[np.float64]
    how: Literal["highest", "sum", "once"]


@dataclass(frozen=True)
class History:
    """Target events as distinct triples, with what is needed to draw from them.

    bought, shown: triples of target and of exposure events. category: (items,) codes, -1 unknown, numbered in
    order of name. user_hash, item_hash: (users,), (items,) stable hashes of the ids. own_item, own_period: each
    user's purchases in order of time, beginning at own_begins[user]. first_day, last_day: of all events, the last that the log
    covers to its end (see periods.last_whole_day); last_event_day: of the last event. amount (n,): how much each bought triple
    counts, where takings have amounts: the most of its events; None where each counts 1.
    """

    bought: Triples
    shown: Triples
    category: Codes
    categories: int
    user_hash: Hashes
    item_hash: Hashes
    own_item: Codes
    own_period: Codes
    own_begins: NDArray[np.int64]
    first_day: int
    last_day: int
    last_event_day: int
    amount: NDArray[np.float64] | None = None

    def markets(self, begin: int, end: int, available: int) -> Iterator[Market]:
        """The market at the start of every period from begin up to, not including, end."""
        for period in range(begin, end):
            window = self.bought.between(period - available, period)
            popular = self.bought.item[window]
            on_sale = np.zeros(len(self.category), bool)
            on_sale[popular] = True
            on_sale[self.shown.item[self.shown.between(period - available, period)]] = True
            categories = self.category[popular]
            order = np.argsort(categories, kind="stable")
            begins = np.searchsorted(categories[order], np.arange(self.categories + 1))
            yield Market(period, on_sale, popular, popular[order], begins)

    def past(self, users: NDArray[np.integer], period: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the takings of users (m,) before a period begin and end in own_item and own_period."""
        return self.own_begins[users].astype(np.int64), self.own_ends(period)[users]

    def own_ends(self, period: int) -> NDArray[np.int64]:
        """(users,) where each user's takings before a period end in own_item."""
        users = np.arange(len(self.own_begins) - 1)
        first, last = int(self.own_period.min(initial=0)), int(self.own_period.max(initial=0))
        span = last - first + 2
        key = np.repeat(users, np.diff(self.own_begins)) * span + (self.own_period - first)
        return np.searchsorted(key, users * span + min(max(period - first, 0), span - 1))

    def request_ids(self, user: Codes, period: Codes) -> NDArray[np.int64]:
        """(n,) stable ids of requests: a user in a period."""
        return mix(self.user_hash[user], period).view(np.int64)

    @cached_property
    def first_takings(self) -> NDArray[np.bool_]:
        """(n,) whether the user took the item of a bought triple for the first time then."""
        pair = self.bought.user.astype(np.int64) * len(self.category) + self.bought.item
        first = np.zeros(len(pair), bool)
        first[np.unique(pair, return_index=True)[1]] = True  # triples are in order of period
        return first

    def amounts(self, user: Codes, item: Codes, period: Codes) -> NDArray[np.float64]:
        """(n,) how much each (user, item, period) counts: 0 where it was not taken, 1 where takings have no amounts."""
        bought, sizes = self.bought, (len(self.user_hash), len(self.item_hash))
        rows, wanted = _packed(bought.user, bought.item, bought.period, sizes), _packed(user, item, period, sizes)
        if not len(rows):
            return np.zeros(len(wanted))
        place = np.minimum(np.searchsorted(rows, wanted), len(rows) - 1)
        counted = np.ones(len(rows)) if self.amount is None else self.amount
        return np.where(rows[place] == wanted, counted[place], 0.0)

    def hours(self, user: Codes, period: Codes) -> NDArray[np.int8]:
        """(n,) hour of the day at which each request first took something; -1 where it took nothing."""
        if not len(self.bought):
            return np.full(len(user), -1, np.int8)
        bought, users = self.bought, len(self.user_hash)
        bought = bought.take(np.lexsort((bought.instant, bought.user, bought.period)))
        distinct, first = np.unique(bought.period.astype(np.int64) * users + bought.user, return_index=True)
        wanted = period.astype(np.int64) * users + user
        place = np.minimum(np.searchsorted(distinct, wanted), len(distinct) - 1)
        return np.where(distinct[place] == wanted, bought.hour[first[place]], -1).astype(np.int8)

    def next_period(self, period_days: int) -> int:
        """The period after the one of the last event."""
        return self.last_event_day // period_days + 1


def history(
    events: pa.Table,
    users: pa.Table,
    items: pa.Table,
    target: str,
    period_days: int,
    time_zone: str = "UTC",
    counted: Counted | None = None,
) -> History:
    """Read clean events, users (in order of user_code) and items (in order of item_code); hours are those of time_zone.

    counted: which events are takings, and how much each counts, in place of those of the kind `target`.
    """
    day = days(events.column("timestamp"))
    instant = pc.cast(events.column("timestamp"), pa.int64()).to_numpy()
    hour = hours(events.column("timestamp"), time_zone)

    def triples(of_kind: pa.Array) -> Triples:
        rows = pc.and_(of_kind, pc.is_valid(events.column("item_code")))
        mask = pc.fill_null(rows, False).to_numpy(zero_copy_only=False)
        user, item = (events.column(c).filter(rows).to_numpy().astype(np.int32) for c in ("user_code", "item_code"))
        return Triples.distinct(user, item, (day[mask] // period_days).astype(np.int32), instant[mask], hour[mask])

    kinds = events.column("event")
    amount: NDArray[np.float64] | None = None
    if counted is None:
        bought = triples(pc.equal(kinds, target))
    else:
        bought = triples(pa.chunked_array([pa.array(counted.value > 0)]))  # what brought nothing was taken at no hour
        amount = _amounts(bought, events, day // period_days, counted, (users.num_rows, items.num_rows))
        bought, amount = bought.take(amount > 0), amount[amount > 0] if counted.how != "once" else None
    category, names = category_codes(items)
    order = np.lexsort((bought.item, bought.period, bought.user))
    return History(
        bought=bought,
        shown=triples(pc.equal(kinds, "exposure")),
        category=category,
        categories=names,
        user_hash=hash_ids(users.column("user_id")),
        item_hash=hash_ids(items.column("item_id")),
        own_item=bought.item[order],
        own_period=bought.period[order],
        own_begins=np.searchsorted(bought.user[order], np.arange(users.num_rows + 1)),
        first_day=int(day.min()) if len(day) else 0,
        last_day=last_whole_day(events.column("timestamp"), period_days),
        last_event_day=int(day.max()) if len(day) else -1,
        amount=amount,
    )


def _packed(user: NDArray[Any], item: NDArray[Any], period: NDArray[Any], sizes: tuple[int, int]) -> NDArray[np.int64]:
    """(n,) one number for each (user, item, period), in order of period, user, item; sizes: users and items."""
    users, items = sizes
    return np.asarray((period.astype(np.int64) * users + user) * items + item, np.int64)


def _amounts(
    bought: Triples, events: pa.Table, period: NDArray[Any], counted: Counted, sizes: tuple[int, int]
) -> NDArray[np.float64]:
    """How much each bought triple (n,) counts."""
    item = events.column("item_code").to_numpy()  # NaN where null
    rows = np.flatnonzero(~np.isnan(counted.value) & ~np.isnan(item.astype(np.float64)))
    user = events.column("user_code").to_numpy()[rows]
    triples = _packed(bought.user, bought.item, bought.period, sizes)
    wanted = _packed(user, item[rows].astype(np.int64), period[rows], sizes)
    inside = np.isin(wanted, triples)
    place, value = np.searchsorted(triples, wanted[inside]), counted.value[rows[inside]]
    if counted.how == "sum":
        return np.bincount(place, value, minlength=len(bought)).astype(np.float64)
    highest = np.full(len(bought), -np.inf)
    np.maximum.at(highest, place, value)
    return highest


def category_codes(items: pa.Table, column: str = "category") -> tuple[Codes, int]:
    """Codes (items,) of a text column in order of text, -1 where null; and how many there are."""
    text = pc.cast(items.column(column), pa.string())
    names = pc.unique(text.drop_null()).sort()
    codes = pc.fill_null(pc.index_in(text, names), -1).to_numpy(zero_copy_only=False).astype(np.int32)
    return codes, len(names)
