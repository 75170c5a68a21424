"""What search of a run is worth."""

from typing import Any, ClassVar

from assay.pages.parts import Effect, Estimate
from assay.runs.pages import Page, Part


class SearchSystem(Part):
    """A system on the test searches, by measure. against: minus the fused list."""

    test: dict[str, Estimate]
    against: dict[str, Effect]


class SearchMade(Page):
    """How searches were chosen and rankers trained, and what each system is worth on the test searches.

    derived: whether the queries are made from items' texts; queries_are: in words. requests, rows: by split. tuning: what
    served is chosen by. in_pool: share of what was taken that the pool holds. period: that lists are made for.
    left_out: features that cannot be kept for serving.
    """

    path: ClassVar[str] = "search/account.json"
    derived: bool
    queries_are: str
    warning: str | None
    searches: dict[str, Any]
    served: str
    tuning: dict[str, float | None]
    requests: dict[str, int]
    rows: dict[str, int]
    share_of_positives: float
    depth: dict[str, int]
    in_pool: float
    period: int
    left_out: list[str]
    systems: dict[str, SearchSystem]
