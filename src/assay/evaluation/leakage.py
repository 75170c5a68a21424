"""Leaks of samples: what a model could know that it will not know when it serves."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.language import english
from assay.numerics.measures import auc
from assay.samples.table import Samples
from assay.tables import SPLITS

# A column that tells the classes apart this well by itself is taken for the label in disguise.
SUSPICIOUS_AUC = 0.99
# Odds of a positive in one period of train against all of train, beyond which classes were drawn unlike.
SUSPICIOUS_ODDS = 3.0
# A period with fewer rows says too little about its share of positives.
MIN_PERIOD_ROWS = 200
# Rows a column's AUC is computed from: every n-th of all.
CHECKED_ROWS = 200_000


@dataclass(frozen=True)
class Finding:
    """A possible leak: what was found, in how many rows, up to three of them, and how to mend it."""

    check: str
    severity: Literal["error", "warning"]
    message: str
    rows: int
    examples: list[dict[str, Any]]
    mend: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


def leaks(samples: Samples) -> list[Finding]:
    """Findings over all splits at once, errors first; an empty list when nothing was found.

    Checks: time overlap of splits, one sample in two places, one request in two splits, a feature that
    alone predicts the label (AUC beyond SUSPICIOUS_AUC either way; a category's share of positives is
    learnt on train and tried on the later splits; null counts as a value), periods of train whose share
    of positives is far from the rest (negatives that could not have been bought yet look like that).
    """
    if not len(samples):
        return []
    split = pc.index_in(samples.keys.column("split"), pa.array(SPLITS)).fill_null(-1).to_numpy()
    checks = (
        _time_overlap(samples, split),
        _same_sample(samples),
        _same_request(samples, split),
        _label_in_disguise(samples, split),
        _unlike_periods(samples, split),
    )
    findings = [finding for check in checks for finding in check]
    return sorted(findings, key=lambda finding: finding.severity != "error")


def _examples(samples: Samples, rows: NDArray[np.bool_]) -> list[dict[str, Any]]:
    three = samples.keys.take(pa.array(np.flatnonzero(rows)[:3]))
    names = ["sample_id", "user_id", "item_id", "request_id", "timestamp", "split", "label"]
    return [row | {"timestamp": str(row["timestamp"])} for row in three.select(names).to_pylist()]


def _time_overlap(samples: Samples, split: NDArray[np.int64]) -> Iterator[Finding]:
    time = samples.keys.column("timestamp").cast(pa.int64()).fill_null(0).to_numpy()
    if time.min() == time.max():
        return  # of a table without times, which is not split by them
    start = np.array([time[split >= later].min(initial=np.iinfo(np.int64).max) for later in range(1, len(SPLITS))])
    rows = np.zeros(len(samples), np.bool_)
    for early, next_start in enumerate(start):
        rows |= (split == early) & (time >= next_start)
    if rows.any():
        yield Finding(
            "time_overlap",
            "error",
            english("{number} samples are not older than the first sample of a later split", number=int(rows.sum())),
            int(rows.sum()),
            _examples(samples, rows),
            english("split by one global time: every sample of a split is older than all of the next"),
        )


def _same_sample(samples: Samples) -> Iterator[Finding]:
    _, code, count = np.unique(samples.keys.column("sample_id").to_numpy(), return_inverse=True, return_counts=True)
    rows = count[code] > 1
    if rows.any():
        yield Finding(
            "same_sample",
            "error",
            english("{number} sample ids occur more than once", number=int((count > 1).sum())),
            int(rows.sum()),
            _examples(samples, rows),
            english("make the row key unique and keep each sample in one split"),
        )


def _same_request(samples: Samples, split: NDArray[np.int64]) -> Iterator[Finding]:
    requests, code = np.unique(samples.request, return_inverse=True)
    first, last = np.full(len(requests), len(SPLITS)), np.full(len(requests), -2)
    np.minimum.at(first, code, split)
    np.maximum.at(last, code, split)
    rows = (first != last)[code]
    if rows.any():
        yield Finding(
            "same_request",
            "error",
            english("{number} requests have samples in two splits", number=int((first != last).sum())),
            int(rows.sum()),
            _examples(samples, rows),
            english("put all samples of a request into one split"),
        )


def _label_in_disguise(samples: Samples, split: NDArray[np.int64]) -> Iterator[Finding]:
    step = -(-len(samples) // CHECKED_ROWS)
    response, weight, part = samples.response[::step], samples.weight[::step], split[::step]
    label = (response > (0.0 if samples.label_type.is_chance else np.median(response))).astype(np.int8)
    counted = np.arange(0, len(samples), step)
    for name in samples.features.column_names:
        column = samples.features.column(name).combine_chunks().take(pa.array(counted))
        if pa.types.is_dictionary(column.type) or pa.types.is_string(column.type):
            area = _category_auc(column, label, weight, part)
        else:
            values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
            finite = np.isfinite(values)
            area = max(
                _two_sided(label, np.where(finite, values, 0.0), weight * finite),
                _two_sided(label, finite, weight),
            )
        if area > SUSPICIOUS_AUC:
            yield Finding(
                "label_in_disguise",
                "error",
                english("feature {name} alone predicts the label with AUC {number}", name=repr(name), number=f"{area:.4f}"),
                len(samples),
                _examples(samples, np.ones(len(samples), np.bool_)),
                english("check that {name} is computed from events before the request only, or leave it out", name=repr(name)),
            )


def _two_sided(label: NDArray[np.int8], value: NDArray[Any], weight: NDArray[np.float64]) -> float:
    """AUC of a column or of its negative, whichever is higher; .5 where it is undefined."""
    if not weight.any():
        return 0.5
    area = auc(label, value, weight)
    return 0.5 if np.isnan(area) else max(area, 1 - area)


def _category_auc(column: pa.Array, label: NDArray[np.int8], weight: NDArray[np.float64], part: NDArray[np.int64]) -> float:
    """AUC, on the later splits, of each category's share of positives in train."""
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    code = coded.indices.cast(pa.int64()).fill_null(len(coded.dictionary)).to_numpy(zero_copy_only=False)
    train, later = part == 0, part > 0
    if not train.any() or not later.any():
        return 0.5
    groups = len(coded.dictionary) + 1
    mass = np.bincount(code[train], weight[train], groups)
    share = np.full(groups, 0.5)
    np.divide(np.bincount(code[train], (weight * label)[train], groups), mass, out=share, where=mass > 0)
    return _two_sided(label[later], share[code[later]], weight[later])


def _unlike_periods(samples: Samples, split: NDArray[np.int64]) -> Iterator[Finding]:
    train = split == 0
    if not train.any():
        return
    _, code = np.unique(samples.period[train], return_inverse=True)
    rows, positive = np.bincount(code), np.bincount(code, samples.label[train])
    total = positive.sum()
    if total in (0, rows.sum()):
        return
    # Half a row is added to each class, so that a period of one class has finite odds.
    odds = (positive + 0.5) / (rows - positive + 0.5) / (total / (rows.sum() - total))
    unlike = (rows >= MIN_PERIOD_ROWS) & ((odds > SUSPICIOUS_ODDS) | (odds < 1 / SUSPICIOUS_ODDS))
    if unlike.any():
        hit = np.zeros(len(samples), np.bool_)
        hit[np.flatnonzero(train)[unlike[code]]] = True
        yield Finding(
            "unlike_periods",
            "warning",
            english("in {number} periods of train the share of positives is far from the usual", number=int(unlike.sum())),
            int(hit.sum()),
            _examples(samples, hit),
            english("draw negatives only from items on sale at their time, the same number for each positive"),
        )
