"""Pages of targets side by side."""

from typing import ClassVar

from assay.pages.parts import Change, Estimate
from assay.runs.pages import Page, Part


class TargetTested(Part):
    """A model that learnt from one kind of event, judged on test by another.

    positives: among the judged samples. difference: to the same model that learnt from the judged kind, by measure; of itself
    none.
    """

    model: str
    learnt: str
    judged: str
    positives: int
    test: dict[str, Estimate]
    difference: dict[str, Change]


class TargetsCompared(Page):
    """Kinds of events that were learnt and judged beside the target. left_out: kinds that cannot be, and why."""

    path: ClassVar[str] = "targets/compared.json"
    target: str
    lines: list[TargetTested]
    left_out: dict[str, str]
