"""Whether the test can be trusted, and how small it could be; the same plots serve a benchmark's card."""

from collections.abc import Sequence

from assay.app import words
from assay.app.sections.facts import Facts
from assay.benchmark.keep.card import Distance, KindShare
from assay.pages.evaluation import Leak
from assay.pages.trust import (
    Audit,
    Board,
    Compact,
    Compaction,
    Comparison,
    Design,
    Leader,
    ProtocolsCompared,
    ProtocolWarning,
)
from assay.runs.section import Column, CurvePlot, Figure, Row, RowPlot, Section, Series, Table, Tone

_SYSTEMS_SHOWN = 25
_LEVELS_SHOWN = 40
NAMES = {
    "mean": "plain mean of a random draw",
    "simple": "random draw, regression on the source systems",
    "stratified": "drawn by difficulty",
    "neyman": "drawn by difficulty, more where source systems say less",
}


def trusted(facts: Facts) -> Section | None:
    """What the audit found, who can be told apart, by which measure, and what it would take; None before that stage."""
    audit, board = facts.page(Audit), facts.page(Board)
    if audit is None or board is None:
        return None
    lines = [Distance.model_validate(line) for line in audit.facts.get("shares") or []]
    far = distances(lines, "the test's requests against those of the periods before")
    if board.why_not is not None:
        return Section(f"Systems are not compared: {board.why_not}", findings=findings(audit), figures=far)
    lead = (
        f"{words.count(board.requests)} requests of {words.count(board.users)} users, on which {board.systems} systems "
        f"of {board.families} families were scored. A difference of {words.figure(board.detectable)} {board.measure} between two "
        f"systems is found with 80 % power; {words.percent(board.told_apart)} of all pairs are told apart (5 %, Holm)."
    )
    return Section(
        lead,
        findings=findings(audit),
        points=board.reasons,
        figures=[leaders(board.board, board.measure, "plot-trust-board"), *far],
        tables=[_sizes(board), _measures(board)],
    )


def findings(audit: Audit) -> list[tuple[Tone, str]]:
    """What an audit found, what it could not look at, or that all is well."""
    sentences: list[tuple[Tone, str]] = [("bad", _finding(line)) for line in audit.findings]
    if audit.why_not is not None:
        return [*sentences, ("even", f"The audit could not look at requests: {audit.why_not}")]
    if not sentences:
        sentences = [("good", f"The audit found nothing: {', '.join(name.replace('_', ' ') for name in audit.checked)}.")]
    if audit.skipped:
        left = "; ".join(f"{name.replace('_', ' ')} (needs {why})" for name, why in audit.skipped.items())
        sentences.append(("even", f"Not looked at: {left}."))
    return sentences


def _finding(line: Leak) -> str:
    return f"{line.severity.capitalize()}: {line.message}. To mend it: {line.mend[0].lower()}{line.mend[1:]}."


def leaders(board: Sequence[Leader], measure: str, ident: str) -> Figure:
    """Systems with their intervals, best first, coloured by tier."""
    lines = [
        Row(
            line.system, float("nan") if line.value is None else line.value, line.low, line.high,
            note=f"tier {line.tier}, {line.family}", tone=f"s{(line.tier - 1) % 6}",
        )
        for line in board[:_SYSTEMS_SHOWN]
    ]  # fmt: skip
    more = len(board) - len(lines)
    meaning = "systems of one colour cannot be told apart from the best of their tier" + (f"; {more} more" if more else "")
    return Figure([RowPlot(ident, lines)], measure, meaning)


def distances(lines: Sequence[Distance], of: str) -> list[Figure]:
    """How far shares are from the traffic's, one row per attribute."""
    drawn = [Row(line.attribute, line.distance, line.low, line.high) for line in lines]
    if not drawn:
        return []
    plot = RowPlot("plot-distances", sorted(drawn, key=lambda row: -row.value), zero=True)
    meaning = f"{of}: the share that would have to change its kind; 0 is the same, 1 nothing alike"
    return [Figure([plot], "Distance from the traffic", meaning)]


def shares(lines: Sequence[KindShare]) -> list[Figure]:
    """Shares of every kind of request, of the traffic and of those chosen."""
    drawn = [
        Row(
            f"{line.attribute}: {'unknown' if line.level is None else line.level}", line.chosen, line.traffic, line.traffic,
            shown=f"{words.percent(line.chosen)} (traffic {words.percent(line.traffic)})",
        )
        for line in lines[:_LEVELS_SHOWN]
    ]  # fmt: skip
    if not drawn:
        return []
    plot = RowPlot("plot-shares", drawn, zero=True)
    return [Figure([plot], "Kinds of requests", "their share among those chosen, and in the traffic")]


