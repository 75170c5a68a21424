"""Does the additive value of a session rank sessions as the true mean reciprocal rank does?

python benchmarks/sessions.py FOLDER [SUBSETS]

The YooChoose sample: random halves of the training sessions, the mean reciprocal rank of session-kNN's next items on all
prefixes of some validation sessions, and from that a Monte Carlo estimate of every session's Banzhaf value (maximum sample
reuse). Prints its rank correlation with the exact additive Banzhaf values, and how reliable the estimate is itself.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv
from scipy import stats

from assay.importance import session_shapley
from assay.numerics import sessions as kernels

K, VALIDATION = 100, 400


def read(path: Path) -> pa.Table:
    table = csv.read_csv(path, parse_options=csv.ParseOptions(delimiter="\t"))
    return table.rename_columns(["session_id", "item_id", "timestamp"])


def codes(column: pa.ChunkedArray, known: np.ndarray) -> np.ndarray:
    values = column.to_numpy()
    at = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[at] == values, at, -1).astype(np.int64)


class World:
    """Prefixes and targets of the validation sessions, and the training events by session."""

    def __init__(self, train: pa.Table, validation: pa.Table) -> None:
        self.items = np.unique(train["item_id"].to_numpy())
        self.ids, self.session = np.unique(train["session_id"].to_numpy(), return_inverse=True)
        self.item = codes(train["item_id"], self.items)
        self.last = np.zeros(len(self.ids), np.int64)
        np.maximum.at(self.last, self.session, (1000 * train["timestamp"].to_numpy()).astype(np.int64))
        _, session = np.unique(validation["session_id"].to_numpy(), return_inverse=True)
        item = codes(validation["item_id"], self.items)
        prefixes, self.target = [], []
        for s in range(session.max() + 1):
            own = item[session == s]
            for length in range(1, len(own)):
                if own[length] >= 0:
                    prefixes.append(own[:length])
                    self.target.append(own[length])
        self.starts = np.concatenate(([0], np.cumsum([len(p) for p in prefixes])))
        self.events, self.target = np.concatenate(prefixes), np.array(self.target)

    def reciprocal_rank(self, kept: np.ndarray) -> float:
        """Mean over prefixes; equal scores share their ranks' mean, an unscored target counts 0."""
        rows = kept[self.session]
        number = np.cumsum(kept) - 1
        index = kernels.index_sessions(number[self.session[rows]], self.item[rows], self.last[kept], len(self.items))
        total, size = 0.0, len(self.items)
        every = np.arange(size)
        for first in range(0, len(self.target), 256):
            prefixes = np.arange(first, min(first + 256, len(self.target)))
            scores = np.zeros(len(prefixes) * size)
            kernels.next_item_scores(
                kernels.parts(index), self.starts, self.events, np.zeros(len(self.starts) - 1, np.int64), K,
                np.iinfo(np.int64).max, np.repeat(prefixes, size), np.tile(every, len(prefixes)), scores,
            )  # fmt: skip
            scores = scores.reshape(len(prefixes), size)
            own = scores[np.arange(len(prefixes)), self.target[prefixes]][:, None]
            rank = (scores > own).sum(axis=1) + ((scores == own).sum(axis=1) + 1) / 2
            total += float((1.0 / rank * (own[:, 0] > 0)).sum())
        return total / len(self.target)


def main(folder: Path, subsets: int) -> None:
    train, validation = read(folder / "train.csv"), read(folder / "valid.csv")
    kept = np.unique(validation["session_id"].to_numpy())[:VALIDATION]
    validation = validation.filter(pa.array(np.isin(validation["session_id"].to_numpy(), kept)))
    world = World(train, validation)
    exact = session_shapley(train, validation, k=K, semivalue="banzhaf").sessions["value"].to_numpy()
    masks, utility = np.zeros((subsets, len(world.ids)), bool), np.zeros(subsets)
    for k in range(subsets):
        masks[k] = np.random.default_rng(k).random(len(world.ids)) < 0.5
        utility[k] = world.reciprocal_rank(masks[k])

    def estimate(rows: slice) -> np.ndarray:
        m, u = masks[rows], utility[rows]
        return (m.T @ u) / m.sum(axis=0) - ((~m).T @ u) / (~m).sum(axis=0)

    print(f"{len(world.ids):,} sessions, {len(world.target):,} prefixes, {subsets} random halves, MRR {utility.mean():.4f}")
    whole, a, b = estimate(slice(None)), estimate(slice(0, None, 2)), estimate(slice(1, None, 2))
    useful = exact != 0
    agreement = stats.spearmanr(exact[useful], whole[useful]).statistic
    print(f"sessions: Spearman {agreement:.3f} over {useful.sum():,} that share an item")
    print(f"  of one half of the estimate with the other: {stats.spearmanr(a[useful], b[useful]).statistic:.3f}")
    groups = np.argsort(np.argsort(exact)) * 100 // len(exact)
    means = [np.bincount(groups, values) / np.bincount(groups) for values in (exact, whole, a, b)]
    grouped = stats.spearmanr(means[0], means[1]).statistic
    print(f"hundredths of sessions by exact value, mean of each: Spearman {grouped:.3f}")
    print(f"  of one half of the estimate with the other: {stats.spearmanr(means[2], means[3]).statistic:.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 400)
