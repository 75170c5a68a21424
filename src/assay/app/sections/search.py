"""Search: what the systems are worth on test searches, and how places of a list are looked at."""

from collections.abc import Mapping

from assay.app import words
from assay.app.sections.facts import Facts, row
from assay.evaluation.claims import DECIDES_RANKED
from assay.pages.samples import SamplesMade
from assay.pages.search import SearchMade, SearchSystem
from assay.runs.section import Column, Figure, Row, RowPlot, Section, Table, Tone


def search(facts: Facts) -> Section | None:
    """What `assay search` measured; None where it has not run."""
    page = facts.page(SearchMade)
    if page is None:
        return None
    systems = page.systems
    best = max(systems, key=lambda name: systems[name].test[DECIDES_RANKED].value or 0.0)
    lead = (
        f"{words.count(page.requests['test'])} test searches, each over what words and vectors rank first among the items on "
        f"sale, which holds {words.percent(page.in_pool)} of what was taken. Best by {DECIDES_RANKED}: {best}, "
        f"{words.estimated(systems[best].test[DECIDES_RANKED])}. The rankers learnt from {words.count(page.requests['train'])} "
        f"earlier searches; {page.served}, better on tuning, makes the lists of assay search."
    )
    findings: list[tuple[Tone, str]] = [("even", f"The queries are {page.queries_are}.")] if page.derived else []
    if page.warning and not page.derived:
        findings.append(("even", f"Beware: {page.warning}."))
    figures = []
    for measure in words.ordered(systems[best].test):
        lines = [row(name, system.test[measure], tone="s1" if name == best else "s0") for name, system in systems.items()]
        lines.sort(key=lambda line: (-line.value, line.label))
        figures.append(Figure([RowPlot(f"plot-search-{measure}", lines)], measure, words.meaning(measure)))
    return Section(lead, findings=findings, figures=figures, tables=[_against(systems)])


def _against(systems: Mapping[str, SearchSystem]) -> Table:
    measures = words.ordered({measure for system in systems.values() for measure in system.against})
    rows = [
        [name, *(words.estimated(system.against[measure], sign=True) for measure in measures)]
        for name, system in systems.items()
        if system.against
    ]
    columns = [Column("system"), *(Column(measure, number=True) for measure in measures)]
    return Table(columns, rows, "Change from the fused list")


def position_bias(facts: Facts) -> Section | None:
    """How places are looked at, and what weights that undo it cost; None where nothing was learnt of it."""
    page = facts.page(SamplesMade)
    bias = None if page is None else page.position_bias
    if bias is None or bias.examination is None or bias.rows is None:
        return None
    lead = (
        f"How likely a place is looked at, against the first, by {bias.method} on the training searches. Training positives "
        f"weigh one over that, {words.plain(bias.clip)} at most ({words.count(bias.clipped)} are cut off there). So "
        f"weighed, {words.count(bias.positives)} positives tell as much as {words.count(bias.effective_positives)} of "
        "equal weight; what was not taken weighs the less the deeper it stood. Later splits keep weight 1: they are judged on "
        "what happened."
    )
    lines = [
        Row(f"place {place}", value, shown=words.figure(value), note=f"{words.count(rows)} rows", tone="useful")
        for place, (value, rows) in enumerate(zip(bias.examination, bias.rows, strict=True), 1)
    ]
    return Section(lead, figures=[Figure([RowPlot("plot-examination", lines[:20], stem=True)], "examination")])
