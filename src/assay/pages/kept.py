"""Answers of the server about kept benchmarks: what they are, how they were used, and how systems fared over their versions."""

from typing import Any

from assay.pages.parts import Estimate
from assay.pages.serving import BoardPage
from assay.pages.trust import Audit
from assay.runs.pages import Part


class AboutKept(Part):
    """A kept benchmark. benchmark: its label, by which it is asked for. replaces: fingerprint of the version before; null: none.

    measures: those that systems were scored by; the first decides.
    """

    benchmark: str
    name: str
    version: int
    fingerprint: str
    replaces: str | None
    requests: int
    users: int
    systems: int
    measures: list[str]


class KeptList(Part):
    """The benchmarks that are served, versions of one name together, the newest first."""

    benchmarks: list[AboutKept]


class Version(AboutKept):
    """A version of a benchmark. shared: of its requests, those that the version asked for has too, with the same truth."""

    shared: int


class Fared(Estimate):
    """A system's mean over the requests of a version, with the ends of its 95 % interval."""

    system: str
    benchmark: str
    version: int
    requests: int


class Consulted(Part):
    """A time that a benchmark was consulted: when (ISO 8601), what for, and for which systems."""

    when: str
    what: str
    systems: list[str]


class Use(Part):
    """How often a benchmark was consulted, by what for; consulting: systems so far, source systems included.

    flattered: by how much the best of so many equal systems looks better than it is; precision: the difference that it is to tell
    apart; null: not known. renew: reasons to renew it, in sentences. times: the latest first, one page of them.
    """

    counts: dict[str, int]
    consulting: int
    first: str | None
    last: str | None
    flattered: float | None
    precision: float | None
    renew: list[str]
    total: int
    page: int
    size: int
    times: list[Consulted]


class KeptPage(AboutKept):
    """All about a kept benchmark. card: what is known of its making. audit: of the run of that name, whose test holds all of its
    requests; null: no such run is served. board: null where no system was scored. versions: the newest first. history: of all
    systems by the board's measure, the oldest version first."""

    card: dict[str, Any]
    audit: Audit | None
    audited: str | None
    board: BoardPage | None
    use: Use
    versions: list[Version]
    history: list[Fared]
