"""Training on a tenth: a uniform draw against one weighted by what a pilot model learns most from."""

import numpy as np
from numpy.typing import NDArray

from assay.importance.subsampling import inclusion
from assay.models.linear import LinearModel
from assay.numerics.glm import Curvature
from assay.samples.table import Samples
from assay.selection.weights import draw

Vector = NDArray[np.float64]
_PILOT = 0.02  # share of the rows that the pilot is fitted on
_PILOT_ROWS = 20_000


def draws(train: Samples, fraction: float, model: LinearModel, seed: int) -> dict[str, Vector]:
    """Weights (n,) of two Poisson draws of about fraction * n rows: uniform, and weighted (A-optimal).

    model: whose settings the pilot has. The inclusion probability pi is proportional to w |y - p| sqrt(x' H^-1 x) under a pilot
    fitted on a uniform draw, w the row's weight; a tenth of it is uniform (Wang, Zhu and Ma, JASA 2018). Drawn rows weigh w
    fraction / pi, in the mean as much as all rows do and not w / pi: the penalty then counts as much for each row as it does on
    all of them.
    """
    n = len(train)
    ids = train.keys.column("sample_id").to_numpy()
    share = min(1.0, max(_PILOT, _PILOT_ROWS / max(n, 1)))
    first = draw(train.weight, ids, np.full(n, share), seed + 1)
    rows = np.flatnonzero(first > 0)
    few = train.take(rows)
    pilot = model.fresh().fit(few, rng=np.random.default_rng(seed))
    p_few, p = pilot.predict(few), pilot.predict(train)
    curvature = Curvature(few.matrix(), few.weight * model.family.curvature(p_few), model.l2)
    size = train.weight * np.abs(train.response - p) * np.sqrt(np.maximum(curvature.leverage(train.matrix()), 0.0))
    return {
        "uniform": fraction * draw(train.weight, ids, np.full(n, fraction), seed),
        "weighted": fraction * draw(train.weight, ids, inclusion(size, fraction), seed),
    }
