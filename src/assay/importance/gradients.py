"""TracIn: what each sample's gradient steps did to the validation loss, over the checkpoints of a training.

A step on sample i moves the weights by -step * gradient_i, and so the validation loss by -step * <its gradient, gradient_i> to
first order (Pruthi, Liu, Kale and Sundararajan, "Estimating training data influence by tracing gradient descent", NeurIPS
2020). Products are with the one mean gradient of each fold, so the cost does not grow with the number of validation rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assay.deep.ghost import forward_products, ghost, gradient, send_back
from assay.deep.rows import Batch, Rows
from assay.deep.training import GivesMargins, HasParts, Net
from assay.errors import InputError, SplitError
from assay.importance.utilities import Utility, parse
from assay.importance.valuer import Importance, user_folds
from assay.importance.values import Values
from assay.models.capabilities import OfEvents, Traced
from assay.models.named import demand
from assay.models.neural import exact
from assay.samples.table import Samples

BATCH = 2048
_PARTS = 64  # rows of a net whose losses have parts, taken at a time
_TRACED = 3  # passes of a recommender's training that are looked at, evenly spaced
State = Mapping[str, torch.Tensor]


def tracin(
    net: Net,
    rows: Rows,
    validation: Rows,
    checkpoints: Sequence[tuple[float, State]],
    *,
    folds: NDArray[np.int64] | None = None,
    utility: str = "log_loss",
    request: NDArray[Any] | None = None,
    events: int | None = None,
) -> Values:
    """Fall of the validation loss by the steps that a net took on each training row, summed over checkpoints; positive is useful.

    Plain gradient descent is assumed: of other optimizers it tells the order rather than the size. Rows of weight 0 get 0.

    Parameters
    ----------
    net : torch.nn.Module
        A net of assay.deep; it is left with its own weights.
    rows : Rows
        n training rows; a row's weight multiplies its value.
    validation : Rows
        m rows, their "row" places from 0.
    checkpoints : list of (float, dict)
        (step, weights) after each pass; step is the learning rate divided by the rows of a batch.
    folds : array of int, shape (m,), optional
        Number of each validation row's fold, from 0. The result then knows per_fold, stderr and z.
    utility : str
        "log_loss" for nets that give `margins`, also "auc" and "ndcg@k" (pairwise surrogates, see importance.utilities); nets
        without margins have their own mean loss.
    request : array, shape (m,), optional
        The request of each validation row; ndcg@k needs it.
    events : int, optional
        Values are of so many events instead, by rows' column "asked", (n,) or, for nets whose losses have `parts`, (n, T): number
        of each event, -1 for none.

    Returns
    -------
    Values, shape (n,) or (events,)
        float64, in the unit of the loss a validation row.

    Raises
    ------
    InputError
        A net or a layer that has no gradient of single rows, or a utility that it does not have.

    References
    ----------
    Pruthi, Liu, Kale and Sundararajan, "Estimating training data influence by tracing gradient descent", NeurIPS 2020. Wang et
    al., "Data Shapley in one training run", ICLR 2025, for the products.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> from assay.models.dcn import Dcn
    >>> from assay.testing.data import make_samples
    >>> samples = make_samples(400)
    >>> train, validation = samples.split("train"), samples.split("validation")
    >>> model = Dcn(factors=2, hidden=4, epochs=1, batch=64, rate=0.01).fit(train, rng=np.random.default_rng(7))
    >>> steps = [(rate / 64, weights) for rate, weights in model.checkpoints_]
    >>> value = assay.tracin(model.net(), model.rows(train), model.rows(validation), steps)
    >>> value.shape == (len(train),)
    True
    """
    fold = np.zeros(len(validation), np.int64) if folds is None else np.asarray(folds)
    per_fold = np.zeros((int(fold.max()) + 1, len(rows) if events is None else events))
    own = {name: value.detach().clone() for name, value in net.state_dict().items()}
    net.eval()
    try:
        for step, state in checkpoints:
            net.load_state_dict(dict(state))
            directions = validation_gradients(net, validation, fold, parse(utility), request)
            _add_products(net, rows, directions, step, per_fold, "row" if events is None else "asked")
    finally:
        net.load_state_dict(own)
    return Values(per_fold[0]) if folds is None else Values(per_fold.mean(axis=0), per_fold)


def validation_gradients(
    net: Net, validation: Rows, fold: NDArray[np.int64], utility: Utility, request: NDArray[Any] | None = None
) -> dict[str, torch.Tensor]:
    """(F, *shape) by parameter: gradient of each fold's validation loss."""
    slopes = _slopes(net, validation, fold, utility, request)
    folds = int(fold.max()) + 1
    gradients = {name: torch.zeros(folds, *p.shape, dtype=p.dtype) for name, p in net.named_parameters()}
    for k in range(folds):
        for batch in validation.batches(_PARTS if isinstance(net, HasParts) else BATCH, None):
            at = batch["row"].numpy()
            mine = np.flatnonzero(fold[at] == k)
            if not len(mine):
                continue
            part = {name: values[mine] for name, values in batch.items()}
            said = margins_or_losses(net)(part)
            objective = (torch.as_tensor(slopes[at[mine]], dtype=said.dtype) * said).sum()
            for name, g in gradient(net, objective).items():
                gradients[name][k] += g
    return gradients


