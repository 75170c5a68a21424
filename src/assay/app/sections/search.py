"""Search: what the systems are worth on test searches, and how places of a list are looked at."""

from collections.abc import Mapping

from assay.app import words
from assay.app.sections.facts import Facts, row
from assay.evaluation.claims import DECIDES_RANKED
from assay.language import say
from assay.language.retelling import retell
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
    lead = say(
        "{count} test searches, each over what words and vectors rank first among the items on sale, which holds {share} of what "
        "was taken. Best by {measure}: {best}, {value}. The rankers learnt from {earlier} earlier searches; {served}, better on "
        "tuning, makes the lists of assay search.",
        count=words.count(page.requests["test"]),
        share=words.percent(page.in_pool),
        measure=DECIDES_RANKED,
        best=best,
        value=words.estimated(systems[best].test[DECIDES_RANKED]),
        earlier=words.count(page.requests["train"]),
        served=page.served,
    )
    findings: list[tuple[Tone, str]] = []
    if page.derived:
        findings.append(("even", say("The queries are {queries}.", queries=retell(page.queries_are))))
    if page.warning and not page.derived:
        findings.append(("even", say("Beware: {warning}.", warning=retell(page.warning))))
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
    columns = [Column(say("system")), *(Column(measure, number=True) for measure in measures)]
    return Table(columns, rows, say("Change from the fused list"))


def position_bias(facts: Facts) -> Section | None:
    """How places are looked at, and what weights that undo it cost; None where nothing was learnt of it."""
    page = facts.page(SamplesMade)
    bias = None if page is None else page.position_bias
    if bias is None or bias.examination is None or bias.rows is None:
        return None
    lead = say(
        "How likely a place is looked at, against the first, by {method} on the training searches. Training positives weigh one "
        "over that, {most} at most ({clipped} are cut off there). So weighed, {positives} positives tell as much as {effective} "
        "of equal weight; what was not taken weighs the less the deeper it stood. Later splits keep weight 1: they are judged on "
        "what happened.",
        method=bias.method,
        most=words.plain(bias.clip),
        clipped=words.count(bias.clipped),
        positives=words.count(bias.positives),
        effective=words.count(bias.effective_positives),
    )
    lines = [
        Row(
            say("place {place}", place=place),
            value,
            shown=words.figure(value),
            note=say("{count} rows", count=words.count(rows)),
            tone="useful",
        )
        for place, (value, rows) in enumerate(zip(bias.examination, bias.rows, strict=True), 1)
    ]
    return Section(lead, figures=[Figure([RowPlot("plot-examination", lines[:20], stem=True)], say("examination"))])
