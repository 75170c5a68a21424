"""Measures of ranked lists, one number per request: arrays in, arrays out.

Requests lie one after another: request r owns the rows offsets[r]:offsets[r + 1]. Within a request rows
are ranked by score, highest first, ties by trec_eval's rule (document id as a string, highest first),
which `tie_order` turns into integers once. Equal to trec_eval's measures to 1e-9.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from assay.errors import InputError
from assay.numerics.compiled import striped
from assay.numerics.names import RANKING

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Rows that are converted and ranked at a time.
BLOCK = 1 << 20


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
    _check_rows(offsets, score, tie)
    _refuse_nan("score", score, 0)
    return _top_k(np.asarray(offsets, np.int64), score, np.asarray(tie, np.int64), k)


def _check_rows(offsets: Ints, score: NDArray[Any], tie: NDArray[Any]) -> None:
    if len(offsets) < 1 or offsets[0] != 0 or offsets[-1] != len(score) or np.any(np.diff(offsets) < 0):
        raise InputError("offsets must rise from 0 to the number of rows")
    if len(tie) != len(score):
        raise InputError(f"{len(score)} scores but {len(tie)} tie ranks; give one per row")


def _refuse_nan(name: str, values: Floats, start: int) -> None:
    if np.isnan(values).any():
        row = start + int(np.isnan(values).argmax())
        raise InputError(f"{name} of row {row} is NaN; a model must score every candidate, and every gain be known")


@njit(cache=True, parallel=True)
def _top_k(offsets: Ints, score: Floats, tie: Ints, k: int) -> Ints:
    requests = len(offsets) - 1
    top = np.full((requests, k), -1, np.int64)
    for r in prange(requests):
        _best_rows(offsets[r], offsets[r + 1], score, tie, top[r])
    return top


@njit(cache=True)
def _best_rows(start: int, end: int, score: Floats, tie: Ints, best: Ints) -> int:
    """Fill best (k,) with the rows of highest score, best first, and return how many there are."""
    kept = 0
    for i in range(start, end):
        at = kept  # where row i belongs: walk up from the end of the list kept so far
        while at > 0:
            j = best[at - 1]
            if score[j] > score[i] or (score[j] == score[i] and tie[j] >= tie[i]):
                break
            if at < len(best):
                best[at] = j
            at -= 1
        if at < len(best):
            best[at] = i
            kept = min(kept + 1, len(best))
    return kept


def ranking_measures(
    offsets: Ints,
    score: NDArray[Any],
    relevance: NDArray[Any],
    truth_count: Ints,
    tie: NDArray[Any],
    k: Sequence[int] = (10,),
    *,
    truth: tuple[Ints, NDArray[Any]] | None = None,
) -> dict[str, Floats]:
    """Per-request measures: {"ndcg@10": (R,), ...} for every name in RANKING and every k.

    score, relevance, tie (n,) of any number type, taken as 64-bit numbers block by block. relevance: gain of a row,
    above 0 is relevant. truth_count (R,): all relevant items of a request, also those that no candidate list holds
    (they count in the denominators). truth: offsets (R + 1,) and gains of all relevant items, from which ndcg takes
    the ideal list; without it that is made of the list's own gains, and of gain 1 for each relevant item outside.
    A request without truth or without rows scores 0 everywhere, as in trec_eval.
    trec_eval's names: precision P_k, recall recall_k, hit_rate success_k, mrr recip_rank (0 beyond k),
    map map_cut_k, ndcg ndcg_cut_k (gain linear, discount log2(rank + 1)).
    """
    cuts = np.asarray(k, np.int64)
    if cuts.ndim != 1 or not len(cuts):
        raise InputError("k is empty; name at least one cut-off")
    if cuts.min() < 1:
        raise InputError(f"k is {cuts.min()}; use 1 or more")
    offsets, counts = np.asarray(offsets, np.int64), np.asarray(truth_count, np.int64)
    score, relevance, tie = np.asarray(score), np.asarray(relevance), np.asarray(tie)
    if len(relevance) != len(score) or len(counts) != len(offsets) - 1:
        raise InputError("relevance needs one entry per row and truth_count one entry per request")
    _check_rows(offsets, score, tie)
    begins, gains = (np.zeros(1, np.int64), np.zeros(0)) if truth is None else truth
    if truth is not None and not np.array_equal(np.diff(begins), counts):
        raise InputError("truth needs as many gains per request as truth_count says")
    table, relevant = np.zeros((len(counts), len(cuts), len(RANKING))), np.zeros(len(counts), np.int64)
    for first, last in _blocks(offsets):
        start, end = offsets[first], offsets[last]
        # One block at a time is converted, so that inputs of 32 or 8 bits stay as small as they are.
        values, own = np.asarray(score[start:end], np.float64), np.asarray(relevance[start:end], np.float64)
        _refuse_nan("relevance", own, start)
        _refuse_nan("score", values, start)
        striped(
            _measures, offsets[first : last + 1] - start, values, own, np.asarray(tie[start:end], np.int64), counts[first:last],
            cuts, begins if truth is None else begins[first : last + 1], gains, truth is not None, table[first:last],
            relevant[first:last],
        )  # fmt: skip
    if np.any(counts < relevant):
        r = int(np.argmax(counts < relevant))
        raise InputError(f"truth_count of request {r} is {counts[r]} but its list holds {relevant[r]} relevant rows")
    return {f"{name}@{cut}": table[:, c, m].copy() for c, cut in enumerate(cuts) for m, name in enumerate(RANKING)}


def expected_ndcg(
    offsets: Ints, relevance: NDArray[Any], truth_count: Ints, k: int, truth: tuple[Ints, NDArray[Any]] | None = None
) -> Floats:
    """ndcg@k (R,) of a random order of each request's rows, on average over all orders.

    relevance (n,): gains, 0 or more; 0 or 1 without `truth`. truth_count, truth as in `ranking_measures`. Each place has the
    rows' mean gain as its expected gain. 0 without truth or without rows.
    """
    counts, length = np.asarray(truth_count, np.int64), np.diff(offsets)
    hits = np.add.reduceat(np.append(np.asarray(relevance, np.float64), 0.0), offsets[:-1]) if len(length) else np.zeros(0)
    gains = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, k + 2)))])  # of a list of so many relevant rows
    share = np.divide(hits, length, out=np.zeros(len(length)), where=length > 0)
    ideal = gains[np.minimum(counts, k)] if truth is None else _ideal_dcg(*truth, k)
    ndcg: Floats = np.divide(share * gains[np.minimum(length, k)], ideal, out=np.zeros(len(length)), where=ideal > 0)
    return ndcg


def _ideal_dcg(begins: Ints, gain: NDArray[Any], k: int) -> Floats:
    """DCG (R,) of each request's gains, falling, cut at k."""
    request = np.repeat(np.arange(len(begins) - 1), np.diff(begins))
    order = np.lexsort((-gain, request))
    place = np.arange(len(gain)) - begins[:-1][request]
    part = np.where(place < k, gain[order] / np.log2(place + 2.0), 0.0)
    return np.bincount(request, part, minlength=len(begins) - 1).astype(np.float64)


