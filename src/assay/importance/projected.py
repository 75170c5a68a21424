"""TRAK: a net taken for a logistic regression on its own gradients, projected on a few random directions.

To first order in its weights a net's margin is linear with the margin's gradient as features, so what leaving a sample out does
to a validation loss is what it does in a logistic regression on them: one solve of a k x k system serves every sample (Park,
Georgiev, Ilyas, Leclerc and Madry, "TRAK: attributing model behavior at scale", ICML 2023). Kept from the derivation there is
the weight p (1 - p) of each row in the system, so that values have the loss's own unit.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.deep.ghost import send_back
from assay.deep.projection import Signs, projected, signs
from assay.deep.rows import Rows
from assay.deep.training import GivesMargins, Net
from assay.errors import InputError
from assay.importance.gradients import BATCH, State, margins_or_losses
from assay.importance.utilities import Utility, parse
from assay.importance.valuer import Importance, user_folds
from assay.importance.values import Values, Vector, from_folds
from assay.models.capabilities import Traced
from assay.models.named import demand
from assay.numerics.families import probability
from assay.samples.table import Samples

DIRECTIONS = 512
DAMPING = 0.1
_LAST = 3  # passes of a training whose weights the valuer looks at: in the first ones the net is another


def trak(
    net: Net,
    rows: Rows,
    validation: Rows,
    checkpoints: Sequence[State],
    *,
    directions: int = DIRECTIONS,
    damping: float = DAMPING,
    folds: NDArray[np.int64] | None = None,
    utility: str = "log_loss",
    request: NDArray[Any] | None = None,
    seed: int = 0,
) -> Values:
    """Rise of the validation loss without each training row of a net, by projected gradients; positive is useful.

    For each checkpoint, rows' gradients are projected on random directions, and the products and residuals are averaged. Rows of
    weight 0 get 0. Time: two passes over the rows a checkpoint; memory: directions^2 numbers.

    Parameters
    ----------
    net : torch.nn.Module
        A net of assay.deep that gives `margins` (B,) of label 1; it is left with its own weights.
    rows : Rows
        n training rows with "label" and "weight".
    validation : Rows
        m rows, their "row" places from 0.
    checkpoints : list of dict
        Weights: best of nets trained apart from one another (other seeds or halves of the rows), else of the last passes of one
        training.
    directions : int
        Random directions, drawn by the seed.
    damping : float
        Share of the system's mean diagonal that is added to it; without any, directions that few rows have decide.
    folds : array of int, shape (m,), optional
        Number of each validation row's fold, from 0. The result then knows per_fold, stderr and z.
    utility : str
        "log_loss", "auc" or "ndcg@k" (surrogates, see importance.utilities).
    request : array, shape (m,), optional
        The request of each validation row; ndcg@k needs it.
    seed : int
        Decides the directions.

    Returns
    -------
    Values, shape (n,)
        float64, in the unit of the loss a validation row.

    Raises
    ------
    InputError
        A net without margins.

    References
    ----------
    Park, Georgiev, Ilyas, Leclerc and Madry, "TRAK: attributing model behavior at scale", ICML 2023.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> from assay.models.dcn import Dcn
    >>> from assay.models.neural import exact
    >>> from assay.testing.data import make_samples
    >>> samples = make_samples(400)
    >>> train, validation = samples.split("train"), samples.split("validation")
    >>> model = Dcn(factors=2, hidden=4, epochs=1, batch=64, rate=0.01).fit(train, rng=np.random.default_rng(7))
    >>> weights = [model.checkpoints_[-1][1]]
    >>> value = assay.trak(exact(model.net()), model.rows(train), model.rows(validation), weights, directions=16)
    >>> value.shape == (len(train),)
    True
    """
    if not isinstance(net, GivesMargins):
        raise InputError("trak needs a net that gives margins of two classes; use tracin for this one")
    wanted, fold = parse(utility), np.zeros(len(validation), np.int64) if folds is None else np.asarray(folds)
    moved, residual = np.zeros((int(fold.max()) + 1, len(rows))), np.zeros(len(rows))
    own = {name: value.detach().clone() for name, value in net.state_dict().items()}
    net.eval()
    try:
        for k, state in enumerate(checkpoints):
            net.load_state_dict(dict(state))
            drawn = signs(net, directions, seed + k)
            target = np.linalg.solve(*_system(net, rows, validation, drawn, damping, fold, wanted, request))  # (k, F)
            for at, features, margin, label, weight in _projections(net, rows, drawn):
                moved[:, at] += (features @ target).T / len(checkpoints)
                residual[at] += weight * (probability(margin) - label) / len(checkpoints)
    finally:
        net.load_state_dict(own)
    return from_folds(moved * residual, folds)


def _system(
    net: Net,
    rows: Rows,
    validation: Rows,
    drawn: Signs,
    damping: float,
    fold: NDArray[np.int64],
    utility: Utility,
    request: NDArray[Any] | None,
) -> tuple[Vector, Vector]:
    """(k, k) curvature of the training loss, and (k, F) gradients of each fold's validation loss, both projected."""
    size = next(iter(drawn.values())).shape[1]
    curvature, gradients = np.zeros((size, size)), np.zeros((size, int(fold.max()) + 1))
    for _, features, margin, _, weight in _projections(net, rows, drawn):
        p = probability(margin)
        curvature += features.T @ (features * (weight * p * (1.0 - p))[:, None])
    curvature.flat[:: size + 1] += damping * np.trace(curvature) / size
    seen = list(_projections(net, validation, drawn))
    at, features, score, label, weight = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    for k in range(gradients.shape[1]):
        mine = np.flatnonzero(fold[at] == k)
        requests = None if request is None else request[at[mine]]
        gradients[:, k] = features[mine].T @ utility.slopes(score[mine], label[mine], weight[mine], requests)
    return curvature, gradients


def _projections(net: Net, rows: Rows, drawn: Signs) -> Iterator[tuple[NDArray[np.int64], Vector, Vector, Vector, Vector]]:
    """Batches of rows: place (B,), projected gradient of the margin (B, k), margin, label and weight (B,)."""
    with projected(net, drawn) as features:
        for batch in rows.batches(BATCH, None):
            margin = margins_or_losses(net)(batch)
            send_back(net, margin.sum())
            parts = (features.take(), margin.detach(), batch["label"], batch["weight"])
            place, (gradients, margins, label, weight) = batch["row"].numpy(), (part.double().numpy() for part in parts)
            yield place, gradients, margins, label, weight


class Trak:
    """The valuer: the weights of the last passes of the fitted model, in the net's own single precision."""

    name = "trak"
    needs = Traced

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) in the utility's unit, mean over folds. InputError: a model that keeps no checkpoints."""
        demand(model, self.needs, self.name)
        fold = user_folds(validation, folds, int(rng.integers(2**31)))
        states = [state for _, state in model.checkpoints_[-_LAST:]]
        try:
            values = trak(
                model.net(), model.rows(train), model.rows(validation), states, folds=fold, utility=utility,
                request=validation.request, seed=int(rng.integers(2**31)),
            )  # fmt: skip
        except ValueError as error:
            raise InputError(f"trak: {error}") from None
        return Importance.of(train, values, self.name, utility, model.name)
