"""What values of neural models cost beside the training itself, and beside others' code: ratios of one run.

python benchmarks/deep.py            100,000 training rows, 10,000 validation rows, a net of a million parameters
python benchmarks/deep.py ROWS HELD  other sizes

In-run values, first order, are timed beside the same training without them, in turn, and the fastest pass of each counts; memory
is the peak of a process of its own. TracIn is timed beside one pass of training; torch.func's gradients row by row are timed on
2,000 rows and 200 validation rows and scaled up by rows.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from assay.deep.rows import ArrayRows
from assay.deep.training import Schedule, train
from assay.importance.gradients import tracin
from assay.importance.in_run_shapley import InRunShapley
from assay.models.dcn import DcnNet

SIZES, NUMBERS, BATCH, REPEATS, BY_ROW = [20_000, 20_000, 200, 50, 10], 40, 1024, 3, (2_000, 200)
TARGETS = {"in-run time": 1.25, "in-run memory": 1.30, "tracin": 2.0, "tracin, 5 folds": 2.0, "torch.func": 10.0}


def problem(rows: int, seed: int) -> ArrayRows:
    rng = np.random.default_rng(seed)
    begins = np.cumsum([0, *SIZES[:-1]])
    codes = np.stack([b + (s * rng.random(rows) ** 2).astype(np.int64) for b, s in zip(begins, SIZES, strict=True)], 1)
    numbers = rng.normal(size=(rows, NUMBERS)).astype(np.float32)
    label = (rng.random(rows) < 1 / (1 + np.exp(-numbers[:, 0] - (codes[:, 3] % 2)))).astype(np.float32)
    return ArrayRows({"codes": codes, "numbers": numbers, "label": label})


def net() -> DcnNet:
    torch.manual_seed(0)
    return DcnNet(SIZES, NUMBERS, factors=20, crosses=3, hidden=256)


def timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def one_pass(rows: ArrayRows, held: ArrayRows, watched: bool) -> None:
    watchers = [InRunShapley(held, folds=np.arange(len(held)) % 5)] if watched else []
    train(net(), rows, None, Schedule(1, BATCH, 1e-3), name="dcn", seed=0, watchers=watchers)


def by_row(rows: ArrayRows, held: ArrayRows) -> None:
    """TracIn with torch.func: gradients of every row, and their products with the mean of the validation rows'."""
    made = net()
    weights = {name: p.detach() for name, p in made.named_parameters()}

    class Losses(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = made

        def forward(self, row: dict[str, torch.Tensor]) -> torch.Tensor:
            return self.net.losses({name: value[None] for name, value in row.items()})[0]

    caller = Losses()
    own = {f"net.{name}": value for name, value in weights.items()}
    gradients = torch.func.vmap(torch.func.grad(lambda p, row: torch.func.functional_call(caller, p, (row,))), in_dims=(None, 0))
    mean = {name: torch.zeros_like(value) for name, value in own.items()}
    size = 16  # a million numbers a row
    for batch in held.batches(size, None):
        for name, g in gradients(own, batch).items():
            mean[name] += g.sum(0) / len(held)
    for batch in rows.batches(size, None):
        made_now = gradients(own, batch)
        sum(torch.einsum("b...,...->b", g, mean[name]) for name, g in made_now.items())


def peak(watched: bool, rows: int, held: int) -> float:
    """Peak MB of a process that trains one pass."""
    code = f"import benchmarks.deep as d; d.peaked({watched}, {rows}, {held})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def peaked(watched: bool, rows: int, held: int) -> None:
    one_pass(problem(rows, 0), problem(held, 1), watched)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def line(name: str, ratio: float, what: str, at_least: bool = False) -> None:
    target = TARGETS[name]
    reached = ratio >= target if at_least else ratio <= target
    words = "at least" if at_least else "at most"
    print(f"{name:<18}{ratio:>8.2f} x  {what:<52}{words} {target:g} x: {'reached' if reached else 'missed'}")


def main(arguments: list[str], repeats: int = REPEATS, some: tuple[int, int] = BY_ROW) -> None:
    n, m = (int(a) for a in arguments) if arguments else (100_000, 10_000)
    rows, held = problem(n, 0), problem(m, 1)
    print(f"{n:,} training rows, {m:,} validation rows, {sum(p.numel() for p in net().parameters()):,} parameters")
    one_pass(problem(BATCH, 2), held, True)  # what is loaded once is not what is timed
    plain, watched = [], []
    for _ in range(repeats):
        plain.append(timed(lambda: one_pass(rows, held, False)))
        watched.append(timed(lambda: one_pass(rows, held, True)))
    line("in-run time", min(watched) / min(plain), f"a pass of training ({min(plain):.2f} s)")
    line("in-run memory", peak(True, n, m) / peak(False, n, m), "the peak of training")
    states = [(1e-3 / BATCH, net().state_dict())]
    once = min(timed(lambda: tracin(net(), rows, held, states)) for _ in range(repeats))
    line("tracin", once / min(plain), f"a pass of training ({once:.2f} s)")
    folds = np.arange(m) % 5
    five = min(timed(lambda: tracin(net(), rows, held, states, folds=folds)) for _ in range(repeats))
    line("tracin, 5 folds", five / min(plain), f"a pass of training ({five:.2f} s)")
    few = rows.take(np.arange(min(some[0], n))), held.take(np.arange(min(some[1], m)))
    whole = timed(lambda: by_row(*few)) * (n + m) / (len(few[0]) + len(few[1]))
    line("torch.func", whole / once, f"tracin's time, gradients row by row ({whole:.1f} s)", at_least=True)


if __name__ == "__main__":
    main(sys.argv[1:])