def _blocks(offsets: Ints) -> Iterator[tuple[int, int]]:
    """First and last request (exclusive) of blocks of about BLOCK rows."""
    first, requests = 0, len(offsets) - 1
    while first < requests:
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + BLOCK, side="right")) - 1)
        yield first, last
        first = last


@njit(cache=True, nogil=True)
def _measures(
    thread: int, threads: int, offsets: Ints, score: Floats, gain: Floats, tie: Ints, truth: Ints, cuts: Ints, begins: Ints,
    gains: Floats, whole: bool, table: Floats, relevant: Ints,
) -> None:  # fmt: skip
    depth = cuts.max()
    discount = np.log2(np.arange(2, depth + 2).astype(np.float64))
    for r in range(thread, len(truth), threads):
        start, end = offsets[r], offsets[r + 1]
        for i in range(start, end):
            relevant[r] += gain[i] > 0
        if truth[r] == 0:
            continue
        top = np.empty(depth, np.int64)
        length = _best_rows(start, end, score, tie, top)
        ideal = _best_gains(gains[begins[r] : begins[r + 1]] if whole else gain[start:end], depth)
        outside = 0 if whole else truth[r] - relevant[r]
        for c in range(len(cuts)):
            hits, first, average, dcg = 0, 0, 0.0, 0.0
            for rank in range(min(cuts[c], length)):
                i = top[rank]
                if gain[i] > 0:
                    hits += 1
                    if first == 0:
                        first = rank + 1
                    average += hits / (rank + 1)
                    dcg += gain[i] / discount[rank]
            table[r, c, 0] = hits / cuts[c]
            table[r, c, 1] = hits / truth[r]
            table[r, c, 2] = 1.0 if hits else 0.0
            table[r, c, 3] = 1.0 / first if first else 0.0
            table[r, c, 4] = average / truth[r]
            table[r, c, 5] = dcg / _ideal(ideal, outside, min(cuts[c], truth[r]), discount)


@njit(cache=True)
def _best_gains(gain: Floats, depth: int) -> Floats:
    """The highest gains above 0, falling, at most `depth` of them."""
    best, kept = np.empty(depth), 0
    for g in gain:
        if g <= 0:
            continue
        at = kept
        while at > 0 and best[at - 1] < g:
            if at < depth:
                best[at] = best[at - 1]
            at -= 1
        if at < depth:
            best[at] = g
            kept = min(kept + 1, depth)
    return best[:kept]


@njit(cache=True)
def _ideal(gain: Floats, outside: int, length: int, discount: Floats) -> float:
    """DCG of the best list: known gains, falling, and gain 1 for each of the `outside` truths."""
    best, at = 0.0, 0
    for rank in range(length):
        next_gain = gain[at] if at < len(gain) else 0.0
        if outside > 0 and next_gain < 1.0:
            outside -= 1
            best += 1.0 / discount[rank]
        else:
            best += next_gain / discount[rank]
            at += 1
    return best
