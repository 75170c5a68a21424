"""Rankings in two parts: what a request takes again, and what is new to its user."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.numerics.ranking import ranking_measures
from assay.samples.table import Samples

REPEAT, NEW = "repeat", "new"


def part_tables(
    candidates: Samples,
    requests: pa.Table,
    score: NDArray[np.float64],
    tie: NDArray[np.int64],
    k: Sequence[int],
) -> dict[str, pa.Table]:
    """One table per part, a row per request with truth in it, as `ranking_scores` reads them; none where the log is not known.

    A part ranks its own candidates alone; the ideal is over all that the request took of that part, candidates or not. requests:
    request_id, user_code, truth_count, new_count. score (n,): of candidates. tie (items,): numerics.ranking.tie_order. What was
    taken counts 1, whatever its amount.
    """
    takings = candidates.takings
    if takings is None or "new_count" not in requests.column_names:
        return {}
    known = takings.had_before(candidates.user, candidates.item, candidates.moment)
    ids, user, truth, fresh = (
        requests.column(name).to_numpy() for name in ("request_id", "user_code", "truth_count", "new_count")
    )
    order = np.argsort(ids, kind="stable")
    tables = {}
    for name, rows, count in ((REPEAT, np.flatnonzero(known), truth - fresh), (NEW, np.flatnonzero(~known), fresh)):
        rows = rows[np.argsort(candidates.request[rows], kind="stable")]
        offsets = np.searchsorted(candidates.request[rows], np.append(ids[order], np.iinfo(np.int64).max))
        measured = ranking_measures(
            offsets, score[rows], candidates.label[rows], count[order].astype(np.int64), tie[candidates.item[rows]], k
        )
        table = pa.table({"request": ids[order], "user": user[order], "truth_count": count[order].astype(np.int64), **measured})
        if (count > 0).any():
            tables[name] = table.filter(pa.array(count[order] > 0))
    return tables
