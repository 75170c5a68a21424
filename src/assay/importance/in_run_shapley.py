"""In-run data Shapley: what each sample's part in every step of a training did to the validation loss, told while it trains.

A step is a game: the rows of its batch play for the fall of the validation loss. To second order that game is quadratic, and its
Shapley values have a closed form (Wang, Mittal, Song and Jia, "Data Shapley in one training run", ICLR 2025). First order costs
one small validation batch and one product of matrices a layer beside the training's own backward pass.
"""

from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assay.deep.ghost import Sums, ghost, gradient, send_back
from assay.deep.rows import ArrayRows, Batch, Rows, moved
from assay.deep.training import Net, Schedule, Step, Watcher
from assay.importance.gradients import later, of_events
from assay.importance.valuer import Importance, only_loss, user_folds
from assay.importance.values import Values
from assay.models.capabilities import OfSingleEvents, Traced
from assay.models.named import demand
from assay.models.scorer import Training
from assay.models.twins import twin
from assay.samples.table import Samples


class InRunShapley(Watcher):
    """Watches a training, and adds up the values of its rows; `values()` afterwards.

    validation: m rows in memory; folds (m,) number of each row's fold; count: values in all, where rows name places beyond
    their number. Each step looks at `sample` validation rows of one fold, folds in turn, drawn by seed and step: values are
    unbiased, and those of folds differ by chance. order 1 or 2. share: each step is looked at with this chance, and counts
    1 / share: cheaper and still unbiased, but a row of few passes may never be looked at.

    With plain gradient descent (Schedule optimizer "sgd") this is the published method. With Adam the step is taken as minus
    rate * gradient / (sqrt(second moment) + eps), both as they stand before the step: its momentum and decay are left out, so
    that values tell what a row's own gradient did, and not what earlier steps still do.
    """

    def __init__(
        self, validation: ArrayRows, *, folds: NDArray[np.int64] | None = None, count: int | None = None, order: int = 1,
        sample: int = 64, share: float = 1.0, seed: int = 0,
    ) -> None:  # fmt: skip
        if order not in (1, 2):
            raise ValueError(f"order is {order!r}; give 1 or 2")
        if not 0 < share <= 1:
            raise ValueError(f"share is {share!r}; give one above 0 and at most 1")
        self.validation, self.count, self.order, self.sample = validation, count, order, sample
        self.share, self.seed = share, seed
        self.fold = np.zeros(len(validation), np.int64) if folds is None else np.asarray(folds)
        self.per_fold = np.zeros((int(self.fold.max()) + 1, 0))
        self._members = [np.flatnonzero(self.fold == k) for k in range(len(self.per_fold))]
        self._open: tuple[ExitStack, Sums] | None = None
        self._drawn: Batch = {}

    def begin(self, net: Net, rows: Rows, schedule: Schedule) -> None:
        """Begin at zero: one value per row."""
        del net, schedule
        self.per_fold = np.zeros((len(self.per_fold), self.count or len(rows)))

    def before(self, step: Step) -> None:
        """Take the gradient of some validation rows, and watch the training's own passes for its products."""
        members = self._members[step.number % len(self.per_fold)]
        rng = np.random.default_rng([self.seed, step.number])
        some = np.sort(rng.choice(members, min(self.sample, len(members)), replace=False))
        if rng.random() >= self.share:
            return
        place = next(step.net.parameters()).device
        self._drawn = moved(next(self.validation.take(some).batches(len(some), None)), place)
        direction = {name: g[None] for name, g in _scaled(step, gradient(step.net, self._loss(step.net))).items()}
        stack = ExitStack()
        self._open = stack, stack.enter_context(ghost(step.net, direction))

    def after(self, step: Step, losses: torch.Tensor) -> None:
        """Add the values of the batch's rows."""
        del losses
        if self._open is None:
            return
        (stack, products), self._open = self._open, None
        stack.close()
        value = step.rate / self.share * products.take()[0].double()
        if self.order == 2:
            value -= self._bend(step) / self.share
        at = step.batch["row"].cpu().numpy()
        np.add.at(self.per_fold[step.number % len(self.per_fold)], at, len(self.per_fold) * value.cpu().numpy())

    def _loss(self, net: Net) -> torch.Tensor:
        """Weighted mean loss of the drawn validation rows, the net as it predicts."""
        was, weight = net.training, self._drawn["weight"]
        net.eval()
        each = net.losses(self._drawn)
        net.train(was)
        return (weight * each).sum() / weight.sum()

    def _bend(self, step: Step) -> torch.Tensor:
        """(B,) rate^2 / 2 * <step of the row, H step of the batch>, H the Hessian of the drawn validation loss."""
        net, named = step.net, dict(step.net.named_parameters())
        step_of = _scaled(step, {name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in named.items()})
        slopes = torch.autograd.grad(self._loss(net), list(named.values()), create_graph=True, allow_unused=True)
        dot = sum(((g * step_of[name]).sum() for name, g in zip(named, slopes, strict=True) if g is not None), torch.zeros(()))
        bent = {name: g[None] for name, g in _scaled(step, gradient(net, dot)).items()}
        with step.draws.again(), ghost(net, bent) as products:  # the rows' gradients that the step took: its masks and negatives
            objective = (step.batch["weight"] * net.losses(step.batch)).sum() / len(step.batch["weight"])
            send_back(net, objective)
        return 0.5 * step.rate**2 * products.take()[0].double()

    def values(self) -> Values:
        """(n,) fall of the validation loss by each row, over all steps so far; its per_fold, where folds were given."""
        if len(self.per_fold) == 1:
            return Values(self.per_fold[0])
        return Values(self.per_fold.mean(axis=0), self.per_fold)


