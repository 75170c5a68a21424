"""Whether the test can be trusted, and how small it could be; the same plots serve a benchmark's card."""

from collections.abc import Sequence
from functools import reduce

from assay.app import words
from assay.app.sections.facts import Facts
from assay.benchmark.keep.card import Distance, KindShare
from assay.language import clauses, later, listed, say
from assay.language.retelling import retell
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
    "mean": later("plain mean of a random draw"),
    "simple": later("random draw, regression on the source systems"),
    "stratified": later("drawn by difficulty"),
    "neyman": later("drawn by difficulty, more where source systems say less"),
}


PROTOCOLS = {
    "time_split": later("time split"),
    "rolling_origin": later("rolling origin"),
    "user_holdout": later("user holdout"),
    "leave_last_out": later("leave last out"),
}
CHECKS = {
    "future_items": later("future items"),
    "future_prices": later("future prices"),
    "session_across": later("session across"),
    "user_across": later("user across"),
    "duplicates_across": later("duplicates across"),
    "listed_twice": later("listed twice"),
    "validation_in_train": later("validation in train"),
    "train_after_test": later("train after test"),
    "label_in_ids": later("label in ids"),
    "popularity_bias": later("popularity bias"),
    "position_bias": later("position bias"),
    "open_conversions": later("open conversions"),
    "shares": later("shares"),
    "unreachable_truth": later("unreachable truth"),
    "samples": later("samples"),
}  # of an audit


def trusted(facts: Facts) -> Section | None:
    """What the audit found, who can be told apart, by which measure, and what it would take; None before that stage."""
    audit, board = facts.page(Audit), facts.page(Board)
    if audit is None or board is None:
        return None
    lines = [Distance.model_validate(line) for line in audit.facts.get("shares") or []]
    far = distances(lines, say("the test's requests against those of the periods before"))
    if board.why_not is not None:
        return Section(say("Systems are not compared: {why}", why=retell(board.why_not)), findings=findings(audit), figures=far)
    lead = say(
        "{requests} requests of {users} users, on which {systems} systems of {families} families were scored. A difference of "
        "{difference} {measure} between two systems is found with 80 % power; {share} of all pairs are told apart (5 %, Holm).",
        requests=words.count(board.requests),
        users=words.count(board.users),
        systems=board.systems,
        families=board.families,
        difference=words.figure(board.detectable),
        measure=board.measure,
        share=words.percent(board.told_apart),
    )
    return Section(
        lead,
        findings=findings(audit),
        points=[retell(reason) for reason in board.reasons],
        figures=[leaders(board.board, board.measure, "plot-trust-board"), *far],
        tables=[_sizes(board), _measures(board)],
    )


def findings(audit: Audit) -> list[tuple[Tone, str]]:
    """What an audit found, what it could not look at, or that all is well."""
    sentences: list[tuple[Tone, str]] = [("bad", _finding(line)) for line in audit.findings]
    if audit.why_not is not None:
        return [*sentences, ("even", say("The audit could not look at requests: {why}", why=retell(audit.why_not)))]
    if not sentences:
        checked = listed(map(_check, audit.checked))
        sentences = [("good", say("The audit found nothing: {checked}.", checked=checked))]
    if audit.skipped:
        told = later("{check} (needs {what})")
        left = clauses(say(told, check=_check(name), what=_lacks(why)) for name, why in audit.skipped.items())
        sentences.append(("even", say("Not looked at: {checks}.", checks=left)))
    return sentences


def _check(name: str) -> str:
    return say(CHECKS[name]) if name in CHECKS else name.replace("_", " ")


def _lacks(why: str) -> str:
    """What a check lacks: a sentence, or columns of tables, whose names stay."""
    if (told := retell(why)) != why:
        return told
    return listed(
        reduce(lambda one, other: say("{one} or {other}", one=one, other=other), part.split(" or ")) for part in why.split(", ")
    )


