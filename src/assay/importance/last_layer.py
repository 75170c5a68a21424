"""Influence on a net's last layer: what it says of samples taken as given, and its head as the logistic regression that it is.

The head is refitted to convergence on the representation, for which leave-one-out values, leverages and errors are those of
`influence` (Koh and Liang, ICML 2017, value a net's last layer so). What a sample did to the layers below is left out.
"""

from typing import Any

import numpy as np

from assay.errors import InputError
from assay.importance.influence_state import prepare
from assay.importance.utilities import parse
from assay.importance.valuer import Importance, user_folds
from assay.importance.values import Values, Vector
from assay.models.capabilities import Represented
from assay.models.named import demand
from assay.numerics.glm import fit
from assay.samples.table import Samples

_ROWS = 1 << 17  # represented at a time
L2 = 1.0  # of the refitted head: as light as lets every representation have one


class LastLayerInfluence:
    """The valuer: `influence` of a head on model.represent(samples), started from model.head(), exact leverages."""

    name = "last_layer_influence"
    needs = Represented

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) of log_loss, auc or ndcg@k, mean over folds; memory some 8 n d bytes, d the width of the representation.

        InputError: a model that has no head, or a representation on which the head does not converge.
        """
        demand(model, self.needs, self.name)
        fold = user_folds(validation, folds, int(rng.integers(2**31)))
        X, X_val = _represented(model, train), _represented(model, validation)
        head = fit(X, train.label, l2=L2, sample_weight=train.weight, start=model.head()).coef
        try:
            state = prepare(
                X, train.label, X_val, validation.label, l2=L2, coef=head, sample_weight=train.weight,
                weight_val=validation.weight, folds=fold, utility=parse(utility), request_val=validation.request,
            )  # fmt: skip
        except ValueError as error:
            raise InputError(f"{self.name}: {error}") from None
        per_fold = state.values(X, train.label, train.weight)
        return Importance.of(train, Values(per_fold.mean(axis=0), per_fold), self.name, utility, model.name)


def _represented(model: Any, samples: Samples) -> Vector:
    """(n, d + 1) what the head is given, and ones in the last column; in parts, so that it is in memory once."""
    columns = np.ones((len(samples), len(model.head())))
    for low in range(0, len(samples), _ROWS):
        high = min(low + _ROWS, len(samples))
        columns[low:high, :-1] = model.represent(samples.take(np.arange(low, high)))
    return columns
