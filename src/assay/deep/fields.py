"""From readable features to what a neural model takes: codes of categories, numbers on one scale."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import InputError
from assay.samples.table import Samples

_QUANTILES = 64


@dataclass(frozen=True)
class Fields:
    """The learnt layout of a row.

    levels: by category feature, the levels seen in at least `rare` training rows; the first code of a feature is for all
    others. knots: by number feature, training quantiles; a number becomes its place among them, from -1 to 1. missing: number
    features that were unknown in some training row: each has one more number, 1 where it is.
    """

    levels: Mapping[str, list[str]]
    knots: Mapping[str, list[float]]
    missing: list[str]

    @classmethod
    def learn(cls, samples: Samples, rare: int) -> Self:
        """From training rows; InputError when they have no feature."""
        levels: dict[str, list[str]] = {}
        knots: dict[str, list[float]] = {}
        missing: list[str] = []
        for name in samples.features.column_names:
            if name in samples.hidden:
                continue
            column = samples.features.column(name)
            if pa.types.is_dictionary(column.type):
                counts = pc.value_counts(column.cast(pa.string()).drop_null())
                pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
                levels[name] = sorted(level for level, count in pairs if count >= rare)
                continue
            values = _numbers(samples.features, name)
            finite = values[np.isfinite(values)]
            if len(finite):
                knots[name] = np.unique(np.quantile(finite, np.linspace(0, 1, _QUANTILES), method="lower")).tolist()
            if len(finite) < len(values):
                missing.append(name)
        if not levels and not knots:
            raise InputError("the samples have no features; a neural model of samples needs one at least")
        return cls(levels, knots, missing)

    @property
    def names(self) -> list[str]:
        """The features that are read."""
        return list(dict.fromkeys([*self.levels, *self.knots, *self.missing]))

    @property
    def sizes(self) -> list[int]:
        """Codes of each category feature."""
        return [len(levels) + 1 for levels in self.levels.values()]

    @property
    def width(self) -> int:
        """Numbers a row."""
        return len(self.knots) + len(self.missing)

    def encode(self, features: pa.Table) -> dict[str, NDArray[Any]]:
        """codes (n, C) int64, each feature's after those before it; numbers (n, width) float32. InputError names a feature."""
        n, begin = features.num_rows, 0
        codes = np.zeros((n, len(self.levels)), np.int64)
        for j, (name, levels) in enumerate(self.levels.items()):
            column = _column(features, name)
            if not pa.types.is_dictionary(column.type):
                raise _other_kind(name)
            column = column.unify_dictionaries().combine_chunks()
            place = {level: k + 1 for k, level in enumerate(levels)}
            lookup = np.array([*(place.get(level, 0) for level in column.dictionary.to_pylist()), 0], np.int64)
            codes[:, j] = begin + lookup[column.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
            begin += len(levels) + 1
        numbers = np.zeros((n, self.width), np.float32)
        for j, (name, knots) in enumerate(self.knots.items()):
            values = _numbers(features, name)
            finite = np.isfinite(values)
            scale = np.linspace(-1, 1, len(knots)) if len(knots) > 1 else np.zeros(1)
            numbers[finite, j] = np.interp(values[finite], knots, scale)
        for j, name in enumerate(self.missing, len(self.knots)):
            numbers[:, j] = ~np.isfinite(_numbers(features, name))
        return {"codes": codes, "numbers": numbers}

    def describe(self) -> dict[str, Any]:
        """As JSON takes it; pairs, since the order of features matters and objects' keys have none."""
        return {"levels": list(self.levels.items()), "knots": list(self.knots.items()), "missing": self.missing}

    @classmethod
    def described(cls, content: dict[str, Any]) -> Self:
        """The layout that `describe` gave; InputError for anything else."""
        try:
            return cls(dict(content["levels"]), dict(content["knots"]), content["missing"])
        except (KeyError, TypeError, ValueError):
            raise InputError("the model's fields are not readable; train it again") from None


def _column(features: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in features.column_names:
        raise InputError(f"the samples have no feature {name!r}, which the model was fitted on")
    return features.column(name)


def _numbers(features: pa.Table, name: str) -> NDArray[np.float64]:
    column = _column(features, name)
    if pa.types.is_dictionary(column.type):
        raise _other_kind(name)
    return np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def _other_kind(name: str) -> InputError:
    return InputError(f"feature {name!r} is not of the kind (text or number) that the model was fitted on")
