"""The two baselines that every model must beat: popularity, and buying again what was bought."""

from typing import Any, Self

import numpy as np

from assay.errors import InputError
from assay.models.calibrated import Calibrated, within_one
from assay.models.scorer import Vector, not_fitted, training_rows
from assay.samples.table import Samples


def filled(samples: Samples, column: str, name: str) -> Vector:
    """(n,) a numeric feature, 0 where it is unknown; InputError when the samples lack it."""
    if column not in samples.features.column_names:
        raise InputError(f"{name}: the samples have no feature {column!r}; take {name!r} out of [models] names or add the column")
    values = samples.features.column(column).to_numpy().astype(np.float64)
    return np.where(np.isfinite(values), values, 0.0)


class Popularity(Calibrated):
    """Ranks by how many users bought the item in the last `window` periods (feature `item_buyers_4`; unknown counts as 0).

    window: of the periods that the samples describe items by; None: all of training, by its positives (learnt sales_, by
    item code). The probability never falls with popularity, also where a log's negatives were drawn by popularity.
    """

    name = "popularity"
    sales_: Vector | None = None

    def __init__(self, window: int | None = 4) -> None:
        self.window = window

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"window": self.window}

    def fit(self, samples: Samples, *, rng: np.random.Generator) -> Self:
        """Count sales, where no window says which, then learn the share of positives by them."""
        if self.window is None:
            rows = training_rows(samples, self.name, amounts=True)
            sales = np.bincount(samples.item[rows], samples.weight[rows] * samples.label[rows])
            self.sales_ = sales.astype(np.float64)
        return super().fit(samples, rng=rng)

    def log_features(self) -> tuple[str, ...]:
        """Buyers in the window."""
        return () if self.window is None else (f"item_buyers_{self.window}",)

    def raw(self, samples: Samples) -> Vector:
        """(n,) buyers, or sales; an item never seen has none."""
        if self.window is not None:
            [column] = self.log_features()
            return np.maximum(filled(samples, column, self.name), 0.0)
        if self.sales_ is None:
            raise not_fitted(self.name)
        return np.append(self.sales_, 0.0)[np.minimum(samples.item, len(self.sales_))]

    def describe(self) -> dict[str, Any]:
        """Settings, table and sales."""
        return super().describe() | ({} if self.sales_ is None else {"sales": self.sales_.tolist()})

    @classmethod
    def described(cls, content: dict[str, Any]) -> Self:
        """The model of what `describe` gave."""
        model = super().described(content)
        model.sales_ = np.array(content["sales"], np.float64) if "sales" in content else None
        return model


class BuyItAgain(Calibrated):
    """Ranks by the user's own purchases of the item, each halved in `half_life` periods; ties and the rest by popularity.

    half_life: None counts purchases of any age alike. From `pair_times_bought` and `pair_periods_since` (0 or unknown:
    never bought), and `item_buyers_4`.
    """

    name = "buy_it_again"

    def __init__(self, half_life: float | None = 8.0) -> None:
        self.half_life = half_life

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"half_life": self.half_life}

    def log_features(self) -> tuple[str, ...]:
        """The pair's purchases and their age, and the item's buyers."""
        return "pair_times_bought", "pair_periods_since", "item_buyers_4"

    def raw(self, samples: Samples) -> Vector:
        """(n,) faded purchases, plus less than a hundredth for popularity."""
        times, since, popularity = (np.maximum(filled(samples, name, self.name), 0.0) for name in self.log_features())
        fading = 1.0 if self.half_life is None else 0.5 ** (since / self.half_life)
        return np.asarray(times * fading + 0.01 * within_one(popularity))
