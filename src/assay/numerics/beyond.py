"""Measures beyond accuracy: what is in the lists, whether it was wanted or not. Arrays in, one number per request out.

top_items (R, k): item codes of each list, best first, -1 behind its end. What all lists have together (coverage, Gini) is no
mean over requests: each request gets its part, so that the mean of the parts is the measure, and their variance over users
that of leaving one user out (the jackknife, which errs on the wide side: Efron and Stein, "The jackknife estimate of
variance", Annals of Statistics 1981).
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assay.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def novelty(top_items: Ints, popularity: Floats) -> Floats:
    """Mean of -log2(popularity) over each top list (R,), in bits; NaN for an empty list.

    popularity (items,): share of the users who took an item; one that nobody took counts as the rarest that somebody did (NaN
    where nobody took anything). The self-information of Zhou et al. (PNAS 2010), as RecTools' MeanInvUserFreq, which counts an
    item that nobody took as one user's.
    """
    taken = popularity[popularity > 0]
    rarest = taken.min() if len(taken) else np.nan
    return _mean_over_list(top_items, -np.log2(np.maximum(popularity, rarest)))


def mean_popularity(top_items: Ints, popularity: Floats) -> Floats:
    """Mean popularity of each top list (R,); NaN for an empty list."""
    return _mean_over_list(top_items, popularity)


def popularity_share(top_items: Ints, head: NDArray[np.bool_]) -> Floats:
    """Share of each top list (R,) that is head items; head (items,) bool; NaN for an empty list."""
    return _mean_over_list(top_items, np.asarray(head, np.float64))


def head_items(popularity: NDArray[Any], share: float = 0.5) -> NDArray[np.bool_]:
    """(items,) True for the most popular items that together hold `share` of all popularity.

    Ties by item code, lowest first; an item nobody took is never head.
    """
    counts = np.asarray(popularity)
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    head = np.zeros(len(counts), np.bool_)
    head[order] = (before < share * counts.sum()) & (counts[order] > 0)
    return head


def serendipity(top_items: Ints, hit: NDArray[np.bool_], popularity: Floats) -> Floats:
    """Mean over each top list (R,) of hit * max(own - anyone's, 0), in [0, 1]; NaN for an empty list.

    hit (R, k): whether the place is relevant. Of n items, own is (n + 1 - place) / n, and anyone's (n + 1 - rank) / n by the rank
    of the item's popularity (items,): 1 + how many items are more popular; 0 for one that nobody took. Murakami, Mori and Orihara
    (JSAI 2007) as in RecTools' Serendipity, which ranks dense (1 + how many other popularities are higher).
    """
    n = len(popularity)
    rank = n - np.searchsorted(np.sort(popularity), popularity, side="right") + 1
    anyone = np.where(popularity > 0, (n + 1 - rank) / n, 0.0)
    own = (n - np.arange(top_items.shape[1])) / n
    present = top_items >= 0
    gained = np.where(present & hit, np.maximum(own - anyone[np.where(present, top_items, 0)], 0.0), 0.0)
    return _over_length(gained.sum(axis=1), present)


def diversity(top_items: Ints, category: NDArray[Any]) -> Floats:
    """Share of item pairs of each top list (R,) whose categories differ; NaN without a pair of known ones.

    category (items,): codes, -1 for one that is not known. Intra-list diversity (Ziegler et al., WWW 2005) with 0/1 distance.
    """
    return _diversity(np.asarray(top_items, np.int64), np.asarray(category, np.int64))


@njit(cache=True)
def _diversity(top: Ints, category: Ints) -> Floats:
    result = np.full(len(top), np.nan)
    for r in range(len(top)):
        pairs = differ = 0
        for a in range(top.shape[1]):
            for b in range(a):
                if top[r, a] >= 0 and top[r, b] >= 0 and category[top[r, a]] >= 0 and category[top[r, b]] >= 0:
                    pairs += 1
                    differ += category[top[r, a]] != category[top[r, b]]
        if pairs:
            result[r] = differ / pairs
    return result


def popularity_lift_parts(popularity: Floats, past: Floats) -> Floats:
    """Each request's part (R,) in the popularity lift; NaN where the list or the past is empty.

    The lift is mean(popularity) / mean(past) - 1 over requests that have both, the relative change from what users took
    themselves to what they get. popularity (R,): mean of the list's; past (R,): mean of what its user took before. Abdollahpouri,
    Mansoury, Burke and Mobasher (RecSys 2020). The parts are the ratio's influences.
    """
    both = ~(np.isnan(popularity) | np.isnan(past))
    parts = np.full(len(popularity), np.nan)
    if not both.any() or past[both].sum() == 0:
        return parts
    above, below = popularity[both], past[both]
    ratio = above.mean() / below.mean()
    parts[both] = ratio - 1.0 + (above - ratio * below) / below.mean()
    return parts


def coverage(top_items: Ints, catalogue: int) -> float:
    """Share of the catalogue that is in at least one top list."""
    if catalogue < 1:
        raise InputError("the catalogue is empty; coverage needs at least one item")
    return len(np.unique(top_items[top_items >= 0])) / catalogue


def coverage_parts(top_items: Ints, user: NDArray[Any], catalogue: int) -> Floats:
    """Each request's part (R,) in the coverage; user (R,): whose list it is. Leaving a user out loses what no other one gets."""
    value = coverage(top_items, catalogue)
    codes = np.unique(user, return_inverse=True)[1]
    of, items = _entries(top_items, codes)
    pair = np.unique(of * np.int64(catalogue) + items)
    alone = np.bincount(pair % catalogue, minlength=catalogue) == 1
    lost = np.bincount(pair // catalogue, alone[pair % catalogue], minlength=int(codes.max(initial=-1)) + 1) / catalogue
    return _parts(value, lost, codes)


def gini(top_items: Ints, catalogue: int) -> float:
    """Gini index of exposure, in [0, 1): 0 where all items stand in as many lists, towards 1 where few have all places.

    Half the mean difference of two items' numbers of lists over their mean, items of the catalogue that nobody gets included; NaN
    without lists. Gini (1912); as a measure of recommenders Fleder and Hosanagar (Management Science 2009).
    """
    counts = np.sort(np.bincount(top_items[top_items >= 0], minlength=catalogue))
    total = counts.sum()
    if not total:
        return float("nan")
    return float(_pairwise(counts) / (catalogue * total))


def gini_parts(top_items: Ints, user: NDArray[Any], catalogue: int) -> Floats:
    """Each request's part (R,) in the Gini index; NaN without lists. user (R,): whose list it is."""
    value = gini(top_items, catalogue)
    if np.isnan(value):
        return np.full(len(top_items), np.nan)
    codes = np.unique(user, return_inverse=True)[1]
    of, items = _entries(top_items, codes)
    order = np.argsort(of, kind="stable")
    starts = np.searchsorted(of[order], np.arange(int(codes.max()) + 2))
    counts = np.bincount(items, minlength=catalogue)
    without = _gini_without(starts, items[order], counts, float(_pairwise(np.sort(counts))))
    return _parts(value, np.where(np.isnan(without), 0.0, value - without), codes)


def _pairwise(rising: NDArray[np.integer]) -> float:
    """Sum over pairs of the differences of numbers (n,) in rising order."""
    n = len(rising)
    return float(np.dot(2.0 * np.arange(n) - n + 1, rising.astype(np.float64)))


@njit(cache=True)
def _gini_without(starts: Ints, items: Ints, counts: Ints, pairwise: float) -> Floats:
    """Gini (U,) without each user's entries starts[u]:starts[u + 1] of items; NaN where nothing is left.

    counts (n,): entries of each item, and pairwise the sum of their differences. One entry less changes that sum by how many
    items stand above and below.
    """
    n, total = len(counts), counts.sum()
    below = np.zeros(counts.max() + 1, np.int64)  # how many items have so many entries or fewer
    for c in counts:
        below[c] += 1
    for c in range(1, len(below)):
        below[c] += below[c - 1]
    result = np.full(len(starts) - 1, np.nan)
    for u in range(len(result)):
        left = total - (starts[u + 1] - starts[u])
        if left == 0:
            continue
        differences = pairwise
        for e in range(starts[u], starts[u + 1]):
            counts[items[e]] -= 1
            c = counts[items[e]]
            differences += n - 1 - 2 * below[c]
            below[c] += 1
        result[u] = differences / (n * left)
        for e in range(starts[u], starts[u + 1]):
            below[counts[items[e]]] -= 1
            counts[items[e]] += 1
    return result


def _entries(top_items: Ints, codes: Ints) -> tuple[Ints, Ints]:
    """User code and item (entries,) of every filled place."""
    listed = top_items >= 0
    return np.repeat(codes, listed.sum(axis=1)), top_items[listed]


def _parts(value: float, lost: Floats, codes: Ints) -> Floats:
    """Parts (R,) with mean `value`, from what leaving each user out loses (U,); codes (R,): the requests' users.

    The pseudo-values of Tukey, without their bias correction: the value is what so many users get, not what more would.
    """
    users, requests = len(lost), len(codes)
    if not requests:
        return np.zeros(0)
    by_user = (users - 1) / users * requests * (lost - lost.mean())
    return np.asarray(value + (by_user / np.bincount(codes, minlength=users))[codes])


def filled(values: Floats) -> Floats:
    """Scores (R,) of all requests, from values (R,) of which some are NaN, with the mean of those that are not.

    Where there is none a request scores that mean; the others' distances from it are scaled up, so that the variance over users
    is that of a mean over the defined ones, to first order. All NaN stays so.
    """
    present = ~np.isnan(values)
    if present.all() or not present.any():
        return values
    mean = values[present].mean()
    scores: Floats = np.where(present, mean + (values - mean) * (len(values) / present.sum()), mean)
    return scores


def _mean_over_list(top_items: Ints, value: Floats) -> Floats:
    present = top_items >= 0
    return _over_length(np.where(present, value[np.where(present, top_items, 0)], 0.0).sum(axis=1), present)


def _over_length(total: Floats, present: NDArray[np.bool_]) -> Floats:
    length = present.sum(axis=1)
    mean: Floats = np.divide(total, length, out=np.full(len(present), np.nan), where=length > 0)
    return mean
