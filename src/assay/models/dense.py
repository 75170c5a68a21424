"""From readable features to a dense float32 matrix, one column a feature: what trees and estimators learn from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import InputError
from assay.models.scorer import BATCH, Positions
from assay.samples.table import Samples

Floats = NDArray[np.float32]
ID_COLUMNS = ("user", "item")
_PRIOR = 10.0  # rows of the base rate that a level's target mean is mixed with


def feature_names(samples: Samples) -> list[str]:
    """Features that dense models see: all but the ids and the hidden ones."""
    return [name for name in samples.features.column_names if name not in ID_COLUMNS and name not in samples.hidden]


def is_text(features: pa.Table, name: str) -> bool:
    """Whether a feature is a column of categories."""
    return bool(pa.types.is_dictionary(features.column(name).type))


def level_codes(features: pa.Table, name: str) -> tuple[NDArray[np.int32], list[str | None]]:
    """Codes (n,) of a category column, -1 where null, and the level of each code."""
    column = features.column(name).combine_chunks()
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    return codes, column.dictionary.to_pylist()


def numbers(features: pa.Table, name: str) -> Floats:
    """(n,) float32 of a numeric feature, NaN where it is unknown or not finite."""
    column = features.column(name)
    values = (column if pa.types.is_float32(column.type) else pc.cast(column, pa.float32(), safe=False)).to_numpy()
    finite = np.isfinite(values)
    return values if finite.all() else np.where(finite, values, np.float32(np.nan))


@dataclass(frozen=True)
class Dense:
    """The learnt layout of the matrix.

    names: the d features in order. levels: for a category feature, the level of code 0, 1, ... native: category
    features whose codes mean nothing but difference; codes of the others rise with the mean response.
    fill: (d,) what stands for unknown (NaN keeps it unknown).
    """

    names: list[str]
    levels: dict[str, list[str]]
    native: list[str]
    fill: Floats

    @classmethod
    def learn(cls, samples: Samples, rows: Positions, *, most_native: int, impute: bool) -> Self:
        """Learn from the given rows alone: levels, their order, medians (if impute) for unknown values.

        Categories of up to `most_native` levels are native. InputError when there is no feature but ids.
        """
        features = samples.features
        names = feature_names(samples)
        if not names:
            raise InputError("the samples have no feature besides user and item; dense models need at least one")
        levels, native = {}, []
        for name in names:
            if is_text(features, name):
                levels[name] = _levels(samples, name, rows, most_native)
                if len(levels[name]) <= most_native:
                    native.append(name)
        layout = cls(names, levels, native, np.full(len(names), np.nan, np.float32))
        if impute:
            for j, name in enumerate(names):
                values = layout._column(features, name)[rows]
                seen = values[~np.isnan(values)]
                layout.fill[j] = np.median(seen) if len(seen) else 0.0
        return layout

    def matrix(self, features: pa.Table, rows: Positions | None = None) -> Floats:
        """(n, d) float32 in Fortran order, of the given rows or of all; InputError names a missing feature."""
        there = set(features.column_names)
        if missing := [name for name in self.names if name not in there]:
            raise InputError(f"the samples have no feature {missing[0]!r}, which the model was fitted on")
        out = np.empty((features.num_rows if rows is None else len(rows), len(self.names)), np.float32, order="F")
        for j, name in enumerate(self.names):
            values = self._column(features, name)
            out[:, j] = values if rows is None else values[rows]
            if not np.isnan(self.fill[j]):
                out[np.isnan(out[:, j]), j] = self.fill[j]
        return out

    def batches(self, features: pa.Table) -> Iterator[tuple[slice, Floats]]:
        """The matrix piece by piece, each with the rows that it holds, so that predictions need bounded memory."""
        for low in range(0, features.num_rows, BATCH):
            yield slice(low, low + BATCH), self.matrix(features.slice(low, BATCH))

    def _column(self, features: pa.Table, name: str) -> Floats:
        if is_text(features, name) != (name in self.levels):
            raise InputError(f"feature {name!r} is not of the kind (text or number) that the model was fitted on")
        if name not in self.levels:
            return numbers(features, name)
        codes, levels = level_codes(features, name)
        place = {level: code for code, level in enumerate(self.levels[name])}
        lookup = np.array([place.get(level, np.nan) if level is not None else np.nan for level in [*levels, None]])
        return np.asarray(lookup.astype(np.float32)[codes])

    def describe(self) -> dict[str, Any]:
        """As JSON takes it."""
        fill = [None if np.isnan(value) else float(value) for value in self.fill]
        return {"names": self.names, "levels": self.levels, "native": self.native, "fill": fill}

    @classmethod
    def described(cls, content: dict[str, Any]) -> Self:
        """The layout that `describe` gave."""
        fill = np.array([np.nan if value is None else value for value in content["fill"]], np.float32)
        return cls(content["names"], content["levels"], content["native"], fill)


def _levels(samples: Samples, name: str, rows: Positions, most_native: int) -> list[str]:
    """Levels seen in the rows: by text where there are few enough to be native, else by rising mean response."""
    codes, levels = level_codes(samples.features, name)
    codes = codes[rows]
    weight = samples.weight[rows]
    seen = codes >= 0
    mass = np.bincount(codes[seen], weight[seen], len(levels))
    positive = np.bincount(codes[seen], (weight * samples.response[rows])[seen], len(levels))
    present = [code for code, level in enumerate(levels) if level is not None and mass[code] > 0]
    by_text = sorted(present, key=lambda code: str(levels[code]))
    if len(present) > most_native:
        base = float(weight @ samples.response[rows]) / float(weight.sum())
        share = (positive + _PRIOR * base) / (mass + _PRIOR)
        by_text.sort(key=lambda code: float(share[code]))
    return [str(levels[code]) for code in by_text]
