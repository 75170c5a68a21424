"""How a net came to know each sample: scores that a training gives away while it runs, at the cost of some numbers per row.

They look at no validation rows, so none has an error over folds, and none says what a model would be without the sample: they
tell samples that are learnt early and for good from those that are hard, rare or wrongly labelled.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assay.deep.rows import Rows
from assay.deep.training import Net, Schedule, Step, Watcher
from assay.importance.valuer import Importance
from assay.importance.values import Values, Vector
from assay.models.capabilities import Traced
from assay.models.named import demand
from assay.models.scorer import Training
from assay.models.twins import twin
from assay.samples.table import Samples

PASSES = 5  # over the rows, without early stopping: counts of so few passes are told apart
EARLY = 2  # passes whose errors el2n averages


class TrainingDynamics(Watcher):
    """Watches a training whose losses are minus the log-likelihood of each row's label.

    A row is seen once a pass, just before the step that it is part of: p is then the probability of its given label. count:
    values in all, where rows name places beyond their number.
    """

    def __init__(self, early: int = EARLY, count: int | None = None) -> None:
        self.early, self.count = early, count
        self._wrong: Vector = np.zeros(0)  # sums of 1 - p over the early passes
        self._margin: Vector = np.zeros(0)  # sums of the log-odds of the given label
        self._seen: NDArray[np.int64] = np.zeros(0, np.int64)
        self._forgotten: NDArray[np.int64] = np.zeros(0, np.int64)
        self._right: NDArray[np.bool_] = np.zeros(0, np.bool_)  # in the last pass
        self._ever: NDArray[np.bool_] = np.zeros(0, np.bool_)

    def begin(self, net: Net, rows: Rows, schedule: Schedule) -> None:
        """Begin anew."""
        del net, schedule
        n = self.count or len(rows)
        self._wrong, self._margin = np.zeros(n), np.zeros(n)
        self._seen, self._forgotten = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._right, self._ever = np.zeros(n, np.bool_), np.zeros(n, np.bool_)

    def after(self, step: Step, losses: torch.Tensor) -> None:
        """Count what the batch's losses tell."""
        at, loss = step.batch["row"].cpu().numpy(), losses.double().cpu().numpy()
        if step.epoch < self.early:
            self._wrong[at] += -np.expm1(-loss)
        right = loss < np.log(2)
        self._margin[at] -= loss + np.log(np.maximum(-np.expm1(-loss), 1e-30))
        self._seen[at] += 1
        self._forgotten[at] += self._right[at] & ~right
        self._right[at] = right
        self._ever[at] |= right

    def el2n(self) -> Vector:
        """(n,) mean length of (probabilities - one-hot label) over the early passes, from 0 to sqrt(2); 0 for rows unseen.

        For two classes that is sqrt(2) (1 - p) (Paul, Ganguli and Dziugaite, "Deep learning on a data diet", NeurIPS 2021).
        """
        return np.asarray(np.sqrt(2) * self._wrong / np.maximum(np.minimum(self._seen, self.early), 1))

    def forgetting(self) -> NDArray[np.int64]:
        """(n,) how often a row went from right to wrong between passes; rows never right count as one more than all passes
        (Toneva et al., "An empirical study of example forgetting", ICLR 2019)."""
        never = (self._seen > 0) & ~self._ever
        return np.where(never, self._seen + 1, self._forgotten)

    def area_under_margin(self) -> Vector:
        """(n,) mean over passes of the log-odds of the given label; below 0 where the net insists on the other one (Pleiss,
        Zhang, Elenberg and Weinberger, "Identifying mislabeled data", NeurIPS 2020)."""
        return np.asarray(self._margin / np.maximum(self._seen, 1))


class _OfDynamics:
    """A valuer that trains a twin for PASSES passes and reads what was watched; higher is easier, and so more useful."""

    name = ""
    unit = ""
    needs = Traced

    def read(self, watched: TrainingDynamics) -> NDArray[Any]:
        """(n,) values."""
        raise NotImplementedError

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) of train; validation, utility and folds play no part. InputError: a model that is not a net of samples."""
        del validation, utility, folds
        demand(model, self.needs, self.name)
        watcher = TrainingDynamics(count=len(train))
        twin(model, train, rng=rng, training=Training(watchers=(watcher,), passes=PASSES))
        return Importance.of(train, Values(self.read(watcher).astype(np.float64)), self.name, self.unit, model.name)


class El2n(_OfDynamics):
    """Minus el2n: a sample that is predicted well early is worth more."""

    name, unit = "el2n", "minus the length of the error"

    def read(self, watched: TrainingDynamics) -> Vector:
        """From -sqrt(2) to 0."""
        return -watched.el2n()


class Forgetting(_OfDynamics):
    """Minus the times a sample was forgotten: one that stays learnt is worth more."""

    name, unit = "forgetting", "minus times forgotten"

    def read(self, watched: TrainingDynamics) -> NDArray[Any]:
        """0 or less."""
        return -watched.forgetting()


class AreaUnderMargin(_OfDynamics):
    """The area under the margin itself."""

    name, unit = "area_under_margin", "mean log-odds of the given label"

    def read(self, watched: TrainingDynamics) -> Vector:
        """In log-odds."""
        return watched.area_under_margin()
