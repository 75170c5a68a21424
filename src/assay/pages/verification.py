"""Whether values are true, by retraining; and the long comparison of valuers and models. What each took is in cost.json."""

from typing import ClassVar

from assay.pages.parts import Change, Estimate, LeftOut
from assay.runs.pages import Page, Part

CHANCE = "random"  # what costs call the order that pages call null


class Retrained(Part):
    """A model retrained without the lowest samples of an order. fraction: in [0, 1]; valuer: null where at random."""

    model: str
    valuer: str | None
    fraction: float
    difference: dict[str, Change]  # to the model on all samples


class CurvePoint(Part):
    """A share of the samples removed, worst first, or added, best first. valuer: null: at random. kind: removal, addition."""

    valuer: str | None
    kind: str
    fraction: float
    difference: dict[str, Change]  # to all samples
    against_random: dict[str, Change] | None = None  # as many at random; null for these themselves


class VerifyCurves(Page):
    """Removal and addition curves of the logistic regression on tuning."""

    path: ClassVar[str] = "verify/curves.json"
    lines: list[CurvePoint]


class Agreement(Estimate):
    """A rank correlation, in [-1, 1], of a valuer for a model, over so many retrainings on random subsets."""

    model: str
    subsets: int


class VerifyAgreement(Page):
    """How summed values and retraining on random subsets order these. share: of the samples in a subset.

    stability: agreement of values between seeds and between folds, and of the lowest samples between seeds.
    """

    path: ClassVar[str] = "verify/agreement.json"
    datamodel_score: dict[str, Agreement]  # of log_loss
    ranking_score: dict[str, Agreement]  # of ndcg@10
    share: float
    stability: dict[str, Estimate]


class Detection(Part):
    """Planted noise. auc: of values telling it; precision: share of planted among as many of lowest value; chance: by luck."""

    noise: str
    valuer: str
    share: float
    auc: Estimate
    precision: Estimate
    chance: float


class VerifyNoise(Page):
    """How well values find noise that was planted."""

    path: ClassVar[str] = "verify/noise.json"
    lines: list[Detection]


class Transferred(Retrained):
    """Values used for another model. made_with: the model that they are of, "" where none."""

    made_with: str
    against_random: dict[str, Change] | None = None  # null for chance itself


class VerifyTransfer(Page):
    """Every model without its worst samples by every order."""

    path: ClassVar[str] = "verify/transfer.json"
    lines: list[Transferred]


class Verdict(Part):
    """Whether removing by a valuer is better than at random; better, worse: at which shares."""

    valuer: str
    usable: bool
    better: list[float]
    worse: list[float]
    sentence: str


class Verdicts(Page):
    """The verdict on each valuer, the run's own first."""

    path: ClassVar[str] = "verify/verdict.json"
    lines: list[Verdict]


class StudyCurves(Page):
    """The logistic regression without the lowest samples of each valuer, by amount."""

    path: ClassVar[str] = "study/curves.json"
    lines: list[Retrained]


class StudyModels(Page):
    """Every other model without the lowest 2 %."""

    path: ClassVar[str] = "study/models.json"
    lines: list[Retrained]


class Method(LeftOut):
    """A valuer's cost is in cost.json; here is its gain. set: of which samples the lowest were removed."""

    valuer: str
    model: str | None = None
    set: str | None = None
    fraction: float | None = None
    difference: dict[str, Change] | None = None
    against_random: dict[str, Change] | None = None


class StudyMethods(Page):
    """Every valuer there is, and what removing its lowest 2 % changes."""

    path: ClassVar[str] = "study/methods.json"
    lines: list[Method]


class StudiedModel(LeftOut):
    """A model's measures on tuning."""

    model: str
    tuning: dict[str, Estimate] | None = None


class StudyRecommenders(Page):
    """Recommenders, then the run's models, on the same tuning requests."""

    path: ClassVar[str] = "study/recommenders.json"
    lines: list[StudiedModel]
