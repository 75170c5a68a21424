"""One training loop for every neural model: early stopping, watchers, checkpoints that survive a kill."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from assay.deep.checkpoints import Progress, read_weights, resume, write_progress, write_weights
from assay.deep.draws import Draws, left_alone, seed_draws
from assay.deep.rows import Batch, Rows, moved
from assay.errors import InputError


class Net(nn.Module):
    """A PyTorch module that knows its own loss, row by row."""

    def losses(self, batch: Batch) -> torch.Tensor:
        """(B,) loss of every row of a batch; no row's loss depends on another row."""
        raise NotImplementedError


@runtime_checkable
class GivesMargins(Protocol):
    """A net that says the log-odds of label 1."""

    def margins(self, batch: Batch) -> torch.Tensor:
        """(B,) log-odds of every row of a batch."""
        ...


@runtime_checkable
class HasParts(Protocol):
    """A net whose rows' losses are sums of parts, as those of a sequence's events."""

    def parts(self, batch: Batch) -> torch.Tensor:
        """(B, T) loss of every part of every row; T is that of the batch's longest row."""
        ...


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: passes over the rows, rows a step, learning rate, decay of weights (AdamW), and after how many
    passes without a lower loss of later rows to stop. optimizer: "adam" (AdamW) or "sgd" (plain, no momentum)."""

    epochs: int = 10
    batch: int = 1024
    rate: float = 1e-3
    decay: float = 0.0
    patience: int = 2
    optimizer: str = "adam"


@dataclass(frozen=True)
class Step:
    """A step of training: what a watcher sees of it. The step's loss is sum(weight * losses) / rows of the batch.

    draws: what the net draws from in this step; `with step.draws.again()` a pass meets the same dropout masks and negatives.
    """

    net: Net
    optimizer: torch.optim.Optimizer
    batch: Batch
    epoch: int
    number: int  # of all steps, from 0
    rate: float
    draws: Draws


@dataclass(frozen=True)
class Epoch:
    """A pass over the rows: its mean loss, the loss of later rows (None: there are none), seconds so far and left."""

    number: int
    loss: float
    later: float | None
    seconds: float
    left: float


class Watcher:
    """Looks on while a model trains; does nothing unless it is overridden. What it draws at random moves no training."""

    def begin(self, net: Net, rows: Rows, schedule: Schedule) -> None:
        """Before the first step."""

    def before(self, step: Step) -> None:
        """Before a batch is passed through the net; gradients are empty."""

    def after(self, step: Step, losses: torch.Tensor) -> None:
        """After the backward pass and before the optimizer moves; losses (B,), unweighted and detached."""

    def epoch(self, net: Net, epoch: Epoch, rate: float) -> None:
        """After each pass."""


class Snapshots(Watcher):
    """Keeps the net's weights after every pass, with the learning rate of the pass: what gradient valuers look at.

    folder: where they are kept too, so that a training that goes on after a kill has those of its first passes.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.taken: dict[int, tuple[float, dict[str, torch.Tensor]]] = {}

    def begin(self, net: Net, rows: Rows, schedule: Schedule) -> None:
        """Take what the folder has."""
        del net, rows
        for number in range(1, schedule.epochs + 1):
            if self.folder is None or not (path := self.folder / f"pass_{number}.safetensors").exists():
                break
            self.taken[number] = schedule.rate, read_weights(path)[0]

    def epoch(self, net: Net, epoch: Epoch, rate: float) -> None:
        """Copy the weights."""
        weights = {name: value.detach().cpu().clone() for name, value in net.state_dict().items()}
        self.taken[epoch.number] = rate, weights
        if self.folder is not None:
            write_weights(self.folder / f"pass_{epoch.number}.safetensors", weights, {})


class Reporting(Watcher):
    """Tells the steps made of all steps, and the latest loss: report(words, done, all)."""

    def __init__(self, name: str, report: Callable[[str, int, int | None], None]) -> None:
        self.name, self.report, self.steps = name, report, 0

    def begin(self, net: Net, rows: Rows, schedule: Schedule) -> None:
        """Tell that it begins."""
        del net
        self.steps = schedule.epochs * math.ceil(len(rows) / schedule.batch)
        self.report(f"{self.name}: learns", 0, self.steps)

    def after(self, step: Step, losses: torch.Tensor) -> None:
        """Tell the mean loss of the batch."""
        self.report(f"{self.name}: loss {float(losses.mean()):.4f}", step.number + 1, self.steps)


