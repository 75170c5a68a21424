"""What was read, and what cleaning took out."""

from typing import ClassVar

from pydantic import Field

from assay.runs.pages import Page, Part


class Watermark(Part):
    """The newest value of a column that only grows: its Arrow type, and the value as text of that type."""

    type: str
    value: str


class SourceRead(Part):
    """A file or a database query that was read. bytes, sha256, lines and zoned: of a file; watermark: of a database."""

    name: str  # the file, or the database's URL without its password
    section: str  # digest of what decides how its rows are stored
    part: str  # where its rows are, in the run's folder
    part_sha256: str
    rows: int  # that are stored
    bytes: int | None = None
    sha256: str | None = None
    lines: int | None = None  # that were read
    zoned: list[int] | None = None  # times with and without an offset
    watermark: Watermark | None = None  # of grows_by


class SourcesRead(Page):
    """The account of the sources. time_zone: IANA name. minor_units: decimal places of the currency, 2 for cents.

    own_kinds: kinds of events beside tables.EVENT_KINDS.
    """

    path: ClassVar[str] = "log/collect.json"
    rows: int
    time_zone: str
    minor_units: int
    own_kinds: list[str] = Field(default=[])
    sources: list[SourceRead]


class CleaningStep(Part):
    """A step of cleaning: rows before and after, and what it took out, by reason."""

    step: str
    why: str
    rows_in: int
    rows_out: int
    rejected: int
    reasons: dict[str, int]


class Cleaned(Page):
    """The account of cleaning: rows read, taken out and left; distinct users and items among those left."""

    path: ClassVar[str] = "clean/account.json"
    rows_read: int = Field(alias="read")
    events: int  # left
    users: int
    items: int
    from_: str = Field(alias="from")  # time of the first event left, ISO 8601
    to: str  # of the last
    rejected: int
    reduced_by_returns: int
    items_without_description: int
    steps: list[CleaningStep]


class AboutLog(Page):
    """What readers must know of the clean log. time_zone: hours are told in it; minor_units: decimal places of the currency."""

    path: ClassVar[str] = "clean/log.json"
    time_zone: str
    minor_units: int
