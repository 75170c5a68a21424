"""What the report says first: findings, the verdict on test, the curve of amounts, the rules."""

from collections.abc import Mapping, Sequence

from assay.app import standing, words
from assay.app.sections.facts import Facts, changed, row
from assay.evaluation.claims import DECIDES_RANKED, claims
from assay.language import english, later, listed, paragraph, say
from assay.language.retelling import retell
from assay.models.named import LINEAR
from assay.pages import selection as pages
from assay.pages.evaluation import Consulted, Summary
from assay.pages.parts import Estimate
from assay.pages.selection import Explained, LearntWeights, Rules, SliceTrial, TriedArm
from assay.pages.trust import Systems
from assay.runs.section import Column, CurvePlot, Figure, Line, Plot, RowPlot, Section, Series, Span, Table, Tone
from assay.selection.arms import MARKS

_WAYS = {"half": later("half"), "labels": later("labels"), "one": later("one"), "without": later("without")}
SLICES_SHOWN = 12  # those that help come first
_RIVALS = {
    "random": later("to random samples"),
    "recency": later("to the oldest"),
    "popularity": later("to the least popular"),
    "loss": later("to the hardest by loss"),
}
ARMS = (
    english("full"), english("selected"), english("random"), english("recency"), english("popularity"), english("loss"),
)  # fmt: skip
_DRAWS = (english("all"), english("weighted"), english("uniform"))  # of a smaller training set


def headline(facts: Facts) -> Section | None:
    """The findings in sentences, first how the served model stands beside the simple rules; the run in a few large numbers."""
    summary = facts.page(Summary)
    if summary is None:
        return None
    curve = facts.page(pages.Curve)
    findings: list[tuple[Tone, str]] = [] if summary.standing is None else [standing.sentence(summary.standing)]
    findings += [("even", sentence) for sentence in standing.limits(summary.standing, summary.left_out, facts.run.config)]
    findings += [standing.gain(model, summary, curve) for model in sorted(summary.selection)]
    if curve is not None and not curve.usable:
        told = later(
            "Values by {valuer} are not to be used here: on tuning, removing by them did worse than at random. Nothing was "
            "removed by them."
        )
        findings.append(("bad", say(told, valuer=curve.valuer)))
    if curve is not None and curve.explained is not None:
        by_values = any(arm.arm == curve.chosen and arm.valuer is not None for arm in curve.arms)
        findings.append(("even", _explained(curve.explained, by_values=by_values)))
    tiles = [] if summary.log is None else [(say("events kept"), summary.log.events), (say("users"), summary.log.users)]
    tiles += [] if summary.log is None else [(say("items"), summary.log.items)]
    tiles += [(say("training samples"), summary.samples["train"])] if "train" in summary.samples else []
    shown_tiles = [(name, words.count(number)) for name, number in tiles]
    for measure in (facts.task.label.claims[0], DECIDES_RANKED):
        if best := words.best_model(summary.models, measure):
            shown_tiles.append((say("best {measure}: {model}", measure=measure, model=best[0]), words.figure(best[1].value)))
    return Section(tiles=shown_tiles, findings=[*findings, *_of_rules(facts.page(Rules))])


def _of_rules(page: Rules | None) -> list[tuple[Tone, str]]:
    """What confirmed rules say, where one helps, or where none does."""
    confirmed = [rule for rule in page.lines if rule.confirmed] if page is not None else []
    findings: list[tuple[Tone, str]] = [
        (
            "bad",
            say(
                "A slice of the log costs more than it gives: {rule} ({share} of training samples, confirmed on other folds). "
                "Advice: {advice}.",
                rule=retell(rule.rule),
                share=words.percent(rule.share),
                advice=retell(rule.advice),
            ),
        )
        for rule in confirmed
        if rule.advice.startswith(("drop", "give"))
    ]
    if confirmed and all(rule.advice.startswith("keep") for rule in confirmed if rule.trials):
        told = later("Rules describe samples of low value, but the model is not better without them: see below, keep them.")
        findings.append(("even", say(told)))
    return findings


def _doubted(facts: Facts) -> bool:
    """Whether gains of the linear model, which changes are tried on, are none of what is served."""
    summary = facts.page(Summary)
    return summary is not None and standing.doubt(LINEAR[facts.task.label.link], summary.models, summary.standing) is not None