def _finding(line: Leak) -> str:
    mend = retell(f"{line.mend[0].lower()}{line.mend[1:]}")
    told = later("{severity}: {message}. To mend it: {mend}.")
    severity = say("Error") if line.severity == "error" else say("Warning")
    return say(told, severity=severity, message=retell(line.message), mend=mend)


def leaders(board: Sequence[Leader], measure: str, ident: str) -> Figure:
    """Systems with their intervals, best first, coloured by tier."""
    lines = [
        Row(
            line.system, float("nan") if line.value is None else line.value, line.low, line.high,
            note=say("tier {tier}, {family}", tier=line.tier, family=line.family), tone=f"s{(line.tier - 1) % 6}",
        )
        for line in board[:_SYSTEMS_SHOWN]
    ]  # fmt: skip
    more = len(board) - len(lines)
    meaning = say("systems of one colour cannot be told apart from the best of their tier")
    if more:
        meaning = say("systems of one colour cannot be told apart from the best of their tier; {count} more", count=more)
    return Figure([RowPlot(ident, lines)], measure, meaning)


def distances(lines: Sequence[Distance], of: str) -> list[Figure]:
    """How far shares are from the traffic's, one row per attribute."""
    drawn = [Row(retell(line.attribute), line.distance, line.low, line.high) for line in lines]
    if not drawn:
        return []
    plot = RowPlot("plot-distances", sorted(drawn, key=lambda row: -row.value), zero=True)
    meaning = say("{of}: the share that would have to change its kind; 0 is the same, 1 nothing alike", of=of)
    return [Figure([plot], say("Distance from the traffic"), meaning)]


def shares(lines: Sequence[KindShare]) -> list[Figure]:
    """Shares of every kind of request, of the traffic and of those chosen."""
    drawn = [
        Row(
            say("{attribute}: {level}", attribute=retell(line.attribute), level=words.level(line.level, line.attribute)),
            line.chosen, line.traffic, line.traffic,
            shown=say(
                "{share} (traffic {traffic})", share=words.percent(line.chosen), traffic=words.percent(line.traffic)
            ),
        )
        for line in lines[:_LEVELS_SHOWN]
    ]  # fmt: skip
    if not drawn:
        return []
    plot = RowPlot("plot-shares", drawn, zero=True)
    return [Figure([plot], say("Kinds of requests"), say("their share among those chosen, and in the traffic"))]


def protocols(facts: Facts) -> Section | None:
    """The same systems under other protocols; None where `assay benchmark protocols` has not run."""
    page = facts.page(ProtocolsCompared)
    if page is None:
        return None
    lead = say(
        "Systems that learn from the log's events alone, fitted and scored under four ways to cut it; a request is a user. "
        "One global time split answers the question of serving; the others let out what a system will not know."
    )
    told = later("{protocol}: {warning}.")
    leaks = [
        say(told, protocol=_protocol(line.protocol).capitalize(), warning=retell(line.warning)) for line in protocol_leaks(page)
    ]
    return Section(lead, points=leaks, tables=[protocol_table(page)])


def _protocol(name: str) -> str:
    return say(PROTOCOLS[name]) if name in PROTOCOLS else name.replace("_", " ")


def protocol_table(page: ProtocolsCompared) -> Table:
    """nDCG of systems by protocol, over all folds, and the agreement of the orders."""
    last = {(line.protocol, line.system): line for line in page.rows}  # a protocol's fold "all" comes last
    names = list(dict.fromkeys(protocol for protocol, _ in last))
    systems = sorted({system for _, system in last}, key=lambda s: (-last[names[0], s].ndcg, s))
    rows = [[system, *(words.figure(last[name, system].ndcg) for name in names)] for system in systems]
    rows.append([say("order, tau-b with the time split"), *(words.figure(last[name, systems[0]].tau_b) for name in names)])
    columns = [Column("ndcg@10"), *(Column(_protocol(name), number=True) for name in names)]
    return Table(columns, rows, say("What each protocol says"))


