"""Top N for every user: candidates of the coming period, a model's scores, filters, and the reasons in words."""

from dataclasses import replace
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
_REASONS = (  # features that the reasons of a list are made of
    *("pair_times_bought", "pair_periods_since", "pair_steps_since", "score_following"),
    *("item_buyers_4", "category_times_16", "category"),
)
SCORES = "recommendations_scores.parquet"
COLUMNS = ("user_id", "item_id", "rank", "score", "reason", "name", "category")


def _chosen(upcoming: Samples, rows: NDArray[Any]) -> pa.Table:
    """Some rows with what lists and their reasons read of them."""
    return upcoming.take(rows).table()


def _lists(chosen: pa.Table, rank: NDArray[Any], score: NDArray[Any], items: pa.Table, wording: Wording) -> pa.Table:
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


def _had(upcoming: Samples) -> NDArray[np.bool_]:
    """(n,) whether the user, or the session, had the item before."""
    had = np.zeros(len(upcoming), bool)
    for name in set(_HAD).intersection(upcoming.features.column_names):
        had |= pc.fill_null(upcoming.features.column(name), 0).to_numpy() != 0
    return had


def recommend(
    score: NDArray[np.float64], upcoming: Samples, items: pa.Table, section: Recommend, wording: Wording
) -> tuple[pa.Table, pa.Table]:
    """Two tables of COLUMNS: each user's list by falling score, and one list (user_id null) for unknown users.

    score (n,): chances of the rows of upcoming: candidates of the period after the log, all on sale, in order of user. items:
    clean items by code. exclude_bought takes out what the user, or the session, had before. Ties by item id, as everywhere. The
    list for unknown users is what sold most in the last four periods.
    """
    rows = np.flatnonzero(~_had(upcoming) if section.exclude_bought else np.ones(len(upcoming), bool))
    tie = tie_order(upcoming.keys.column("item_id").to_pylist())
    _, offsets = request_offsets(upcoming.user[rows])
    best = top_k(offsets, score[rows], tie[rows], section.per_user)
    picked = best[best >= 0]
    rank = np.broadcast_to(np.arange(1, section.per_user + 1), best.shape)[best >= 0]
    lists = _lists(_chosen(upcoming, rows[picked]), rank, score[rows][picked], items, wording)
    first = np.unique(upcoming.item, return_index=True)[1]
    return lists, _popular(upcoming, first, items, section.per_user, wording)


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


class Candidates:
    """All candidates of the coming period, for longer or narrower lists than a run keeps: `run.at_hand(Candidates)`.

    InputError: the run has not recommended, or was made before runs kept the scores of all candidates.
    """

    def __init__(self, run: Finished) -> None:
        assert run.items is not None
        self._score = run.read_table(SCORES).column("score").to_numpy()
        rows = run.samples(which="upcoming", names=[*_REASONS, *_HAD])
        # In one piece: to take a few rows of several pieces, Arrow looks at all of them.
        self._upcoming = replace(rows, keys=rows.keys.combine_chunks(), features=rows.features.combine_chunks())
        self._items, self._wording = run.items, Wording.of(run, run.config)
        self._had = _had(self._upcoming)
        users, self._offsets = request_offsets(self._upcoming.user)
        first = pa.array(self._offsets[:-1])
        self._users = self._upcoming.keys.column("user_id").take(first).combine_chunks()
        self._first = np.unique(self._upcoming.item, return_index=True)[1]
        assert len(users) == len(self._users)

    def of(
        self, user_id: object | None, number: int, *, exclude_bought: bool, items: NDArray[np.bool_]
    ) -> tuple[bool, list[RecommendedItem]]:
        """Whether a user, by the log's id, has candidates; and the first `number` of these, else of what sold most lately.

        items (items,): which may be listed, by code.
        """
        code = -1 if user_id is None else pc.index(self._users, pa.scalar(user_id, self._users.type)).as_py()
        if code < 0:
            first = self._first[items[self._upcoming.item[self._first]]]
            return False, _listed(_popular(self._upcoming, first, self._items, number, self._wording))
        rows = np.arange(self._offsets[code], self._offsets[code + 1])
        kept = items[self._upcoming.item[rows]] & ~(self._had[rows] if exclude_bought else np.zeros(len(rows), bool))
        rows = rows[kept]
        tie = tie_order(self._upcoming.keys.column("item_id").take(pa.array(rows)).to_pylist())
        best = rows[np.lexsort((-tie, -self._score[rows]))[:number]]  # as top_k, whose threads one request does not need
        rank = np.arange(1, len(best) + 1)
        return True, _listed(_lists(_chosen(self._upcoming, best), rank, self._score[best], self._items, self._wording))


def _listed(table: pa.Table) -> list[RecommendedItem]:
    """A table of COLUMNS as typed lines."""
    return [RecommendedItem(**line) for line in table.drop_columns(["user_id"]).to_pylist()]


def _popular(upcoming: Samples, first: NDArray[Any], items: pa.Table, count: int, wording: Wording) -> pa.Table:
    """What sold most lately: one list for users that the log does not know. first: one row of each item that may be listed."""
    keys, features = upcoming.keys.select(["user_id", "item_id", "item_code"]), upcoming.features.select(["item_buyers_4"])
    at = pa.array(first)
    listed = keys.take(at).append_column("item_buyers_4", features.take(at).column(0))
    sales = pc.fill_null(listed.column("item_buyers_4"), 0).to_numpy().astype(np.float64)
    best = np.lexsort((-tie_order(listed.column("item_id").to_pylist()), -sales))[:count]
    out = _lists(listed.take(pa.array(best)), np.arange(1, len(best) + 1), sales[best], items, wording)
    return out.set_column(0, "user_id", pa.nulls(out.num_rows, keys.schema.field("user_id").type))
