"""What values of neural models cost beside the training itself, and beside others' code: ratios of one run.

python timings/deep.py            100,000 training rows, 10,000 validation rows, a net of a million parameters
python timings/deep.py ROWS HELD  other sizes
python timings/deep.py --peers    TracIn of captum and dattri too (into .venv-peers-deep)

In-run values, first order, are timed beside the same training without them, in turn, and the fastest pass of each counts, at
the model's own batch size; memory
is the peak of a process of its own. TracIn is timed beside one pass of training; torch.func's gradients row by row are timed on
2,000 rows and 200 validation rows and scaled up by rows; so are captum (200 and 50) and dattri (32 and 16), which favours them:
their time grows with rows times validation rows.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from assay.deep.rows import ArrayRows
from assay.deep.training import Schedule, train
from assay.importance.gradients import tracin
from assay.importance.in_run_shapley import InRunShapley
from assay.models.dcn import DcnNet

SIZES, NUMBERS, BATCH, REPEATS, BY_ROW = [20_000, 20_000, 200, 50, 10], 40, 2048, 3, (2_000, 200)
SHARE = 0.3  # of the steps, where not all are looked at
PEERS, PACKAGES = Path(__file__).parent.parent / ".venv-peers-deep", ["captum==0.9.0", "dattri==0.3.0"]
TARGETS = {
    "in-run time": 1.25, "in-run, 3 in 10": 1.25, "in-run memory": 1.30, "tracin": 2.0, "tracin, 5 folds": 2.0,
    "torch.func": 10.0, "captum": 10.0, "dattri": 10.0,
}  # fmt: skip


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


def one_pass(rows: ArrayRows, held: ArrayRows, share: float) -> None:
    watchers = [InRunShapley(held, folds=np.arange(len(held)) % 5, share=share)] if share else []
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


class Plain(torch.nn.Module):
    """The net as peers take it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = net()

    def forward(self, codes: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        return self.net.margins({"codes": codes, "numbers": numbers})


def data(rows: ArrayRows) -> TensorDataset:
    return TensorDataset(*(torch.from_numpy(rows.columns[name]) for name in ("codes", "numbers", "label")))


def captum(rows: ArrayRows, held: ArrayRows) -> None:
    from captum.influence import TracInCP

    def load(model: torch.nn.Module, path: str) -> float:
        model.load_state_dict(torch.load(path))
        return 1e-3 / BATCH

    with tempfile.TemporaryDirectory() as folder:
        model, path = Plain(), f"{folder}/weights.pt"
        torch.save(model.state_dict(), path)
        loss = torch.nn.BCEWithLogitsLoss(reduction="sum")
        made = TracInCP(model, data(rows), [path], load, loss_fn=loss, batch_size=16, sample_wise_grads_per_batch=True)
        for batch in DataLoader(data(held), 16):
            made.influence(tuple(batch))


def dattri(rows: ArrayRows, held: ArrayRows) -> None:
    from dattri.algorithm.tracin import TracInAttributor
    from dattri.task import AttributionTask

    model = Plain()

    def loss(weights: dict[str, torch.Tensor], batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        codes, numbers = (part[None] if part.ndim == 1 else part for part in batch[:2])
        margins = torch.func.functional_call(model, weights, (codes, numbers))
        return torch.nn.functional.binary_cross_entropy_with_logits(margins, batch[2].reshape(-1))

    task = AttributionTask(loss_func=loss, model=model, checkpoints=[model.state_dict()])
    steps = torch.tensor([1e-3 / BATCH])
    made = TracInAttributor(task=task, weight_list=steps, normalized_grad=False, device="cpu")
    with torch.no_grad():
        made.attribute(DataLoader(data(rows), 16), DataLoader(data(held), 16))


def peak(share: float, rows: int, held: int) -> float:
    """Peak MB of a process that trains one pass."""
    code = f"import timings.deep as d; d.peaked({share}, {rows}, {held})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def peaked(share: float, rows: int, held: int) -> None:
    one_pass(problem(rows, 0), problem(held, 1), share)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def line(name: str, ratio: float, what: str, at_least: bool = False) -> None:
    target = TARGETS[name]
    reached = ratio >= target if at_least else ratio <= target
    words = "at least" if at_least else "at most"
    print(f"{name:<18}{ratio:>8.2f} x  {what:<52}{words} {target:g} x: {'reached' if reached else 'missed'}")


def installed() -> None:
    """The peers beside this Python's own packages."""
    if not PEERS.exists():
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(PEERS), *PACKAGES], check=True)
    sys.path.append(str(PEERS))


def main(arguments: list[str], repeats: int = REPEATS, some: tuple[int, int] = BY_ROW) -> None:
    peers = "--peers" in arguments
    arguments = [a for a in arguments if a != "--peers"]
    n, m = (int(a) for a in arguments) if arguments else (100_000, 10_000)
    rows, held = problem(n, 0), problem(m, 1)
    print(f"{n:,} training rows, {m:,} validation rows, {sum(p.numel() for p in net().parameters()):,} parameters")
    one_pass(problem(BATCH, 2), held, 1.0)  # what is loaded once is not what is timed
    plain, watched, some_steps = [], [], []
    for _ in range(repeats):
        for times, share in ((plain, 0.0), (watched, 1.0), (some_steps, SHARE)):
            times.append(timed(lambda share=share: one_pass(rows, held, share)))
    line("in-run time", min(watched) / min(plain), f"a pass of training ({min(plain):.2f} s), every step looked at")
    line("in-run, 3 in 10", min(some_steps) / min(plain), "the same, three steps in ten looked at")
    line("in-run memory", peak(1.0, n, m) / peak(0.0, n, m), "the peak of training")
    states = [(1e-3 / BATCH, net().state_dict())]
    once = min(timed(lambda: tracin(net(), rows, held, states)) for _ in range(repeats))
    line("tracin", once / min(plain), f"a pass of training ({once:.2f} s)")
    folds = np.arange(m) % 5
    five = min(timed(lambda: tracin(net(), rows, held, states, folds=folds)) for _ in range(repeats))
    line("tracin, 5 folds", five / min(plain), f"a pass of training ({five:.2f} s)")
    rivals: list[tuple[str, Callable[..., None], tuple[int, int]]] = [("torch.func", by_row, some)]
    if peers:
        installed()
        rivals += [("captum", captum, (200, 50)), ("dattri", dattri, (32, 16))]
    for name, rival, size in rivals:
        few = rows.take(np.arange(min(size[0], n))), held.take(np.arange(min(size[1], m)))
        whole = timed(lambda rival=rival, few=few: rival(*few)) * (n + m) / (len(few[0]) + len(few[1]))
        line(name, whole / once, f"tracin's time ({whole:.0f} s for all rows)", at_least=True)


if __name__ == "__main__":
    main(sys.argv[1:])
