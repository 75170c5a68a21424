"""The four-way split by one global time: train < validation < tuning < test."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.config import SamplesSection
from assay.errors import SplitError
from assay.numerics.periods import start
from assay.tables import SPLITS
from assay.task import LabelType


@dataclass(frozen=True)
class Splits:
    """Where each split begins: `begins[k]` is the first period of SPLITS[k]; `end` is past the last of test."""

    begins: tuple[int, int, int, int]
    end: int

    def of(self, periods: NDArray[np.int32]) -> NDArray[np.int64]:
        """Index (n,) into SPLITS of each period; -1 in warm-up; periods past the end count as test."""
        return np.searchsorted(np.array(self.begins), periods, side="right") - 1

    def span(self, name: str) -> tuple[int, int]:
        """First period of a split, and the one past its last."""
        bounds = (*self.begins, self.end)
        at = SPLITS.index(name)
        return bounds[at], bounds[at + 1]

    def dates(self, period_days: int) -> dict[str, dict[str, str | int]]:
        """Per split what `dates` says."""
        return {name: dates(*self.span(name), period_days) for name in SPLITS}


def dates(begin: int, end: int, period_days: int) -> dict[str, str | int]:
    """How many periods there are from begin up to, not including, end; their first day and last day (ISO dates)."""
    first, last = start(begin, period_days).date(), start(end, period_days).date() - timedelta(days=1)
    return {"periods": end - begin, "from": first.isoformat(), "to": last.isoformat()}


def _iso(day: int) -> str:
    return (date(1970, 1, 5) + timedelta(days=int(day))).isoformat()


def split_periods(first_day: int, last_day: int, section: SamplesSection) -> Splits:
    """Warm-up | train < validation < tuning < test, counted from the last whole period of the log.

    first_day and last_day are days since 1970-01-05: of the log's first event, and the last that the log covers to its end
    (`numerics.periods.last_whole_day` says when it does). A last period that goes on after that day serves as nobody's truth.
    SplitError when there are too few periods.
    """
    length = section.period_days
    first, end = first_day // length, (last_day + 1) // length
    later = section.validation + section.tuning + section.test
    needed = section.warm_up + 1 + later
    if end - first < needed:
        raise SplitError(
            f"the log, {_iso(first_day)} to {_iso(last_day)}, has {max(end - first, 0)} whole periods of {length} days,"
            f" but {needed} are needed: warm_up {section.warm_up} + train 1 + validation {section.validation}"
            f" + tuning {section.tuning} + test {section.test}; lower these or period_days in [samples], or bring a longer log"
        )
    test = end - section.test
    tuning = test - section.tuning
    return Splits((first + section.warm_up, tuning - section.validation, tuning, test), end)


def check_splits(response: NDArray[Any], split: NDArray[np.int64], kind: LabelType, advice: str) -> None:
    """SplitError naming the first split that cannot serve: responses (n,), their split (n,), their kind, what to change."""
    for at, name in enumerate(SPLITS):
        kind.check(response[split == at], f"the {name} split", advice)
