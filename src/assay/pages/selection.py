"""What was tried on the tuning set, and what came of it."""

from typing import ClassVar, Literal

from pydantic import Field

from assay.pages.parts import Change, Estimate, Ident
from assay.runs.pages import Page, Part

Family = Literal[
    "nothing", "removal", "random", "damping", "groups", "recency", "copies", "robots", "rule", "marks", "learnt", "rival"
]  # fmt: skip


class TriedArm(Part):
    """A change of the training weights, retrained. removed_fraction: of the training samples, in [0, 1].

    over_windows: differences whose intervals count periods as drawn by chance too; windows: those of each period of tuning.
    family: nothing, removal, random, recency and the like. valuer: whose values choose the samples; null: nobody's.
    """

    arm: str
    family: Family
    valuer: str | None
    removed_fraction: float
    tuning: dict[str, Estimate]
    difference: dict[str, Change]  # to nothing
    over_windows: dict[str, Change] = Field(default_factory=dict)
    windows: dict[str, list[Change]] = Field(default_factory=dict)


class GroupWeights(Part):
    """Weights of a kind of groups, learnt on validation: shrunk mean values times a step.

    low, high: least and largest factor of a sample's weight, 1 where no step gained. gains: fall of the validation log_loss in
    each round that judged the step, empty where there is none.
    """

    grouping: str
    low: float
    high: float
    gains: list[float]


class Explained(Part):
    """The simplest rule that describes what the chosen arm changes, and what the same change by that rule does.

    rows: samples that the rule names. covers: share of the changed samples that it names; precision: share of those it names
    that are changed. factor: what their weight is multiplied by.
    """

    rule: str
    rows: int
    covers: float
    precision: float
    factor: float
    difference: dict[str, Change]  # to nothing
    against_chosen: dict[str, Change]  # the rule's arm minus the chosen one


class Marked(Part):
    """How many training samples people marked, by what becomes of them. others: marks of samples that are none of the training's.

    dropped: also wrong labels, where labels are amounts. turned: wrong labels of 0 and 1.
    """

    kept: int
    halved: int
    dropped: int
    turned: int
    others: int


class Curve(Page):
    """Every arm's trial. usable: removing by the values did not do worse than at random. chosen: an arm's name.

    groups: what was learnt of each kind of groups, whether it became an arm or not. planted: what mending a planted defect, one
    positive in a hundred at another sample, would change. marked: by people; null where nobody marked anything.
    """

    path: ClassVar[str] = "selection/curve.json"
    valuer: str
    chosen: str
    usable: bool
    groups: list[GroupWeights] = Field(default_factory=list)
    planted: dict[str, Change] = Field(default_factory=dict)
    marked: Marked | None = None
    arms: list[TriedArm]
    explained: Explained | None


class TriedRule(Part):
    """A rule that describes samples of low value. share: of the training samples; z: of its value; trials: by arm."""

    rule: str
    rows: int
    share: float
    z: float
    confirmed: bool  # on other folds
    trials: dict[str, dict[str, Change]]
    advice: str


class Rules(Page):
    """Rules for low values, with what the trials say of them."""

    path: ClassVar[str] = "selection/rules.json"
    lines: list[TriedRule]


class LearntFamily(Part):
    """Weights of few parameters, learnt on validation. weights: in words. path: the utility, step by step."""

    family: str
    weights: str
    path: list[float]
    difference: dict[str, Change]


class LearntWeights(Page):
    """What every family of parameters came to, and which one tuning chose."""

    path: ClassVar[str] = "weights/learnt.json"
    chosen: str
    families: list[LearntFamily]


class SliceTrial(Part):
    """A slice repaired, and the model retrained. forecast: of the change of log_loss, by group influence."""

    difference: dict[str, Change]
    forecast: float | None


class Slice(Part):
    """A part of the training samples that may harm. because: "values" or "construction". helps: names of trials with a gain."""

    rule: str
    rows: int
    share: float
    z: float
    confirmed: bool
    because: str
    trials: dict[str, SliceTrial]
    helps: list[str]
    advice: str
    examples: list[str]


class Slices(Page):
    """Slices of the training samples, those that can be mended with a gain first."""

    path: ClassVar[str] = "slices/found.json"
    lines: list[Slice]


class Suspect(Part):
    """A user. score: how far from the others. trait: in which respect. samples: training samples."""

    user_id: Ident
    score: float | None
    flagged: bool
    trait: str
    samples: int


class FlaggedUsers(Part):
    """Users who behave like robots. of: all users. first: the most suspicious ones."""

    flagged: int
    of: int
    first: list[Suspect]


class DoubtfulSample(Part):
    """A training sample whose label the rest of the log contradicts."""

    sentence: str
    sample_id: int
    user: Ident
    period: str  # the date that it starts


class FlaggedSamples(Part):
    """Labels that are doubtful. expected_precision: share of the flagged that should be wrong, in [0, 1]."""

    flagged: int
    of: int
    expected_precision: float | None
    first: list[DoubtfulSample]


class Anomalies(Page):
    """Users and samples that are not what they seem."""

    path: ClassVar[str] = "anomalies/found.json"
    users: FlaggedUsers
    samples: FlaggedSamples
