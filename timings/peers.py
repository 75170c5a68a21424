"""Our values beside those of pyDVL and OpenDataVal: same data, same machine, one after the other.

python timings/peers.py            makes .venv-peers (pyDVL 0.10, OpenDataVal 1.3, their numpy) if it is not there, and
                                      prints seconds, ratios and targets, ours on 2 threads as theirs
python timings/peers.py --ours     without the peers
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
PEERS = ROOT / ".venv-peers"
PACKAGES = (
    ["pydvl==0.10.0", "numpy<2", "requests", "torch==2.13.0"],
    ["--no-deps", "opendataval==1.3.0"],  # its pins are older than every Python here: only its classes are needed
)
TARGETS = {"pydvl knn_shapley": 100.0, "opendataval knn_shapley": 30.0, "pydvl data_oob": 5.0}

THEIRS = """
import json, sys, time
import numpy as np
X, y, X_val, y_val = (np.load(sys.argv[1])[name] for name in ("X", "y", "X_val", "y_val"))
def timed(run):
    started = time.perf_counter()
    try:
        value = run()
    except Exception as error:
        return {"error": repr(error)[:300]}
    return {"seconds": time.perf_counter() - started, "value": np.asarray(value, float).ravel().tolist()}

def pydvl_knn():
    from sklearn.neighbors import KNeighborsClassifier
    from pydvl.valuation.dataset import Dataset
    from pydvl.valuation.methods.knn_shapley import KNNShapleyValuation
    model = KNeighborsClassifier(n_neighbors=5)
    valuation = KNNShapleyValuation(model, Dataset(X_val, y_val), progress=False)
    found = valuation.fit(Dataset(X, y)).result
    return found.sort(key="index").values if hasattr(found, "sort") else found.values

def pydvl_oob():
    from sklearn.ensemble import BaggingClassifier
    from sklearn.tree import DecisionTreeClassifier
    from pydvl.valuation.dataset import Dataset
    from pydvl.valuation.methods.data_oob import DataOOBValuation
    model = BaggingClassifier(DecisionTreeClassifier(), 100, random_state=0).fit(X, y)
    return DataOOBValuation(model).fit(Dataset(X, y)).result.values

def opendataval_knn():
    import importlib.util, pathlib, types
    from unittest.mock import MagicMock
    import torch
    # The package imports much that this class never touches, in versions that are no more: its modules alone, then.
    root = pathlib.Path(importlib.util.find_spec("opendataval").origin).parent
    for name in ("opendataval", "opendataval.dataval", "opendataval.dataval.knnshap"):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(root.joinpath(*name.split(".")[1:]))]
    for part in ("dataloader", "model", "metrics", "model.api", "dataloader.util"):
        sys.modules["opendataval." + part] = MagicMock()
    from opendataval.dataval.knnshap.knnshap import KNNShapley
    one_hot = lambda labels: torch.nn.functional.one_hot(torch.tensor(labels).long(), 2).float()
    valuer = KNNShapley(k_neighbors=5, batch_size=2000)
    valuer.input_data(torch.tensor(X).float(), one_hot(y), torch.tensor(X_val).float(), one_hot(y_val))
    return valuer.train_data_values().evaluate_data_values()

runs = {"pydvl knn_shapley": pydvl_knn, "opendataval knn_shapley": opendataval_knn, "pydvl data_oob": pydvl_oob}
out = {name: timed(run) for name, run in runs.items()}
print("FOUND" + json.dumps(out))
"""


def data(n: int, m: int, d: int) -> tuple[np.ndarray, ...]:
    """Two classes that overlap."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=d)
    X, X_val = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    y, y_val = ((A @ truth + 2 * rng.logistic(size=len(A)) > 0).astype(np.int64) for A in (X, X_val))
    return X, y, X_val, y_val


def seconds(run: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """The median of some runs, after one that compiles."""
    spent, value = [], run()
    for _ in range(times):
        started = time.perf_counter()
        value = run()
        spent.append(time.perf_counter() - started)
    return sorted(spent)[len(spent) // 2], value


def ours() -> dict[str, tuple[float, Any]]:
    """Our functions on the peers' problem."""
    from sklearn.tree import DecisionTreeClassifier

    from assay.importance import data_oob, knn_shapley

    X, y, X_val, y_val = data(10_000, 1_000, 32)
    return {
        "knn_shapley": seconds(lambda: knn_shapley(X, y, X_val, y_val, k=5)),
        "data_oob": seconds(lambda: data_oob(DecisionTreeClassifier(), X, y), 1),
    }


def larger() -> None:
    """Longer sets, ours alone."""
    from assay.importance import knn_shapley

    for n, target in ((100_000, "4 s"), (1_000_000, "2 GB")):
        X, y, X_val, y_val = data(n, 1_000, 32)
        spent, _ = seconds(lambda X=X, y=y, X_val=X_val, y_val=y_val: knn_shapley(X, y, X_val, y_val, k=5), 1)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        print(f"knn_shapley {n:,} x 1,000 x 32: {spent:.2f} s, process peak {peak:.2f} GB (target {target})")


def peers() -> dict[str, Any]:
    """What the peers take, in their own environment; each value or the error that stopped it."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        for packages in PACKAGES:
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
    X, y, X_val, y_val = data(10_000, 1_000, 32)
    path = PEERS / "data.npz"
    np.savez(path, X=X, y=y, X_val=X_val, y_val=y_val)
    done = subprocess.run([str(python), "-c", THEIRS, str(path)], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout[done.stdout.index("FOUND") + 5 :])
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Our values beside those of pyDVL and OpenDataVal.")
    parser.add_argument("--ours", action="store_true", help="leave the peers out")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores; 10,000 x 1,000 x 32, k = 5; 100 bagged trees, fit included")
    mine = ours()
    for name, (spent, _) in mine.items():
        print(f"assay {name}: {spent:.3f} s")
    if not given.ours:
        for name, result in peers().items():
            own, value = mine[name.split()[1]]
            if "error" in result:
                print(f"{name}: did not run ({result['error']})")
                continue
            agreement = np.corrcoef(value, result["value"])[0, 1] if len(result["value"]) == len(value) else float("nan")
            target, spent = TARGETS[name], result["seconds"]
            print(f"{name}: {spent:.2f} s, {spent / own:.0f} times ours (target {target:.0f}), r = {agreement:.4f}")
    larger()


if __name__ == "__main__":
    main()
