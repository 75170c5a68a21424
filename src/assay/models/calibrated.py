"""Models that rank by a raw score of their own: a monotone table turns it into a probability, or an amount."""

from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.isotonic import IsotonicRegression

from assay.models.files import read_model, write_model
from assay.models.scorer import Positions, Vector, not_fitted, training_rows
from assay.samples.table import Samples

_BINS = 200
_ORDER = 1e-3  # share of the probability that only keeps the raw order where the table is flat


def within_one(raw: Vector) -> Vector:
    """Raw scores of 0 or more -> [0, 1), in the same order."""
    return raw / (raw + 10.0)


class Calibrated:
    """A raw score of 0 or more, and a monotone table from it to the share of positives, or to the mean of continuous labels."""

    name = ""
    at_: Vector | None = None  # (B,) rising raw scores
    share_: Vector | None = None  # (B,) never falling probabilities, or amounts
    spread_: float = 1.0  # of what is predicted

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    def raw(self, samples: Samples) -> Vector:
        """(n,) raw scores, 0 or more; higher is ranked first."""
        raise NotImplementedError

    def fit(self, samples: Samples, *, rng: np.random.Generator) -> Self:
        """Learn the share of positives, or the mean label, by raw score, never falling; rng plays no part."""
        del rng
        rows = training_rows(samples, self.name, amounts=True)
        self.at_, self.share_ = _shares(self.raw(samples), samples, rows)
        self.spread_ = 1.0 if samples.label_type.is_chance else float(np.ptp(self.share_)) or 1.0
        return self

    def predict(self, samples: Samples) -> Vector:
        """(n,) probabilities, or amounts, in the strict order of the raw scores."""
        if self.at_ is None or self.share_ is None:
            raise not_fitted(self.name)
        raw = self.raw(samples)
        return np.asarray((1.0 - _ORDER) * np.interp(raw, self.at_, self.share_) + _ORDER * self.spread_ * within_one(raw))

    def fresh(self) -> Self:
        """An unfitted twin with the same settings."""
        return type(self)(**self.settings())

    def describe(self) -> dict[str, Any]:
        """Settings and table, as JSON takes them; InputError before fit."""
        if self.at_ is None or self.share_ is None:
            raise not_fitted(self.name)
        return {"settings": self.settings(), "at": self.at_.tolist(), "share": self.share_.tolist(), "spread": self.spread_}

    @classmethod
    def described(cls, content: dict[str, Any]) -> Self:
        """The model of what `describe` gave."""
        model = cls(**content.get("settings", {}))
        model.at_, model.share_ = np.array(content["at"], np.float64), np.array(content["share"], np.float64)
        model.spread_ = content["spread"]
        return model

    def save(self, folder: Path) -> list[Path]:
        """Write model.json, which holds settings and table."""
        return write_model(folder, self.name, self.describe(), {})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote."""
        return cls.described(read_model(folder))


def _shares(raw: Vector, samples: Samples, rows: Positions) -> tuple[Vector, Vector]:
    """Mean raw score and never falling mean response of at most _BINS bins of equal mass."""
    scores, label, weight = raw[rows], samples.response[rows], samples.weight[rows]
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, _BINS + 1)[1:], method="lower"))
    bins = np.searchsorted(edges, scores, side="left")
    mass = np.bincount(bins, weight, len(edges))
    base = float(weight @ label) / float(weight.sum())
    # One row's worth of the base rate in every bin: no bin promises 0 or 1.
    share = (np.bincount(bins, weight * label, len(edges)) + base) / (mass + 1.0)
    at = np.bincount(bins, weight * scores, len(edges)) / mass
    rising = IsotonicRegression(increasing=True, out_of_bounds="clip").fit_transform(at, share, sample_weight=mass)
    return at, np.asarray(rising, np.float64)