def device() -> torch.device:
    """The GPU where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(
    net: Net,
    rows: Rows,
    later: Rows | None,
    schedule: Schedule,
    *,
    name: str,
    seed: int,
    watchers: Sequence[Watcher] = (),
    folder: Path | None = None,
) -> list[Epoch]:
    """Train a net on rows; with later rows, stop early and keep the weights of the lowest loss there.

    seed sets the order of rows and all that the net draws: one seed gives one result on one thread. The caller's own random
    state is left alone. folder: progress is kept there after every pass, so that a killed training goes on where it was and
    ends the same. InputError: the loss is no number (the weights of the last whole pass stay, and the batch is named), or the
    folder's progress is of another training.
    """
    place = device()
    with left_alone(place):
        return _passes(net.to(place), rows, later, schedule, name, seed, watchers, folder, place)


def _passes(
    net: Net,
    rows: Rows,
    later: Rows | None,
    schedule: Schedule,
    name: str,
    seed: int,
    watchers: Sequence[Watcher],
    folder: Path | None,
    place: torch.device,
) -> list[Epoch]:
    """The passes of `train`, on a device whose random state they may use."""
    optimizer = _optimizer(net, schedule)
    kind: dict[str, Any] = {}
    state = Progress()
    if folder is not None:
        kind = {"name": name, "seed": seed, "rows": rows.digest(), **asdict(schedule)}
        state = resume(folder, kind, net, optimizer)
    started, first = time.perf_counter(), state.epoch
    for watcher in watchers:
        watcher.begin(net, rows, schedule)
    good = _copy(net)
    for epoch in range(state.epoch, schedule.epochs):
        if state.stale >= schedule.patience:
            break
        seed_draws(_mixed(seed, epoch), place)
        net.train()
        try:
            loss = _pass(net, rows, optimizer, schedule, epoch, place, watchers, _mixed(seed, epoch))
        except FloatingPointError as error:
            net.load_state_dict(good)
            kept = f"; the weights after pass {epoch} are in {folder}" if folder is not None and epoch else ""
            raise InputError(
                f"{name}: {error}{kept}; lower the learning rate ({schedule.rate:g}) or look at these rows"
            ) from None
        held = None if later is None else mean_loss(net, later, schedule.batch)
        good = _copy(net)
        state = state.passed(epoch + 1, loss, held, good if later is not None else None)
        seconds = time.perf_counter() - started
        left = seconds / (epoch + 1 - first) * (schedule.epochs - epoch - 1)
        line = Epoch(epoch + 1, loss, held, seconds, left)
        for watcher in watchers:
            watcher.epoch(net, line, schedule.rate)
        if folder is not None:
            write_progress(folder, kind, net, optimizer, state)
    if state.best is not None:
        net.load_state_dict(state.best)
    net.eval()
    return [Epoch(k + 1, loss, held, 0.0, 0.0) for k, (loss, held) in enumerate(state.history)]


def _pass(
    net: Net,
    rows: Rows,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule,
    epoch: int,
    place: torch.device,
    watchers: Sequence[Watcher],
    seed: int,
) -> float:
    """One pass of steps; the mean loss of its rows. FloatingPointError names the batch whose loss is no number."""
    total, seen = 0.0, 0
    per_pass = math.ceil(len(rows) / schedule.batch)
    for number, stored in enumerate(rows.batches(schedule.batch, seed)):
        batch = moved(stored, place)
        optimizer.zero_grad(set_to_none=True)
        step = Step(net, optimizer, batch, epoch, epoch * per_pass + number, schedule.rate, Draws.now(place))
        for watcher in watchers:
            watcher.before(step)
        step.draws.restore()
        losses = net.losses(batch)
        objective = (batch["weight"] * losses).sum() / len(losses)
        value = float(objective.detach())
        if not math.isfinite(value):
            worst = batch["row"][~torch.isfinite(losses)][:3].tolist()
            raise FloatingPointError(
                f"the loss is {value} in pass {epoch + 1}, batch {number + 1} of {per_pass} (first rows: {worst or 'none alone'})"
            )
        torch.autograd.backward(objective)
        with left_alone(place):
            for watcher in watchers:
                watcher.after(step, losses.detach())
        optimizer.step()
        total, seen = total + value * len(losses), seen + len(losses)
    return total / max(seen, 1)


@torch.no_grad()
def mean_loss(net: Net, rows: Rows, batch: int) -> float:
    """Weighted mean loss of rows, the net as it predicts; what it draws is drawn from one seed."""
    net.eval()
    total, weight, place = 0.0, 0.0, next(net.parameters()).device
    with left_alone(place):
        seed_draws(0, place)
        for stored in rows.batches(batch, None):
            moved_batch = moved(stored, place)
            total += float((moved_batch["weight"] * net.losses(moved_batch)).sum())
            weight += float(moved_batch["weight"].sum())
    return total / weight


def _optimizer(net: Net, schedule: Schedule) -> torch.optim.Optimizer:
    if schedule.optimizer == "sgd":
        return torch.optim.SGD(net.parameters(), lr=schedule.rate, weight_decay=schedule.decay)
    return torch.optim.AdamW(net.parameters(), lr=schedule.rate, weight_decay=schedule.decay)


def _copy(net: Net) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def _mixed(seed: int, epoch: int) -> int:
    """A seed of the pass's own, from a run's seed."""
    return (seed * 1_000_003 + epoch) % 2**63
