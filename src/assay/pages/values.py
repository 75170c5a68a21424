"""What values of the training samples show."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Self, TypeVar

from pydantic import Field

from assay.pages.parts import Estimate, Ident
from assay.runs.pages import Page, Part


class Histogram(Part):
    """Values of a valuer by size. edges: one more than counts, in the utility's unit. negative_share: of samples, in [0, 1]."""

    edges: list[float]
    counts: list[int]
    unit: str
    negative_share: float


class Distribution(Page):
    """A histogram of the values of each valuer."""

    path: ClassVar[str] = "importance/distribution.json"
    valuers: dict[str, Histogram]
    left_out: dict[str, str] = Field(default_factory=dict)  # valuers that the run would have had, and why it has not


class GroupValue(Estimate):
    """The values of a group added up, in the utility's unit; above 0 is useful. rows: training samples in the group.

    ranking: the same in ndcg@10; null where nothing is ranked.
    """

    name: str
    rows: int
    ranking: Estimate | None = None


class Rollup(Page):
    """Groups by unit (user, item, category, department, period, hour, item_price, peak), most valuable first."""

    path: ClassVar[str] = "importance/rollup.json"
    units: dict[str, list[GroupValue]]


class Pattern(Estimate):
    """A segment whose mean value differs from that of all samples; value: its sum. share: of the samples, in [0, 1]."""

    sentence: str
    attribute: str
    level: str
    rows: int
    share: float


class Patterns(Page):
    """Segments that carry or cost the most, strongest first."""

    path: ClassVar[str] = "importance/patterns.json"
    lines: list[Pattern]


class ColumnPart(Part):
    """A column of the model and its part of a sample's value."""

    column: str
    part: float


class RequestPart(Part):
    """A validation request and the part of a sample's value that it makes."""

    user: Ident
    period: str  # the date that it starts
    part: float
    request: int


class Neighbour(Part):
    """A training sample near another one. distance: Euclidean, of the scaled dense features."""

    sample_id: int
    sentence: str
    label: float
    distance: float


class Why(Part):
    """A sample's value taken apart: the requests that it helped and hurt most, and its columns. leverage: in [0, 1]."""

    sample_id: int
    sentence: str
    period: str  # the date that it starts
    label: float
    probability: float
    leverage: float
    value: float
    helped: list[RequestPart]
    hurt: list[RequestPart]
    neighbours: list[Neighbour]
    columns: list[ColumnPart]

    def with_users(self, shown: Callable[[object], str]) -> Self:
        """The same with users' ids as they may be shown."""
        return self.model_copy(update={"helped": _shown(self.helped, shown), "hurt": _shown(self.hurt, shown)})


class Support(Part):
    """A training sample behind a score. change: of the score's margin, were the sample left out."""

    sample_id: int
    user: Ident
    sentence: str
    period: str  # the date that it starts
    label: float
    change: float


class WhyScore(Part):
    """A candidate's score taken apart. margin: log odds of the probability.

    made: training samples without which the margin would fall most; against: rise most. columns: of the candidate.
    """

    probability: float
    margin: float
    made: list[Support]
    against: list[Support]
    columns: list[ColumnPart]

    def with_users(self, shown: Callable[[object], str]) -> Self:
        """The same with users' ids as they may be shown."""
        return self.model_copy(update={"made": _shown(self.made, shown), "against": _shown(self.against, shown)})


U = TypeVar("U", RequestPart, Support)


def _shown(parts: Sequence[U], shown: Callable[[object], str]) -> list[U]:
    return [part.model_copy(update={"user": shown(part.user)}) for part in parts]


class Example(Part):
    """A training sample in words. value: in the utility's unit; z: against its standard error."""

    sentence: str
    sample_id: int
    value: float
    z: float | None
    user: Ident
    item: Ident
    period: str  # the date that it starts
    label: float
    why: Why | None = None


class Examples(Page):
    """The samples at both ends of the order, the furthest first."""

    path: ClassVar[str] = "importance/examples.json"
    useful: list[Example]
    harmful: list[Example]
