"""Measures by group of the test: new and returning users, head and tail items, price band, category, busiest periods.

Rows of one label are a group; null labels form the group null. Where a measure is undefined in a group (AUC of one class)
its value is null; with fewer than two users low and high are.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from assay.errors import InputError
from assay.evaluation.amounts import score_amounts
from assay.evaluation.rankings import ranking_scores
from assay.evaluation.samples import score_samples
from assay.evaluation.scores import Scores
from assay.language import english
from assay.numerics.names import is_of_all_lists
from assay.samples.table import Samples
from assay.task import Task

GROUPS = pa.schema(
    {
        "group": pa.string(),
        "measure": pa.string(),
        "rows": pa.int64(),
        "users": pa.int64(),
        "value": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
    }
)


def group_samples(
    label: ArrayLike,
    score: ArrayLike,
    user: ArrayLike,
    group: ArrayLike | pa.Array,
    *,
    weight: ArrayLike | None = None,
    threshold: float = 0.5,
    resamples: int = 200,
    seed: int = 7,
) -> pa.Table:
    """Every pointwise measure in every group of samples: a table of schema GROUPS; rows are samples.

    Arguments as in evaluate_samples; group (n,) names the group of each row.
    """
    labels, scores, users = np.asarray(label), np.asarray(score), np.asarray(user)
    weights = np.ones(len(scores)) if weight is None else np.asarray(weight, np.float64)

    def of(rows: NDArray[np.int64]) -> tuple[int, Scores]:
        rows = rows[weights[rows] > 0]
        return len(rows), score_samples(labels[rows], scores[rows], users[rows], weight=weights[rows], threshold=threshold)

    return _table(_groups(group, len(scores), weights > 0), of, resamples, seed)


def group_predictions(
    samples: Samples, predicted: NDArray[np.float64], group: ArrayLike | pa.Array, *, resamples: int = 200, seed: int = 7
) -> pa.Table:
    """Every measure of predictions (n,) of samples in every group of them: a table of schema GROUPS; see `group_samples`.

    Measures are those of the labels' kind, probabilities cut at 0.5.
    """

    def of(rows: NDArray[np.int64]) -> tuple[int, Scores]:
        rows = rows[samples.weight[rows] > 0]
        weight, user = samples.weight[rows], samples.user[rows]
        if samples.label_type.is_chance:
            return len(rows), score_samples(samples.label[rows], predicted[rows], user, weight=weight)
        loss = samples.label_type.loss
        return len(rows), score_amounts(samples.response[rows], predicted[rows], user, weight=weight, loss=loss)

    return _table(_groups(group, len(samples), samples.weight > 0), of, resamples, seed)


def group_rankings(per_request: pa.Table, group: ArrayLike | pa.Array, *, resamples: int = 200, seed: int = 7) -> pa.Table:
    """Every ranking measure in every group of requests: a table of schema GROUPS.

    rows counts requests with truth. per_request as evaluate_rankings returns it; group (requests,) names
    the group of each of its rows. What all lists have together (coverage, Gini, popularity lift) is left out: a group's own is
    no mean of its requests' parts.
    """
    per_request = per_request.drop_columns([name for name in per_request.column_names if is_of_all_lists(name)])
    truth = per_request.column("truth_count").to_numpy() > 0

    def of(rows: NDArray[np.int64]) -> tuple[int, Scores]:
        rows = rows[truth[rows]]
        return len(rows), ranking_scores(per_request.take(pa.array(rows)))

    return _table(_groups(group, per_request.num_rows, truth), of, resamples, seed)


def _groups(group: ArrayLike | pa.Array, rows: int, counted: NDArray[np.bool_]) -> Iterator[tuple[str | None, NDArray[np.int64]]]:
    """Each group's label and row numbers, by label, null last; groups without a counted row are left out."""
    labels = group if isinstance(group, pa.Array | pa.ChunkedArray) else pa.array(np.asarray(group))
    if len(labels) != rows:
        raise InputError(f"group has {len(labels)} entries for {rows} rows; give one per row")
    coded = pa.chunked_array([labels.cast(pa.string())]).combine_chunks().dictionary_encode()
    names: list[str] = coded.dictionary.to_pylist()
    codes = coded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(names) + 2))
    for code in [*sorted(range(len(names)), key=names.__getitem__), len(names)]:
        members = order[ends[code] : ends[code + 1]]
        if counted[members].any():
            yield (names[code] if code < len(names) else None), members


def _table(
    groups: Iterator[tuple[str | None, NDArray[np.int64]]],
    scores_of: Callable[[NDArray[np.int64]], tuple[int, Scores]],
    resamples: int,
    seed: int,
) -> pa.Table:
    lines: list[dict[str, Any]] = []
    for name, members in groups:
        rows, scores = scores_of(members)
        for measure, estimate in scores.estimates(resamples=resamples, seed=seed).items():
            bounds = (("value", estimate["value"]), ("low", estimate["low"]), ("high", estimate["high"]))
            figures = {key: None if np.isnan(v) else v for key, v in bounds}
            lines.append({"group": name, "measure": measure, "rows": rows, "users": len(scores.users), **figures})
    return pa.Table.from_pylist(lines, schema=GROUPS)


def usual_groups(samples: Samples, popularity: NDArray[np.int64], task: Task) -> dict[str, pa.Array]:
    """Names of the groups (n,) of samples, by what tells them apart: items, users, queries, price, department, periods.

    popularity (items,): training positives by item code; head items make up half of them. task: whose words are used.
    """
    has = samples.features.column_names
    out: dict[str, pa.Array] = {}
    if popularity.max(initial=0) > 1:  # else items are not told apart
        order = np.argsort(-popularity, kind="stable")
        head = np.zeros(len(popularity), bool)
        head[order[: int(np.searchsorted(np.cumsum(popularity[order]), popularity.sum() / 2)) + 1]] = True
        out["items"] = pa.array(
            np.where(head[samples.item], english("head (half of all {sales})", sales=task.sales), english("tail"))
        )
    if "user_periods_known" in has:
        periods = pc.fill_null(samples.features.column("user_periods_known"), 0).to_numpy()
        out["users"] = pa.array(
            np.where(periods > 12, english("returning"), english("new ({periods} or less)", periods=task.some(12)))
        )
    if "query_class" in has:
        out["queries"] = samples.features.column("query_class").combine_chunks().dictionary_decode()
    if "item_price" in has:
        price = samples.features.column("item_price").to_numpy()
        low, high = np.nanquantile(price, (1 / 3, 2 / 3)) if np.isfinite(price).any() else (0.0, 0.0)
        bands = np.where(
            price <= low, english("1 low third"), np.where(price <= high, english("2 middle third"), english("3 high third"))
        )
        out["price"] = pa.array(np.where(np.isfinite(price), bands, english("unknown")))
    if name := next((name for name in ("department", "category") if name in has), None):
        column = samples.features.column(name).combine_chunks().dictionary_decode()
        largest = pc.value_counts(column).to_pylist()
        largest.sort(key=lambda entry: (-entry["counts"], str(entry["values"])))
        kept = pa.array([entry["values"] for entry in largest[:8]])
        out[name] = pc.if_else(pc.fill_null(pc.is_in(column, kept), False), column, english("other"))
    positives = np.bincount(samples.period - samples.period.min(), samples.label)
    if len(positives) == 1:
        return out
    peak = positives >= positives.max()
    out[task.periods] = pa.array(np.where(peak[samples.period - samples.period.min()], english("busiest"), english("others")))
    return out
