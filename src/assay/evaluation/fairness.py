"""Gaps between groups of people, as fairlearn measures them: rates of each group, demographic parity and equalized odds.

fairlearn is of the extra `examples`: import this module by registry.of_extra.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from numpy.typing import ArrayLike, NDArray

from assay.pages.gaps import FALSE, GAPS, SELECTION, TRUE

Rate = Callable[..., float]


@dataclass(frozen=True)
class Fairness:
    """groups: those with rows, in order. rates: by rate (pages.gaps.RATES) and group. gaps: by name (pages.gaps.GAPS).

    NaN where one cannot be said, as gap_scores has it.
    """

    groups: list[str]
    rates: dict[str, dict[str, float]]
    gaps: dict[str, float]


def fairness(
    label: ArrayLike, score: ArrayLike, level: Sequence[str], *, weight: ArrayLike | None = None, threshold: float = 0.5
) -> Fairness:
    """Rates of every group of rows, and the gaps between groups, by fairlearn; arguments as in gaps.gap_scores."""
    labels, scores = np.asarray(label), np.asarray(score)
    weights = np.ones(len(scores)) if weight is None else np.asarray(weight, np.float64)
    kept = weights > 0
    rates = {SELECTION: selection_rate, TRUE: _among(1, true_positive_rate), FALSE: _among(0, false_positive_rate)}
    frame = MetricFrame(
        metrics=rates,
        y_true=labels[kept],
        y_pred=(scores >= threshold)[kept].astype(np.int64),
        sensitive_features={"group": np.asarray(level, object)[kept]},
        sample_params={name: {"sample_weight": weights[kept]} for name in rates},
    )
    several = frame.by_group.notna().sum() > 1
    apart = {name: float(one) if several[name] else np.nan for name, one in frame.difference(method="between_groups").items()}
    gaps = dict(zip(GAPS, (apart[SELECTION], float(np.fmax(apart[TRUE], apart[FALSE]))), strict=True))
    by_group = {name: {str(group): float(one) for group, one in frame.by_group[name].items()} for name in rates}
    return Fairness(sorted(by_group[SELECTION]), by_group, gaps)


def _among(wanted: int, rate: Rate) -> Rate:
    """A rate of the rows with one label; NaN, not fairlearn's 0, where there are none."""

    def measured(label: NDArray[np.int8], predicted: NDArray[np.int64], sample_weight: NDArray[np.float64]) -> float:
        if not (label == wanted).any():
            return float("nan")
        return float(rate(label, predicted, pos_label=1, sample_weight=sample_weight))

    return measured
