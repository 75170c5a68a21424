"""Does the additive value of a session rank sessions as the true mean reciprocal rank does?

python benchmarks/sessions.py FOLDER [PERMUTATIONS]

The YooChoose sample: Shapley values of the training sessions to the mean reciprocal rank of session-kNN, estimated prefix by
prefix, since only sessions that share an item with a prefix can change its rank: in random orders they join one after the
other, the nearest K of those present vote, and the change of the target's reciprocal rank is the joiner's. Prints the rank
correlation with the exact additive values, and that of one half of the estimate with the other, which bounds it.
"""

import sys
import time
from pathlib import Path

import numba
import numpy as np
import pyarrow as pa
from pyarrow import csv
from scipy import stats

from assay.importance import session_shapley
from assay.numerics import sessions as kernels

K = 100


def read(path: Path) -> pa.Table:
    table = csv.read_csv(path, parse_options=csv.ParseOptions(delimiter="\t"))
    return table.rename_columns(["session_id", "item_id", "timestamp"])


@numba.njit(cache=True)
def reciprocal(score, target, touched, number):  # type: ignore[no-untyped-def]
    """Reciprocal of the target's rank by integer scores, ties by their mean rank; 0 for a target without score."""
    own = score[target]
    if own <= 0:
        return 0.0
    above, equal = 0, 0
    for t in range(number):
        above += score[touched[t]] > own
        equal += score[touched[t]] == own
    return 1.0 / (above + (equal + 1) / 2)


@numba.njit(cache=True)
def join(nearest, overlap, start, items, target, k, order, score, touched, gain):  # type: ignore[no-untyped-def]
    """Add to gain (M,) what each candidate, by rank, changes as the candidates join in an order of ranks."""
    present = np.zeros(nearest.size, np.bool_)
    number, size, worst = 0, 0, -1
    for rank in range(nearest.size):
        for e in range(start[nearest[rank]], start[nearest[rank] + 1]):
            if score[items[e]] == 0:
                score[items[e]] = -1  # touched, not yet scored
                touched[number] = items[e]
                number += 1
    for t in range(number):
        score[touched[t]] = 0
    before = 0.0
    for rank in order:
        if size == k and rank > worst:
            continue
        if size == k:
            for e in range(start[nearest[worst]], start[nearest[worst] + 1]):
                score[items[e]] -= overlap[nearest[worst]]
            present[worst] = False
        present[rank] = True
        for e in range(start[nearest[rank]], start[nearest[rank] + 1]):
            score[items[e]] += overlap[nearest[rank]]
        size = min(size + 1, k)
        worst = max(worst, rank)
        while not present[worst]:
            worst -= 1
        after = reciprocal(score, target, touched, number)
        gain[rank] += after - before
        before = after
    for t in range(number):
        score[touched[t]] = 0


@numba.njit(cache=True, parallel=True)
def estimate(index, session_start, session_items, starts, events, k, permutations, out):  # type: ignore[no-untyped-def]
    """Add every prefix's Monte Carlo Shapley values to out (2, BLOCKS, S): even permutations, then odd ones."""
    item_start, entry_session, size = index
    sessions, items = size.size, item_start.size - 1
    for block in numba.prange(out.shape[1]):
        overlap, seen = np.zeros(sessions, np.int64), np.zeros(items, np.bool_)
        found, spare_found = np.empty(sessions, np.int32), np.empty(sessions, np.int32)
        keys, spare_keys = np.empty(sessions, np.uint64), np.empty(sessions, np.uint64)
        counts, score, touched = np.empty(1 << 11, np.int64), np.zeros(items, np.int64), np.empty(items, np.int64)
        for v in range(block * (starts.size - 1) // out.shape[1], (block + 1) * (starts.size - 1) // out.shape[1]):
            session = events[starts[v] : starts[v + 1]]
            weight = np.empty(session.size, np.int64)
            for length in range(1, session.size):
                prefix, target = session[:length], session[length]
                count = kernels.candidates(prefix, item_start, entry_session, 0, sessions, overlap, weight, seen, found)
                kernels.nearest_first(found, overlap, count, keys, spare_keys, spare_found, counts)
                if target >= 0:
                    np.random.seed(starts[v] + length)
                    for p in range(permutations):
                        gain = np.zeros(count)
                        order = np.random.permutation(count)
                        join(found[:count], overlap, session_start, session_items, target, k, order, score, touched, gain)
                        for rank in range(count):
                            out[p % 2, block, found[rank]] += gain[rank]
                for c in range(count):
                    overlap[found[c]] = 0


def reciprocal_rank_values(
    train: pa.Table, validation: pa.Table, k: int, permutations: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Estimates (2, S) from two halves of the permutations, S sessions in order of id, and the number of prefixes."""
    items = np.unique(train["item_id"].to_numpy())
    ids, session = np.unique(train["session_id"].to_numpy(), return_inverse=True)
    item = np.searchsorted(items, train["item_id"].to_numpy())
    last = np.zeros(len(ids), np.int64)
    np.maximum.at(last, session, (1000 * train["timestamp"].to_numpy()).astype(np.int64))
    index = kernels.index_sessions(session, item, last, len(items))
    by_session = np.argsort(index.entry_session, kind="stable")
    session_start = np.concatenate(([0], np.cumsum(index.size)))
    order = np.lexsort((validation["timestamp"].to_numpy(), validation["session_id"].to_numpy()))
    of, wanted = (validation[name].to_numpy()[order] for name in ("session_id", "item_id"))
    at = np.minimum(np.searchsorted(items, wanted), len(items) - 1)
    events = np.where(items[at] == wanted, at, -1).astype(np.int64)
    starts = np.append(np.flatnonzero(np.append(True, of[1:] != of[:-1])), len(of)).astype(np.int64)
    out = np.zeros((2, kernels.BLOCKS, len(ids)))
    estimate(kernels.parts(index), session_start, index.entry_item[by_session], starts, events, k, permutations, out)
    prefixes = len(of) - (len(starts) - 1)
    values = np.zeros((2, len(ids)))
    values[:, index.original] = out.sum(axis=1) / (permutations / 2) / prefixes
    return values, ids, prefixes


def main(folder: Path, permutations: int) -> None:
    train, validation = read(folder / "train.csv"), read(folder / "valid.csv")
    started = time.perf_counter()
    halves, ids, prefixes = reciprocal_rank_values(train, validation, K, permutations)
    spent = time.perf_counter() - started
    found = session_shapley(train, validation, k=K).sessions
    exact = dict(zip(found["session_id"].to_pylist(), found["value"].to_pylist(), strict=True))
    additive = np.array([exact[ident] for ident in ids.tolist()])
    useful = additive != 0
    a, b = halves[:, useful]
    mean = (a + b) / 2
    reliability = stats.spearmanr(a, b).statistic
    print(f"{len(ids):,} sessions, {prefixes:,} prefixes, {permutations} orders each, {spent:.0f} s")
    print(f"reciprocal rank with all sessions (sum of the values): {mean.sum():.4f}")
    agreement, linear = stats.spearmanr(additive[useful], mean).statistic, np.corrcoef(additive[useful], mean)[0, 1]
    print(f"additive values and the estimate, {useful.sum():,} sessions: Spearman {agreement:.3f}, Pearson {linear:.3f}")
    whole = 2 * reliability / (1 + reliability)
    print(f"one half of the estimate with the other: Spearman {reliability:.3f}; of the whole (Spearman-Brown) {whole:.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 40)
