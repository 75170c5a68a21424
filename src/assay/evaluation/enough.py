"""Whether there are enough requests and users for a verdict on a change, and how many it would take."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from assay.evaluation.claims import DECIDES_RANKED, LEAST_USERS, SMALLEST_DIFFERENCE
from assay.numerics.statistics import minimal_detectable_difference


def requests_needed(differences: Mapping[str, Mapping[str, Any]], *, users: int, requests: int) -> int | None:
    """How many requests like these a verdict takes, None where these are enough; rounded up to two digits.

    differences: of one change, by measure: low and high, a t interval over `users`. Enough: LEAST_USERS users or more, and,
    where requests are ranked, as many requests as find a true difference of SMALLEST_DIFFERENCE in ndcg@10 with 80 % power
    (as `benchmark plan` plans for it), or a difference at the near end of an interval that is off 0: then the change is far
    beyond doubt (five standard errors), and of interest. The standard error of a difference falls with the root of the requests.
    """
    share = LEAST_USERS / max(users, 1)
    ranked = differences.get(DECIDES_RANKED)
    if ranked is not None and users > 1:
        stderr = (ranked["high"] - ranked["low"]) / 2 / float(stats.t.ppf(0.975, users - 1))
        if np.isfinite(stderr):
            wanted = max(SMALLEST_DIFFERENCE, ranked["low"], -ranked["high"])
            share = max(share, (minimal_detectable_difference(stderr, users) / wanted) ** 2)
    return _rounded(requests * share) if share > 1 else None


def _rounded(number: float) -> int:
    unit = 10.0 ** max(math.floor(math.log10(max(number, 1.0))) - 1, 0)
    return int(math.ceil(number / unit) * unit)
