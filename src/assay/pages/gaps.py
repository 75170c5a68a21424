"""Gaps between groups of people: how unlike their chances are to be predicted positive, rightly and wrongly."""

from typing import ClassVar

from assay.pages.parts import Change, Estimate
from assay.runs.pages import Page, Part

SELECTION, TRUE, FALSE = RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")
PARITY, ODDS = GAPS = ("demographic_parity_difference", "equalized_odds_difference")


class GroupRates(Part):
    """One group of the test. people: how many; positive: share of its rows that are positive.

    rates: shares of its rows that are predicted positive: of all (selection_rate), of those that are positive
    (true_positive_rate), of those that are not (false_positive_rate). Null: it has no such rows.
    """

    level: str
    rows: int
    people: int
    positive: float
    rates: dict[str, Estimate]


class GroupGaps(Part):
    """A model's gaps between the groups of an attribute, on the test samples, by fairlearn; intervals are over people.

    gaps: demographic_parity_difference, the largest difference of two groups in selection_rate, and equalized_odds_difference,
    the larger of those in true_positive_rate and false_positive_rate; each in [0, 1], 0 is equal.
    """

    model: str
    attribute: str
    groups: list[GroupRates]
    gaps: dict[str, Estimate]


class GapChange(Part):
    """What a change of the training samples does to a model's gaps, paired over people: with it minus without.

    valuer: whose values choose the samples; null: nobody's.
    """

    model: str
    arm: str
    valuer: str | None
    removed_fraction: float
    attribute: str
    change: dict[str, Change]


class Gaps(Page):
    """On the test set. threshold: predicted positive from this chance on. selected: with the chosen change; empty without one."""

    path: ClassVar[str] = "evaluation/gaps.json"
    threshold: float
    models: list[GroupGaps]
    selected: list[GapChange]


class GapTrials(Page):
    """On the tuning set: the logistic regression without the rows of lowest value, and without random ones."""

    path: ClassVar[str] = "selection/gaps.json"
    lines: list[GapChange]
