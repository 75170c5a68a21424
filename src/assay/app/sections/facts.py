"""A run's pages as the sections of the report read them, and how numbers become rows and cells."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from assay.app import words
from assay.findings.labels import Wording
from assay.finished import Finished
from assay.language import later, listed
from assay.language.retelling import retell
from assay.pages.parts import Change, Estimate
from assay.runs.pages import Page
from assay.runs.section import Row, Span
from assay.task import Task

P = TypeVar("P", bound=Page)


class Facts:
    """A run's pages, and ids as they may be shown."""

    def __init__(self, run: Finished, *, hash_ids: bool | None = None) -> None:
        self.run, self.hash_ids = run, run.config.show.hash_ids if hash_ids is None else hash_ids

    @property
    def task(self) -> Task:
        """What the run learnt, and its words."""
        return self.run.task

    def page(self, kind: type[P]) -> P | None:
        """A page; None when it is not there."""
        return kind.read(self.run) if self.run.exists(kind.path) else None

    def shown(self, ident: object) -> str:
        """An id as it may be shown: itself, or 12 hexadecimal digits of its SHA-256."""
        return Wording(hash_ids=self.hash_ids).ident(ident)

    @property
    def has_users(self) -> bool:
        """Whether the log or the table says whose samples are whose; else each row is its own user."""
        return self.run.config.table is None or self.run.config.table.user is not None

    @property
    def people(self) -> str:
        """What intervals are over, as the catalogue has it."""
        return later("users") if self.has_users else later("rows")

    @property
    def timed(self) -> bool:
        """Whether the log or the table says when; else periods mean nothing."""
        return self.run.config.table is None or self.run.config.table.timestamp is not None

    def marks(self, user: object, period: str, item: object = None) -> list[tuple[str, str]]:
        """(what, which) of all that tells a sample: user, item and period; of a table without users the row, counted from 1."""
        table = self.run.config.table
        marks = [("user", self.shown(user))] if self.has_users else [("row", _place(user))]
        if item is not None and (table is None or table.item is not None):
            marks.append(("item", self.shown(item)))
        return [*marks, (self.task.period, period)] if self.timed else marks

    def mark(self, user: object, period: str) -> str:
        """The same in a few words: "user 7, week 2024-01-01"."""
        return listed(f"{retell(what)} {which}" for what, which in self.marks(user, period))

    def item_names(self, ids: Iterable[object]) -> dict[str, str]:
        """Readable names of those items that have one, by the text of their id."""
        return {} if self.run.log is None else self.run.log.names_by_id(ids)


def row(label: str, estimate: Estimate, *, shown: str = "", note: str = "", tone: str = "s0") -> Row:
    """A line of a plot; one without a value is not drawn."""
    value = float("nan") if estimate.value is None else estimate.value
    return Row(label, value, estimate.low, estimate.high, shown, note, tone)


def _place(row: object) -> str:
    """A row's place, counted from 1; one that was hashed stays so."""
    text = str(row)
    return str(int(text) + 1) if text.isdecimal() else text


def value_tone(value: float | None) -> str:
    """The colour of a value: `harmful` below 0, else `useful`."""
    return "harmful" if value is not None and value < 0 else "useful"


def changed(changes: Mapping[str, Change] | None, *, doubted: bool = False) -> list[Span]:
    """A change in every measure that claims are made on, coloured by what its interval says; no gain is where it is doubted."""
    spans: list[Span] = []
    for verdict, change in words.changes(changes or {}):
        tone = "even" if doubted and verdict == "better" else verdict
        spans += [Span(", ")] * bool(spans) + [Span(change, tone)]
    return spans
