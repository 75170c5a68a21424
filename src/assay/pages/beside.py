"""Answers of the server about two systems side by side: what tells them apart over all requests, and their lists for one.

Differences are of b minus a, in the measure's unit, as `assay benchmark compare` has them.
"""

from assay.pages.answers import ListedItem
from assay.pages.parts import Ident
from assay.pages.serving import AboutRequest
from assay.runs.pages import Part


class System(Part):
    """A system that can be put beside another. address: what it is asked for by. where: a run's name or a benchmark's label."""

    address: str
    where: str
    system: str


class Systems(Part):
    """All systems that can be put side by side."""

    systems: list[System]


class Difference(Part):
    """Two systems over the requests that both were scored on.

    mean_a, mean_b: over requests. difference: the second minus the first. low, high: its 95 % interval, clustered by user. p: of
    no difference; p_holm: adjusted for all that are listed together. detectable: the smallest true difference found with 80 %
    power. Null: too few users to tell.
    better, equal, worse: on how many requests b scores above a, as much, or below.
    """

    measure: str
    requests: int
    users: int
    mean_a: float
    mean_b: float
    difference: float
    stderr: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    detectable: float | None
    better: int
    equal: int
    worse: int


class SliceDifference(Difference):
    """The same within a kind of request. level: null where the attribute is not known."""

    attribute: str
    level: str | None


class DifferingRequest(AboutRequest):
    """A request with what both systems scored on it."""

    a: float
    b: float
    difference: float


class ComparePage(Part):
    """Two systems, and the requests on which they differ, one page of them.

    measure: what requests are sorted by. measures: by which they may be. notes: what limits the comparison, in sentences.
    sort: apart (most different first), better or worse (b above a, or below, first). attribute, level: which requests are listed.
    """

    a: System
    b: System
    measure: str
    measures: list[str]
    notes: list[str]
    differences: list[Difference]
    slices: list[SliceDifference]
    sort: str
    attribute: str | None
    level: str | None
    total: int
    page: int
    size: int
    requests: list[DifferingRequest]


class PlacedItem(Part):
    """An item and where both systems rank it, from 1; null: not at all, or the ranking is not kept. grade: 0: not right."""

    item_id: Ident
    name: str | None
    grade: float
    rank_a: int | None
    rank_b: int | None


class OneList(Part):
    """The first items of a system for a request. scores: of the request, by measure. of: how many it ranks in all.

    why_not: why there are no items: rankings are not kept everywhere.
    """

    system: System
    scores: dict[str, float]
    of: int
    items: list["PlacedScore"]
    why_not: str | None = None


class PlacedScore(ListedItem):
    """An item of a list. other: its rank in the other list, from 1; null: not there. grade: 0: not right."""

    grade: float
    other: int | None


class BesideRequest(AboutRequest):
    """Both lists for a request. truth: what is right for it, the highest grade first, and where it stands.

    candidates: how many may be ranked in a; null: any item. before, after: its neighbours in the order that was asked for.
    """

    candidates: int | None
    a: OneList
    b: OneList
    truth: list[PlacedItem]
    before: Ident
    after: Ident