def protocol_leaks(page: ProtocolsCompared) -> list[ProtocolWarning]:
    """Warnings of the protocols that let something out: those of the time split are of what cannot be known."""
    return [line for line in page.warnings if line.protocol in ("user_holdout", "leave_last_out")]


def _sizes(board: Comparison) -> Table:
    rows = [
        [say("find a difference of {difference} with 80 % power", difference=d), retell(line.words)]
        for d, line in board.sizes.items()
    ]
    if board.within_1_percent is not None:
        rows.append([say("come within 1 % of the full set"), retell(board.within_1_percent.words)])
    return Table(
        [Column(say("to")), Column(say("takes"))], rows, say("How many requests it takes ({measure})", measure=board.measure)
    )


def _measures(board: Comparison) -> Table:
    columns = [
        Column(say("measure")),
        Column(say("pairs told apart"), number=True),
        Column(say("requests for the median pair"), number=True),
        Column(say("order in half of the users"), number=True),
    ]
    rows = [
        [
            say("{measure} (decide on it)", measure=line.measure) if line.measure == board.decide else line.measure,
            words.percent(line.power),
            words.count(line.requests_needed),
            words.figure(line.stability),
        ]
        for line in board.measures
    ]
    return Table(columns, rows, say("Measures; report {measures}", measures=listed(board.report)))


def small(facts: Facts) -> Section | None:
    """How few requests would do, tried with each family of systems left out; None before that stage, or where it cannot be."""
    page = facts.page(Compact)
    if page is None or page.why_not is not None:
        return None
    base, best = _design(page, "mean"), _design(page, "neyman")
    # Coverage is that of systems, not of families.
    sizes = [page.systems[name] for name in best.families]
    covered = sum(n * (c or 0.0) for n, c in zip(sizes, best.coverage, strict=True)) / sum(page.systems.values())
    lead = say(
        "{budget} of {requests} requests tell what a system of a family that was never seen scores on all of them ({measure}) "
        "with an error of {error}; the mean of as many random ones errs by {random}. Its 95 % intervals hold the truth in "
        "{share} of the cases, and it orders the systems as all requests do up to a tau of {tau} (random: {random_tau}). Each of "
        "{families} families was left out in turn, {redraws} redraws.",
        budget=page.budget,
        requests=words.count(page.requests),
        measure=page.measure,
        error=words.figure(_mean(best.error)),
        random=words.figure(_mean(base.error)),
        share=words.percent(covered),
        tau=words.figure(best.tau),
        random_tau=words.figure(base.tau),
        families=len(best.families),
        redraws=words.count(page.redraws),
    )
    return Section(lead, figures=[_widths(page), _relative(page, best)])


def _design(page: Compaction, name: str) -> Design:
    return next(one for one in page.designs if one.design == name)


def _mean(figures: Sequence[float | None]) -> float:
    return sum(figure or 0.0 for figure in figures) / len(figures)


def _widths(page: Compaction) -> Figure:
    names = [words.count(n) for n in page.sizes]
    series = [
        Series(say(NAMES[design]), [(at, value, None, None) for at, value in enumerate(page.half_widths[design])])
        for design in ("mean", "simple", "neyman")
    ]
    y_title = say("± {measure}, 95 %, of a system of a new family", measure=page.measure)
    plot = CurvePlot("plot-small-widths", names, series, say("requests"), y_title)
    return Figure([plot], say("How sure"), say("half of the interval's width to expect, median over systems"))


def _relative(page: Compaction, best: Design) -> Figure:
    lines = [
        Row(name, value, note=words.counted(page.systems[name], "system"), shown=f"{value:.2f}")
        for name, value in sorted(zip(best.families, best.relative, strict=True), key=lambda pair: pair[1] or 0.0)
        if value is not None
    ]
    meaning = say("error over that of the plain mean, by the family that was left out: below 1 is better")
    return Figure([RowPlot("plot-small-families", lines, zero=True)], say("With {count} requests", count=page.budget), meaning)
