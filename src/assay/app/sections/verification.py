"""Whether the values are true: verdicts, curves by retraining, planted noise, agreement, transfer."""

from collections.abc import Mapping, Sequence

from assay.app import words
from assay.app.sections.facts import Facts, changed, row
from assay.evaluation.claims import DECIDES_RANKED, decides
from assay.language import later, listed, say
from assay.language.retelling import retell
from assay.pages.verification import (
    CHANCE,
    CurvePoint,
    Transferred,
    Verdicts,
    VerifyAgreement,
    VerifyCurves,
    VerifyNoise,
    VerifyTransfer,
)
from assay.runs.section import Cell, Column, CurvePlot, Figure, Line, Row, RowPlot, Section, Series, Span, Table, Tone

_STABILITY = {
    "seeds": later("values from other seeds"),
    "folds": later("values from other folds"),
    "lowest": later("lowest 2 % shared between seeds"),
}


def verification(facts: Facts) -> Section | None:
    """What `assay verify` found; None where it has not run."""
    verdicts, curves = facts.page(Verdicts), facts.page(VerifyCurves)
    if verdicts is None or not verdicts.lines:
        return None
    first, *others = verdicts.lines
    lines = [] if curves is None else curves.lines
    tone: Tone = "good" if first.better and not first.worse else "even" if first.usable else "bad"
    return Section(
        say("Judged by retraining on the tuning set, against as many random samples."),
        findings=[(tone, retell(first.sentence))],
        points=[retell(line.sentence) for line in others],
        figures=[*_curves(lines, "removal"), *_curves(lines, "addition"), *_agreement(facts), *_noise(facts)],
        parts=_transfer(facts),
    )


def _curves(lines: Sequence[CurvePoint], kind: str) -> list[Figure]:
    """The loss against keeping everything, one line per order."""
    own = [line for line in lines if line.kind == kind and decides(line.difference) in line.difference]
    fractions = sorted({line.fraction for line in own})
    series = []
    for valuer in dict.fromkeys(line.valuer for line in own):
        mine = sorted((line for line in own if line.valuer == valuer), key=lambda line: line.fraction)
        changes = [(fractions.index(line.fraction), line.difference[decides(line.difference)]) for line in mine]
        series.append(Series(words.valuer(valuer), [(x, one.value, one.low, one.high) for x, one in changes]))
    if not series:
        return []
    loss = decides(own[0].difference)
    title, x_title = say("Samples kept, best first"), say("share of training samples kept, best first")
    if kind == "removal":
        title, x_title = say("Samples removed, worst first"), say("share of training samples removed, worst first")
    names = [words.percent(fraction) for fraction in fractions]
    y_title = say("change of {loss} on tuning, against all samples", loss=loss)
    plot = CurvePlot(f"plot-verify-{kind}", names, series, x_title, y_title)
    return [Figure([plot], title, say("lower is better; retrained at every point"))]


def _agreement(facts: Facts) -> list[Figure]:
    page = facts.page(VerifyAgreement)
    if page is None:
        return []
    lines = [
        row(
            name,
            agreement,
            note=say(
                "{measure} of {model}, {subsets} subsets", measure=measure, model=agreement.model, subsets=agreement.subsets
            ),
        )
        for measure, scores in ((facts.task.label.loss, page.datamodel_score), (DECIDES_RANKED, page.ranking_score))
        for name, agreement in sorted(scores.items())
        if words.known(agreement.value)
    ]
    lines += [row(say(text), page.stability[name], tone="ink") for name, text in _STABILITY.items() if name in page.stability]
    share = words.percent(page.share)
    meaning = say("rank correlation of summed values and retraining on random subsets of {share}, 1 best", share=share)
    return _figure("agreement", say("Agreement"), meaning, lines)


def _noise(facts: Facts) -> list[Figure]:
    page = facts.page(VerifyNoise)
    lines = [
        row(
            listed([retell(line.noise), line.valuer]), line.precision,
            note=say("auc {auc}, chance {chance}", auc=words.figure(line.auc.value), chance=words.percent(line.chance)),
        )
        for line in (page.lines if page is not None else [])
    ]  # fmt: skip
    meaning = say("share of planted rows among as many rows of lowest value; finding noise is not yet a gain")
    return _figure("noise", say("Planted noise"), meaning, lines)


def _figure(ident: str, name: str, meaning: str, lines: list[Row]) -> list[Figure]:
    return [Figure([RowPlot(f"plot-verify-{ident}", lines, zero=True)], name, meaning)] if lines else []


def _transfer(facts: Facts) -> list[Section]:
    """Cost beside gain, a line per model and order; in the terminal one column per model."""
    page = facts.page(VerifyTransfer)
    if page is None or not page.lines:
        return []
    seconds = facts.run.costs().get("verify", {})
    columns = [
        Column(say("model")), Column(say("without the worst by")), Column(say("made with")), Column(say("time"), number=True),
        Column(say("change: {measures}", measures=listed(facts.task.label.claims))), Column(say("against random")),
    ]  # fmt: skip
    rows: list[Sequence[Cell]] = [
        (
            line.model, listed([words.valuer(line.valuer), words.percent(line.fraction)]), line.made_with or say("no model"),
            words.duration(seconds.get(line.valuer or CHANCE)), [changed(line.difference)], [changed(line.against_random)],
        )
        for line in page.lines
    ]  # fmt: skip
    share = words.percent(page.lines[0].fraction)
    lead = say(
        "Each model retrained without its worst {share} of the samples by values that were made with another, on the tuning "
        "periods. Intervals are over users: what another seed would change is in none.",
        share=share,
    )
    tables = [Table(columns, rows, place="page"), *_by_model(page.lines, seconds)]
    return [Section(lead, title=say("Values of one model, used for another"), tables=tables)]


def _by_model(lines: Sequence[Transferred], seconds: Mapping[str, float]) -> list[Table]:
    """What models lose or gain in the loss, against as many random samples: one row per valuer, one column per model."""
    tried = [(line.model, line.valuer, line) for line in lines if line.valuer and line.against_random]
    if not tried:
        return []
    models = list(dict.fromkeys(model for model, _, _ in tried))
    rows: list[list[Cell]] = []
    for valuer in dict.fromkeys(valuer for _, valuer, _ in tried):
        mine = {model: line for model, own, line in tried if own == valuer}
        first = next(iter(mine.values()))
        cost = listed([first.made_with or say("no model"), words.duration(seconds.get(valuer))])
        rows.append([[[Span(valuer)], [Span(cost)]], *(_against_random(mine[model]) for model in models)])
    loss = decides(tried[0][2].against_random or {})
    title = say("Change of {loss} without the worst by each, against as many at random", loss=loss)
    return [Table([Column(say("values")), *map(Column, models)], rows, title, place="terminal")]


def _against_random(line: Transferred) -> list[Line]:
    against = line.against_random or {}
    change = against[decides(against)]
    tone = words.judge(decides(against), change)
    shown = words.figure(change.value, sign=True)
    told = {"better": say("better"), "worse": say("worse"), "few": say("too few to tell"), "even": ""}[tone]
    return [[Span(shown, tone)], *([] if tone == "even" else [[Span(told, tone)]])]
