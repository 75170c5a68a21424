"""Template of a valuer: what a sample is worth by how old it is."""

from typing import Any

import numpy as np

from assay.importance.valuer import Importance
from assay.models.scorer import Scorer
from assay.samples.table import Samples


class Age:
    """Minus the sample's age in periods: newer is more useful. Unit: periods. No standard error."""

    name = "age"
    needs = Scorer  # any model will do

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,), 0 for the newest; validation, model, utility, folds and rng play no part."""
        del validation, model, utility, folds, rng
        value = (train.period - train.period.max()).astype(np.float64)
        ids = train.keys.column("sample_id").to_numpy()
        return Importance(ids, value, metadata={"method": self.name, "utility": "minus age in periods", "model": ""})
