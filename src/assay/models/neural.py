"""What all neural models share: how they are stopped early, learn from all rows, and are stored."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.config import Models
from assay.deep.checkpoints import State, fill, read_weights, write_weights
from assay.deep.draws import PROCESSOR, left_alone, seed_draws
from assay.deep.rows import Rows
from assay.deep.training import Epoch, Net, Reporting, Schedule, Snapshots, Watcher, train
from assay.errors import ConfigError, did_you_mean
from assay.models.scorer import Training

EARLIER = 0.8  # share of the training rows that stands before those that training is stopped by
N = TypeVar("N", bound=Net)


class Neural:
    """A model with a net. Early stopping looks at the last periods of train; then the net learns from all, as long.

    checkpoints_: (learning rate, weights) after each pass of the last fit, on the processor. passes_: one line per pass of the
    fit that was stopped early.
    """

    name = ""
    schedule: Schedule
    net_: Net | None = None
    passes_: tuple[Epoch, ...] = ()
    checkpoints_: tuple[tuple[float, State], ...] = ()

    @classmethod
    def configured(cls, section: Models) -> Self:
        """With the settings of [models.neural.<name>]; ConfigError for one that the model does not have."""
        settings, own = section.neural.get(cls.name, {}), signature(cls).parameters
        for key in settings:
            if key not in own:
                hint = did_you_mean(key, own)
                raise ConfigError(f"[models.neural.{cls.name}]: unknown setting {key!r}{hint}; known: {', '.join(own)}")
        return cls(**settings)

    def stop_early(self, build: Callable[[], N], early: Rows, late: Rows, seed: int, training: Training) -> N:
        """A net that learnt from early rows, as it was when the loss of late ones was lowest; passes_ tells the losses."""
        net, folder, watchers = _built(build, seed), _part(training, "early", early), self._reporters(training)
        self.passes_ = tuple(train(net, early, late, self.schedule, name=self.name, seed=seed, watchers=watchers, folder=folder))
        net.cpu().eval()
        return net

    def best_pass(self) -> int:
        """After how many passes the later loss was lowest."""
        return int(np.argmin([np.inf if line.later is None else line.later for line in self.passes_])) + 1

    def learn_all(self, build: Callable[[], N], rows: Rows, passes: int, seed: int, training: Training) -> N:
        """A net that learnt from all rows for so many passes, watched; checkpoints_ holds its weights after each."""
        folder = _part(training, "every", rows)
        net, snapshots = _built(build, seed), Snapshots(folder)
        watchers = (snapshots, *self._reporters(training), *training.watchers)
        schedule = replace(self.schedule, epochs=passes)
        train(net, rows, None, schedule, name=self.name, seed=seed, watchers=watchers, folder=folder)
        self.checkpoints_ = tuple(snapshots.taken.values())
        net.cpu().eval()
        return net

    def _reporters(self, training: Training) -> tuple[Watcher, ...]:
        """Who tells of the steps of one training, if anybody is to be told."""
        return () if training.report is None else (Reporting(self.name, training.report),)

    def net(self) -> Net:
        """The fitted net, on the processor, as it predicts. InputError before fit."""
        raise NotImplementedError

    def write_net(self, folder: Path, net: Net) -> list[Path]:
        """Write weights.safetensors and a checkpoint of each pass."""
        files = [write_weights(folder / "weights.safetensors", net.state_dict(), {"model": self.name})]
        for k, (rate, state) in enumerate(self.checkpoints_, 1):
            about = {"model": self.name, "rate": repr(rate)}
            files.append(write_weights(folder / f"pass_{k}.safetensors", state, about))
        return files

    def read_net(self, folder: Path, net: N) -> N:
        """Fill a net of the right shape from a folder, and take its checkpoints. InputError: they are of another net."""
        path = folder / "weights.safetensors"
        weights, _ = read_weights(path)
        fill(net, weights, path)
        checkpoints = []
        for k in range(1, len(list(folder.glob("pass_*.safetensors"))) + 1):
            state, about = read_weights(folder / f"pass_{k}.safetensors")
            checkpoints.append((float(about.get("rate", "nan")), state))
        self.checkpoints_ = tuple(checkpoints)
        net.eval()
        return net


def _part(training: Training, name: str, rows: Rows) -> Path | None:
    """Where the progress of one part of a fit is kept."""
    return None if training.folder is None else training.folder / f"{name}-{rows.digest()[:8]}"


def _built(build: Callable[[], N], seed: int) -> N:
    """A net whose first weights follow from the seed; the caller's random state is left alone."""
    with left_alone(PROCESSOR):
        seed_draws(seed, PROCESSOR)
        return build()


def exact(net: N) -> N:
    """A twin in double precision: what it says of a row does not depend on the other rows of a batch."""
    return deepcopy(net).double().eval()


def early_and_late(period: NDArray[Any], label: NDArray[Any] | None = None) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Rows (n,) of the earlier periods and of the last ones; None where one side has no rows, or one label only."""
    if not len(period):
        return None
    cut = np.quantile(period, EARLIER, method="lower")
    late = period > cut
    for side in (late, ~late):
        if not side.any() or (label is not None and len(np.unique(label[side])) < 2):
            return None
    return ~late, late
