"""A model trained from several seeds without the worst 2 % by each valuer: is a gain larger than what another seed changes?

python timings/seeds.py RUN MODEL VALUER...   (random is always among them)
"""

import sys
from pathlib import Path

import numpy as np

from assay.finished import Finished
from assay.models.twins import refitted
from assay.selection.weights import floor_groups, hashed_order, remove
from assay.stages import graph
from assay.stages import materials as hand

FRACTION, SEEDS = 0.02, 5
MEASURES = ("log_loss", "auc", "ndcg@10")


def main(folder: Path, model: str, valuers: list[str]) -> None:
    """Print what seeds alone change, then each arm's change from all samples: mean over seeds and its standard error."""
    run = Finished(folder)
    work = graph().work(run.config, folder, "verify")
    train, fitted, tuning = hand.train(work), hand.model(work, model), hand.holdout(work, "tuning")
    orders = {name: run.importance(name).order() for name in valuers}
    orders["random"] = hashed_order(train.keys.column("sample_id").to_numpy(), run.config.seed)
    groups, floor = floor_groups(train), run.config.select.floor
    weights = {"all": train.weight}
    for name, order in orders.items():
        weights[name] = np.where(remove(order, round(FRACTION * len(train)), groups, floor), 0.0, train.weight)
    found = {}
    for name, weight in weights.items():
        changed, rows = train.with_weight(weight), []
        for seed in range(1, SEEDS + 1):
            again = refitted(fitted, changed, rng=np.random.default_rng(seed))
            measured = tuning.score(again.predict, resamples=2).measures
            rows.append([measured[measure]["value"] for measure in MEASURES])
        found[name] = np.array(rows)
    spread = found["all"].std(axis=0, ddof=1)
    print(f"{model}, {SEEDS} seeds, on tuning. Standard deviation over seeds:")
    print("  ".join(f"{measure} {value:.4f}" for measure, value in zip(MEASURES, spread, strict=True)))
    for name in orders:
        change = found[name] - found["all"]
        error = change.std(axis=0, ddof=1) / np.sqrt(SEEDS)
        cells = [f"{m} {c:+.4f} ± {e:.4f}" for m, c, e in zip(MEASURES, change.mean(axis=0), error, strict=True)]
        print(f"without the worst {100 * FRACTION:g} % by {name}: {', '.join(cells)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