def _explained(explained: Explained, *, by_values: bool) -> str:
    """What the chosen arm changes, in the words of the simplest rule, and whether the rule does as well.

    by_values: whether values chose the samples; else the arm knows nothing that the rule could be weaker than.
    """
    verdicts = {m: words.judge(m, explained.against_chosen[m]) for m in claims(explained.against_chosen)}
    worse, better = ([m for m, verdict in verdicts.items() if verdict == kind] for kind in ("worse", "better"))
    if worse:
        compared = _compared(listed(worse), listed(better), by_values=by_values)
    elif few := words.too_few(explained.against_chosen[m] for m in verdicts):
        compared = paragraph([say("Whether the same change by this rule does as well cannot be said."), few])
    elif by_values:
        compared = say("The same change by this rule does as well on tuning: mend these rows at their source.")
    else:
        compared = say("The same change by this rule does as well on tuning.")
    which = say(
        "Which samples those are, in the simplest words: {rule} ({covers} of the changed samples; of all {count} such samples "
        "{precision} are changed).",
        rule=retell(explained.rule),
        covers=words.percent(explained.covers),
        count=words.count(explained.rows),
        precision=words.percent(explained.precision),
    )
    return paragraph([which, compared])


def _compared(worse: str, better: str, *, by_values: bool) -> str:
    """That a rule does worse than the values in some measures, perhaps better in others."""
    if by_values and better:
        told = later(
            "The same change by this rule does worse on tuning ({worse}), though better in {better}: the values tell more than "
            "the rule."
        )
    elif by_values:
        told = later("The same change by this rule does worse on tuning ({worse}): the values tell more than the rule.")
    elif better:
        told = later("The same change by this rule does worse on tuning ({worse}), though better in {better}.")
    else:
        told = later("The same change by this rule does worse on tuning ({worse}).")
    return say(told, worse=worse, better=better)


def _arms(ident: str, arms: Mapping[str, Mapping[str, Estimate]], order: Sequence[str]) -> list[Figure]:
    """One plot per measure over the arms of one experiment."""
    names = [arm for arm in order if arm in arms] + sorted(set(arms) - set(order))
    measures = words.ordered({m for arm in arms.values() for m in arm})
    tones = {"full": "ink", "selected": "s1"}
    figures = []
    for measure in claims(measures) or measures[:2]:
        lines = [row(retell(name), arms[name][measure], tone=tones.get(name, "s0")) for name in names if measure in arms[name]]
        figures.append(Figure([RowPlot(f"{ident}-{measure}", lines)], measure, words.meaning(measure)))
    return figures


def verdict(facts: Facts) -> Section | None:
    """Selected against all data and the simple ways, on test, once."""
    summary = facts.page(Summary)
    if summary is None:
        return None
    curve, parts = facts.page(pages.Curve), []
    for model, entry in sorted(summary.selection.items()):
        _, sentence = standing.gain(model, summary, curve)
        parts.append(Section(sentence, title=model, figures=_arms(f"plot-verdict-{model}", entry.test, ARMS)))
    if summary.subsample.test:
        share = words.percent(summary.subsample.fraction)
        told = later("Trained on {share} of the samples: a uniform draw, a draw weighted by importance, and all.")
        sentence = say(told, share=share)
        figures = _arms("plot-subsample", summary.subsample.test, _DRAWS)
        parts.append(Section(sentence, title=say("A smaller training set"), figures=figures))
    return Section(_how_often(facts, summary), parts=parts) if parts else None


def _how_often(facts: Facts, summary: Summary) -> str:
    """What was compared on test, and how often it was consulted."""
    *rivals, last = [say(to) for arm, to in _RIVALS.items() if any(arm in entry.test for entry in summary.selection.values())]
    lead = [
        say(
            "Each model is trained on all samples, on the selected ones, and with the same change made {rivals} and {last}. All "
            "of this was declared before the test set was read.",
            rivals=listed(rivals),
            last=last,
        )
    ]
    if facts.task.label.is_chance:
        own = later("log_loss here is of what the models say themselves, which the validation set has not turned into chances.")
        lead.append(say(own))
    if (use := facts.page(Consulted)) is not None:
        read = later("The test set was read {count} times, once per model and change.")
        lead.append(say(read, count=words.count(use.test_consulted_by)))
    systems = facts.page(Systems)
    more = 0 if systems is None else sum(system.test is not None for system in systems.systems)
    if more:
        lead.append(say("{count} more systems read it later; nothing is chosen by them.", count=words.count(more)))
    return paragraph([*lead, say("Bars are 95 % intervals over {people}.", people=say(facts.people))])


