"""The long comparison: every valuer and every model that learns."""

from assay.app import words
from assay.app.sections.facts import Facts, changed, row
from assay.evaluation.claims import claims
from assay.language import later, listed, paragraph, say
from assay.language.retelling import retell
from assay.pages.verification import Retrained, StudyCurves, StudyMethods, StudyModels, StudyRecommenders
from assay.runs.section import Cell, Column, CurvePlot, Figure, Plot, RowPlot, Section, Series, Table


def study(facts: Facts) -> Section | None:
    """Every valuer's removals, on the logistic regression by amount, on the others at 2 %; None before that stage."""
    curves, models = facts.page(StudyCurves), facts.page(StudyModels)
    if curves is None or models is None or not (curves.lines or models.lines):
        return None
    figures = []
    for measure in claims((curves.lines or models.lines)[0].difference):
        lines = [
            row(f"{line.model}, {words.valuer(line.valuer)}", line.difference[measure], tone="ink")
            for line in models.lines
            if measure in line.difference
        ]
        plots: list[Plot] = [*_by_amount(curves.lines, measure), RowPlot(f"plot-study-models-{measure}", lines, zero=True)]
        figures.append(Figure(plots, measure, words.meaning(measure)))
    lowest = say("On the tuning set, against keeping everything: the lowest samples by each valuer, or random ones, removed.")
    told = later("The curves are the {model}'s.")
    if models.lines:
        told = later("The curves are the {model}'s; below them the other models without {share}.")
    share = words.percent(models.lines[0].fraction if models.lines else None)
    lead = paragraph([lowest, say(told, model=retell(facts.task.label.linear), share=share)])
    return Section(lead, figures=figures, parts=[*_methods(facts), *_recommenders(facts)])


def _by_amount(lines: list[Retrained], measure: str) -> list[Plot]:
    """One curve per valuer; nothing where [select] fractions names none."""
    fractions = sorted({line.fraction for line in lines})
    series = []
    for valuer in dict.fromkeys(line.valuer for line in lines):
        own = sorted((line for line in lines if line.valuer == valuer), key=lambda line: line.fraction)
        changes = [(fractions.index(line.fraction), line.difference[measure]) for line in own]
        series.append(Series(words.valuer(valuer), [(x, one.value, one.low, one.high) for x, one in changes]))
    names = [words.percent(fraction) for fraction in fractions]
    x_title, y_title = say("share of training samples removed"), say("change of {measure} on tuning", measure=measure)
    return [CurvePlot(f"plot-study-{measure}", names, series, x_title, y_title)] if series else []


def _methods(facts: Facts) -> list[Section]:
    """Cost beside gain, one line per valuer, model and set of samples."""
    page = facts.page(StudyMethods)
    if page is None or not page.lines:
        return []
    seconds = facts.run.costs().get("study", {}).get("methods", {})
    columns = [
        Column(say("valuer")), Column(say("model")), Column(say("samples")), Column(say("time"), number=True),
        Column(say("change: {measures}", measures=listed(facts.task.label.claims))),
        Column(say("against random")),
    ]  # fmt: skip
    rows: list[list[Cell]] = []
    for line in page.lines:
        spent = words.duration(seconds[line.valuer]) if line.valuer in seconds else ""
        cells: list[Cell] = [[changed(line.difference)], [changed(line.against_random)]]
        rows.append(
            [
                line.valuer,
                line.model or "",
                retell(line.set or ""),
                spent,
                *([retell(line.why_not), ""] if line.why_not else cells),
            ]
        )
    lead = say(
        "The lowest 2 % removed, of all samples or of those of the 10,000 most bought items, the ones that EASE values, and the "
        "model retrained that the values are of."
    )
    return [Section(lead, title=say("Every valuer: cost beside gain"), tables=[Table(columns, rows)])]


def _recommenders(facts: Facts) -> list[Section]:
    """Every model's measures on tuning, recommenders first."""
    page = facts.page(StudyRecommenders)
    if page is None or not page.lines:
        return []
    seconds = facts.run.costs().get("study", {}).get("recommenders", {})
    columns = [
        Column(say("model")),
        Column(say("time to fit"), number=True),
        *(Column(measure, number=True) for measure in facts.task.label.claims),
    ]
    rows = []
    for line in page.lines:
        spent = words.duration(seconds[line.model]) if line.tuning is not None and line.model in seconds else ""
        figures = (
            [words.figure(line.tuning[m].value if m in line.tuning else None) for m in facts.task.label.claims]
            if line.tuning
            else []
        )
        rows.append([line.model, spent, *(figures or [retell(line.why_not or ""), *[""] * (len(facts.task.label.claims) - 1)])])
    return [Section(title=say("Recommenders beside the models"), tables=[Table(columns, rows)])]
