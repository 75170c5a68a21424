"""Measures of ranked lists: one row a request first, then means with intervals over users."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from assay.errors import InputError
from assay.evaluation.scores import Difference, Estimate, Scores
from assay.numerics import ranking as rk
from assay.numerics import statistics as st


def evaluate_rankings(
    requests: ArrayLike,
    users: ArrayLike,
    items: ArrayLike,
    scores: ArrayLike,
    relevance: ArrayLike,
    truth_count: ArrayLike,
    tie_order: ArrayLike,
    k: Sequence[int] = (10,),
    *,
    also: Sequence[str] = (),
    popularity: NDArray[Any] | None = None,
    category: NDArray[Any] | None = None,
    resamples: int = 1000,
    seed: int = 7,
) -> tuple[pa.Table, dict[str, Estimate]]:
    """Rank the candidates of every request and measure the lists.

    One row a candidate, all (n,), in any order: requests and users (ids or codes), items (codes),
    scores, relevance (gain, above 0 is relevant) and truth_count (relevant items of the row's request,
    also those that are no candidate). tie_order (items,): ranking.tie_order of the items' ids, by code.
    also: single measures of numerics.ranking.RANKING at a k of their own, as "ndcg@10", beside every measure at k.
    popularity (items,) training events: adds novelty@k and popularity_share@k, and coverage@k, the share
    of these items recommended to anyone (no interval, low and high repeat the value: a resample of the
    users always covers less). category (items,) codes:
    adds diversity@k.

    Returns the table per request (request, user, truth_count, one column a measure, in order of request)
    and {measure: {"value", "low", "high"}}: means over requests with truth, intervals by resampling users.
    """
    columns = [np.asarray(column) for column in (requests, users, items, scores, relevance, truth_count)]
    if any(column.shape != (len(columns[0]),) for column in columns):
        raise InputError(f"the columns have shapes {[c.shape for c in columns]}; give one entry a candidate")
    if not len(columns[0]):
        raise InputError("no candidates to rank; check that the split has requests")
    # In order of request, user and item: sums run in one order whatever the order of the rows.
    order = np.lexsort((columns[2], columns[0]))
    request, user, item, score, gain, truth = (column[order] for column in columns)
    ids, offsets = rk.request_offsets(request)
    first = offsets[:-1]
    for name, column in (("users", user), ("truth_count", truth)):
        differs = column != np.repeat(column[first], np.diff(offsets))
        if differs.any():
            raise InputError(f"request {request[differs.argmax()]} has several {name}; it needs exactly one")
    tie = np.asarray(tie_order)[item]
    found = rk.ranking_measures(offsets, score, gain, truth[first], tie, k)
    for name in (name for name in also if name not in found):
        found[name] = rk.ranking_measures(offsets, score, gain, truth[first], tie, (int(name.split("@")[1]),))[name]
    covered: dict[str, Estimate] = {}
    for cut in k:
        top = rk.top_k(offsets, score, tie, cut)
        top_items = np.where(top >= 0, item[top], -1)
        if popularity is not None:
            found[f"novelty@{cut}"] = rk.novelty(top_items, popularity)
            found[f"popularity_share@{cut}"] = rk.popularity_share(top_items, rk.head_items(popularity))
            share = rk.coverage(top_items, len(popularity))
            covered[f"coverage@{cut}"] = Estimate(value=share, low=share, high=share)
        if category is not None:
            found[f"diversity@{cut}"] = rk.diversity(top_items, category)
    table = pa.table({"request": ids, "user": user[first], "truth_count": truth[first].astype(np.int64), **found})
    return table, ranking_scores(table).estimates(resamples=resamples, seed=seed) | covered


def ranking_scores(per_request: pa.Table) -> Scores:
    """Scores of a table per request: means over its requests with truth, clustered by user.

    A NaN or null (diversity of a list of one) is left out of its own mean.
    """
    table = per_request.filter(pc.greater(per_request.column("truth_count"), 0))
    if not table.num_rows:
        raise InputError("no request has a relevant item: nothing to measure; use a longer period")
    names = [name for name in table.column_names if "@" in name]
    users, code = np.unique(table.column("user").to_numpy(), return_inverse=True)
    values = np.column_stack([table.column(name).to_numpy().astype(np.float64) for name in names])
    return Scores(users, names, st.mean_statistic(code, values, len(users)))


def compare_rankings(
    per_request_a: pa.Table, per_request_b: pa.Table, *, resamples: int = 1000, seed: int = 7
) -> dict[str, Difference]:
    """b minus a on the same requests, paired by user; tables as evaluate_rankings returns them.

    See scores.Difference. InputError when the two tables differ in requests, users or truth.
    """
    for name in ("request", "user", "truth_count"):
        if not per_request_a.column(name).equals(per_request_b.column(name)):
            raise InputError(f"the two arms differ in column {name!r}; rank the same requests with both")
    return ranking_scores(per_request_a).against(ranking_scores(per_request_b), resamples=resamples, seed=seed)
