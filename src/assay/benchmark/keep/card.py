"""What is known of a benchmark's making: written and read here, kept as card.json in the benchmark's folder."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, ValidationError

from assay.errors import InputError
from assay.language import english
from assay.runs.pages import Part


class Distance(Part):
    """How far an attribute's shares are from the traffic's: total variation distance, its 95 % interval, p of no distance."""

    attribute: str
    levels: int = 0
    distance: float
    low: float | None = None
    high: float | None = None
    p: float | None = None


class KindShare(Part):
    """A kind of request: its share in the traffic, in the pool, and, by weight, among the requests chosen; all in [0, 1]."""

    attribute: str
    level: str | None
    traffic: float
    pool: float
    chosen: float


class Trial(Part):
    """A design tried with each family (or system) left out: means over families. relative: error to the plain mean's.

    families: relative, by what was left out. Null: systems that score the same have no order.
    """

    design: str
    leave: str
    redraws: int
    tau: float | None
    error: float | None
    relative: float | None
    coverage: float | None
    half_width: float | None
    detectable: float | None
    families: dict[str, float | None]


class Judging(Part):
    """How people's judgements became truth. file: where they were kept. rule: how several judges' grades became one.

    pairs: of request and item, with judgements of them by `judges` (name: how many), from first to last (ISO 8601), on `versions`
    (label: how many). doubled: pairs that two or more judged, differing: of these, those with different grades. alpha: ordinal,
    with its 95 % interval; problem: why there is none. damaged: lines that could not be read. requests: with a judged pair;
    changed: pairs that had another grade; added: that had none; elsewhere: of no request of this benchmark, and left out. Null:
    not known.
    """

    file: str
    rule: str | None = None
    pairs: int
    judgements: int
    judges: dict[str, int] = Field(default_factory=dict)
    first: str | None = None
    last: str | None = None
    versions: dict[str, int] = Field(default_factory=dict)
    doubled: int | None = None
    differing: int | None = None
    alpha: float | None = None
    low: float | None = None
    high: float | None = None
    problem: str = ""
    damaged: int = 0
    requests: int = 0
    changed: int = 0
    added: int = 0
    elsewhere: int = 0


class Card(Part):
    """What is known of a benchmark's making; a field that was never set is not known.

    of: of which requests. items: which may be ranked. pool, size, users: counts of the requests that it was chosen from, of
    its own, and of their users. asked: what decided its size. detectable: between two systems, with 80 % power. unmatched: what
    could not be balanced, in words. design, source_systems (by family), trial: of a compact set. judging: of people's judgements
    in the truth, None without any.
    """

    of: str = english("from tables")
    protocol: str | None = None
    items: str | None = None
    pool: int | None = None
    size: int | None = None
    users: int | None = None
    measure: str | None = None
    asked: dict[str, int | float] = Field(default_factory=dict)
    plan: str | None = None
    detectable: float | None = None
    shares: list[KindShare] = Field(default_factory=list)
    distances: list[Distance] = Field(default_factory=list)
    unmatched: list[str] = Field(default_factory=list)
    seed: int | None = None
    design: str = ""
    source_systems: dict[str, int] = Field(default_factory=dict)
    trial: list[Trial] = Field(default_factory=list)
    judging: Judging | None = None

    @classmethod
    def of_about(cls, about: Mapping[str, Any]) -> Self:
        """What a benchmark's `about` says; what else it holds is its owner's own. InputError: it says something else."""
        try:
            return cls.model_validate({name: about[name] for name in cls.model_fields if name in about})
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(f"about: {'.'.join(str(step) for step in first['loc'])}: {first['msg']}; mend it") from None

    def known(self) -> dict[str, Any]:
        """The fields that were set, as a benchmark's `about` holds them."""
        return self.model_dump(exclude_unset=True)
