"""How small a test set could be: families left out, anchors, and whether planned sizes keep their promise.

python timings/compact.py SCORES.parquet [MEASURE]: a scoreboard, as `make study` writes to systems/, and ndcg@10 or another.
"""

import itertools
import sys
import time
from pathlib import Path

import numpy as np
from scipy import stats

from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.compact.designs import ANCHORS, anchors
from assay.benchmark.compact.families import leave_out
from assay.benchmark.plan.sizes import plan_difference, plan_mean

BUDGET, TARGETS = 100, {"family": 0.7, "system": 0.5}


def left_out(scores: np.ndarray, families: np.ndarray, redraws: int) -> None:
    """Error over that of the simple random mean, coverage, agreement, of families and of single systems left out."""
    for leave, target in TARGETS.items():
        started = time.perf_counter()
        for r in leave_out(scores, families, budget=BUDGET, leave=leave, redraws=redraws):
            systems = np.array([(families == name).sum() for name in r.families])
            coverage = systems @ r.coverage / len(scores)
            print(
                f"{leave} left out, {r.design}: error {r.error.mean():.4f}, relative {r.relative.mean():.3f} (target {target}), "
                f"coverage {coverage:.3f}, tau {r.tau:.3f}, placed {r.tau_placed.mean():.3f}, "
                f"half-width {r.half_width.mean():.4f}, detectable {r.detectable.mean():.4f}"
            )
            print("  " + ", ".join(f"{name} {x:.2f}" for name, x in zip(r.families, r.relative, strict=True)))
        print(f"  {time.perf_counter() - started:.1f} s for {redraws} redraws of each design")


def chosen(scores: np.ndarray, families: np.ndarray, redraws: int) -> None:
    """Anchors of the other families' scores, their error over that of the simple random mean."""
    base = leave_out(scores, families, budget=BUDGET, designs=[], redraws=redraws)[0]
    for method in ANCHORS:
        relative = []
        for name, error in zip(base.families, base.error, strict=True):
            inside = families == name
            found = anchors(scores[~inside], budget=BUDGET, method=method)
            relative.append(np.mean([abs(found.value(y[found.rows]) - y.mean()) for y in scores[inside]]) / error)
        figures = ", ".join(f"{name} {x:.2f}" for name, x in zip(base.families, relative, strict=True))
        print(f"anchors, {method}: relative {np.mean(relative):.3f}\n  {figures}")


def power(scores: np.ndarray, difference: float, redraws: int) -> None:
    """Of neighbours' differences set to `difference` on the log: how often a set of the planned size finds it."""
    order, rng, found = np.argsort(scores.mean(axis=1)), np.random.default_rng(0), []
    N = scores.shape[1]
    for a, b in itertools.pairwise(order):
        d = scores[b] - scores[a]
        d = d - d.mean() + difference
        n = plan_difference(np.stack([0 * d, d]), difference, about="log").size
        drawn = np.stack([d[rng.permutation(N)[:n]] for _ in range(redraws)])
        error = drawn.std(axis=1, ddof=1) * np.sqrt(1 / n - 1 / N)
        found.append(np.mean(np.abs(drawn.mean(axis=1)) / error > stats.t.ppf(0.975, n - 1)))
    print(
        f"planned for 80 % power at {difference:g}: found {np.mean(found):.3f} on the mean of {len(found)} pairs of neighbours, "
        f"{min(found):.3f} to {max(found):.3f} ({redraws} redraws)"
    )


def main(path: Path, measure: str = "ndcg@10", redraws: int = 1000) -> None:
    board = Scoreboard.read(path)
    scores, families, users = board.of(measure), np.array(board.families), board.user
    print(f"{len(scores)} systems in {len(np.unique(families))} families, {scores.shape[1]:,} requests, {measure}")
    left_out(scores, families, redraws)
    chosen(scores, families, redraws)
    for difference in (0.002, 0.005, 0.01):
        print(f"traffic: {plan_difference(scores, difference, users=users)}")
        print(f"log: {plan_difference(scores, difference, about='log')}")
    for design in (None, "neyman"):
        print(f"{design or 'random mean'}: {plan_mean(scores, 0.01, families=families, design=design)}")
    power(scores, 0.01, redraws)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