def _amounts(arms: Sequence[TriedArm], measure: str) -> list[Plot]:
    """Difference to keeping everything, over the share removed; one line for each way of choosing."""
    drawn = [arm for arm in arms if arm.removed_fraction and measure in arm.difference]
    fractions = sorted({arm.removed_fraction for arm in drawn})
    series = []
    for way in dict.fromkeys(_way(arm) for arm in drawn):
        own = sorted((arm for arm in drawn if _way(arm) == way), key=lambda arm: arm.removed_fraction)
        changes = [(fractions.index(arm.removed_fraction), arm.difference[measure]) for arm in own]
        series.append(Series(way, [(x, one.value, one.low, one.high) for x, one in changes]))
    names = [words.percent(fraction) for fraction in fractions]
    x_title, y_title = say("share of training samples removed"), say("change of {measure} on tuning", measure=measure)
    return [CurvePlot(f"plot-curve-{measure}", names, series, x_title, y_title)] if series else []


def _way(arm: TriedArm) -> str:
    """What says which samples an arm removes: a valuer, chance, or what the arm is called after."""
    return words.valuer(arm.valuer) if arm.family in ("removal", "random") else retell(arm.arm)


def curve(facts: Facts) -> Section | None:
    """How tuning scores change with what is removed or re-weighted."""
    page = facts.page(pages.Curve)
    arms = [] if page is None else page.arms
    measures = words.ordered({m for arm in arms for m in arm.difference})
    if page is None or not measures:
        return None
    figures = []
    for measure in claims(measures) or measures[:2]:
        kept = [arm for arm in arms if not arm.removed_fraction and measure in arm.difference]
        others = [row(retell(arm.arm), arm.difference[measure], tone="ink") for arm in kept]
        others = [line for line in others if line.value or line.low]  # "nothing" differs from itself by 0
        plots: list[Plot] = [*_amounts(arms, measure), RowPlot(f"plot-arms-{measure}", others, zero=True)]
        figures.append(Figure(plots, measure, words.meaning(measure)))
    lead = say(
        "Each point is a change of the training set, compared with keeping all samples, on the tuning set. No value was made on "
        "the tuning set. Values are by {valuer}. Chosen: {chosen}.",
        valuer=page.valuer,
        chosen=retell(page.chosen),
    )
    if (loss := facts.task.label.loss) in page.planted:
        change = page.planted[loss]
        by = words.estimate(change.value, change.low, change.high, sign=True)
        scale = say(
            "For scale: had one {what} in a hundred been written to another sample, mending that would change {loss} by "
            "{change}.",
            what=retell(facts.task.positive) if facts.task.label.is_chance else say("label"),
            loss=loss,
            change=by,
        )
        lead = paragraph([lead, scale])
    lead = lead if page.marked is None else paragraph([lead, _marked(page.marked)])
    tables = [_groups(page.groups, _judges(facts), loss)] if page.groups else []
    return Section(lead, tables=tables, figures=figures)


def _judges(facts: Facts) -> str:
    """What the weights of groups were judged on."""
    if facts.timed:
        return say("later {periods}", periods=retell(facts.task.periods))
    return say("other {people}", people=say(facts.people))


def _marked(marked: pages.Marked) -> str:
    """What people marked, and what the arm of their marks makes of it."""
    parts = (
        (later("{count} dropped"), marked.dropped),
        (later("{count} at half weight"), marked.halved),
        (later("{count} with the label turned round"), marked.turned),
        (later("{count} kept as they are"), marked.kept),
    )
    told = listed(say(part, count=words.count(rows)) for part, rows in parts if rows) or say("none")
    tried = later("Training samples that people marked, tried as “{arm}”: {parts}.")
    sentences = [say(tried, arm=retell(MARKS), parts=told)]
    if marked.others:
        lost = later("{count} more marks are of samples that the run has no more.")
        sentences.append(say(lost, count=words.count(marked.others)))
    return paragraph(sentences)