def _scaled(step: Step, gradients: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Gradients as the optimizer takes them, but for the rate: as they are, or each over Adam's root mean square."""
    steps = {}
    for name, p in step.net.named_parameters():
        g, state = gradients[name], step.optimizer.state.get(p, {})
        if "exp_avg_sq" in state:
            group = step.optimizer.param_groups[0]
            mean_square, unbiased = state["exp_avg_sq"], 1 - group["betas"][1] ** float(state["step"])
            if g.ndim == 2 and len(at := g.any(1).nonzero()[:, 0]) < len(g) / 2:  # a table of which few rows are met
                scaled = torch.zeros_like(g)
                scaled[at] = g[at] / ((mean_square[at] / unbiased).sqrt() + group["eps"])
            else:
                scaled = g / ((mean_square / unbiased).sqrt() + group["eps"])
            steps[name] = scaled
        else:  # plain descent, and Adam's first step, whose size no gradient has told yet
            steps[name] = g
    return steps


class InRunShapleyValuer:
    """The valuer: trains a twin of the model anew, and watches it. First order."""

    name = "in_run_shapley"
    needs = Traced | OfSingleEvents

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) in log-loss a validation row, over the whole training. InputError: another utility or kind of model."""
        only_loss(utility, train, self.name)
        demand(model, self.needs, self.name)
        fold = user_folds(validation, folds, int(rng.integers(2**31)))
        if isinstance(model, OfSingleEvents):
            return self._of_events(model, train, later(model, validation, fold), rng)
        watcher = InRunShapley(model.rows(validation), folds=fold, count=len(train), seed=int(rng.integers(2**31)))
        twin(model, train, rng=rng, training=Training(watchers=(watcher,)))
        return Importance.of(train, watcher.values(), self.name, utility, model.name)

    def _of_events(
        self, model: OfSingleEvents, train: Samples, held: tuple[ArrayRows, NDArray[np.int64]], rng: np.random.Generator
    ) -> Importance:
        """Values of the events that a recommender learns to predict, one event per row."""
        watcher = InRunShapley(held[0], folds=held[1], seed=int(rng.integers(2**31)))
        again = twin(model, train, rng=rng, training=Training(watchers=(watcher,)))
        event, events = again.asked_events(), again.fitted().events.shape[1]
        return of_events(again, np.stack([np.bincount(event, one, events) for one in watcher.per_fold]), train, self.name)
