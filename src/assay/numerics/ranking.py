"""Measures of ranked lists, one number a request: arrays in, arrays out.

Requests lie one after another: request r owns the rows offsets[r]:offsets[r + 1]. Within a request rows
are ranked by score, highest first, ties by trec_eval's rule (document id as a string, highest first),
which `tie_order` turns into integers once. Equal to trec_eval's measures to 1e-9.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from assay.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RANKING = ("precision", "recall", "hit_rate", "mrr", "map", "ndcg")


def tie_order(ids: Iterable[object]) -> Ints:
    """Rank (n,) of each id among all ids, as strings by Unicode code point (that is, by UTF-8 bytes), from 0.

    Equal ids share a rank. Of two rows with equal scores the one with the higher rank comes first.
    """
    texts = [str(one) for one in ids]
    rank = {text: position for position, text in enumerate(sorted(set(texts)))}
    return np.array([rank[text] for text in texts], np.int64)


def request_offsets(request: NDArray[Any]) -> tuple[NDArray[Any], Ints]:
    """Distinct requests (R,) and their offsets (R + 1,) from rows (n,) whose requests do not fall."""
    request = np.asarray(request)
    if np.any(request[1:] < request[:-1]):
        raise InputError("rows are not in order of request; sort them by request first")
    starts = np.flatnonzero(np.append(True, request[1:] != request[:-1])) if len(request) else np.zeros(0, np.int64)
    return request[starts], np.append(starts, len(request)).astype(np.int64)


def top_k(offsets: Ints, score: Floats, tie: Ints, k: int) -> Ints:
    """Row numbers (R, k) of each request's best k rows, best first; -1 where the list is shorter.

    score (n,) without NaN, infinities allowed; tie (n,) from tie_order.
    """
    score = np.asarray(score, np.float64)
    if k < 1:
        raise InputError(f"k is {k}; use 1 or more")
    if len(offsets) < 1 or offsets[0] != 0 or offsets[-1] != len(score) or np.any(np.diff(offsets) < 0):
        raise InputError("offsets must rise from 0 to the number of rows")
    if len(tie) != len(score):
        raise InputError(f"{len(score)} scores but {len(tie)} tie ranks; give one a row")
    if np.isnan(score).any():
        raise InputError(f"score of row {int(np.isnan(score).argmax())} is NaN; a model must score every candidate")
    return _top_k(np.asarray(offsets, np.int64), score, np.asarray(tie, np.int64), k)


@njit(cache=True, parallel=True)
def _top_k(offsets: Ints, score: Floats, tie: Ints, k: int) -> Ints:
    requests = len(offsets) - 1
    top = np.full((requests, k), -1, np.int64)
    for r in prange(requests):
        best, kept = top[r], 0
        for i in range(offsets[r], offsets[r + 1]):
            at = kept  # where row i belongs: walk up from the end of the list kept so far
            while at > 0:
                j = best[at - 1]
                if score[j] > score[i] or (score[j] == score[i] and tie[j] >= tie[i]):
                    break
                at -= 1
            if at >= k:
                continue
            kept = min(kept + 1, k)
            for place in range(kept - 1, at, -1):
                best[place] = best[place - 1]
            best[at] = i
    return top


def ranking_measures(
    offsets: Ints, score: Floats, relevance: Floats, truth_count: Ints, tie: Ints, k: Sequence[int] = (10,)
) -> dict[str, Floats]:
    """Per-request measures: {"ndcg@10": (R,), ...} for every name in RANKING and every k.

    relevance (n,): gain of a row, above 0 is relevant. truth_count (R,): all relevant items of a request,
    also those that no candidate list holds (they count in the denominators; their gain is 1 in the
    ideal list). A request without truth or without rows scores 0 everywhere, as in trec_eval.
    trec_eval's names: precision P_k, recall recall_k, hit_rate success_k, mrr recip_rank (0 beyond k),
    map map_cut_k, ndcg ndcg_cut_k (gain linear, discount log2(rank + 1)).
    """
    cuts = np.asarray(k, np.int64)
    if cuts.ndim != 1 or not len(cuts):
        raise InputError("k is empty; name at least one cut-off")
    if cuts.min() < 1:
        raise InputError(f"k is {cuts.min()}; use 1 or more")
    offsets, gain = np.asarray(offsets, np.int64), np.maximum(np.asarray(relevance, np.float64), 0.0)
    truth = np.asarray(truth_count, np.int64)
    if len(gain) != len(score) or len(truth) != len(offsets) - 1:
        raise InputError("relevance needs one entry a row and truth_count one entry a request")
    if np.isnan(gain).any():
        raise InputError(f"relevance of row {int(np.isnan(gain).argmax())} is NaN")
    top = top_k(offsets, score, tie, int(cuts.max()))
    found = np.diff(np.append(0, np.cumsum(gain > 0))[offsets])
    if np.any(truth < found):
        r = int(np.argmax(truth < found))
        raise InputError(f"truth_count of request {r} is {truth[r]} but its list holds {found[r]} relevant rows")
    ideal = top_k(offsets, gain, np.zeros(len(gain), np.int64), int(cuts.max()))
    table = _measures(top, ideal, gain, truth, truth - found, cuts)
    return {f"{name}@{cut}": table[m, c] for c, cut in enumerate(cuts) for m, name in enumerate(RANKING)}


@njit(cache=True)
def _measures(top: Ints, ideal: Ints, gain: Floats, truth: Ints, outside: Ints, cuts: Ints) -> Floats:
    requests, depth = top.shape
    table = np.zeros((6, len(cuts), requests))
    discount = np.log2(np.arange(2, depth + 2).astype(np.float64))
    for r in range(requests):
        if truth[r] == 0:
            continue
        for c in range(len(cuts)):
            hits, first, average, dcg = 0, 0, 0.0, 0.0
            for rank in range(cuts[c]):
                i = top[r, rank]
                if i >= 0 and gain[i] > 0:
                    hits += 1
                    if first == 0:
                        first = rank + 1
                    average += hits / (rank + 1)
                    dcg += gain[i] / discount[rank]
            best = _ideal(ideal[r], gain, outside[r], min(cuts[c], truth[r]), discount)
            table[0, c, r] = hits / cuts[c]
            table[1, c, r] = hits / truth[r]
            table[2, c, r] = 1.0 if hits else 0.0
            table[3, c, r] = 1.0 / first if first else 0.0
            table[4, c, r] = average / truth[r]
            table[5, c, r] = dcg / best
    return table


@njit(cache=True)
def _ideal(order: Ints, gain: Floats, outside: int, length: int, discount: Floats) -> float:
    """DCG of the best list: known gains by size, and gain 1 for each of the `outside` truths."""
    best, at = 0.0, 0
    for rank in range(length):
        known = gain[order[at]] if at < len(order) and order[at] >= 0 else 0.0
        if outside > 0 and known < 1.0:
            outside -= 1
            best += 1.0 / discount[rank]
        else:
            best += known / discount[rank]
            at += 1
    return best


def coverage(top_items: Ints, catalogue: int) -> float:
    """Share of the catalogue that is in at least one top list; top_items (R, k) item codes, -1 for none."""
    if catalogue < 1:
        raise InputError("the catalogue is empty; coverage needs at least one item")
    return len(np.unique(top_items[top_items >= 0])) / catalogue


def novelty(top_items: Ints, popularity: NDArray[Any]) -> Floats:
    """Mean self-information -log2 p(item) of each top list (R,), in bits; NaN for an empty list.

    popularity (items,): training events of an item; p = (popularity + 1) / (total + items), so that an item
    never seen is the most novel, not infinitely so. Vargas and Castells (RecSys 2011), with that smoothing.
    """
    counts = np.asarray(popularity, np.float64)
    bits = -np.log2((counts + 1) / (counts.sum() + len(counts)))
    return _mean_over_list(top_items, bits)


def popularity_share(top_items: Ints, head: NDArray[np.bool_]) -> Floats:
    """Share of each top list (R,) that is head items; head (items,) bool; NaN for an empty list."""
    return _mean_over_list(top_items, np.asarray(head, np.float64))


def head_items(popularity: NDArray[Any], share: float = 0.5) -> NDArray[np.bool_]:
    """(items,) True for the most popular items that together hold `share` of all events.

    Ties by item code, lowest first; an item nobody bought is never head.
    """
    counts = np.asarray(popularity)
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    head = np.zeros(len(counts), np.bool_)
    head[order] = (before < share * counts.sum()) & (counts[order] > 0)
    return head


def diversity(top_items: Ints, category: NDArray[Any]) -> Floats:
    """Share of item pairs of each top list (R,) whose categories differ; NaN for fewer than two items.

    category (items,): any codes. Intra-list diversity (Ziegler et al., WWW 2005) with 0/1 distance.
    """
    return _diversity(np.asarray(top_items, np.int64), np.asarray(category, np.int64))


@njit(cache=True)
def _diversity(top: Ints, category: Ints) -> Floats:
    result = np.full(len(top), np.nan)
    for r in range(len(top)):
        pairs = differ = 0
        for a in range(top.shape[1]):
            for b in range(a):
                if top[r, a] >= 0 and top[r, b] >= 0:
                    pairs += 1
                    differ += category[top[r, a]] != category[top[r, b]]
        if pairs:
            result[r] = differ / pairs
    return result


def _mean_over_list(top_items: Ints, value: Floats) -> Floats:
    present = top_items >= 0
    total = np.where(present, value[np.where(present, top_items, 0)], 0.0).sum(axis=1)
    length = present.sum(axis=1)
    mean: Floats = np.divide(total, length, out=np.full(len(top_items), np.nan), where=length > 0)
    return mean
