"""A section: what the report and the terminal show of a run, as data. One template draws all of them.

Texts are plain: whoever draws them escapes them. Numbers of plots are in the plot's own unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Tone = Literal["good", "bad", "even"]
Place = Literal["both", "page", "terminal"]


@dataclass(frozen=True)
class Row:
    """One line of a plot: a value with its interval, and what stands beside it.

    shown: the value in words; default: the value and its interval. tone: a colour (useful, harmful, ink, s0 to s5).
    """

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    shown: str = ""
    note: str = ""
    tone: str = "s0"


@dataclass(frozen=True)
class Series:
    """A line of a curve: (position on the x axis, value, low, high), in order."""

    name: str
    points: Sequence[tuple[int, float | None, float | None, float | None]]


@dataclass(frozen=True)
class RowPlot:
    """Dots with intervals, or bars from 0 (stem), one per row, on one axis. zero: 0 is on the axis. ident: unique on the page."""

    ident: str
    lines: Sequence[Row]
    stem: bool = False
    zero: bool = False


@dataclass(frozen=True)
class CurvePlot:
    """Lines with error bars over named places on the x axis."""

    ident: str
    names: Sequence[str]
    series: Sequence[Series]
    x_title: str
    y_title: str


@dataclass(frozen=True)
class HistogramPlot:
    """Rows per bin. edges: one more than counts; they are shown times factor."""

    ident: str
    edges: Sequence[float]
    counts: Sequence[int]
    x_title: str
    factor: float


@dataclass(frozen=True)
class DiagonalPlot:
    """(predicted, observed, rows): on the diagonal a model is right."""

    ident: str
    points: Sequence[tuple[float, float, int]]


Plot = RowPlot | CurvePlot | HistogramPlot | DiagonalPlot


@dataclass(frozen=True)
class Span:
    """A few words of a line. tone: "name" for an id or a name of the log, "better", "worse", "even" or "few" for a change."""

    text: str
    tone: str = ""


Line = Sequence[Span]
Cell = str | Sequence[Line]  # a text, or lines


def text_of(line: str | Line) -> str:
    """A line without its tones."""
    return line if isinstance(line, str) else "".join(span.text for span in line)


@dataclass(frozen=True)
class Column:
    """number: aligned as numbers are. brief: shown in the terminal too, which has 80 columns."""

    heading: str
    number: bool = False
    brief: bool = True


@dataclass(frozen=True)
class Table:
    """Rows of cells under columns. folded: a summary to click on, the table behind it. place: where it is shown."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    folded: str = ""
    place: Place = "both"


@dataclass(frozen=True)
class Figure:
    """Plots under one another, with a name and what they mean. layout: how much room it takes on the page."""

    plots: Sequence[Plot]
    name: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class Bullet:
    """A line of a list. note: small, behind the text; notes: small, each below it; rank: its number."""

    text: str
    note: str = ""
    notes: Sequence[str | Line] = ()
    rank: int | None = None


@dataclass(frozen=True)
class Listing:
    """A list of sentences. tone: useful or harmful, by colour. fold: behind its title, closed or open."""

    entries: Sequence[Bullet]
    title: str | Line = ""
    tone: str = ""
    ordered: bool = True
    fold: Literal["", "closed", "open"] = ""


@dataclass(frozen=True)
class Section:
    """What is shown of one subject, in the order of the fields.

    bold: the first words of the lead, which matter most. findings: (tone, sentence). tiles: (label, value). small: figures are
    drawn small. parts: sections below, under their titles.
    """

    lead: str = ""
    bold: str = ""
    tiles: Sequence[tuple[str, str]] = ()
    findings: Sequence[tuple[Tone, str]] = ()
    points: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    lists: Sequence[Listing] = ()
    parts: Sequence["Section"] = ()
    title: str = ""
    small: bool = False
    place: Place = "both"
