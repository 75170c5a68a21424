"""Weights as safetensors files that say what they are of; a training's progress, written whole after every pass."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from assay.errors import InputError
from assay.runs.store import whole_file

FILE = "progress.safetensors"
State = dict[str, torch.Tensor]


def write_weights(path: Path, weights: Mapping[str, torch.Tensor], about: Mapping[str, str]) -> Path:
    """Write tensors with a note of what they are of, whole or not at all; the same weights give the same bytes."""
    with whole_file(path) as partial:
        # One entry of metadata alone: the format keeps several in no fixed order.
        note = {"about": json.dumps(dict(about), sort_keys=True)}
        save_file({name: value.detach().cpu().contiguous() for name, value in weights.items()}, partial, note)
    return path


def read_weights(path: Path) -> tuple[State, dict[str, str]]:
    """Tensors and note of a file; InputError when it is missing or no safetensors file."""
    try:
        with safetensors.safe_open(path, "pt") as opened:
            about = json.loads((opened.metadata() or {}).get("about", "{}"))
        return load_file(path), about
    except FileNotFoundError:
        raise InputError(f"{path}: not there; train the model again") from None
    except (safetensors.SafetensorError, OSError) as error:
        raise InputError(f"{path}: no safetensors file ({error}); delete it and train again") from None


def fill(net: nn.Module, weights: State, path: Path) -> None:
    """Put weights into a net; InputError when they are of another net or of other features."""
    own = net.state_dict()
    wrong = sorted(name for name in own.keys() | weights.keys() if name not in own or name not in weights)
    wrong += sorted(name for name in own.keys() & weights.keys() if own[name].shape != weights[name].shape)
    if wrong:
        name = wrong[0]
        shapes = [tuple(part[name].shape) if name in part else "none" for part in (own, weights)]
        raise InputError(
            f"{path}: a checkpoint of another model or of other features: {name} is {shapes[1]} there and {shapes[0]} here"
            f" ({len(wrong)} such); train again, or give the folder that belongs to these settings"
        )
    net.load_state_dict(weights)


@dataclass(frozen=True)
class Progress:
    """How far a training has come: whole passes, (loss, later loss) of each, passes since the best, and its weights."""

    epoch: int = 0
    history: tuple[tuple[float, float | None], ...] = ()
    stale: int = 0
    best: State | None = field(default=None, repr=False)

    def passed(self, epoch: int, loss: float, later: float | None, weights: State | None) -> "Progress":
        """The progress after another pass; weights are kept if the later loss is the lowest so far."""
        before = [held for _, held in self.history if held is not None]
        better = later is not None and (not before or later < min(before))
        history = (*self.history, (loss, later))
        if later is None or better:
            return Progress(epoch, history, 0, weights)
        return Progress(epoch, history, self.stale + 1, self.best)


def write_progress(
    folder: Path, kind: Mapping[str, Any], net: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write weights, the optimizer's state and progress as one file."""
    tensors = {f"net.{name}": value for name, value in net.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in (progress.best or {}).items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
    about = {"kind": json.dumps(kind, sort_keys=True), "epoch": str(progress.epoch), "stale": str(progress.stale)}
    about["history"] = json.dumps(progress.history)
    # Tied weights are one tensor under two names, which the format refuses.
    write_weights(folder / FILE, {name: value.detach().clone() for name, value in tensors.items()}, about)


def resume(folder: Path, kind: Mapping[str, Any], net: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
    """Take up the progress that a folder holds, or begin; InputError when it is of another training."""
    path = folder / FILE
    if not path.exists():
        return Progress()
    tensors, about = read_weights(path)
    stored = json.loads(about.get("kind", "{}"))
    differs = sorted(key for key in {*stored, *kind} if stored.get(key) != kind.get(key))
    if differs:
        key = differs[0]
        raise InputError(
            f"{path}: the progress of another training: {key} was {stored.get(key)!r} and is {kind.get(key)!r};"
            " delete it, or train in another folder"
        )
    parts: dict[str, State] = {"net": {}, "best": {}}
    states: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        part, _, name = key.partition(".")
        if part == "optimizer":
            index, _, name = name.partition(".")
            states.setdefault(int(index), {})[name] = value
        else:
            parts[part][name] = value
    fill(net, parts["net"], path)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
    history = tuple((loss, held) for loss, held in json.loads(about["history"]))
    return Progress(int(about["epoch"]), history, int(about["stale"]), parts["best"] or None)
