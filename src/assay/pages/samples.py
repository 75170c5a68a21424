"""How samples were made, and which of their features are learnt from."""

from typing import Any, ClassVar

from pydantic import Field

from assay.pages.parts import Change, Estimate
from assay.runs.pages import Page, Part


class Periods(Part):
    """Periods of a split, or others that follow each other: from the first day to the last (ISO dates)."""

    from_: str = Field(alias="from")
    to: str
    periods: int


class Candidates(Part):
    """What may be ranked. recall: of what was taken, by where candidates come from; null: none taken.

    recall_of_parts: of what users took again ("repeat"), and of what was new to them ("new"), where the log knows.
    """

    requests: int
    candidates_a_request: float | None
    recall: dict[str, float | None]
    recall_of_parts: dict[str, float | None] | None = None


class PositionBias(Part):
    """How likely a place of a list is looked at, against the first, and what weights that undo it cost.

    examination: by place, the first 1. rows: impressions there. clip: the largest weight; clipped: positives cut off there.
    effective_positives, effective_rows: as many of equal weight tell as much. Without examination nothing was learnt: why_not.
    """

    method: str | None = None
    examination: list[float] | None = None
    rows: list[int] | None = None
    clip: float | None = None
    clipped: int | None = None
    positives: int | None = None
    effective_positives: float | None = None
    effective_rows: float | None = None
    why_not: str | None = None


class SourceRows(Part):
    """Rows that a source of candidates named: what was taken, and how many of the rest were drawn, at which rate."""

    positives: int
    negatives: int
    rate: float


class SizeStep(Part):
    """A block of places that went to a source of candidates; candidates a request and recall of all sources after it."""

    source: str
    places: int
    candidates: float
    recall: float


class Amounts(Part):
    """Grades or continuous labels of some rows, unweighted."""

    mean: float
    median_above_0: float
    most: float


class SamplesMade(Page):
    """The account of the samples. What a table of the user's own, or requests that are queries, do not have is null."""

    path: ClassVar[str] = "samples/account.json"
    rows: dict[str, int]  # by split
    share_of_positives: dict[str, float]  # by split, unweighted
    amounts: dict[str, Amounts] | None = None  # by split, of grades and continuous labels
    features: list[str]
    constant_features_left_out: list[str]
    columns: int  # of the encoded matrix
    entries_a_row: float | None = None  # that are not 0
    splits: dict[str, Periods] | None = None
    exposures: list[Periods] | None = None  # when the log says what was shown, and samples are that
    positives: int | None = None
    positives_not_on_sale: int | None = None  # left out
    positives_not_candidates: int | None = None  # left out
    negatives: dict[str, int] | None = None  # by where they were drawn from
    negatives_rate: float | None = None  # share of the candidates that were not taken; their weight is its inverse
    by_source: dict[str, SourceRows] | None = None  # of candidates; one may be named by several
    negatives_not_found: int | None = None
    ratio: float | None = None  # negatives to a positive
    candidates: dict[str, Candidates] | None = None  # by split
    candidate_sizes: dict[str, int] | None = None  # places of a usual request by source
    candidate_steps: list[SizeStep] | None = None  # how they were chosen; none where the config gave them
    requests: dict[str, int] | None = None  # by split, where requests are queries, or steps of sessions
    searches: dict[str, Any] | None = None  # counts of the log's searches
    sessions: dict[str, int] | None = None  # counts of the log's sessions, where requests are their steps
    position_bias: PositionBias | None = None


class Counts(Part):
    """A number with all features and with those that were kept."""

    all: float
    kept: float


class FeaturesKept(Page):
    """Which features models learn from, and what that saves and costs a logistic regression on the tuning set."""

    path: ClassVar[str] = "features/kept.json"
    method: str
    kept: list[str]
    hidden: list[str]  # from learning, not from people
    columns: Counts  # of the encoded matrix
    entries_a_row: Counts  # that are not 0
    tuning: dict[str, dict[str, Estimate]]  # "all" and "kept", by measure
    difference: dict[str, Change]  # kept minus all
