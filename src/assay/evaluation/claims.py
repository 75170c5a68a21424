"""The measures on which claims are made and choices fall, and what the interval of a difference says of them.

They are measured whatever the config shows: what decides must not depend on what is reported.
"""

import math
from collections.abc import Mapping
from typing import Literal

from assay.numerics.measures import LOWER_IS_BETTER
from assay.task import BINARY

DECIDES = BINARY.loss  # changes of the training weights are chosen by it
DECIDES_RANKED = BINARY.ranked  # models and rankers are chosen by it, where requests are ranked
CLAIMS = BINARY.claims

Difference = Mapping[str, object]  # low, high: the ends of its 95 % interval; None or NaN where unknown


def verdict(measure: str, difference: Difference) -> Literal["better", "worse", "even"]:
    """What the difference of a measure is, beyond chance: its interval lies on one side of 0, or it is even."""
    low, high = difference.get("low"), difference.get("high")
    if not (isinstance(low, int | float) and isinstance(high, int | float)) or math.isnan(low) or math.isnan(high):
        return "even"
    if low <= 0 <= high:
        return "even"
    return "better" if (high < 0) == (measure.split("@")[0] in LOWER_IS_BETTER) else "worse"


def hurts(differences: Mapping[str, Difference]) -> bool:
    """Whether a measure that claims are made on is worse beyond chance."""
    return "worse" in _verdicts(differences)


def helps(differences: Mapping[str, Difference]) -> bool:
    """Whether a measure that claims are made on is better beyond chance, and none is worse."""
    return "better" in _verdicts(differences) and not hurts(differences)


def _verdicts(differences: Mapping[str, Difference]) -> set[str]:
    return {verdict(name, differences[name]) for name in CLAIMS if name in differences}
