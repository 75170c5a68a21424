"""Measures of ranked lists: one row per request first, then means with intervals over users."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from assay.errors import InputError
from assay.evaluation.beyond import ItemFacts, beyond_accuracy
from assay.evaluation.scores import Difference, Estimate, Scores
from assay.numerics import ranking as rk
from assay.numerics import statistics as st
from assay.numerics.graded import err, rbp
from assay.numerics.names import is_beyond


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
    truth: tuple[NDArray[np.int64], NDArray[Any]] | None = None,
    popularity: NDArray[Any] | None = None,
    category: NDArray[Any] | None = None,
    past: NDArray[Any] | None = None,
    resamples: int = 1000,
    seed: int = 7,
) -> tuple[pa.Table, dict[str, Estimate]]:
    """Measures of the ranked candidates of every request, with 95 % intervals by resampling users.

    All columns have a row for each candidate, in any order. Lists are ranked by score, ties by tie_order, as trec_eval does.
    Where popularity or category is given, coverage@k and gini@k are measured too, over the items that these name: each request
    has its part in them, and NaN if it has no truth (see numerics.beyond).

    Parameters
    ----------
    requests, users : array, shape (n,)
        Ids or codes.
    items : array of int, shape (n,)
        Codes from 0.
    scores : array, shape (n,)
        The higher, the nearer to the top.
    relevance : array, shape (n,)
        The gain; above 0 is relevant.
    truth_count : array of int, shape (n,)
        Relevant items of the row's request, also those that are no candidates.
    tie_order : array of int, shape (items,)
        Place of each item among equals, by code: `assay.numerics.ranking.tie_order` of the items' ids.
    k : sequence of int
        Cut-offs.
    also : sequence of str
        Single measures at a cut-off of their own, as "ndcg@10".
    truth : (array of int, shape (R + 1,), array, shape (t,)), optional
        Gains of all that each of the R requests took, request by request in their order, and where each request's begin. The
        ideal list of ndcg is then made of these. By default it is made of the candidates' gains, and of gain 1 for each other.
    popularity : array, shape (items,), optional
        Share of the training's users who took each item, by code. Adds novelty@k, popularity_share@k and serendipity@k.
    category : array of int, shape (items,), optional
        Codes, -1 where not known. Adds diversity@k.
    past : array, shape (n,), optional
        Mean popularity of what the row's user took in training, NaN for nothing. With popularity it adds popularity_lift@k.
    resamples : int
        Draws of the users.
    seed : int
        Decides the draws.

    Returns
    -------
    pyarrow.Table
        One row per request, in order: request, user, truth_count and one column per measure.
    dict
        For each measure value, low and high: means over requests with truth. A NaN (diversity of a list of one) is left out
        of its own mean.

    Raises
    ------
    InputError
        Columns of several lengths, no candidates, no relevant item, one user only, a request with two users or counts of truth,
        or a popularity outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> requests, items = np.repeat([0, 1], 2), np.array([0, 1, 0, 1])
    >>> table, means = assay.evaluate_rankings(
    ...     requests, requests, items, scores=[0.9, 0.1, 0.2, 0.8], relevance=[1, 0, 1, 0], truth_count=[1, 1, 1, 1],
    ...     tie_order=np.arange(2), k=(1,),
    ... )
    >>> table.column("recall@1").to_pylist(), means["recall@1"]["value"]
    ([1.0, 0.0], 0.5)
    """
    given = (requests, users, items, scores, relevance, truth_count, *(() if past is None else (past,)))
    columns = [np.asarray(column) for column in given]
    if any(column.shape != (len(columns[0]),) for column in columns):
        raise InputError(f"the columns have shapes {[c.shape for c in columns]}; give one entry a candidate")
    if not len(columns[0]):
        raise InputError("no candidates to rank; check that the split has requests")
    # In order of request, user and item: sums run in one order whatever the order of the rows.
    if not _in_order(columns[0], columns[2]):
        order = np.lexsort((columns[2], columns[0]))
        columns = [column[order] for column in columns]
    request, user, item, score, gain, count = columns[:6]
    ids, offsets = rk.request_offsets(request)
    first = offsets[:-1]
    for name, column in (("users", user), ("truth_count", count)):
        differs = column != np.repeat(column[first], np.diff(offsets))
        if differs.any():
            raise InputError(f"request {request[differs.argmax()]} has several {name}; it needs exactly one")
    tie = np.asarray(tie_order)[item]
    measures = rk.ranking_measures(offsets, score, gain, count[first], tie, k, truth=truth)
    for name in (name for name in also if name not in measures):
        its_own = (int(name.split("@")[1]),)
        measures[name] = rk.ranking_measures(offsets, score, gain, count[first], tie, its_own, truth=truth)[name]
    facts = _facts(popularity, category)
    asking, highest = count[first] > 0, max(float(gain.max()), 0.0) or 1.0
    for cut in k:
        top = rk.top_k(offsets, score, tie, cut)
        gains = np.where(top >= 0, np.maximum(gain[top], 0.0), 0.0)
        measures |= {f"err@{cut}": err(gains, highest), f"rbp@{cut}": rbp(gains)}
        if facts is not None:
            items_of = np.where(top >= 0, item[top], -1)[asking]
            own = None if past is None else columns[6][first][asking]
            for name, values in beyond_accuracy(items_of, gains[asking] > 0, user[first][asking], facts, own).items():
                measures[f"{name}@{cut}"] = _spread(values, asking)
    table = pa.table({"request": ids, "user": user[first], "truth_count": count[first].astype(np.int64), **measures})
    return table, ranking_scores(table).estimates(resamples=resamples, seed=seed)


def _facts(popularity: NDArray[Any] | None, category: NDArray[Any] | None) -> ItemFacts | None:
    """What is known of the items; None where that is nothing."""
    if popularity is None and category is None:
        return None
    shares = None if popularity is None else np.asarray(popularity, np.float64)
    codes = None if category is None else np.asarray(category, np.int64)
    return ItemFacts(max(len(one) for one in (shares, codes) if one is not None), shares, codes)


def _spread(values: NDArray[np.float64], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values of some rows (n,) as a column of all of them, NaN elsewhere."""
    column = np.full(len(rows), np.nan)
    column[rows] = values
    return column


