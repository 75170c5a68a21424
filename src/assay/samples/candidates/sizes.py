"""How many candidates each source may name: chosen by how much of what was taken the next few would add."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.samples.candidates.listing import MOST, Listing, places_of

_NEW = 0.2  # share of the places that is kept for what is new to the user
_STEPS = 25  # blocks that all places are given away in
_PERIODS = 2  # of the span, the first and the last, that recall is told by
_REQUESTS = 1_000  # of each


@dataclass(frozen=True)
class Step:
    """A block of places: to which source, which then has `places`; candidates a request and recall of all sources after it."""

    source: str
    places: int
    candidates: float
    recall: float


@dataclass(frozen=True)
class Choice:
    """Places by source, and the steps that led there."""

    sizes: dict[str, int]
    steps: Sequence[Step]


def choose(listing: Listing, begin: int, end: int, total: int) -> Choice:
    """Places of a usual request by source, until a request has `total` candidates in the mean.

    Block by block, each to the source whose next places add most takings a new candidate, in periods from begin up to, not
    including, end; ties to the first source. A fifth is kept for sources of what is new to the user. Where nobody took anything,
    or nothing is found, all go to the first source.
    """
    names = list(listing.sources)
    place, label, requests, truths = _places(replace(listing, sizes=dict.fromkeys(names, total)), begin, end)
    block = max(total // _STEPS, 1)
    sizes, steps = dict.fromkeys(names, 0), list[Step]()
    covered = np.zeros(len(label), bool)
    repeated = np.zeros(len(label), bool)
    while True:
        best, wanted, added, worth = "", 0, np.empty(0, np.int64), -1.0
        for k, name in enumerate(names):
            fresh = place[k][~covered & (place[k] <= total)]
            size = min(block * int(np.ceil(fresh.min(initial=total) / block)), total)  # the next that names anything new
            rows = np.flatnonzero((place[k] <= size) & ~covered)
            full = covered.sum() + len(rows) > total * requests
            if listing.sources[name].repeats:
                full |= repeated.sum() + len(rows) > (1.0 - _NEW) * total * requests
            if len(rows) and not full and label[rows].mean() > worth:
                best, wanted, added, worth = name, size, rows, float(label[rows].mean())
        if not best:
            break
        sizes[best] = wanted
        covered[added] = True
        repeated[added] |= listing.sources[best].repeats
        steps.append(
            Step(best, sizes[best], round(float(covered.sum()) / requests, 1), round(float(label[covered].sum()) / truths, 6))
        )
    return Choice(sizes if steps else {**sizes, names[0]: total}, steps)


def _places(listing: Listing, begin: int, end: int) -> tuple[NDArray[np.float64], NDArray[np.int8], int, int]:
    """Of all that sources name (n): places, labels, and how many requests and takings there are.

    places (k, n): the least size of each source at which it names the item; infinite where it does not. labels (n,): 1 if taken.
    """
    bought, size = listing.history.bought, len(listing.history.category)
    places: list[NDArray[np.float64]] = []
    labels: list[NDArray[np.int8]] = []
    requests = truths = 0
    for period in sorted({begin, end - 1})[:_PERIODS]:
        for moment in listing.moments(period, period + 1):
            rows = bought.between(period, period + 1)
            users = np.unique(bought.user[rows])
            users = users[:: max(len(users) // _REQUESTS, 1)].astype(np.int32)
            taken = bought.user[rows].astype(np.int64) * size + bought.item[rows]
            taken = taken[np.isin(bought.user[rows], users)]
            requests, truths = requests + len(users), truths + len(taken)
            each = _of_users(listing, moment, users)
            places.append(each[1])
            labels.append(np.isin(each[0], taken).astype(np.int8))
    width = len(listing.sources)
    return (
        np.concatenate(places, axis=1) if places else np.empty((width, 0)),
        np.concatenate(labels) if labels else np.empty(0, np.int8),
        requests,
        max(truths, 1),
    )


def _of_users(listing: Listing, moment: Any, users: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Keys (n,) of (user, item) that sources name, and their places (k, n)."""
    size, most = len(listing.history.category), max(listing.sizes.values())
    width = MOST + 1
    places = places_of(np.arange(most + 1), moment.appetite(users)[:, None])  # (m, most + 1), by size
    rising = (places + width * np.arange(len(users))[:, None]).ravel()
    found = []
    for name, _, items in listing.lists(moment, users):
        row, column = np.nonzero(items >= 0)
        key = users[row].astype(np.int64) * size + items[row, column]
        least = np.searchsorted(rising, width * row + column + 1) - (most + 1) * row
        found.append((list(listing.sources).index(name), key, least))
    keys = np.unique(np.concatenate([key for _, key, _ in found] or [np.empty(0, np.int64)]))
    place = np.full((len(listing.sources), len(keys)), np.inf)
    for k, key, at in found:
        place[k, np.searchsorted(keys, key)] = at
    return keys, place
