"""How fast the other value functions are: influence by rows, EASE, sessions.

python timings/values.py [SESSIONS_FOLDER]    the folder of the YooChoose sample, if it is there
"""

import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
from scipy import sparse

from assay.importance import ease_importance, influence, session_shapley


def one_hot(n: int, columns: int = 10_700, entries: int = 16, seed: int = 0) -> sparse.csr_array:
    """n rows of 16 ones, some columns much more frequent than others, as a log's features are."""
    rng = np.random.default_rng(seed)
    width = columns // entries
    local = np.minimum((width * rng.random((n, entries)) ** 3).astype(np.int32), width - 1)
    indices = (local + width * np.arange(entries, dtype=np.int32)).ravel()
    return sparse.csr_array(
        (np.ones(n * entries, np.float32), indices, np.arange(0, n * entries + 1, entries)), shape=(n, columns)
    )


def peak() -> float:
    """GB that the process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def influences() -> None:
    """Exact leverage, fit not included, from 0.1 M to 10 M rows; the target is 45 s and 3 GB at 2.28 M."""
    from assay.numerics.glm import fit

    rng = np.random.default_rng(1)
    truth = rng.normal(0, 0.3, 10_700)
    X_val = one_hot(100_000, seed=2)
    y_val = (X_val @ truth + rng.logistic(size=100_000) > 0).astype(np.int8)
    for n in (100_000, 1_000_000, 2_280_000, 10_000_000):
        X = one_hot(n)
        y = (X @ truth + rng.logistic(size=n) > 0).astype(np.int8)
        coef = fit(X, y, l2=10.0).coef
        started = time.perf_counter()
        influence(X, y, X_val, y_val, l2=10.0, coef=coef)
        print(f"influence {n:>10,} x 10,700: {time.perf_counter() - started:6.1f} s, process peak {peak():.1f} GB", flush=True)


def clicks(users: int, items: int, count: int, rng: np.random.Generator) -> sparse.csr_array:
    """Random interactions, popular items first."""
    popularity = np.arange(1, items + 1) ** -0.7
    item = rng.choice(items, count, p=popularity / popularity.sum())
    made = sparse.csr_array((np.ones(count), (rng.integers(users, size=count), item)), shape=(users, items))
    made.sum_duplicates()
    made.data[:] = 1.0
    return made


def autoencoder() -> None:
    """3,000 items, 20,000 users, some 314,000 interactions; the target is 10 s, fit included."""
    rng = np.random.default_rng(0)
    sizes = (20_000, 320_500), (3_000, 45_000), (3_000, 15_000)
    train, histories, targets = (clicks(users, 3_000, count, rng) for users, count in sizes)
    targets = sparse.csr_array(targets - targets.multiply(histories))
    targets.eliminate_zeros()
    some = np.diff(targets.indptr) > 0
    validation = sparse.csr_array(histories[some]), sparse.csr_array(targets[some])
    for attempt in ("first call", "after compilation"):
        started = time.perf_counter()
        ease_importance(train, validation, l2=200.0)
        print(f"ease_importance {train.nnz:,} interactions, {attempt}: {time.perf_counter() - started:.1f} s")


def sessions(folder: Path) -> None:
    """All validation prefixes of the YooChoose sample; the target is 1 s after compilation."""
    from pyarrow import csv

    tables = []
    for name in ("train.csv", "valid.csv"):
        table = csv.read_csv(folder / name, parse_options=csv.ParseOptions(delimiter="\t"))
        tables.append(table.rename_columns(["session_id", "item_id", "timestamp"]))
    for attempt in ("first call", "after compilation"):
        started = time.perf_counter()
        found = session_shapley(*tables, k=100)
        print(f"session_shapley {found.sessions.num_rows:,} sessions, {attempt}: {time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    print(f"{os.cpu_count()} cores")
    autoencoder()
    if len(sys.argv) > 1:
        sessions(Path(sys.argv[1]))
    influences()
