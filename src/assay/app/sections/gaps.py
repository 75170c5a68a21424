"""How unlike groups of people fare, and what removing training samples does to that."""

from collections.abc import Sequence

from assay.app import words
from assay.app.sections.facts import Facts
from assay.language import clauses, later, listed, say
from assay.language.retelling import retell
from assay.pages.evaluation import Summary
from assay.pages.gaps import FALSE, GAPS, ODDS, PARITY, SELECTION, TRUE, GapChange, Gaps, GapTrials, GroupGaps
from assay.pages.parts import Change, Estimate
from assay.runs.section import Cell, Column, Section, Span, Table

NAMES = {PARITY: later("demographic parity difference"), ODDS: later("equalized odds difference")}


def gaps(facts: Facts) -> Section | None:
    """Rates of each group by the served model, the gaps of every model, and what retraining does to them."""
    page = facts.page(Gaps)
    if page is None:
        return None
    served = _served(facts, page)
    threshold = words.plain(page.threshold)
    lead = say(
        "A row is predicted 1 where the model's chance is {threshold} or more. Demographic parity difference (parity): the "
        "largest difference of two groups in the share that is predicted 1. Equalized odds difference (odds): the same among "
        "rows of label 1 or among those of label 0, whichever is larger. 0 is equal. fairlearn measures them on the test set; "
        "intervals (95 %) resample people. Small groups differ by chance too.",
        threshold=threshold,
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
        told = later("On the test set, {model}, {arm}: {moved}.")
        return [say(told, model=line.model, arm=retell(line.arm), moved=_moved(line)) for line in page.selected]
    removals = [line for line in tried.lines if line.valuer is not None] if tried is not None else []
    if not removals:
        return []
    most = max(line.removed_fraction for line in removals)
    own = [line for line in removals if line.removed_fraction == most]
    told = later("On the tuning set, {model} {arm}: {moved}.")
    return [say(told, model=line.model, arm=retell(line.arm), moved=_moved(line)) for line in own]


def _served(facts: Facts, page: Gaps) -> str:
    summary = facts.page(Summary)
    standing = None if summary is None else summary.standing
    return page.models[0].model if standing is None else standing.served


def _sentence(line: GroupGaps) -> str:
    """The group that is most and least often predicted 1, and the gaps."""
    rates = {group.level: group.rates[SELECTION] for group in line.groups}
    known = {level: rate for level, rate in rates.items() if rate.value is not None}
    order = sorted(known, key=lambda level: known[level].value or 0.0)
    ends = dict.fromkeys((order[-1], order[0]))
    return say(
        "{attribute}: {model} predicts 1 for {shares}; {gaps}.",
        attribute=_named(line.attribute),
        model=line.model,
        shares=listed(say("{share} of “{level}”", share=words.percent(known[level].value), level=level) for level in ends),
        gaps=clauses(f"{say(NAMES[name])} {_estimate(line.gaps[name])}" for name in GAPS),
    )


def _moved(line: GapChange) -> str:
    parts = [f"{say(NAMES[name])} {_change(line.change[name])}" for name in GAPS if name in line.change]
    return say("by {attribute}, {gaps}", attribute=_named(line.attribute), gaps=listed(parts))


def _change(change: Change) -> str:
    few = change.low is None or change.high is None or change.low <= 0 <= change.high
    shown = _estimate(change, sign=True)
    return say("{change}, within chance", change=shown) if few else shown


def _estimate(one: Estimate, *, sign: bool = False) -> str:
    """With two decimals: people are few."""
    value, ends = _parts(one, "{:+.2f}" if sign else "{:.2f}")
    return f"{value} ({ends})" if ends else value


def _cell(one: Estimate, *, sign: bool = False) -> Cell:
    """The same, the interval below the value."""
    return _lines(*_parts(one, "{:+.2f}" if sign else "{:.2f}"))


def _share(one: Estimate) -> Cell:
    """In percent, without an interval where all resamples are alike: there are too few to vary."""
    value, ends = words.percent(one.value), _parts(one.times(100), "{:.0f}")[1]
    return _lines(value, "" if one.low == one.high else ends)


def _parts(one: Estimate, form: str) -> tuple[str, str]:
    """The value, and its interval; empty where it has none."""
    if one.value is None:
        return words.NONE, ""
    value = words.minus(form.format(one.value))
    if one.low is None or one.high is None:
        return value, ""
    low, high = (words.minus(form.format(end)) for end in (one.low, one.high))
    return value, say("{low} to {high}", low=low, high=high)


def _lines(*lines: str) -> Cell:
    return [[Span(line)] for line in lines if line]


def _rates(served: str, lines: Sequence[GroupGaps]) -> Table:
    headings = (say("of all"), say("of label 1"), say("of label 0"))
    columns = [Column(say("group")), *(Column(heading, number=True) for heading in headings)]
    rows = [
        [
            _lines(
                f"{_named(line.attribute)}: {group.level}",
                say("{people} people, {share} label 1", people=words.count(group.people), share=words.percent(group.positive)),
            ),
            *(_share(group.rates[rate]) for rate in (SELECTION, TRUE, FALSE)),
        ]
        for line in lines
        for group in line.groups
    ]
    return Table(columns, rows, title=say("Predicted 1 by {model}, which is served", model=served))


def _models(lines: Sequence[GroupGaps]) -> Table:
    rows = [[_lines(line.model, _named(line.attribute)), *(_cell(line.gaps[name]) for name in GAPS)] for line in lines]
    return Table(_gap_columns(), rows, title=say("Gaps of every model"))


def _gap_columns() -> list[Column]:
    return [Column(say("model, groups")), Column(say("parity"), number=True), Column(say("odds"), number=True)]


def _changes(facts: Facts, page: Gaps) -> list[Table]:
    """What removing training samples does to the gaps: on tuning each amount, on test the chosen one."""
    tried = facts.page(GapTrials)
    on = {
        say("Change of the gaps on the tuning set"): [] if tried is None else tried.lines,
        say("Change of the gaps on the test set"): page.selected,
    }
    return [
        Table(
            _gap_columns(),
            [[_lines(f"{line.model} {retell(line.arm)}", _named(line.attribute)), *_moves(line)] for line in lines],
            title=title,
            place="page",
        )
        for title, lines in on.items()
        if lines
    ]


def _moves(line: GapChange) -> list[Cell]:
    return [_cell(line.change[name], sign=True) if name in line.change else words.NONE for name in GAPS]


def _named(attribute: str) -> str:
    return attribute.replace("_", " ")