def _groups(groups: Sequence[pages.GroupWeights], judges: str, loss: str) -> Table:
    """What was learnt of each kind of groups before it was tried; judges: what the step was judged on, by the loss."""
    on = say("{loss} on {judges}", loss=loss, judges=judges)
    columns = [Column(say("weights of whole groups, learnt on validation")), Column(say("times")), Column(on)]
    rows = []
    for line in groups:
        ends = {"low": f"{line.low:.2f}", "high": f"{line.high:.2f}"}
        moved = say("{low} to {high}", **ends) if line.gains else say("as they were")
        fallen = listed(words.figure(-gain, sign=True) for gain in line.gains) or say("no step lowered it in every one")
        rows.append((retell(line.grouping), moved, fallen))
    return Table(columns, rows)


def weights(facts: Facts) -> Section | None:
    """What `assay weights` learnt and chose; None where it has not run."""
    page = facts.page(LearntWeights)
    if page is None:
        return None
    lead = say(
        "Weights of few parameters, learnt on validation and tried on the tuning set: the alternative to removing samples one by "
        "one. Chosen: {chosen}.",
        chosen=retell(page.chosen),
    )
    doubted = _doubted(facts)
    columns = [Column(say("weights")), Column(say("change: {measures}", measures=listed(facts.task.label.claims)))]
    return Section(
        lead,
        tables=[Table(columns, [(retell(line.weights), [changed(line.difference, doubted=doubted)]) for line in page.families])],
    )


def rules(facts: Facts) -> Section | None:
    """Rules of a few words that describe low-valued samples."""
    page = facts.page(Rules)
    if page is None or not page.lines:
        return None
    lead = say(
        "Found on some folds of validation users, confirmed on others, then tried: the model was retrained without these rows, "
        "and with half their weight. A low value is a hint; the trial decides."
    )
    columns = [
        Column(say("rule")),
        Column(say("rows"), number=True),
        Column(say("share"), number=True),
        Column("z", number=True),
        Column(say("confirmed on other folds")),
        Column(say("tried on tuning: {measures}", measures=listed(facts.task.label.claims))),
        Column(say("advice")),
    ]
    doubted = _doubted(facts)
    rows = [
        (
            retell(line.rule), words.count(line.rows), words.percent(line.share), words.plain(line.z),
            say("yes") if line.confirmed else say("no"),
            [[Span(_way_tried(name)), *changed(trial, doubted=doubted)] for name, trial in line.trials.items()],
            retell(line.advice),
        )
        for line in page.lines
    ]  # fmt: skip
    return Section(lead, tables=[Table(columns, rows)])


def slices(facts: Facts) -> Section | None:
    """What `assay slices` found; None where it has not run."""
    page = facts.page(pages.Slices)
    if page is None:
        return None
    harmful = sum(bool(line.helps) for line in page.lines)
    bold = say("No slice harms: nothing that was tried helps on the tuning set.")
    if harmful:
        bold = say("{slices} of the training samples can be mended with a gain.", slices=words.counted(harmful, "slice"))
    lead = say(
        "Rules for low values, found on half of the validation folds, confirmed on the other half, then tried on tuning; a "
        "forecast is that of {loss} by group influence.",
        loss=facts.task.label.loss,
    )
    columns = [
        Column(say("slice")),
        Column(say("rows"), number=True),
        Column(say("share"), number=True),
        Column(say("confirmed"), brief=False),
        Column(say("tried: {measures}", measures=listed(facts.task.label.claims))),
        Column(say("advice")),
        Column(say("for example"), brief=False),
    ]
    doubted = _doubted(facts)
    rows = [
        (
            retell(line.rule), words.count(line.rows), words.percent(line.share),
            say("by construction") if line.because == "construction" else say("yes") if line.confirmed else say("no"),
            [_tried(name, trial, doubted) for name, trial in line.trials.items()], retell(line.advice),
            retell(next(iter(line.examples), "")),
        )
        for line in page.lines[:SLICES_SHOWN]
    ]  # fmt: skip
    return Section(lead, bold=bold, tables=[Table(columns, rows)] if rows else [])


def _tried(name: str, trial: SliceTrial, doubted: bool) -> Line:
    cells = changed(trial.difference, doubted=doubted)
    expected = say("forecast {value}", value=words.figure(trial.forecast, sign=True))
    return [Span(_way_tried(name)), *cells, Span(f"; {expected}" if cells else expected)]


def _way_tried(name: str) -> str:
    """Which change was tried of a rule's rows, by the first word of its name."""
    way = name.split(" ")[0]
    return say("{way}: ", way=say(_WAYS[way]) if way in _WAYS else retell(way))
