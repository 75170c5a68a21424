"""Influence with exact leverage for every training sample of a finished run, given its fitted model.

python timings/influence.py FOLDER
"""

import sys
import time
from pathlib import Path

import numpy as np

from assay.importance import Influence
from assay.models import named
from assay.runs.store import Folder
from assay.samples.stored import load

TARGET = 45.0


def main(folder: Path) -> None:
    """Print seconds without and with the encoding of the rows, and how far a second call is from the first."""
    run = Folder(folder)
    model = named.load(run.path("models/logistic"))
    train, validation = load(run, "train"), load(run, "validation")
    started = time.perf_counter()
    X = train.matrix()
    encoded = time.perf_counter()
    asked = {"model": model, "utility": "log_loss", "folds": 5}
    found = Influence().value(train, validation, rng=np.random.default_rng(0), **asked)
    done = time.perf_counter()
    print(f"{len(train):,} training samples, {X.shape[1]:,} columns, {X.nnz / X.shape[0]:.0f} entries a row, 5 folds")
    print(f"encode {encoded - started:.1f} s, curvature, leverage and values {done - encoded:.1f} s")
    print(f"together {done - started:.1f} s, target {TARGET:.0f} s: {'reached' if done - started <= TARGET else 'missed'}")
    print(f"sum of values {found.value.sum():.6g}, share below 0 {np.mean(found.value < 0):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
