"""What the test set says, once: models, the selection, a smaller training set, groups; and the run on one page."""

from typing import Any, ClassVar

from pydantic import Field

from assay.pages.parts import Change, Effect, Estimate, Tested
from assay.runs.pages import Page, Part


class Leak(Part):
    """A possible leak: in how many rows, up to three of them, and how to mend it. severity: "error" or "warning"."""

    check: str
    severity: str
    message: str
    rows: int
    examples: list[dict[str, Any]]
    mend: str


class Leaks(Page):
    """What the look for leaks of the samples found, errors first."""

    path: ClassVar[str] = "evaluation/leaks.json"
    lines: list[Leak]


class Standing(Part):
    """The model that is served beside the simple rules (chance, popularity, buy_it_again), on the same test requests.

    measure: the one that models are chosen by. rules: each rule's figures, by measure; chance has those that a random order of
    the candidates, or the same probability for all, has on average. difference: the served model minus the rule, by rule and
    measure; it has no line for itself. with_past: share of the requests whose user had any event before; null: not known.
    """

    served: str
    measure: str
    requests: int
    users: int
    rules: dict[str, Tested]
    difference: dict[str, dict[str, Change]]
    with_past: float | None = None


class ModelsTested(Page):
    """Every model on test, once, and how the served one stands. left_out: models that the log cannot feed, and why."""

    path: ClassVar[str] = "evaluation/models.json"
    models: dict[str, Tested]
    standing: Standing | None = None
    left_out: dict[str, str] = Field(default_factory=dict)


class Bin(Part):
    """Samples of alike predictions: the mean predicted and the observed share of positives, both in [0, 1]."""

    predicted: float
    observed: float
    rows: int


class Calibration(Page):
    """Predicted against observed, by model."""

    path: ClassVar[str] = "evaluation/calibration.json"
    models: dict[str, list[Bin]]


class Line(Part):
    """logit of the chance = slope * logit of what a model says + shift."""

    slope: float
    shift: float


class Chances(Page):
    """How chances follow from what each model says, learnt on the validation set (models.platt)."""

    path: ClassVar[str] = "models/chances.json"
    models: dict[str, Line]


class GroupMeasure(Estimate):
    """A measure of a model on the test samples of a group. level: of the group's attribute; null: unknown."""

    model: str
    group: str
    level: str | int | float | None
    measure: str
    rows: int


class Groups(Page):
    """log_loss and auc in groups of users, items, prices, categories and periods."""

    path: ClassVar[str] = "evaluation/groups.json"
    lines: list[GroupMeasure]


class Selected(Part):
    """A model trained on the selection, and the same change made in the simple ways.

    removed_fraction: of the training samples, in [0, 1]. test: by arm (full, selected, random, recency, popularity, loss).
    tuning: selected minus full where amounts are chosen, of a model that had no part in the choice; empty for the one that had.
    """

    valuer: str
    removed_fraction: float
    test: dict[str, dict[str, Estimate]]
    difference: dict[str, Change]  # selected minus full
    tuning: dict[str, Change] = Field(default_factory=dict)


class Selection(Page):
    """What the selection is worth on test, by model."""

    path: ClassVar[str] = "evaluation/selection.json"
    models: dict[str, Selected]


class Differences(Page):
    """The same differences (selected minus full) in every measure, with all that is known of them, by model."""

    path: ClassVar[str] = "evaluation/differences.json"
    models: dict[str, dict[str, Effect]]


class Subsample(Page):
    """A smaller training set. fraction: of the samples, in [0, 1]. test: by way of drawing (uniform, weighted, all)."""

    path: ClassVar[str] = "evaluation/subsample.json"
    fraction: float
    test: dict[str, dict[str, Estimate]]


class Consulted(Page):
    """How often test was consulted: by each model and arm once."""

    path: ClassVar[str] = "evaluation/account.json"
    test_consulted_by: int


class Recommended(Page):
    """Who got lists. model: that made them; users: how many; per_user: items of a list at most."""

    path: ClassVar[str] = "recommendations.json"
    model: str
    users: int
    per_user: int


class LogSummary(Part):
    """The log after cleaning; rejected: rows taken out."""

    events: int
    users: int
    items: int
    from_: str = Field(alias="from")
    to: str
    rejected: int


class ListCounts(Part):
    """How many users got lists, and of how many items at most."""

    users: int
    per_user: int


class SubsampleTested(Part):
    """As Subsample."""

    fraction: float
    test: dict[str, dict[str, Estimate]]


class Summary(Page):
    """The run on one page; null: what it has not."""

    path: ClassVar[str] = "summary.json"
    log: LogSummary | None = None
    samples: dict[str, int]  # by split
    models: dict[str, Tested]
    standing: Standing | None = None
    left_out: dict[str, str] = Field(default_factory=dict)  # models that the log cannot feed, and why
    selection: dict[str, Selected]
    subsample: SubsampleTested
    recommendations: ListCounts | None = None
