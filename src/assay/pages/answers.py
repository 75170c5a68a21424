"""Answers of a finished run: what terminal, notebook and server show of a search or a user's list.

Item ids are as the log holds them, text or a whole number, or as they may be shown.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from assay.runs.pages import Part


class ListedItem(Part):
    """An item of a list. rank: from 1, best first. score: higher is better, of no unit."""

    rank: int
    item_id: Any
    name: str | None
    score: float


class RecommendedItem(ListedItem):
    """An item of a user's list, with the reason in words."""

    category: str | None
    reason: str | None


class FoundItem(ListedItem):
    """An item of a search, with its reasons.

    words: of the query, that the item's texts have. rank_by_words, rank_by_vectors: from 1; null where the item is not on that
    list. taken_by_user: periods in which the user took it. taken_lately: by users, in the last four periods; who took it in
    several counts in each. clicks_for_query, purchases_for_query: so far.
    """

    words: list[str]
    rank_by_words: int | None
    rank_by_vectors: int | None
    taken_by_user: int
    taken_lately: int
    clicks_for_query: int
    purchases_for_query: int


class UserList(Part):
    """A user's list, best first. known: whether it is made for the user; else it is for anybody."""

    user: str
    known: bool
    recommendations: list[RecommendedItem]


class SearchAnswer(Part):
    """The first items for a query, best first.

    query: as it was searched for; cut: the rest of a long one was left out. user: as the caller named them; user_known: whether
    the log knows them. query_seen: whether the log has the query. found: items that were ranked. queries_are, derived: what the
    ranker learnt from, as in pages.search.SearchMade.
    """

    query: str
    cut: bool
    user: str | None = None
    user_known: bool
    query_seen: bool
    queries_are: str
    derived: bool
    found: int
    items: list[FoundItem]


I = TypeVar("I", bound=ListedItem)  # noqa: E741


def renamed(items: Sequence[I], ids: Sequence[object]) -> list[I]:
    """The items under other ids, one per item."""
    return [item.model_copy(update={"item_id": ident}) for item, ident in zip(items, ids, strict=True)]
