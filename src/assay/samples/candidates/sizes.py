"""How many candidates each source may name: chosen by how much of what was taken the next few would add."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.config import SamplesSection
from assay.samples.candidates.listing import MOST, Listing, places_of
from assay.samples.candidates.moment import Moment
from assay.samples.candidates.sources import USUAL

_Listing = TypeVar("_Listing", bound=Listing)
_NEW = 0.2  # share of the places that is kept for what is new to the user
_STEPS = 25  # blocks that all places are given away in
_PERIODS = 2  # of the span, the first and the last, that recall is told by
_REQUESTS = 1_000  # of each

# What a source names: the least size at which it names something, rising, and its row among all that sources name.
_List: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
_NONE: _List = (np.empty(0, np.int64), np.empty(0, np.int64))


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


def sized(listing: _Listing, section: SamplesSection, span: tuple[int, int]) -> tuple[_Listing, list[dict[str, Any]]]:
    """A listing with sizes by the config, or chosen in a span of periods, and the steps of the choice (asdict of Step).

    Sizes are chosen for the sources that the config names, or else for the usual ones.
    """
    if section.candidate_sizes:
        return replace(listing, sizes=section.candidate_sizes), []
    names = section.candidate_sources or USUAL[section.request]
    asked = {name: source for name, source in listing.sources.items() if name in names}
    choice = choose(replace(listing, sources=asked, scored=()), *span, section.candidates)
    return replace(listing, sizes=choice.sizes), [asdict(step) for step in choice.steps]


def choose(listing: Listing, begin: int, end: int, total: int) -> Choice:
    """Places of a usual request by source, until a request has `total` candidates in the mean.

    Block by block, each to the source whose next places add most takings a new candidate, in periods from begin up to, not
    including, end; ties to the first source. A fifth is kept for sources of what is new to the user. Where nobody took anything,
    or nothing is found, all go to the first source.
    """
    names = list(listing.sources)
    lists, label, requests, truths = _named(replace(listing, sizes=dict.fromkeys(names, total)), begin, end)
    block = max(total // _STEPS, 1)
    sizes, steps = dict.fromkeys(names, 0), list[Step]()
    covered = np.zeros(len(label), bool)
    all_rows = repeats = taken = 0
    while True:
        best, wanted, added, worth = "", 0, np.empty(0, np.int64), -1.0
        for name, named in zip(names, lists, strict=True):
            size, rows = _next(named, sizes[name], block, total, covered)
            full = all_rows + len(rows) > total * requests
            if listing.sources[name].repeats:
                full |= repeats + len(rows) > (1.0 - _NEW) * total * requests
            if len(rows) and not full and label[rows].mean() > worth:
                best, wanted, added, worth = name, size, rows, float(label[rows].mean())
        if not best:
            break
        sizes[best] = wanted
        covered[added] = True
        all_rows, taken = all_rows + len(added), taken + int(label[added].sum())
        repeats += len(added) if listing.sources[best].repeats else 0
        steps.append(Step(best, sizes[best], round(all_rows / requests, 1), round(taken / truths, 6)))
    return Choice(sizes if steps else {**sizes, names[0]: total}, steps)


def _next(named: _List, size: int, block: int, total: int, covered: NDArray[np.bool_]) -> tuple[int, NDArray[np.int64]]:
    """The next size at which a source names anything new, and the rows of that; none where it has no more."""
    place, row = named
    low = int(np.searchsorted(place, size, side="right"))
    while size < total:
        size = min(size + block, total)
        high = int(np.searchsorted(place, size, side="right"))
        rows = row[low:high][~covered[row[low:high]]]
        if len(rows):
            return size, rows
        low = high
    return size, row[:0]


def _named(listing: Listing, begin: int, end: int) -> tuple[list[_List], NDArray[np.int8], int, int]:
    """What each source names, the labels (n,) of all that is named (1: taken), and how many requests and takings there are."""
    size = len(listing.history.category)
    lists: list[list[_List]] = [[] for _ in listing.sources]
    labels: list[NDArray[np.int8]] = []
    requests = truths = 0
    for period in sorted({begin, end - 1})[:_PERIODS]:
        for moment in listing.moments(period, period + 1):
            users, taken = listing.requests(period)
            users = users[:: max(len(users) // _REQUESTS, 1)]
            taken = taken[np.isin(taken // size, users)]
            requests, truths, before = requests + len(users), truths + len(taken), sum(map(len, labels))
            keys, each = _of_users(listing, moment, users)
            labels.append(np.isin(keys, taken).astype(np.int8))
            for k, (place, row) in enumerate(each):
                lists[k].append((place, row + before))
    joined = [_sorted(*(np.concatenate(part) for part in zip(*each, strict=True))) if each else _NONE for each in lists]
    return joined, np.concatenate([*labels, np.empty(0, np.int8)]), requests, max(truths, 1)


def _sorted(place: NDArray[np.int64], row: NDArray[np.int64]) -> _List:
    order = np.argsort(place, kind="stable")
    return place[order], row[order]


def _of_users(listing: Listing, moment: Moment, users: NDArray[np.int32]) -> tuple[NDArray[np.int64], list[_List]]:
    """Keys (n,) of (user, item) that sources name, rising, and the list of each source."""
    size, most = len(listing.history.category), max(listing.sizes.values())
    width = MOST + 1
    places = places_of(np.arange(most + 1), moment.appetite(users)[:, None])  # (m, most + 1), by size
    rising = (places + width * np.arange(len(users))[:, None]).ravel()
    named = dict.fromkeys(listing.sources, _NONE)
    for name, _, items in listing.lists(moment, users):
        row, column = np.nonzero(items >= 0)
        least = np.searchsorted(rising, width * row + column + 1) - (most + 1) * row
        named[name] = least, users[row].astype(np.int64) * size + items[row, column]
    keys, row = np.unique(np.concatenate([key for _, key in named.values()]), return_inverse=True)
    ends = np.cumsum([len(place) for place, _ in named.values()])
    rows = np.split(row, ends[:-1])
    return keys, [(place, row) for (place, _), row in zip(named.values(), rows, strict=True)]
