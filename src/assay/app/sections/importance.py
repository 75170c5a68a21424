"""What samples are worth: distribution, roll-ups, patterns, single samples."""

from assay.app import words
from assay.app.sections.facts import Facts, row, value_tone
from assay.language import clauses, later, listed, paragraph, say
from assay.language.retelling import retell
from assay.pages.parts import Estimate
from assay.pages.values import Distribution, Example, Examples, GroupValue, Patterns, RequestPart, Rollup, Why
from assay.runs.section import Bullet, Figure, HistogramPlot, Line, Listing, Row, RowPlot, Section, Span
from assay.task import BINARY

EXAMPLES_SHOWN = 10
UNITS = {
    "user": later("Users"),
    "item": later("Items"),
    "category": later("Categories"),
    "department": later("Departments"),
    "period": later("{Periods}"),
    "hour": later("Hours of the day"),
    "item_price": later("Price bands"),
    "peak": later("Busy and other {periods}"),
}

_OWN = ("period", "hour", "item_price", "peak")  # units whose groups Assay names, and not the log


def importance(facts: Facts) -> Section | None:
    """The distribution of the values of each valuer."""
    page = facts.page(Distribution)
    if page is None or not page.valuers:
        return None
    figures = []
    for name, values in sorted(page.valuers.items()):
        factor, size = words.unit(values.edges)
        title = say("value, {size}{unit}", size=size, unit=retell(values.unit))
        plot = HistogramPlot(f"plot-distribution-{name}", values.edges, values.counts, title, factor)
        below = say("{share} of training samples have a value below 0.", share=words.percent(values.negative_share))
        figures.append(Figure([plot], name, below))
    lead = say(
        "A value says how much the model's utility falls when the sample is taken away: higher is more useful, below 0 the model "
        "is better off without it."
    )
    missing = [say("No values by {name}: {why}", name=name, why=retell(why)) for name, why in page.left_out.items()]
    return Section(paragraph([lead, *missing]), figures=figures)


def rollups(facts: Facts) -> Section | None:
    """Values added up by user, item, category and period: most useful and most harmful."""
    page = facts.page(Rollup)
    if page is None:
        return None
    figures = [_rollup(facts, unit, page.units[unit]) for unit in UNITS if page.units.get(unit)]
    lead = say("Values added up. The thin line is the 95 % interval over validation folds.")
    return Section(lead, figures=figures) if figures else None


def _rollup(facts: Facts, unit: str, groups: list[GroupValue]) -> Figure:
    """The groups of a unit, in the utility and, where they have it, in that of rankings: the same rows twice."""
    names = facts.item_names(line.name for line in groups) if unit == "item" else {}
    labels = [facts.shown(line.name) if unit == "user" else names.get(line.name, line.name) for line in groups]
    if unit in _OWN:
        labels = [retell(label) for label in labels]
    plots, sizes = [], []
    for ident, measure in (("", say("the utility")), ("-ranking", BINARY.ranked)):
        estimates = [line.ranking if ident else line for line in groups]
        factor, size = words.unit(estimate.value for estimate in estimates if estimate is not None)
        drawn = [
            _group(label, line.rows, estimate.times(factor))
            for label, line, estimate in zip(labels, groups, estimates, strict=True)
            if estimate is not None
        ]
        if drawn:
            plots.append(RowPlot(f"plot-rollup-{unit}{ident}", drawn, stem=True, zero=True))
            sizes.append(f"{size}{measure}")
    periods = retell(facts.task.periods)
    heading = say(UNITS[unit], periods=periods, Periods=periods.capitalize())
    first, *second = sizes
    told = later("In {first}, then in {second}.") if second else later("In {first}.")
    return Figure(plots, heading, say(told, first=first, second="".join(second)))


def _group(label: str, rows: int, value: Estimate) -> Row:
    note = say("{count} rows", count=words.count(rows))
    return row(label, value, shown=words.plain(value.value), note=note, tone=value_tone(value.value))


def patterns(facts: Facts) -> Section | None:
    """Segments, hours, price bands that carry or cost the most, in plain words."""
    page = facts.page(Patterns)
    lines = [line for line in page.lines if words.known(line.value)] if page is not None else []
    if not lines:
        return None
    factor, size = words.unit(line.value for line in lines)
    drawn = []
    for line in lines:
        value = line.times(factor)
        note = say("{count} rows, {share}", count=words.count(line.rows), share=words.percent(line.share))
        drawn.append(row(retell(line.sentence), value, shown=words.plain(value.value), note=note, tone=value_tone(line.value)))
    told = later("Groups of training samples that carry (right) or cost (left) the most.")
    if size:
        told = later("Groups of training samples that carry (right) or cost (left) the most, in {size}the utility.")
    lead = say(told, size=size)
    return Section(lead, figures=[Figure([RowPlot("plot-patterns", drawn, stem=True, zero=True)])])


def examples(facts: Facts) -> Section | None:
    """The most useful and the most harmful samples, in readable words."""
    page = facts.page(Examples)
    if page is None:
        return None
    sides = (("useful", say("Most useful"), page.useful), ("harmful", say("Most harmful"), page.harmful))
    lists = [
        Listing([_example(facts, line) for line in lines[:EXAMPLES_SHOWN]], title, tone) for tone, title, lines in sides if lines
    ]
    return Section(lists=lists) if lists else None


def _example(facts: Facts, line: Example) -> Bullet:
    who = [Span(text, tone) for mark in facts.marks(line.user, line.period, line.item) for text, tone in _mark(*mark)]
    notes: list[str | Line] = [[*who, Span(say("value {value} · z {z}", value=words.plain(line.value), z=words.plain(line.z)))]]
    if line.why is not None:
        notes.append(_why(facts, line.why))
    return Bullet(retell(line.sentence), notes=notes)


def _mark(what: str, which: str) -> list[tuple[str, str]]:
    """One thing that tells a sample, with its tone: ids are names of the log."""
    return [(f"{retell(what)} ", ""), (which, "name" if what in ("user", "item", "row") else ""), (" · ", "")]


def _why(facts: Facts, why: Why) -> str:
    """Which of the sample's columns make its value, and whom it helped and hurt most."""
    columns = say(
        "by column: {columns}", columns=listed(f"{retell(line.column)} {words.plain(line.part)}" for line in why.columns[:3])
    )
    helped, hurt = later("helped most: {who}"), later("hurt most: {who}")
    people = [_person(facts, told, parts[0]) for told, parts in ((helped, why.helped), (hurt, why.hurt)) if parts]
    return clauses([columns, *people])


def _person(facts: Facts, told: str, part: RequestPart) -> str:
    return say(told, who=facts.mark(part.user, part.period))
