"""The two baselines that every model must beat: popularity, and buying again what was bought."""

import numpy as np

from assay.errors import InputError
from assay.models.calibrated import Calibrated, within_one
from assay.models.scorer import Vector
from assay.samples.table import Samples

_HALF_LIFE = 8.0  # periods after which a purchase counts half


def known(samples: Samples, column: str, name: str) -> Vector:
    """(n,) a numeric feature, 0 where it is unknown; InputError when the samples lack it."""
    if column not in samples.features.column_names:
        raise InputError(f"{name}: the samples have no feature {column!r}; take {name!r} out of [models] names or add the column")
    values = samples.features.column(column).to_numpy().astype(np.float64)
    return np.where(np.isfinite(values), values, 0.0)


class Popularity(Calibrated):
    """Ranks by how many users bought the item in the last periods (feature `item_buyers_4`; unknown counts as 0).

    The probability never falls with popularity, also where a log's negatives were drawn by popularity.
    """

    name = "popularity"

    def raw(self, samples: Samples) -> Vector:
        """(n,) buyers."""
        return np.maximum(known(samples, "item_buyers_4", self.name), 0.0)


class BuyItAgain(Calibrated):
    """Ranks by the user's own purchases of the item, each halved in 8 periods; ties and the rest by popularity.

    From `pair_times_bought` and `pair_periods_since` (0 or unknown: never bought), and `item_buyers_4`.
    """

    name = "buy_it_again"

    def raw(self, samples: Samples) -> Vector:
        """(n,) faded purchases, plus less than a hundredth for popularity."""
        times = np.maximum(known(samples, "pair_times_bought", self.name), 0.0)
        since = np.maximum(known(samples, "pair_periods_since", self.name), 0.0)
        popularity = np.maximum(known(samples, "item_buyers_4", self.name), 0.0)
        return np.asarray(times * 0.5 ** (since / _HALF_LIFE) + 0.01 * within_one(popularity))
