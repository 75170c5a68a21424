"""How far two orders of the same things agree: arrays in, arrays out."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BLOCK = 1 << 24  # pairs held at once: 128 MB


def tau_b(values: Floats, truth: Floats, estimated: NDArray[np.bool_] | None = None) -> Floats:
    """Kendall's tau-b (R,) of each row of values (R, S) with truth (S,) or its row of (R, S); NaN where one does not vary.

    Concordant less discordant pairs over the geometric mean of the pairs that are not tied in one and in the other
    (Kendall, "Rank Correlation Methods", 1948). estimated (S,): all other things have the truth for their value.
    """
    truth = np.broadcast_to(truth, values.shape)
    i, j = np.triu_indices(values.shape[1], 1)
    if estimated is not None:
        values = np.where(estimated, values, truth)
    step = max(1, _BLOCK // max(len(i), 1))
    out = np.empty(len(values))
    for start in range(0, len(values), step):
        some = slice(start, start + step)
        left, right = (np.sign(rows[some][:, i] - rows[some][:, j]) for rows in (values, truth))
        pairs = np.sqrt(np.abs(left).sum(axis=1) * np.abs(right).sum(axis=1))
        agreed = (left * right).sum(axis=1)
        out[some] = np.divide(agreed, pairs, out=np.full(len(left), np.nan), where=pairs > 0)
    return out
