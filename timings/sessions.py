"""Does the additive value of a session rank sessions as its worth to the true mean reciprocal rank does?

python timings/sessions.py FOLDER [PERMUTATIONS]

FOLDER holds train.csv and valid.csv of the YooChoose sample. The mean reciprocal rank (MRR) is a mean over prefixes, and for
one prefix only sessions that share an item with it matter. So its Shapley values are sampled prefix by prefix: candidates come
in random order, the k most similar of those present are neighbours, and each gets what its coming does to the target's
reciprocal rank. This is unbiased, and exactly 0 for sessions that share nothing. Leaving one out is exact.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pyarrow as pa
from pyarrow import csv
from scipy import stats

from assay.importance import session_shapley
from assay.numerics import sessions as kernels

K, PERMUTATIONS = 100, 400
FIRST, SECOND, LEFT_OUT, SHARED = range(4)  # rows of what `values` returns


def read(path: Path) -> pa.Table:
    table = csv.read_csv(path, parse_options=csv.ParseOptions(delimiter="\t"))
    return table.rename_columns(["session_id", "item_id", "timestamp"])


def codes(column: pa.ChunkedArray, known: np.ndarray) -> np.ndarray:
    """Places among known, -1 where it is not there."""
    values = column.to_numpy()
    at = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[at] == values, at, -1).astype(np.int64)


def problem(train: pa.Table, validation: pa.Table) -> tuple[Any, ...]:
    """The index of training sessions, and where each validation session begins among their events."""
    items = np.unique(train["item_id"].to_numpy())
    ids, session = np.unique(train["session_id"].to_numpy(), return_inverse=True)
    last = np.zeros(len(ids), np.int64)
    np.maximum.at(last, session, np.floor(1000 * train["timestamp"].to_numpy()).astype(np.int64))
    index = kernels.index_sessions(session, codes(train["item_id"], items), last, len(items))
    new = np.unique(validation["session_id"].to_numpy(), return_inverse=True)[1]
    starts = np.concatenate(([0], np.cumsum(np.bincount(new))))
    return index, starts, codes(validation["item_id"], items)[np.argsort(new, kind="stable")]


@numba.njit
def _add(session, by, held, score, others, goal):
    # Add `by` to the scores of a session's items. others[s]: items but the target with score s; goal: the target, its score,
    # and how many are above it.
    for e in range(held[0][session], held[0][session + 1]):
        item = held[1][e]
        old = score[item]
        score[item] = old + by
        if item != goal[0]:
            others[old] -= 1
            others[old + by] += 1
            goal[2] += (old + by > goal[1]) - (old > goal[1])
        else:
            passed = others[min(old, old + by) + 1 : max(old, old + by) + 1].sum()
            goal[2] += -passed if by > 0 else passed
            goal[1] = old + by


@numba.njit
def _reciprocal_rank(others, goal):
    # Equal scores share their ranks' mean; a target without a score counts 0.
    return 1.0 / (1.0 + goal[2] + others[goal[1]] / 2) if goal[1] > 0 else 0.0


@numba.njit
def _sample(found, k, overlap, held, score, others, goal, order, kept, out):
    # One random order of the candidates, nearest first in `found`; kept: ranks of the neighbours, rising.
    np.random.shuffle(order)
    size, before = 0, 0.0
    for rank in order:
        if size == k and rank > kept[k - 1]:
            continue  # k of those present are nearer: nothing changes
        if size == k:
            size -= 1
            _add(found[kept[size]], -overlap[found[kept[size]]], held, score, others, goal)
        place = size
        while place > 0 and kept[place - 1] > rank:
            kept[place] = kept[place - 1]
            place -= 1
        kept[place] = rank
        size += 1
        _add(found[rank], overlap[found[rank]], held, score, others, goal)
        now = _reciprocal_rank(others, goal)
        out[found[rank]] += now - before
        before = now
    for rank in kept[:size]:
        _add(found[rank], -overlap[found[rank]], held, score, others, goal)


@numba.njit
def _leave_out(found, count, k, overlap, held, score, others, goal, out):
    # Each of the k nearest in turn gives its place to the next one.
    near, following = found[: min(k, count)], found[min(k, count) : min(k + 1, count)]
    for s in near:
        _add(s, overlap[s], held, score, others, goal)
    whole = _reciprocal_rank(others, goal)
    for s in near:
        _add(s, -overlap[s], held, score, others, goal)
        for other in following:
            _add(other, overlap[other], held, score, others, goal)
        out[s] += whole - _reciprocal_rank(others, goal)
        for other in following:
            _add(other, -overlap[other], held, score, others, goal)
        _add(s, overlap[s], held, score, others, goal)
    for s in near:
        _add(s, -overlap[s], held, score, others, goal)


@numba.njit(parallel=True)
def _prefixes(index, held, starts, events, k, permutations, top, out):
    item_start, entry_session, size = index
    sessions, items = size.size, item_start.size - 1
    for block in numba.prange(out.shape[0]):
        overlap, seen = np.zeros(sessions, np.int64), np.zeros(items, np.bool_)
        found, spare_found = np.empty(sessions, np.int32), np.empty(sessions, np.int32)
        keys, spare_keys = np.empty(sessions, np.uint64), np.empty(sessions, np.uint64)
        counts, kept = np.empty(1 << 11, np.int64), np.empty(k, np.int64)
        score, others, goal = np.zeros(items, np.int64), np.zeros(top + 1, np.int64), np.zeros(3, np.int64)
        for v in range(block, starts.size - 1, out.shape[0]):
            session = events[starts[v] : starts[v + 1]]
            weight = np.empty(session.size, np.int64)
            for length in range(1, session.size):
                prefix = session[:length]
                count = kernels.candidates(prefix, item_start, entry_session, 0, sessions, overlap, weight, seen, found)
                kernels.nearest_first(found, overlap, count, keys, spare_keys, spare_found, counts)
                goal[0], goal[1], goal[2] = session[length], 0, 0
                np.random.seed(starts[v] + length)
                order = np.arange(count)
                holders = entry_session[item_start[goal[0]] : item_start[goal[0] + 1]] if goal[0] >= 0 else entry_session[:0]
                if overlap[holders].any():  # otherwise the reciprocal rank is 0 whoever is there
                    for draw in range(permutations):
                        _sample(found, k, overlap, held, score, others, goal, order, kept, out[block, draw % 2])
                    _leave_out(found, count, k, overlap, held, score, others, goal, out[block, 2])
                for s in found[:count]:
                    out[block, 3, s] += 1
                    overlap[s] = 0


def values(
    index: kernels.SessionIndex, starts: np.ndarray, events: np.ndarray, k: int, permutations: int
) -> tuple[np.ndarray, int]:
    """(4, S) in the caller's order of sessions, and the number of prefixes.

    Two estimates of the Shapley values of the MRR, each from half of the permutations (an even number); the exact values of
    leaving one out; with how many prefixes a session shares an item.
    """
    order = np.argsort(index.entry_session, kind="stable")
    held = np.concatenate(([0], np.cumsum(index.size))), index.entry_item[order]
    longest = int(np.diff(starts).max())
    top = k * longest * (longest + 1) // 2  # no score is above it
    out = np.zeros((kernels.BLOCKS, 4, len(index.size)))
    _prefixes(kernels.parts(index), held, starts, events, k, permutations, top, out)
    count = int(np.maximum(np.diff(starts) - 1, 0).sum())
    made = np.empty(out.shape[1:])
    made[:, index.original] = out.sum(axis=0)
    made[:SHARED] /= count
    made[[FIRST, SECOND]] /= permutations // 2
    return made, count


def main(folder: Path, permutations: int) -> None:
    train, validation = read(folder / "train.csv"), read(folder / "valid.csv")
    given = problem(train, validation)
    values(*given, K, 2)  # compiles
    started = time.perf_counter()
    found, prefixes = values(*given, K, permutations)
    seconds = time.perf_counter() - started
    shares = found[SHARED] > 0
    first, second, left_out = found[:SHARED, shares]
    estimate, half = (first + second) / 2, stats.spearmanr(first, second).statistic
    whole = 2 * half / (1 + half)
    print(f"{len(shares):,} sessions, {shares.sum():,} share an item with one of {prefixes:,} prefixes; MRR {estimate.sum():.4f}")
    print(f"{permutations} permutations of each prefix's candidates, leaving one out included: {seconds:.1f} s")
    print(f"Shapley values of the MRR: split-half rank correlation {half:.3f}, Spearman-Brown reliability {whole:.3f}")
    compared = {f"leaving one out of the MRR, exact, {np.mean(left_out != 0):.0%} not 0": left_out}
    for negatives, name in ((0, "additive, no negatives"), ("all", "additive, all negatives")):
        exact = session_shapley(train, validation, k=K, negatives=negatives).sessions["value"].to_numpy()
        compared[f"{name}, exact"] = exact[shares]
    for name, value in compared.items():
        agreement = stats.spearmanr(value, estimate).statistic
        print(f"{name}: Spearman {agreement:.3f} with them, disattenuated {agreement / np.sqrt(whole):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else PERMUTATIONS)
