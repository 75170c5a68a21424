"""What lists are like, whether they are right or not: shown beside accuracy, without a best one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assay.app import words
from assay.app.sections.facts import Facts
from assay.language import later, paragraph, say
from assay.numerics.names import BEYOND, is_beyond, parse
from assay.pages.evaluation import Summary
from assay.runs.section import Cell, Column, Section, Table

_LEAD = later(
    "What the lists are like, right or not, with 95 % intervals over users. No value here is good or bad by itself, and nothing "
    "is chosen by it."
)


def of_run(facts: Facts) -> Section | None:
    """Every model of a run on test; None where nothing is ranked."""
    summary = facts.page(Summary)
    tested = {} if summary is None else {name: model.test for name, model in sorted(summary.models.items())}
    measures = _ordered({m for test in tested.values() for m in test if is_beyond(m)})
    if not measures:
        return None
    counted = say("Popularity, and what users took before, are counted in the training periods alone.")
    alike = say("The log names no categories, so the diversity of lists is not measured.")
    if any(parse(m).base == "diversity" for m in measures):
        alike = say("Items are alike where they are of one category.")
    lead = paragraph([say(_LEAD), counted, alike])
    rows = [[name, *(words.estimated(test.get(m)) for m in measures)] for name, test in tested.items()]
    return Section(lead, points=_meanings(measures), tables=[_table(say("model"), measures, rows)])


def of_board(values: Mapping[str, Sequence[Mapping[str, Any]]]) -> Section:
    """Systems of a scoreboard, by measure: system, value, low and high of each."""
    measures = _ordered(values)
    rows = [
        [lines[0]["system"], *(words.estimate(line["value"], line["low"], line["high"]) for line in lines)]
        for lines in zip(*(values[m] for m in measures), strict=True)
    ]
    points, table = _meanings(measures), _table(say("system"), measures, rows)
    return Section(say(_LEAD), title=say("Beyond accuracy"), points=points, tables=[table])


def _meanings(measures: Sequence[str]) -> list[str]:
    return [say("{measure}: {meaning}.", measure=m, meaning=words.meaning(m)) for m in measures]


def _table(head: str, measures: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Table:
    return Table([Column(head), *(Column(m, number=True) for m in measures)], rows)


def _ordered(measures: Iterable[str]) -> list[str]:
    return sorted(measures, key=lambda m: (BEYOND.index(parse(m).base), parse(m).cut))
