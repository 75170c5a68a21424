"""Values read off a model's own predictions: the simplest recipes, and the yardsticks for the others."""

from typing import Any

import numpy as np

from assay.importance.protocol import Importance, only_log_loss
from assay.samples.table import Samples


class Probability:
    """The predicted probability of a positive as the sample's value: the simplest recipe.

    It tells what the model expects, not what it learns from: all its least useful samples are negatives that it
    knows already. Unit: probability. No standard error.
    """

    name = "probability"

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) in [0, 1]; validation, utility, folds and rng play no part."""
        del validation, utility, folds, rng
        metadata = {"method": self.name, "utility": "probability", "model": model.name}
        return Importance(train.keys.column("sample_id").to_numpy(), model.predict(train), metadata=metadata)


class Loss:
    """Minus the sample's own log-loss under the model that was trained on it.

    The hardest samples come first: mislabelled ones, and those that teach most. Unit: nats. No standard error.
    """

    name = "loss"

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,), 0 or less; validation, folds and rng play no part. InputError: another utility than log_loss."""
        del validation, folds, rng
        only_log_loss(utility, self.name)
        p = model.predict(train)
        likelihood = np.where(train.label > 0, p, 1.0 - p)
        value = np.log(np.maximum(likelihood, np.finfo(np.float64).tiny))
        metadata = {"method": self.name, "utility": "log_loss of the sample itself", "model": model.name}
        return Importance(train.keys.column("sample_id").to_numpy(), value, metadata=metadata)
