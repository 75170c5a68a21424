"""How unlike groups of people fare, and what removing training samples does to that."""

from collections.abc import Sequence

from assay.app import words
from assay.app.sections.facts import Facts
from assay.evaluation.gaps import FALSE, GAPS, ODDS, PARITY, SELECTION, TRUE
from assay.pages.evaluation import Summary
from assay.pages.gaps import GapChange, Gaps, GapTrials, GroupGaps
from assay.pages.parts import Change, Estimate
from assay.runs.section import Column, Section, Table

NAMES = {PARITY: "demographic parity difference", ODDS: "equalized odds difference"}


def gaps(facts: Facts) -> Section | None:
    """Rates of each group by the served model, the gaps of every model, and what retraining does to them."""
    page = facts.page(Gaps)
    if page is None:
        return None
    served = _served(facts, page)
    threshold = words.plain(page.threshold)
    lead = (
        f"A row is predicted 1 where the model's chance is {threshold} or more. Demographic parity difference: the largest "
        "difference between two groups in the share that is predicted 1. Equalized odds difference: the same among rows whose "
        "label is 1, or among those whose label is 0, whichever is larger. 0 is equal. fairlearn measures them on the test set; "
        "intervals (95 %) resample people. A difference between small groups is seldom 0 by chance either."
    )
    attributes = [line for line in page.models if line.model == served]
    return Section(
        lead,
        findings=[("even", _sentence(line)) for line in attributes],
        points=told(facts),
        tables=[_rates(served, attributes), _models(page.models), *_changes(facts, page)],
    )


def served_gaps(facts: Facts) -> list[str]:
    """What the served model does to the groups of each attribute, in a sentence each; none where no groups are named."""
    page = facts.page(Gaps)
    if page is None:
        return []
    served = _served(facts, page)
    return [_sentence(line) for line in page.models if line.model == served]


def told(facts: Facts) -> list[str]:
    """What removing the samples of lowest value does to the gaps, in a sentence for each attribute."""
    page, tried = facts.page(Gaps), facts.page(GapTrials)
    if page is not None and page.selected:
        return [f"On the test set, {line.arm}: {_moved(line)}." for line in page.selected]
    removals = [line for line in tried.lines if line.arm.startswith("without the lowest")] if tried is not None else []
    if not removals:
        return []
    most = max(line.removed_fraction for line in removals)
    return [f"On the tuning set, {line.arm}: {_moved(line)}." for line in removals if line.removed_fraction == most]


def _served(facts: Facts, page: Gaps) -> str:
    summary = facts.page(Summary)
    standing = None if summary is None else summary.standing
    return page.models[0].model if standing is None else standing.served


def _sentence(line: GroupGaps) -> str:
    """The group that is most and least often predicted 1, and the gaps."""
    rates = {group.level: group.rates[SELECTION] for group in line.groups}
    known = {level: rate for level, rate in rates.items() if rate.value is not None}
    most, least = (pick(known, key=lambda level: known[level].value or 0.0) for pick in (max, min))
    share = ", ".join(f"{words.percent(known[level].value)} of “{level}”" for level in dict.fromkeys((most, least)))
    figures = "; ".join(f"{NAMES[name]} {_estimate(line.gaps[name])}" for name in GAPS)
    return f"{line.attribute.replace('_', ' ')}: {line.model} predicts 1 for {share}; {figures}."


def _moved(line: GapChange) -> str:
    parts = [f"{NAMES[name]} {_change(line.change[name])}" for name in GAPS if name in line.change]
    return f"by {line.attribute.replace('_', ' ')}, {', '.join(parts)}"


def _change(change: Change) -> str:
    few = change.low is None or change.high is None or change.low <= 0 <= change.high
    return f"{_estimate(change, sign=True)}{', within chance' if few else ''}"


def _estimate(one: Estimate, *, sign: bool = False) -> str:
    """Two decimals: people are few."""
    if one.value is None:
        return words.NONE
    form = "{:+.2f}" if sign else "{:.2f}"
    value, *ends = (words.minus(form.format(end)) for end in (one.value, one.low, one.high) if end is not None)
    return f"{value} ({ends[0]} to {ends[1]})" if len(ends) == 2 else value


def _rates(served: str, lines: Sequence[GroupGaps]) -> Table:
    columns = [Column("group"), Column("people", number=True), Column("label 1", number=True)]
    columns += [Column("predicted 1", number=True), Column("of label 1, predicted 1", number=True)]
    columns += [Column("of label 0, predicted 1", number=True)]
    rows = [
        [
            f"{line.attribute.replace('_', ' ')}: {group.level}", words.count(group.people), words.percent(group.positive),
            *(_share(group.rates[rate]) for rate in (SELECTION, TRUE, FALSE)),
        ]
        for line in lines
        for group in line.groups
    ]  # fmt: skip
    return Table(columns, rows, title=f"{served}, which is served")


def _share(one: Estimate) -> str:
    if one.value is None or one.low is None or one.high is None:
        return words.percent(one.value)
    return f"{words.percent(one.value)} ({100 * one.low:.0f} to {100 * one.high:.0f})"


def _models(lines: Sequence[GroupGaps]) -> Table:
    columns = [Column("groups"), Column("model"), *(Column(NAMES[name], number=True) for name in GAPS)]
    rows = [[line.attribute.replace("_", " "), line.model, *(_estimate(line.gaps[name]) for name in GAPS)] for line in lines]
    return Table(columns, rows, title="Every model")


def _changes(facts: Facts, page: Gaps) -> list[Table]:
    """What removing training samples does to the gaps: on tuning each amount, on test the chosen one."""
    tried = facts.page(GapTrials)
    tables = []
    for title, lines in (
        ("Change of the gaps of the logistic regression on the tuning set", [] if tried is None else tried.lines),
        ("Change of the gaps on the test set", page.selected),
    ):
        if lines:
            columns = [Column("trained"), Column("groups"), *(Column(NAMES[name], number=True) for name in GAPS)]
            rows = [
                [
                    line.arm if title.endswith("tuning set") else f"{line.model}, {line.arm}", line.attribute.replace("_", " "),
                    *(_estimate(line.change[name], sign=True) if name in line.change else words.NONE for name in GAPS),
                ]
                for line in lines
            ]  # fmt: skip
            tables.append(Table(columns, rows, title=title, place="page"))
    return tables