def margins_or_losses(net: Net) -> Callable[[Batch], torch.Tensor]:
    """What slopes are taken of: margins where the net gives them, else the rows' losses."""
    return net.margins if isinstance(net, GivesMargins) else net.losses


@torch.no_grad()
def _slopes(
    net: Net, validation: Rows, fold: NDArray[np.int64], utility: Utility, request: NDArray[Any] | None
) -> NDArray[np.float64]:
    """(m,) slope of each fold's loss by what the net says of a row."""
    slopes = np.zeros(len(fold))
    if not isinstance(net, GivesMargins):
        if utility.name != "log_loss":
            raise InputError(f"the net gives losses and no margins: {utility.name} cannot be its utility; use log_loss")
        size = np.bincount(fold)
        return np.asarray(1.0 / size[fold])
    score, label, weight = np.empty(len(fold)), np.empty(len(fold)), np.empty(len(fold))
    for batch in validation.batches(BATCH, None):
        at = batch["row"].numpy()
        score[at], label[at] = margins_or_losses(net)(batch).numpy(), batch["label"].numpy()
        weight[at] = batch["weight"].numpy()
    for k in range(int(fold.max()) + 1):
        at = np.flatnonzero(fold == k)
        slopes[at] = utility.slopes(score[at], label[at], weight[at], None if request is None else request[at])
    return slopes


def _add_products(
    net: Net, rows: Rows, directions: Mapping[str, torch.Tensor], step: float, sums: NDArray[np.float64], places: str
) -> None:
    """Add step * weight * <gradient, direction> to sums (F, n), at the places that a column of the rows names."""
    if isinstance(net, HasParts) and places == "asked":
        for batch in rows.batches(_PARTS, None):
            parts = forward_products(net, "parts", batch, directions)  # (F, B, T)
            event = batch[places][:, : parts.shape[2]].numpy()
            inside = event >= 0
            for k, one in enumerate((step * batch["weight"].double()[:, None] * parts).numpy()):
                np.add.at(sums[k], event[inside], one[inside])
        return
    with ghost(net, directions) as products:
        for batch in rows.batches(BATCH, None):
            send_back(net, net.losses(batch).sum())
            at = batch[places].numpy()
            sums[:, at] += step * batch["weight"].numpy() * products.take().numpy()


class TracIn:
    """The valuer: the checkpoints of the fitted model, one mean gradient a fold of validation users."""

    name = "tracin"
    needs = Traced | OfEvents

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) in the utility's unit, mean over folds, in double precision: row order changes no digit that counts.

        InputError: a model that keeps no checkpoints.
        """
        demand(model, self.needs, self.name)
        fold = user_folds(validation, folds, int(rng.integers(2**31)))
        steps = [(rate / model.schedule.batch, state) for rate, state in model.checkpoints_]
        if isinstance(model, OfEvents):
            return self._of_events(train, validation, model, steps, fold)
        try:
            values = tracin(
                exact(model.net()), model.rows(train), model.rows(validation), steps, folds=fold, utility=utility,
                request=validation.request,
            )  # fmt: skip
        except ValueError as error:
            raise InputError(f"tracin: {error}") from None
        return Importance.of(train, values, self.name, utility, model.name)

    def _of_events(
        self, train: Samples, validation: Samples, model: Any, steps: list[tuple[float, State]], fold: NDArray[np.int64]
    ) -> Importance:
        """Values of what a recommender was asked for; what it was given as history, and negatives, have none."""
        held, fold = later(model, validation, fold)
        spaced = [steps[k] for k in np.unique(np.linspace(0, len(steps) - 1, _TRACED).round().astype(int))]
        share = len(steps) / len(spaced)
        spaced = [(share * step, state) for step, state in spaced]
        events = model.fitted().events.shape[1]
        values = tracin(exact(model.net()), model.learnt_rows(), held, spaced, folds=fold, events=events)
        assert values.per_fold is not None
        return of_events(model, values.per_fold, train, self.name)


def of_events(model: Any, per_fold: NDArray[np.float64], train: Samples, valuer: str) -> Importance:
    """Values of samples from those (F, E) of what a recommender was asked for."""
    shared = model.of_samples(per_fold, train)
    values = Values(shared.mean(axis=0), shared)
    return Importance.of(train, values, valuer, "minus the sampled softmax loss of a validation row", model.name)


def later(model: Any, validation: Samples, fold: NDArray[np.int64]) -> tuple[Any, NDArray[np.int64]]:
    """Rows of a recommender for later samples, and their folds. SplitError: a fold has none."""
    held = model.held_rows(validation)
    of_user = np.zeros(int(validation.user.max()) + 1, np.int64)
    of_user[validation.user] = fold
    fold_of_row = of_user[held.columns["user"]] if len(held) else np.zeros(0, np.int64)
    if (np.bincount(fold_of_row, minlength=int(fold.max()) + 1) == 0).any():
        raise SplitError(f"{model.name}: a fold of validation users took nothing that the model knows; lower [value] folds")
    return held, fold_of_row
