"""How often and how lately a user took an item: what tells a purchase that comes again from one that is new."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.models.recommender import Ints

HALF_LIVES = np.array([4.0, 16.0, 64.0, np.inf])  # periods; a taking so long ago counts half


def taken_before(
    column: NDArray[Any], period: NDArray[Any], low: Ints, high: Ints, now: Ints, most: int
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Distinct columns among events low ... high - 1 of each row (W,): row and column (k,), and how much of each (k, H).

    column, period (n,): of events, each user's in order of time. How much: takings, each halved for every half-life between it
    and the period `now` (W,). By row; within a row the one taken last comes first, and only the `most` first are told.
    """
    rows, columns, amounts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros((0, len(HALF_LIVES)))]
    for row in np.flatnonzero(high > low):
        back, when = column[low[row] : high[row]][::-1], period[low[row] : high[row]][::-1]
        each, first, which = np.unique(back, return_index=True, return_inverse=True)
        much = np.zeros((len(each), len(HALF_LIVES)))
        np.add.at(much, which, 0.5 ** ((now[row] - when)[:, None] / HALF_LIVES))
        order = np.argsort(first)[:most]
        rows.append(np.full(len(order), row))
        columns.append(each[order].astype(np.int64))
        amounts.append(much[order])
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(amounts)
