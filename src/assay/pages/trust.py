"""How far the test can be trusted, and how small it could be. Pages of the run's own systems, and of some fifty more."""

from typing import Any, ClassVar

from pydantic import Field

from assay.pages.evaluation import Leak
from assay.pages.parts import Estimate, LeftOut
from assay.runs.pages import Page, Part


class Audit(Page):
    """findings, errors first; checks that were made; skipped: checks that were not, and what they need; facts: figures."""

    path: ClassVar[str] = "trust/audit.json"
    findings: list[Leak]
    checked: list[str] = Field(default_factory=list)
    skipped: dict[str, str] = Field(default_factory=dict)
    facts: dict[str, Any] = Field(default_factory=dict)
    why_not: str | None = None


class Leader(Estimate):
    """A system on the leader board. tier: 1 and up; systems of one tier cannot be told from its best. behind: the best of all."""

    system: str
    family: str
    tier: int
    behind: float
    p_holm: float | None


class MeasureChoice(Part):
    """How a measure tells the systems apart.

    power: share of pairs told apart. requests_needed: for the median pair. stability: of the order in half of the users.
    regret: what the best by this measure loses in the one decided on; spread: of the systems' means.
    """

    measure: str
    power: float | None
    requests_needed: float | None
    stability: float | None
    regret: float | None
    regret_elsewhere: float | None
    spread: float | None
    other_cuts: float | None


class Size(Part):
    """How many requests a precision takes; null where all are too few. reached: by that many, or by all. words: as a sentence."""

    size: int | None
    reached: float | None
    words: str


class Comparison(LeftOut):
    """What the requests tell of the systems; without why_not every field has a value.

    told_apart: share of pairs, after Holm, in [0, 1]. detectable: difference found with 80 % power. sizes: by difference.
    """

    measure: str = ""
    requests: int = 0
    users: int = 0
    systems: int = 0
    families: int = 0
    told_apart: float = 0.0
    detectable: float | None = None
    board: list[Leader] = Field(default_factory=list)
    measures: list[MeasureChoice] = Field(default_factory=list)
    decide: str = ""
    report: list[str] = Field(default_factory=list)
    reasons: list[str] = Field(default_factory=list)
    sizes: dict[str, Size] = Field(default_factory=dict)
    within_1_percent: Size | None = None


class Design(Part):
    """A way to draw few requests, tried with each family of systems left out. Lists: one figure per family.

    error: of the estimate; relative: to the plain mean's; coverage: of 95 % intervals; tau: of the systems' order.
    """

    design: str
    families: list[str]
    tau: float | None
    error: list[float | None]
    relative: list[float | None]
    bias: list[float | None]
    coverage: list[float | None]
    half_width: list[float | None]
    detectable: list[float | None]
    tau_placed: list[float | None]


class Compaction(LeftOut):
    """What compact sets do; without why_not every field has a value. systems: by family. half_widths: by design and size."""

    measure: str = ""
    requests: int = 0
    budget: int = 0
    redraws: int = 0
    systems: dict[str, int] = Field(default_factory=dict)
    designs: list[Design] = Field(default_factory=list)
    sizes: list[int] = Field(default_factory=list)
    half_widths: dict[str, list[float | None]] = Field(default_factory=dict)


class Board(Page, Comparison):
    """The run's own systems compared."""

    path: ClassVar[str] = "trust/board.json"


class Compact(Page, Compaction):
    """Compact sets, tried on the run's own systems."""

    path: ClassVar[str] = "trust/compact.json"


class SystemsBoard(Page, Comparison):
    """Some fifty systems of many families compared."""

    path: ClassVar[str] = "systems/board.json"


class SystemsCompact(Page, Compaction):
    """Compact sets, tried on some fifty systems."""

    path: ClassVar[str] = "systems/compact.json"


class RequestCounts(Part):
    """Requests of a split: all, and those that every system is judged on."""

    all: int
    judged: int


class SystemScores(LeftOut):
    """A system's means over requests, by measure. without: feature columns that it does not see."""

    system: str
    family: str
    settings: dict[str, Any]
    without: list[str] = Field(default_factory=list)
    tuning: dict[str, float | None] | None = None
    test: dict[str, float | None] | None = None


class Systems(Page, LeftOut):
    """Some fifty systems, on the items that all are judged on. requests: by split."""

    path: ClassVar[str] = "systems/systems.json"
    items: int = 0
    requests: dict[str, RequestCounts] = Field(default_factory=dict)
    systems: list[SystemScores] = Field(default_factory=list)


class ProtocolScore(Part):
    """A system under a protocol's fold. tau_b: of the protocol's order of systems with the time split's."""

    protocol: str
    fold: str
    system: str
    requests: int
    ndcg: float = Field(alias="ndcg@10")
    low: float | None
    high: float | None
    recall: float = Field(alias="recall@10")
    tau_b: float | None


class ProtocolWarning(Part):
    """What a protocol lets out."""

    protocol: str
    fold: str
    warning: str


class ProtocolsCompared(Page):
    """The same systems under other ways to cut the log. days: length of the test."""

    path: ClassVar[str] = "protocols/compared.json"
    rows: list[ProtocolScore]
    warnings: list[ProtocolWarning]
    days: int
