"""Which segments of the samples carry or cost the most: attributes, roll-ups, sums with intervals over folds."""

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import stats

from assay.findings.labels import Label, Range, Wording, kind, label, title
from assay.importance.valuer import Importance
from assay.importance.values import Vector
from assay.language import english
from assay.numerics.periods import start
from assay.pages.parts import Estimate
from assay.pages.values import GroupValue, Histogram, Pattern
from assay.samples.table import Samples

Codes = NDArray[np.integer[Any]]
_MOST_LEVELS = 60  # a column with more text values is no segment that one can read
_READABLE = 30  # segments told as patterns
_WHOLE = ("hour", "peak", "item_price")  # attributes that are rolled up level by level
_OF_ONE = 2  # of them about one attribute
_BAND = 3  # hours
_PEAK = 0.9  # periods with more positives than this share of all periods are peaks


@dataclass(frozen=True)
class Attribute:
    """A readable property of samples: codes (n,) into levels, in a fixed order; `words` says what it is.

    Of a number: its label, and the edges (k,) between levels, the last of which is "unknown"; neighbouring levels are alike.
    """

    name: str
    words: str
    levels: tuple[str, ...]
    codes: Codes
    label: Label | None = None
    edges: tuple[float, ...] = ()

    @property
    def ordered(self) -> bool:
        """Whether neighbouring levels are alike, as fifths of a number are."""
        return self.label is not None

    @cached_property
    def present(self) -> tuple[int, ...]:
        """Levels that occur."""
        return tuple(np.flatnonzero(np.bincount(self.codes, minlength=len(self.levels))).tolist())

    def says(self, allowed: Collection[int]) -> str:
        """What samples of these levels have in common; empty where these are all that occur."""
        inside, outside = ([k for k in self.present if (k in allowed) == wanted] for wanted in (True, False))
        if not outside:
            return ""
        if self.label is not None:
            unknown = len(self.levels) - 1
            return self.label.says(self._spans(set(allowed) - {unknown}), unknown=unknown in inside)
        named = [self.levels[k] for k in inside], [self.levels[k] for k in outside]
        if len(inside) <= len(outside):
            return english("{title} is {level}", title=self.words, level=_several(named[0]))
        return english("{title} is not {level}", title=self.words, level=_several(named[1]))

    def _spans(self, levels: Collection[int]) -> list[Range]:
        """The ranges of a number that neighbouring levels make up."""
        spans: list[Range] = []
        for k in sorted(levels):
            low, high = (self.edges[e] if 0 <= e < len(self.edges) else None for e in (k - 1, k))
            if spans and k - 1 in levels:
                low = spans.pop()[0]
            spans.append((low, high))
        return spans


def attributes(samples: Samples, wording: Wording) -> list[Attribute]:
    """What samples can be told apart by: label, kind, period, peak periods, text columns, fifths of numeric columns."""
    described = [Attribute("label", english("label"), (english("negative"), english("positive")), samples.label)]
    if "kind" in samples.keys.column_names:
        kinds = _text("kind", english("the sample"), samples.keys.column("kind"))
        described.append(replace(kinds, levels=tuple(kind(level, wording) for level in kinds.levels)))
    if "hour" in samples.keys.column_names:
        described.append(_hours(samples.keys.column("hour").to_numpy()))
    periods, codes = np.unique(samples.period, return_inverse=True)
    begins = tuple(start(int(p), wording.task.period_days).date().isoformat() for p in periods)
    described.append(Attribute("period", english("{period} from", period=wording.task.period), begins, codes.astype(np.int16)))
    positives = np.bincount(codes, samples.label, minlength=len(periods))
    if len(periods) >= 10:
        peak = positives > np.quantile(positives, _PEAK)
        many = wording.task.periods
        levels = (english("other {periods}", periods=many), english("peak {periods}", periods=many))
        described.append(Attribute("peak", english("time"), levels, peak[codes].astype(np.int8)))
    for name in samples.features.column_names:
        column = samples.features.column(name)
        if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
            described.append(_fifths(name, column, wording))
        elif name not in ("user", "item"):
            text = _text(name, title(name, wording), column)
            if len(text.levels) <= _MOST_LEVELS:
                described.append(text)
    return [attribute for attribute in described if len(np.unique(attribute.codes)) > 1]


