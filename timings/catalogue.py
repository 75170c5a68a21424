"""Does ranking a whole catalogue for every user, and measuring the lists, take less time than training took?

python timings/catalogue.py          a made-up log of 28,000 items and 2,469 users
python timings/catalogue.py FOLDER   the samples of a finished run

Fits item kNN and ALS on all items and EASE on the 10,000 most bought (it is dense), ranks every item for every user but
those that the user had, and measures the first ten against what the user took anew later. Prints the seconds of each.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from assay.errors import InputError
from assay.models.als import Als
from assay.models.item_to_item import Ease, ItemKnn
from assay.models.recommender import Recommending
from assay.numerics.ranking import ranking_measures
from assay.runs.store import Folder
from assay.samples.stored import load
from assay.samples.table import Samples

USERS, ITEMS, MOST, K = 2_469, 28_000, 10_000, 10
PERIODS = 20  # the last four are those that lists are measured against


def made_up(users: int, items: int, each: int = 220) -> tuple[Samples, Samples]:
    """Train and later samples: `each` positives a user, as many negatives, popular items, and tastes of forty kinds."""
    rng, events = np.random.default_rng(0), each * users
    user = np.repeat(rng.integers(users, size=events), 2)
    kind = np.where(rng.random(2 * events) < 0.6, user % 40, rng.integers(40, size=2 * events))
    item = np.minimum((items / 40 * rng.random(2 * events) ** 2.5).astype(np.int64) * 40 + kind, items - 1)
    label = np.tile([1, 0], events)
    period = np.repeat(rng.integers(PERIODS, size=events), 2)
    keys = {"user_code": user, "item_code": item, "period": period, "label": label, "weight": np.ones(2 * events)}
    every = Samples(pa.table(keys), pa.table({}))
    return every.take(period < PERIODS - 4), every.take(period >= PERIODS - 4)


def stored(folder: Path) -> tuple[Samples, Samples]:
    """Train and test samples of a run."""
    run = Folder(folder)
    return load(run, "train"), load(run, "test")


def new_ones(train: Samples, later: Samples) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Users of train, and (n,) keys user * items + item of what each took later and not in train; the number of items."""
    items = int(max(train.item.max(), later.item.max())) + 1
    before, after = (np.unique(s.user[s.label > 0].astype(np.int64) * items + s.item[s.label > 0]) for s in (train, later))
    return np.unique(train.user[train.label > 0]), np.setdiff1d(after, before), np.int64(items)


def measure(model: Recommending, users: np.ndarray, truth: np.ndarray, items: np.int64) -> dict[str, float]:
    """Mean measures of the lists of all users who took something anew."""
    best, _ = model.top_n(users, K)
    hit = np.isin(users[:, None] * items + best, truth) & (best >= 0)
    count = np.bincount(truth // items, minlength=int(users.max()) + 1)[users]
    offsets = np.arange(0, best.size + 1, K)
    rank = np.tile(-np.arange(K, dtype=np.float64), len(users))
    found = ranking_measures(offsets, rank, hit.ravel().astype(np.float64), count, np.zeros(best.size, np.int64), (K,))
    return {name: float(values[count > 0].mean()) for name, values in found.items()}


def main(arguments: list[str], users: int = USERS, items: int = ITEMS, most: int = MOST) -> None:
    train, later = stored(Path(arguments[0])) if arguments else made_up(users, items)
    rankers, _, size = new_ones(train, later)
    print(f"{size:,} items, {len(rankers):,} users, {np.count_nonzero(train.label):,} positives to train on")
    print(f"{'model':<10}{'items':>8}{'train s':>9}{'rank and measure s':>20}  {'ndcg@10':>8}  target: less than training")
    few = made_up(40, 100)
    for model in (ItemKnn(items=int(size)), Als(items=int(size)), Ease(items=most)):
        try:
            timed(model.fresh(), *few)  # compiling is not what is timed
            spent, ranked, found = timed(model, train, later)
        except InputError as error:
            print(f"{model.name:<10}{error}")
            continue
        known, verdict = len(model.fitted().item_codes), "reached" if ranked < spent else "missed"
        print(f"{model.name:<10}{known:>8,}{spent:>9.2f}{ranked:>20.2f}  {found['ndcg@10']:>8.4f}  {verdict}")


def timed(model: Recommending, train: Samples, later: Samples) -> tuple[float, float, dict[str, float]]:
    """Seconds to train, seconds to rank and measure, and the measures."""
    users, truth, items = new_ones(train, later)
    started = time.perf_counter()
    model.fit(train, rng=np.random.default_rng(0))
    fitted = time.perf_counter()
    found = measure(model, users, truth, items)
    return fitted - started, time.perf_counter() - fitted, found


if __name__ == "__main__":
    main(sys.argv[1:])
