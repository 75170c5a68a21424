"""Answers of the server that no command gives: lists made on request, samples by the page, boards and requests of a benchmark.

Ids of users and items are as the log holds them, text or a whole number, or as they may be shown. list_id: under which a list is
kept; events on its items name it. Null where the server keeps no events.
"""

from datetime import datetime
from typing import Any, Literal

from assay.pages.answers import ListedItem, RecommendedItem, SearchAnswer
from assay.pages.parts import Estimate, Ident
from assay.pages.trust import Leader
from assay.runs.pages import Part

Decision = Literal["keep", "halve", "drop", "wrong_label"]  # about a training sample


class AboutRun(Part):
    """A run that is served. name: what `run=` calls it. request: what is ranked for: user, session, query; table where a
    table of labelled samples stands in for a log. stages: what has run. model: which makes the lists; null where none does."""

    name: str
    title: str
    about: str
    request: str
    users: int | None
    items: int | None
    model: str | None
    stages: list[str]


class Runs(Part):
    """What is served. benchmarks: kept ones, by their labels."""

    version: str
    runs: list[AboutRun]
    benchmarks: list[str]


class Recommendations(Part):
    """A list, best first. user: null where nobody was named. known: whether it is made for the user; else why says what it is."""

    user: str | None
    known: bool
    why: str
    list_id: str | None = None
    recommendations: list[RecommendedItem]


class Alike(Part):
    """What is like an item, best first. how: what makes items alike here, in words."""

    item: "AboutItem"
    how: str
    list_id: str | None = None
    items: list[RecommendedItem]


class AboutItem(Part):
    """An item. price: the last that was paid, in whole currency; null: unknown. image: an address of a picture.

    on_sale: taken or shown in the last periods, as lists need it. in_stock: at hand when the items were exported; null: unknown.
    taken_lately: by users, in the last periods.
    """

    item_id: Any
    name: str | None
    department: str | None
    category: str | None
    brand: str | None
    price: float | None
    price_shown: str | None
    image: str | None
    on_sale: bool
    in_stock: bool | None
    taken_lately: int


class Next(Part):
    """What comes next in a session, best first. given: its items that the log knows; unknown: those that it does not."""

    given: list[Any]
    unknown: list[str]
    model: str
    list_id: str | None = None
    items: list[RecommendedItem]


class Found(SearchAnswer):
    """The answer to a search, as a list that is given out."""

    list_id: str | None = None


class Suggestions(Part):
    """Queries and names that begin as what was typed, the most frequent first."""

    suggestions: list[str]


class ValuedSample(Part):
    """A training sample. value, stderr: in the values' unit; z: value against its error; null: not known.

    period: the day that it starts. label: 1 of a positive, else 0. amount: the grade or the amount; null where labels are
    0 and 1. weight: after selection, 0 where the sample is left out. mark: what people said of it last; null: nobody marked it.
    """

    sample_id: int
    user: Ident
    item: Ident
    name: str | None
    category: str | None
    period: str
    label: int
    amount: float | None
    weight: float | None
    value: float
    stderr: float | None
    z: float | None
    mark: Decision | None = None


class MarkMade(Part):
    """What somebody said of training samples. samples: how many.

    asked: the filter that selected them; empty where each was named. undone: it does not count any more.
    """

    number: int
    who: str
    when: datetime
    decision: Decision
    samples: int
    asked: dict[str, str | float]
    undone: bool = False


class MarksPage(Part):
    """Marks, the latest first, one page of them. standing: how many samples each decision holds for now.

    command: what tries them. tried: whether the run as it is has tried marks; chosen: whether tuning chose them.
    """

    total: int
    page: int
    size: int
    marks: list[MarkMade]
    standing: dict[Decision, int]
    command: str
    tried: bool
    chosen: bool


class SamplesPage(Part):
    """Samples that fit a filter, one page of them. total: on all pages; pages are numbered from 1.

    labels: "binary", "graded" or "continuous". unit: of amounts, as the config says what is summed, "price * quantity", or null.
    """

    valuer: str
    labels: str
    unit: str | None
    total: int
    page: int
    size: int
    sort: str
    samples: list[ValuedSample]


class BoardPage(Part):
    """Systems on the requests of a test. of: a run or a kept benchmark. leaders: by the measure, best first, in tiers that
    cannot be told apart; none where the measure puts no system above another. means: by measure, then by system."""

    of: str
    requests: int
    users: int
    measure: str
    leaders: list[Leader]
    means: dict[str, dict[str, Estimate]]


class AboutRequest(Part):
    """A request of a benchmark. attributes: as the benchmark keeps them. relevant: items that are right for it."""

    request_id: Ident
    user: Ident
    relevant: int
    attributes: dict[str, Any]


class RequestsPage(Part):
    """Requests of a benchmark in its order, one page of them; pages are numbered from 1."""

    of: str
    total: int
    page: int
    size: int
    requests: list[AboutRequest]


class GradedItem(Part):
    """What is right for a request, the highest grade first."""

    item_id: Ident
    name: str | None
    grade: float


class RankedItem(ListedItem):
    """An item of a system's ranking. grade: 0 where it is not right for the request."""

    grade: float


class Ranking(Part):
    """How a system ranks a request. scores: by measure. why_not: why there are no items: rankings are not kept everywhere."""

    system: str
    scores: dict[str, float]
    items: list[RankedItem]
    why_not: str | None = None


class RequestPage(AboutRequest):
    """A request with what is right for it, and how systems rank it. candidates: how many may be ranked; null: any item."""

    of: str
    candidates: int | None
    truth: list[GradedItem]
    systems: list[Ranking]


class Refusal(Part):
    """Why there is no answer, in a sentence."""

    error: str
