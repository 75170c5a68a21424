"""Evaluation protocols: what of a log a system may learn from, what it may know of a user, and what it is asked for.

An offline test answers the question of serving only when a system knows no more than it would know then. One global
time split keeps that; the others give it up in part for more requests, and each fold says in `warnings` what it lets
out, measured. Ji, Sun, Zhang and Li, "A critical study on data leakage in recommender system offline evaluation"
(TOIS 2023); Meng, McCreadie, Macdonald and Ounis, "Exploring data splitting strategies" (RecSys 2020).

`events`: anything that speaks Arrow with user_id, item_id (integers or text), timestamp (timestamps, dates, or integers
in any unit, negative ones too) and, where known, session_id. What comes out does not depend on the order of its rows;
a user's events at one time are in order of item id. InputError, everywhere: a column is missing, an id or a time is
null or NaN, there are fewer than two users, or none has two events.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.benchmark.protocols.interactions import Instant, Interactions, Ints, Length
from assay.errors import InputError
from assay.language import english
from assay.numerics.hashing import hash_ids, mix, uniform

Mask = NDArray[np.bool_]

_TAIL = 5  # one in so many of a held-out user's events is asked for, where no session is known


@dataclass(frozen=True)
class Fold:
    """One split of a log. A request asks what one user takes next; a user has one request at most.

    name: of the protocol, and which fold of it. cut: the first instant that is not learnt from, of the timestamps' type;
    None where there is no such instant. train: positions (n,) of the events to learn from. requests: request_id (int64,
    from 0 in order of user id), user_id, timestamp (when it is asked). truth: request_id, item_id, grade (1): the
    distinct items that the user then took, had before or not. known: positions (m,) of the events of the requests' users
    that a system may know when it answers; a user's own are his history, which may be empty. Positions rise. warnings:
    what the fold lets a system know that it will not know when it serves, and what it cannot know, with figures.
    """

    name: str
    cut: pa.Scalar | None
    train: Ints
    requests: pa.Table
    truth: pa.Table
    known: Ints
    warnings: tuple[str, ...]


def time_split(events: Any, *, test: float | timedelta | Instant = 0.2) -> Fold:
    """Learn from all before one instant, ask each user who comes after it what they take. The default protocol.

    test: a float, the share of the log's time that is tested on (its last part); a timedelta, how long that part is; or
    the instant of the cut itself (a datetime or date, UTC where it names no zone; an integer where timestamps are
    integers). Requests are asked at the cut. InputError: a share out of (0, 1), nothing before the cut or after it.
    """
    log = _checked(events)
    if isinstance(test, float):
        cut = log.end - max(1, round(_share(test, "test") * (log.end - log.first)))
    elif isinstance(test, timedelta):
        cut = log.end - log.ticks_in(test, "test")
    else:
        cut = log.tick_of(test, "test")
    return _at(log, "time_split", cut, log.end)


def rolling_origin(events: Any, *, horizon: Length, folds: int = 3) -> tuple[Fold, ...]:
    """Several time splits, one after another: each learns from all before its cut and asks for the `horizon` after it.

    horizon: a timedelta; an integer where timestamps are integers. The horizons are equal, do not overlap, and the last
    ends with the log. Folds in order of time. InputError: fewer than 1 fold, horizons that leave nothing to learn from,
    or one without an event.
    """
    log = _checked(events)
    if folds < 1:
        raise InputError(f"folds is {folds}; give 1 or more")
    length = log.ticks_in(horizon, "horizon")
    if folds * length >= log.end - log.first:
        raise InputError(
            f"{folds} horizons of {log.written(length)} are as long as the log or longer ({log.written(log.end - log.first)}): "
            "nothing is left to learn from; give a shorter horizon or fewer folds"
        )
    cuts = [log.end - left * length for left in range(folds, 0, -1)]
    return tuple(_at(log, f"rolling_origin {number} of {folds}", cut, cut + length) for number, cut in enumerate(cuts, start=1))


def user_holdout(events: Any, *, share: float = 0.2, seed: int = 7) -> Fold:
    """Hold some users out: learn from the others, know the first part of a held-out user's events, ask for the rest.

    share: of the users, chosen by a stable hash of seed and id, so that a user stays in or out as the log grows. The
    rest is what came since the start of the user's last session or, in a log without session_id, the last fifth of the
    events (rounded up). A request is asked at the first of it. InputError: a share out of (0, 1), no user or every one
    is held out.
    """
    log = _checked(events)
    held = uniform(mix(seed, hash_ids(log.users))) < _share(share, "share")
    if held.all() or not held.any():
        which = "all" if held.all() else "none"
        raise InputError(f"{which} of the {len(held)} users are held out at share {share:g}; change share or seed")
    own = held[log.user]
    rest = _last_fifth(log) if log.start is None else _last_session(log, log.start)
    truth = own & rest
    leaks = _later_events(log, ~own, truth)
    return _fold(log, "user_holdout", train=~own, truth=truth, known=own & ~rest, leaks=leaks)


def leave_last_out(events: Any) -> Fold:
    """Ask each user for the item of the last event, learn from all else: much used, and it leaks the future.

    Others' events from after a request are learnt from; the warnings say how much. A request is asked at the event's time.
    """
    log = _checked(events)
    last = np.zeros(len(log), np.bool_)
    user = log.user[log.order]
    last[log.order[np.append(user[1:] != user[:-1], True)]] = True
    return _fold(log, "leave_last_out", train=~last, truth=last, known=~last, leaks=_future(log, ~last, last))


def _checked(events: Any) -> Interactions:
    log = Interactions.of(events)
    if len(log.users) < 2:
        raise InputError(f"events are of {len(log.users)} user(s); a protocol needs 2 or more: bring more of the log")
    if len(log.users) == len(log):
        raise InputError(f"each of the {len(log.users)} users has one event only: nothing tells what one takes next; bring more")
    return log


def _share(share: float, name: str) -> float:
    if not 0 < share < 1:
        raise InputError(f"{name} is {share}; give a share between 0 and 1, without these two")
    return share


def _at(log: Interactions, name: str, cut: int, until: int) -> Fold:
    """Learn from what is before the cut, ask at the cut for what comes from there to `until` (ticks)."""
    train, truth = log.tick < cut, (log.tick >= cut) & (log.tick < until)
    if not train.any() or not truth.any():
        first, last, at, end = log.instants(np.array([log.first, log.end - 1, cut, until])).cast(pa.string()).to_pylist()
        missing = "from there on to test on" if train.any() else "before it to learn from"
        raise InputError(f"{name}: cut {at} (until {end}) has no event {missing}; the log goes from {first} to {last}")
    history = train & np.isin(log.user, log.user[truth])
    return _fold(log, name, train=train, truth=truth, known=history, cut=cut)


def _fold(
    log: Interactions, name: str, *, train: Mask, truth: Mask, known: Mask, cut: int | None = None, leaks: Sequence[str] = ()
) -> Fold:
    """A fold of masks (n,), asked at the cut (a tick), or else at the first event of each user's truth."""
    users, moments = _asked(log, truth)
    if cut is not None:
        moments = np.full(len(users), cut)
    items = len(log.items)
    pair = np.unique(log.user[truth] * items + log.item[truth])
    requests = {
        "request_id": np.arange(len(users)),
        "user_id": log.users.take(pa.array(users)),
        "timestamp": log.instants(moments),
    }
    wanted = {
        "request_id": np.searchsorted(users, pair // items),
        "item_id": log.items.take(pa.array(pair % items)),
        "grade": np.ones(len(pair), np.int64),
    }
    history, learnt = np.isin(users, log.user[known]), np.isin(pair % items, log.item[train])
    return Fold(
        name=name,
        cut=None if cut is None else log.instants(np.array([cut]))[0],
        train=np.flatnonzero(train),
        requests=pa.table(requests),
        truth=pa.table(wanted),
        known=np.flatnonzero(known),
        warnings=(*leaks, *_limits(history, learnt)),
    )


def _asked(log: Interactions, truth: Mask) -> tuple[Ints, Ints]:
    """Users (R,) with a truth, rising, and the first tick (R,) of each one's."""
    users, request = np.unique(log.user[truth], return_inverse=True)
    first = np.full(len(users), log.end)
    np.minimum.at(first, request, log.tick[truth])
    return users, first


def _last_session(log: Interactions, start: Ints) -> Mask:
    """(n,) events since the start of their user's last session."""
    last = np.full(len(log.users), np.iinfo(np.int64).min)
    np.maximum.at(last, log.user, start)
    return np.asarray(log.tick >= last[log.user])


def _last_fifth(log: Interactions) -> Mask:
    """(n,) the last fifth of each user's events, rounded up."""
    count = np.bincount(log.user)
    left = np.repeat(np.cumsum(count), count) - np.arange(len(log))  # events of the user from this one on
    rest = np.empty(len(log), np.bool_)
    rest[log.order] = left <= np.repeat(-(-count // _TAIL), count)
    return rest


def _percent(part: Any) -> str:
    return f"{100 * np.mean(part):.1f}"


def _limits(history: Mask, learnt: Mask) -> Iterator[str]:
    """What no system can know: requests (R,) without a history, truths (n,) that are not learnt of."""
    if not history.all():
        yield english(
            "{number} % of the {number_all} requests are of users without a history: nothing tells them apart",
            number=_percent(~history),
            number_all=f"{len(history):,}",
        )
    if not learnt.all():
        yield english(
            "{number} % of the {number_all} items asked for are in no event learnt from: no list can hold them",
            number=_percent(~learnt),
            number_all=f"{len(learnt):,}",
        )


def _later_events(log: Interactions, train: Mask, truth: Mask) -> tuple[str, ...]:
    """The future that a fold learns from, over held-out users' requests."""
    moments, learnt = _asked(log, truth)[1], np.sort(log.tick[train])
    later = 1.0 - np.searchsorted(learnt, moments, side="right") / len(learnt)
    if not later.any():
        return ()
    return (
        english(
            "{number} % of the events learnt from are later than a request, on average: a system may know later trends",
            number=_percent(later),
        ),
    )


def _future(log: Interactions, train: Mask, truth: Mask) -> tuple[str, ...]:
    """The future that leave-last-out learns from: others' later events, items still to come, and how much of it."""
    moments = log.tick[truth]
    end = int(log.tick[train].max())
    if not (moments < end).any():
        return ()
    never = np.iinfo(np.int64).max
    first = np.full(len(log.items), never)
    np.minimum.at(first, log.item[train], log.tick[train])
    new = (first[log.item[truth]] > moments) & (first[log.item[truth]] < never)
    future = log.written(float(np.median(np.maximum(end - moments, 0))))
    return (
        english(
            "for {number} % of the requests, events of other users from after the request are learnt from",
            number=_percent(moments < end),
        ),
        english(
            "{number} % of the items asked for were new to all at the request, yet later events of them are learnt from",
            number=_percent(new),
        ),
        english("the events learnt from go on for {length} after the median request", length=future),
    )