def _in_order(request: NDArray[Any], item: NDArray[Any]) -> bool:
    """Whether rows stand in order of request and item."""
    ahead = request[1:] > request[:-1]
    return bool((ahead | ((request[1:] == request[:-1]) & (item[1:] >= item[:-1]))).all())


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


def accuracy_alone(per_request: pa.Table) -> pa.Table:
    """A table per request without what says nothing of good or bad: what models are compared on."""
    return per_request.drop_columns([name for name in per_request.column_names if is_beyond(name)])


def compare_rankings(
    per_request_a: pa.Table, per_request_b: pa.Table, *, resamples: int = 1000, seed: int = 7
) -> dict[str, Difference]:
    """Differences of two rankings of the same requests, b minus a, paired by user.

    Parameters
    ----------
    per_request_a, per_request_b : pyarrow.Table
        As `evaluate_rankings` returns them.
    resamples : int
        Draws of the users.
    seed : int
        Decides the draws.

    Returns
    -------
    dict
        As `compare_samples` returns it.

    Raises
    ------
    InputError
        The two differ in requests, users or truth.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> requests, items = np.repeat(np.arange(20), 2), np.tile([0, 1], 20)
    >>> def ranked(scores):
    ...     relevance, one = np.tile([1, 0], 20), np.ones(40, int)
    ...     return assay.evaluate_rankings(requests, requests, items, scores, relevance, one, tie_order=np.arange(2), k=(1,))[0]
    >>> change = assay.compare_rankings(ranked(np.tile([0.0, 1.0], 20)), ranked(np.tile([1.0, 0.0], 20)))
    >>> change["recall@1"]["value"]
    1.0
    """
    same_requests(per_request_a, per_request_b)
    return ranking_scores(per_request_a).against(ranking_scores(per_request_b), resamples=resamples, seed=seed)


def same_requests(per_request_a: pa.Table, per_request_b: pa.Table) -> None:
    """InputError where two tables per request differ in requests, users or truth."""
    for name in ("request", "user", "truth_count"):
        if not per_request_a.column(name).equals(per_request_b.column(name)):
            raise InputError(f"the two arms differ in column {name!r}; rank the same requests with both")
