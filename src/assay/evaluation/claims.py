"""The measures on which claims are made and choices fall, and what the interval of a difference says of them.

They are measured whatever the config shows: what decides must not depend on what is reported.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Literal

from assay.numerics.measures import LOWER_IS_BETTER
from assay.task import BINARY, of_measures

DECIDES_RANKED = BINARY.ranked  # models and rankers are chosen by it, where requests are ranked, whatever labels are

SMALLEST_DIFFERENCE = 0.005  # of ndcg@10: a smaller one is of no interest, and tests are planned for it
LEAST_USERS = 30  # below, an interval over users is itself chance

Difference = Mapping[str, object]  # low, high: the ends of its 95 % interval, None or NaN where unknown; needs: see `verdict`
Verdict = Literal["better", "worse", "even", "few"]


def decides(measures: Iterable[str]) -> str:
    """The measure, of some that are there, that changes of the training weights are chosen by: the loss."""
    return of_measures(measures).loss


def claims(measures: Iterable[str]) -> list[str]:
    """Those of some measures that claims are made on, the order of labels' kind."""
    names = set(measures)
    return [name for name in of_measures(names).claims if name in names]


def verdict(measure: str, difference: Difference) -> Verdict:
    """What the difference of a measure is, beyond chance: its interval lies on one side of 0, or it is even.

    "few" where `needs` says how many requests it would take to tell: then an interval off 0 is no verdict either.
    """
    return "few" if difference.get("needs") is not None else _side(measure, difference)


def hurts(differences: Mapping[str, Difference]) -> bool:
    """Whether a measure that claims are made on is worse beyond chance, be the requests enough or not."""
    return "worse" in {_side(name, differences[name]) for name in claims(differences)}


def helps(differences: Mapping[str, Difference]) -> bool:
    """Whether a measure that claims are made on is better beyond chance, none is worse, and all can be told."""
    verdicts = {verdict(name, differences[name]) for name in claims(differences)}
    return "better" in verdicts and "few" not in verdicts and not hurts(differences)


def _side(measure: str, difference: Difference) -> Literal["better", "worse", "even"]:
    low, high = difference.get("low"), difference.get("high")
    if not (isinstance(low, int | float) and isinstance(high, int | float)) or math.isnan(low) or math.isnan(high):
        return "even"
    if low <= 0 <= high:
        return "even"
    return "better" if (high < 0) == (measure.split("@")[0] in LOWER_IS_BETTER) else "worse"
