"""Several targets side by side: whether one kind of event can stand for another."""

from assay.app import words
from assay.app.sections.facts import Facts
from assay.evaluation.claims import DECIDES_RANKED
from assay.language import say
from assay.language.retelling import retell
from assay.pages.targets import TargetsCompared, TargetTested
from assay.runs.section import Cell, Column, Section, Span, Table


def targets(facts: Facts) -> Section | None:
    """Each model, learnt from each target and judged by each; None where the config names no other target."""
    page = facts.page(TargetsCompared)
    if page is None:
        return None
    kinds = list(dict.fromkeys(line.judged for line in page.lines))
    lead = say(
        "Each model learnt from each kind of event, and is judged on the test set by each: by auc, and by ndcg@10 of the same "
        "requests and candidates. The change is against the same model that learnt from the kind that judges. Probabilities are "
        "not compared: kinds differ in how often they happen."
    )
    tables = [_judged(page, kind) for kind in kinds]
    return Section(lead, points=told(page), tables=tables)


def told(page: TargetsCompared) -> list[str]:
    """What other targets are worth to the run's own, in a sentence for each and model; and which were left out."""
    sentences = [
        say(
            "Learnt from {learnt} in place of {judged}, {model} changes by {change} on {judged}.",
            learnt=retell(line.learnt),
            judged=retell(line.judged),
            model=line.model,
            change=line_change,
        )
        for line in page.lines
        if line.judged == page.target and line.difference and (line_change := _change(line))
    ]
    return sentences + [
        say("{name} is left out: {why}.", name=retell(kind), why=retell(why)) for kind, why in page.left_out.items()
    ]


def _change(line: TargetTested) -> str:
    measure = DECIDES_RANKED if DECIDES_RANKED in line.difference else next(iter(line.difference))
    return words.change_of(measure, line.difference[measure])


def _judged(page: TargetsCompared, kind: str) -> Table:
    own = [line for line in page.lines if line.judged == kind]
    measures = list(own[0].test)
    columns = [
        Column(say("model")),
        Column(say("learnt from")),
        *(Column(measure, number=True) for measure in measures),
        Column(say("change")),
    ]
    rows: list[list[Cell]] = []
    for line in own:
        changes = [
            [Span(f"{measure} "), Span(words.figure(change.value, sign=True), words.judge(measure, change))]
            for measure, change in line.difference.items()
        ]
        rows.append(
            [line.model, retell(line.learnt), *(words.estimated(line.test.get(measure)) for measure in measures), changes]
        )
    told = say("Judged by {kind}: {count} positives", kind=retell(kind), count=words.count(own[0].positives))
    return Table(columns, rows, told)