def protocols(facts: Facts) -> Section | None:
    """The same systems under other protocols; None where `assay benchmark protocols` has not run."""
    page = facts.page(ProtocolsCompared)
    if page is None:
        return None
    lead = (
        "Systems that learn from the log's events alone, fitted and scored under four ways to cut it; a request is a user. "
        "One global time split answers the question of serving; the others let out what a system will not know."
    )
    leaks = [f"{line.protocol.replace('_', ' ').capitalize()}: {line.warning}." for line in protocol_leaks(page)]
    return Section(lead, points=leaks, tables=[protocol_table(page)])


def protocol_table(page: ProtocolsCompared) -> Table:
    """nDCG of systems by protocol, over all folds, and the agreement of the orders."""
    last = {(line.protocol, line.system): line for line in page.rows}  # a protocol's fold "all" comes last
    names = list(dict.fromkeys(protocol for protocol, _ in last))
    systems = sorted({system for _, system in last}, key=lambda s: (-last[names[0], s].ndcg, s))
    rows = [[system, *(words.figure(last[name, system].ndcg) for name in names)] for system in systems]
    rows.append(["order, tau-b with the time split", *(words.figure(last[name, systems[0]].tau_b) for name in names)])
    columns = [Column("ndcg@10"), *(Column(name.replace("_", " "), number=True) for name in names)]
    return Table(columns, rows, "What each protocol says")


def protocol_leaks(page: ProtocolsCompared) -> list[ProtocolWarning]:
    """Warnings of the protocols that let something out: those of the time split are of what cannot be known."""
    return [line for line in page.warnings if line.protocol in ("user_holdout", "leave_last_out")]


def _sizes(board: Comparison) -> Table:
    rows = [[f"find a difference of {d} with 80 % power", line.words] for d, line in board.sizes.items()]
    if board.within_1_percent is not None:
        rows.append(["come within 1 % of the full set", board.within_1_percent.words])
    return Table([Column("to"), Column("takes")], rows, f"How many requests it takes ({board.measure})")


def _measures(board: Comparison) -> Table:
    columns = [
        Column("measure"),
        Column("pairs told apart", number=True),
        Column("requests for the median pair", number=True),
        Column("order in half of the users", number=True),
    ]
    rows = [
        [
            line.measure + (" (decide on it)" if line.measure == board.decide else ""),
            words.percent(line.power),
            words.count(line.requests_needed),
            words.figure(line.stability),
        ]
        for line in board.measures
    ]
    return Table(columns, rows, f"Measures; report {', '.join(board.report)}")


def small(facts: Facts) -> Section | None:
    """How few requests would do, tried with each family of systems left out; None before that stage, or where it cannot be."""
    page = facts.page(Compact)
    if page is None or page.why_not is not None:
        return None
    base, best = _design(page, "mean"), _design(page, "neyman")
    # Coverage is that of systems, not of families.
    sizes = [page.systems[name] for name in best.families]
    covered = sum(n * (c or 0.0) for n, c in zip(sizes, best.coverage, strict=True)) / sum(page.systems.values())
    lead = (
        f"{page.budget} of {words.count(page.requests)} requests tell what a system of a family that was never seen "
        f"scores on all of them ({page.measure}) with an error of {words.figure(_mean(best.error))}; the mean of as many "
        f"random ones errs by {words.figure(_mean(base.error))}. Its 95 % intervals hold the truth in "
        f"{words.percent(covered)} of the cases, and it orders the systems as all requests do up to a tau of "
        f"{words.figure(best.tau)} (random: {words.figure(base.tau)}). Each of {len(best.families)} families was left "
        f"out in turn, {words.count(page.redraws)} redraws."
    )
    return Section(lead, figures=[_widths(page), _relative(page, best)])


def _design(page: Compaction, name: str) -> Design:
    return next(one for one in page.designs if one.design == name)


def _mean(figures: Sequence[float | None]) -> float:
    return sum(figure or 0.0 for figure in figures) / len(figures)


def _widths(page: Compaction) -> Figure:
    names = [words.count(n) for n in page.sizes]
    series = [
        Series(NAMES[design], [(at, value, None, None) for at, value in enumerate(page.half_widths[design])])
        for design in ("mean", "simple", "neyman")
    ]
    plot = CurvePlot("plot-small-widths", names, series, "requests", f"± {page.measure}, 95 %, of a system of a new family")
    return Figure([plot], "How sure", "half of the interval's width to expect, median over systems")


def _relative(page: Compaction, best: Design) -> Figure:
    lines = [
        Row(name, value, note=words.counted(page.systems[name], "system"), shown=f"{value:.2f}")
        for name, value in sorted(zip(best.families, best.relative, strict=True), key=lambda pair: pair[1] or 0.0)
        if value is not None
    ]
    meaning = "error over that of the plain mean, by the family that was left out: below 1 is better"
    return Figure([RowPlot("plot-small-families", lines, zero=True)], f"With {page.budget} requests", meaning)
