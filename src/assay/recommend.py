"""Top N for every user: candidates of the coming period, a model's scores, filters, and the reasons in words."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.config import Recommend
from assay.findings.examples import reason
from assay.findings.labels import Wording
from assay.finished import Finished
from assay.numerics.ranking import request_offsets, tie_order, top_k
from assay.pages.answers import RecommendedItem
from assay.samples.table import Samples

_HAD = ("pair_times_bought", "pair_steps_times")  # features that count takings of the item by the user, or in the session
COLUMNS = ("user_id", "item_id", "rank", "score", "reason", "name", "category")


def _lists(
    table: pa.Table, rows: NDArray[Any], rank: NDArray[Any], score: NDArray[Any], items: pa.Table, wording: Wording
) -> pa.Table:
    chosen = table.take(pa.array(rows))
    described = items.take(chosen.column("item_code"))
    reasons = [reason(features, wording) for features in chosen.to_pylist()]
    return pa.table(
        {
            "user_id": chosen.column("user_id"),
            "item_id": chosen.column("item_id"),
            "rank": pa.array(rank, pa.int32()),
            "score": score,
            "reason": pa.array(reasons, pa.string()),
            "name": described.column("name"),
            "category": described.column("category"),
        }
    )


def recommend(
    score: NDArray[np.float64], upcoming: Samples, items: pa.Table, section: Recommend, wording: Wording
) -> tuple[pa.Table, pa.Table]:
    """Two tables of COLUMNS: each user's list by falling score, and one list (user_id null) for unknown users.

    score (n,): chances of the rows of upcoming: candidates of the period after the log, all on sale, in order of user. items:
    clean items by code. exclude_bought takes out what the user, or the session, had before. Ties by item id, as everywhere. The
    list for unknown users is what sold most in the last four periods.
    """
    kept = np.ones(len(upcoming), bool)
    if section.exclude_bought:
        for name in set(_HAD).intersection(upcoming.features.column_names):
            kept &= pc.fill_null(upcoming.features.column(name), 0).to_numpy() == 0
    rows = np.flatnonzero(kept)
    tie = tie_order(upcoming.keys.column("item_id").to_pylist())
    _, offsets = request_offsets(upcoming.user[rows])
    best = top_k(offsets, score[rows], tie[rows], section.per_user)
    picked = best[best >= 0]
    rank = np.broadcast_to(np.arange(1, section.per_user + 1), best.shape)[best >= 0]
    table = upcoming.table()
    lists = _lists(table, rows[picked], rank, score[rows][picked], items, wording)
    return lists, _fallback(table, upcoming, tie, items, section.per_user, wording)


class Lists:
    """The lists of a run by user, read once: `run.at_hand(Lists)`. InputError: the run has not recommended."""

    def __init__(self, run: Finished) -> None:
        table = run.read_table("recommendations.parquet")
        users = table.column("user_id").combine_chunks().dictionary_encode()
        code = users.indices.to_numpy()
        order = np.argsort(code, kind="stable")
        self._users = users.dictionary
        self._begins = np.searchsorted(code[order], np.arange(len(self._users) + 1))
        self._lists = table.drop_columns(["user_id"]).take(pa.array(order))
        self._unknown = run.read_table("recommendations_unknown.parquet").drop_columns(["user_id"])

    def of(self, user_id: object | None) -> tuple[bool, list[RecommendedItem]]:
        """Whether a user, by the log's id, has a list; and the user's list by rank, else the one for unknown users."""
        code = -1 if user_id is None else pc.index(self._users, pa.scalar(user_id, self._users.type)).as_py()
        lines = self._unknown
        if code >= 0:
            begin, end = self._begins[code : code + 2].tolist()
            lines = self._lists.slice(begin, end - begin)
        items = [RecommendedItem(**line) for line in lines.to_pylist()]
        return code >= 0, sorted(items, key=lambda item: item.rank)


def _fallback(table: pa.Table, upcoming: Samples, tie: NDArray[Any], items: pa.Table, count: int, wording: Wording) -> pa.Table:
    """What sold most lately: one list for users that the log does not know."""
    first = np.unique(upcoming.item, return_index=True)[1]
    sales = pc.fill_null(upcoming.features.column("item_buyers_4"), 0).to_numpy()[first].astype(np.float64)
    best = np.lexsort((-tie[first], -sales))[:count]
    listed = table.select(["user_id", "item_id", "item_code", "item_buyers_4"])
    out = _lists(listed, first[best], np.arange(1, len(best) + 1), sales[best], items, wording)
    return out.set_column(0, "user_id", pa.nulls(out.num_rows, table.schema.field("user_id").type))
