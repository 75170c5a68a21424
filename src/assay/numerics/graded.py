"""Measures of graded lists and of how far they are judged: arrays in, one number per request out.

Lists are (R, k), best first: gains, 0 where nothing is listed or relevant.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PERSISTENCE = 0.8  # of rbp, where none is named


def err(gain: Floats, highest: float) -> Floats:
    """Expected reciprocal rank (R,), in [0, 1]: one over the place where a user who reads down the list stops.

    A place satisfies with probability (2^gain - 1) / 2^highest. gain (R, k): from 0 to `highest`, the best grade of the scale;
    one above it counts as `highest`. Chapelle, Metzler, Zhang and Grinspan (CIKM 2009).
    """
    # Written so that no power overflows, whatever the grades.
    stops = np.exp2(np.minimum(gain, highest) - highest) - np.exp2(-highest)
    reads_on = np.cumprod(1.0 - stops, axis=1)
    reaches = np.concatenate([np.ones((len(gain), 1)), reads_on[:, :-1]], axis=1)
    expected: Floats = (reaches * stops / np.arange(1, gain.shape[1] + 1)).sum(axis=1)
    return expected


def rbp(gain: Floats, persistence: float = PERSISTENCE) -> Floats:
    """Rank-biased precision (R,), in [0, 1): relevant places, each weighted by the chance that a user looks so far.

    A user looks at the next place with probability `persistence`. A gain (R, k) above 0 is relevant. Moffat
    and Zobel (TOIS 2008).
    """
    weights = (1.0 - persistence) * persistence ** np.arange(gain.shape[1])
    value: Floats = (gain > 0) @ weights
    return value


def judged(has_grade: NDArray[np.bool_], listed: NDArray[Any]) -> Floats:
    """Share of each list (R,) that has a grade, be it 0 or below; NaN for an empty list.

    has_grade, listed (R, k): whether a place has a grade, and whether it holds anything. As ir_measures' Judged.
    """
    length = listed.sum(axis=1)
    share: Floats = np.divide((has_grade & listed).sum(axis=1), length, out=np.full(len(listed), np.nan), where=length > 0)
    return share
