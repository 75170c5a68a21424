"""How many rounds a boosted model learns for: rows held back to stop it early, and trees as small as few rows ask for."""

from dataclasses import dataclass
from math import log

import numpy as np

from assay.models.scorer import Positions
from assay.numerics.hashing import mix
from assay.samples.table import Samples

PATIENCE = 20  # rounds without a better score after which it stops
_LATE = 0.2  # share of the rows that stop it
_MOST_EARLY, _MOST_LATE = 300_000, 100_000  # rows
_SEED = 20_260_119


@dataclass(frozen=True)
class Held:
    """Positions of the rows of a fit that is stopped early: those that it learns from, and those that stop it.

    late: all rows that it does not learn from; stopping are some of them, of whole requests.
    """

    early: Positions
    stopping: Positions
    late: Positions


def held_back(samples: Samples, rows: Positions) -> Held | None:
    """The last fifth of the rows by period, one period at least, is late; both sides have whole requests, by a stable hash.

    Of fewer than three periods, a fifth of the requests by a stable hash is late. None where the labels of a side are all alike.
    """
    period = samples.period[rows]
    present = np.unique(period)
    if len(present) >= 3:
        cut = min(np.quantile(period, 1.0 - _LATE, method="lower"), present[-2])
        late = period > cut
    else:
        late = np.isin(rows, _of_requests(samples, rows, int(_LATE * len(rows))))
    early = _of_requests(samples, rows[~late], _MOST_EARLY)
    held = Held(early, _of_requests(samples, rows[late], _MOST_LATE), rows[late])
    return held if all(samples.label_type.serves(samples.response[side]) for side in (held.early, held.stopping)) else None


def _of_requests(samples: Samples, rows: Positions, most: int) -> Positions:
    """The rows of whole requests, the first by a stable hash, as long as they have at most so many rows; in their order."""
    if len(rows) <= most:
        return rows
    requests, which, count = np.unique(samples.request[rows], return_inverse=True, return_counts=True)
    order = np.argsort(mix(_SEED, requests), kind="stable")
    chosen = np.zeros(len(requests), np.bool_)
    chosen[order[np.cumsum(count[order]) <= most]] = True
    return rows[chosen[which]]


def regularised(rows: int, most_leaves: int) -> dict[str, int]:
    """LightGBM's num_leaves and min_data_in_leaf for so many rows; both grow with the logarithm of their number.

    26 leaves of 46 rows at least for 10,000 rows, 63 leaves of 92 rows at least for a million; never more than `most_leaves`,
    nor less than LightGBM's own 20 rows.
    """
    leaves = round(8 * log(max(rows, 1) / 400))
    least = round(10 * log(max(rows, 1) / 100))
    return {"num_leaves": min(most_leaves, max(leaves, 4)), "min_data_in_leaf": max(least, 20)}
