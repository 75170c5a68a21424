"""Steps of visits: what a user took next in a session, and what they had taken in it before."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import InputError
from assay.logs.clean_log import CleanLog
from assay.logs.history import Codes
from assay.numerics.baskets import ranges
from assay.numerics.hashing import mix
from assay.numerics.periods import periods_of
from assay.samples.table import STEPS

Ints = NDArray[np.int64]
_IDLE = 30 * 60 * 1_000_000  # microseconds after which an event without a session id begins a visit
_COLUMNS = ("user_code", "item_code", "event", "timestamp", "session_id")


@dataclass(frozen=True)
class Steps:
    """Steps (n,) of visits, in order of user, visit and time; and the visits (v,), in the same order.

    A visit is a session of a user, by its id; events without one are of the same visit until the user is idle for half an hour. A
    step is all that a visit took at one instant; taking again what alone was taken in the step before is no new step. item
    (m,): what steps took, step k at begins[k] ... begins[k + 1] - 1. user, period, instant (microseconds since 1970) of steps;
    number: how many steps the user made before in the same period. first (v + 1,): where visits begin.

    Codes of requests: k below n is step k, asked for what it took; n + j is what visit j would take after its last step.
    """

    user: Codes
    period: Codes
    instant: Ints
    number: Codes
    begins: Ints
    item: Codes
    first: Ints
    reloads: int

    def __len__(self) -> int:
        return len(self.user)

    @cached_property
    def of_item(self) -> Codes:
        """(m,) the step of each item."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.begins))

    @cached_property
    def visit(self) -> Ints:
        """(n + v,) the visit of each request."""
        visits = np.arange(len(self.first) - 1)
        return np.concatenate([np.repeat(visits, np.diff(self.first)), visits])

    @cached_property
    def steps_before(self) -> tuple[Ints, Ints]:
        """(n + v,) the first step of each request's visit, and the step after the last that is known to it."""
        return self.first[self.visit], np.append(np.arange(len(self)), self.first[1:])

    @cached_property
    def asking(self) -> NDArray[np.bool_]:
        """(n,) whether a step is a request: something was taken before it in its visit."""
        first, before = self.steps_before
        return (before > first)[: len(self)]

    @property
    def returning(self) -> bool:
        """Whether any user has two visits: else nothing is known of a user but the visit."""
        return len(self.first) - 1 > len(np.unique(self.user))

    @cached_property
    def users(self) -> Codes:
        """(n + v,) the user of each request."""
        return np.append(self.user, self.user[self.first[:-1]])

    @cached_property
    def numbers(self) -> Codes:
        """(n + v,) how many steps the user of a request made before it in its period, or in that of the visit's last step."""
        return np.append(self.number, self.number[self.first[1:] - 1] + np.int32(1))

    @cached_property
    def moments(self) -> Ints:
        """(n + v,) what orders the requests of a user: as Samples.moment."""
        period = np.append(self.period, self.period[self.first[1:] - 1])
        return period.astype(np.int64) * STEPS + self.numbers

    def takings_before(self, requests: NDArray[np.integer]) -> tuple[Ints, Ints]:
        """Where what requests (r,) know of their visits begins and ends in `item`."""
        first, last = self.steps_before
        return self.begins[first[requests]], self.begins[last[requests]]

    def ids(self, requests: NDArray[np.integer], user_hash: NDArray[np.uint64]) -> Ints:
        """(r,) stable ids of requests."""
        return mix(user_hash[self.users[requests]], self.moments[requests]).view(np.int64)

    def taken(self, requests: NDArray[np.integer]) -> tuple[Ints, Codes]:
        """What steps (r,) took: the place of each among them, and its item."""
        begins, ends = self.begins[requests], self.begins[requests + 1]
        return np.repeat(np.arange(len(requests)), ends - begins), self.item[ranges(begins, ends)]

    def account(self) -> dict[str, int]:
        """Visits, visits of one step, steps, and takings left out as reloads."""
        return {
            "visits": len(self.first) - 1,
            "visits_of_one_step": int((np.diff(self.first) == 1).sum()),
            "steps": len(self),
            "reloads": self.reloads,
        }


def steps(log: CleanLog, target: str, period_days: int) -> Steps:
    """The steps of a log's target events. InputError: none of its visits has two steps, or a user has too many in a period."""
    events = log.events(*_COLUMNS)
    rows = pc.and_(pc.equal(events.column("event"), target), pc.is_valid(events.column("item_code")))
    events = events.filter(pc.fill_null(rows, False))
    user, item = (events.column(name).to_numpy().astype(np.int32) for name in ("user_code", "item_code"))
    instant = np.asarray(pc.cast(events.column("timestamp"), pa.int64()).to_numpy())
    visit = _visits(user, instant, events.column("session_id"))
    order = np.lexsort((item, instant, visit))
    order = order[~_repeated(visit[order], instant[order], item[order])]
    reloaded = _reloads(visit[order], instant[order], item[order])
    rows = order[~reloaded]
    new = ~_repeated(visit[rows], instant[rows])
    at = rows[new]
    first = np.flatnonzero(np.diff(visit[at], prepend=-1))
    if len(first) == len(at):
        raise InputError(
            f"no session of the log has two {target!r} events, so none has a next step; map session_id, or set [samples]"
            ' request = "user"'
        )
    period = periods_of(events.column("timestamp"), period_days)[at]
    number = _numbers(user[at], period, instant[at])
    if int(number.max()) >= STEPS - 1:
        raise InputError(f"a user of the log has {int(number.max()) + 1:,} {target!r} events in a period; lower period_days")
    begins, visits = np.append(np.flatnonzero(new), len(rows)), np.append(first, len(at))
    return Steps(user[at], period, instant[at], number, begins, item[rows], visits, int(reloaded.sum()))


def _repeated(*columns: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,) whether a row equals the one before it in all columns (n,)."""
    again = np.ones(len(columns[0]), bool)
    again[:1] = False
    for column in columns:
        again[1:] &= np.diff(column) == 0
    return again


def _visits(user: Codes, instant: Ints, session: pa.ChunkedArray) -> Ints:
    """(n,) numbers of visits, rising with the user and with the visit's first instant."""
    coded = session.combine_chunks().dictionary_encode()
    code = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    order = np.lexsort((instant, code, user))
    new = ~_repeated(user[order], code[order])
    new[1:] |= (code[order][1:] < 0) & (np.diff(instant[order]) > _IDLE)
    run = np.cumsum(new) - 1
    begins = order[np.flatnonzero(new)]
    rank = np.empty(len(begins), np.int64)
    rank[np.lexsort((instant[begins], user[begins]))] = np.arange(len(begins))
    out = np.empty(len(order), np.int64)
    out[order] = rank[run]
    return out


def _reloads(visit: Ints, instant: Ints, item: Codes) -> NDArray[np.bool_]:
    """(n,) whether an event, in order of visit, instant and item, alone at its instant repeats the one alone before it."""
    shared = _repeated(visit, instant)
    alone = ~(shared | np.append(shared[1:], False))
    return np.asarray(_repeated(visit, item) & alone & np.append(False, alone[:-1]))


def _numbers(user: Codes, period: Codes, instant: Ints) -> Codes:
    """(n,) how many steps of the same user and period are earlier; of one instant, in order of visit."""
    order = np.lexsort((instant, period, user))
    begins = np.flatnonzero(~_repeated(user[order], period[order]))
    out = np.empty(len(order), np.int32)
    out[order] = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    return out