def _text(name: str, words: str, column: pa.ChunkedArray) -> Attribute:
    column = column.combine_chunks()
    column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    levels = [str(level) for level in column.dictionary.to_pylist()]
    codes = column.indices.fill_null(len(levels)).to_numpy(zero_copy_only=False)
    order = sorted(range(len(levels)), key=lambda k: levels[k])
    place = np.empty(len(levels) + 1, np.int32)
    place[[*order, len(levels)]] = np.arange(len(levels) + 1)
    return Attribute(name, words, (*(levels[k] for k in order), "unknown"), place[codes])


def _hours(hour: NDArray[np.int8]) -> Attribute:
    """Bands of three hours: when what makes the sample, or its positive, happened."""
    levels = tuple(f"{k} to {k + _BAND}" for k in range(0, 24, _BAND))
    return Attribute("hour", english("hour of the day"), levels, hour // _BAND)


def _fifths(name: str, column: pa.ChunkedArray, wording: Wording) -> Attribute:
    values = pc.cast(column, pa.float32()).to_numpy().astype(np.float32)
    has_value = np.isfinite(values)
    edges = np.unique(np.quantile(values[has_value], (0.2, 0.4, 0.6, 0.8))) if has_value.any() else np.empty(0)
    codes = np.where(has_value, np.searchsorted(edges, values, side="left"), len(edges) + 1).astype(np.int8)
    says = label(name, wording)
    ends = [None, *edges.tolist(), None]
    levels = [says.level(span) for span in itertools.pairwise(ends)]
    return Attribute(name, says.title, (*levels, "unknown"), codes, says, tuple(edges.tolist()))


def _several(levels: list[str], most: int = 4) -> str:
    shown = " or ".join(levels[:most])
    if len(levels) <= most:
        return shown
    others = english("{number} others", number=len(levels) - most)
    return english("{one} or {other}", one=shown, other=others)


def sums(codes: Codes, size: int, importance: Importance) -> tuple[Codes, Vector, Vector, Vector]:
    """rows, value, low, high (size,): summed values of each group with a 95 % interval over validation folds.

    The interval is Student's t over the folds' sums; NaN without folds. A sum is the first-order value of the
    group: groups that own their features are worth more (importance.group_influence).
    """
    rows = np.bincount(codes, minlength=size)
    if importance.per_fold is None:
        value = np.asarray(np.bincount(codes, importance.value, minlength=size), np.float64)
        return rows, value, np.full(size, np.nan), np.full(size, np.nan)
    folds = np.stack([np.bincount(codes, values, minlength=size) for values in importance.per_fold])
    value = np.asarray(folds.mean(axis=0))
    half = stats.t.ppf(0.975, len(folds) - 1) * folds.std(axis=0, ddof=1) / np.sqrt(len(folds))
    return rows, value, np.asarray(value - half), np.asarray(value + half)


def patterns(attributes: list[Attribute], importance: Importance) -> list[Pattern]:
    """The segments whose mean value differs most from that of all samples, beyond chance, in plain words.

    At most two of an attribute, the strongest first; value: the segment's sum.
    """
    total = len(importance.value)
    mean = float(importance.value.mean())
    told: list[tuple[float, Pattern]] = []
    for attribute in attributes:
        own: list[tuple[float, Pattern]] = []
        rows, value, low, high = sums(attribute.codes, len(attribute.levels), importance)
        for k, level in enumerate(attribute.levels):
            if rows[k] < max(50, total // 2000) or (low[k] <= 0 <= high[k]):
                continue
            each = value[k] / rows[k]
            verb = english("costs") if each < 0 else english("carries") if each > mean else english("carries little")
            share = _share(rows[k] / total)
            sentence = english("{rule}: {share} of the samples, {verb}", rule=attribute.says({k}), share=share, verb=verb)
            pattern = Pattern(
                sentence=sentence,
                attribute=attribute.name,
                level=level,
                rows=int(rows[k]),
                share=float(rows[k] / total),
                value=float(value[k]),
                low=_number(low[k]),
                high=_number(high[k]),
            )
            own.append((float(abs(each - mean) * np.sqrt(rows[k])), pattern))
        told += sorted(own, key=_strength)[:_OF_ONE]
    told.sort(key=_strength)
    return [pattern for _, pattern in told[:_READABLE]]


def _strength(line: tuple[float, Pattern]) -> tuple[float, str]:
    gap, pattern = line
    return -gap, pattern.sentence


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def rollup(
    samples: Samples,
    attributes: Sequence[Attribute],
    importance: Importance,
    names: Mapping[int, str],
    wording: Wording,
    ranking: Importance | None = None,
    shown: int = 10,
) -> dict[str, list[GroupValue]]:
    """Per unit (user, item, category, department, period, hour, price band, peak) the most and least valuable groups.

    Of periods and of what `attributes` tell, all groups, in their own order; of others by value,
    falling. names: item_code -> readable name. ranking: values of the same samples in a measure of rankings.
    """
    users = _labels(samples.user, samples.keys.column("user_id"))
    items = _labels(samples.item, samples.keys.column("item_id"), names, wording.ident)
    periods, codes = np.unique(samples.period, return_inverse=True)
    begins = [start(int(p), wording.task.period_days).date().isoformat() for p in periods]
    # Users or items that occur once each (a table without such a column) are no groups.
    grouped = {unit: pair for unit, pair in (("user", users), ("item", items)) if len(pair[1]) < len(samples)}
    units: dict[str, tuple[Codes, list[str]]] = {**grouped, **({"period": (codes, begins)} if len(periods) > 1 else {})}
    for name in ("category", "department"):
        if name in samples.features.column_names:
            attribute = _text(name, name, samples.features.column(name))
            units[name] = (attribute.codes, list(attribute.levels))
    units |= {a.name: (a.codes, list(a.levels)) for a in attributes if a.name in _WHOLE}
    return {
        unit: _lines(codes, levels, importance, ranking, None if unit in ("period", *_WHOLE) else shown)
        for unit, (codes, levels) in units.items()
    }


def _labels(
    codes: NDArray[np.int32], ids: pa.ChunkedArray, names: Mapping[int, str] | None = None, ident: Callable[[object], str] = str
) -> Any:
    """Dense codes of those that occur, and a readable name for each; ident: of one without a name."""
    present, first, dense = np.unique(codes, return_index=True, return_inverse=True)
    shown = ids.take(pa.array(first)).to_pylist()
    return dense, [(names or {}).get(int(code)) or ident(one) for code, one in zip(present, shown, strict=True)]


def _lines(
    codes: Codes, levels: list[str], importance: Importance, ranking: Importance | None, shown: int | None
) -> list[GroupValue]:
    """The groups of highest and lowest value, by value; all in order of level where `shown` is None."""
    rows, value, low, high = sums(codes, len(levels), importance)
    ranked = None if ranking is None else sums(codes, len(levels), ranking)[1:]
    order = np.arange(len(levels)) if shown is None else np.lexsort((np.arange(len(levels)), -value))
    order = order[rows[order] > 0]
    if shown is not None and len(order) > 2 * shown:
        order = np.concatenate((order[:shown], order[-shown:]))
    return [
        GroupValue(
            name=levels[k],
            rows=int(rows[k]),
            **_estimate(value[k], low[k], high[k]),
            ranking=None if ranked is None else Estimate(**_estimate(*(ends[k] for ends in ranked))),
        )
        for k in order
    ]


def _estimate(value: float, low: float, high: float) -> dict[str, Any]:
    return {"value": float(value), "low": _number(low), "high": _number(high)}


def distribution(importance: Importance, bins: int = 40) -> Histogram:
    """A histogram of values on symmetric, logarithmically widening edges."""
    value = importance.value
    size = np.abs(value[value != 0])
    top = float(size.max(initial=1e-12))
    bottom = max(float(np.quantile(size, 0.05)) if len(size) else top / 10, top * 1e-6)
    steps = np.geomspace(bottom, top, bins // 2) if bottom < top else np.array([top])
    steps[-1] = top
    edges = np.concatenate((-steps[::-1], [0.0], steps))
    if not (value < 0).any():
        edges = np.concatenate(([0.0], steps))
    elif not (value > 0).any():
        edges = np.concatenate((-steps[::-1], [0.0]))
    counts = np.histogram(value, edges)[0]
    return Histogram(
        edges=edges.tolist(),
        counts=counts.tolist(),
        unit=importance.metadata.get("utility", ""),
        negative_share=float((value < 0).mean()) if len(value) else 0.0,
    )
