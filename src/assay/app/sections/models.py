"""How the models do, and what they recommend."""

from typing import Any

from assay.app import words
from assay.app.sections.facts import Facts, row
from assay.app.standing import CHANCE
from assay.evaluation.claims import DECIDES_RANKED, claims
from assay.evaluation.parts import NEW, REPEAT
from assay.language import later, listed, say
from assay.language.retelling import retell
from assay.numerics.names import is_beyond
from assay.pages.evaluation import Calibration, Groups, Recommended, Summary
from assay.pages.samples import FeaturesKept
from assay.runs.section import Bullet, Column, DiagonalPlot, Figure, Listing, RowPlot, Section, Span, Table

USERS_SHOWN = 10
_PARTS = {REPEAT: later("what the user took before"), NEW: later("what is new to the user")}


def models(facts: Facts) -> Section | None:
    """Every model on test, one plot per measure; the rest of the measures as a table."""
    summary = facts.page(Summary)
    tested = {} if summary is None else {name: model.test for name, model in sorted(summary.models.items())}
    measures = words.ordered({m for test in tested.values() for m in test})
    if summary is None or not measures:
        return None
    figures = []
    for measure in claims(measures) or measures[:2]:
        best = words.best_model(summary.models, measure)
        lines = [
            row(name, test[measure], tone="s1" if best and best[0] == name else "s0")
            for name, test in tested.items()
            if measure in test
        ]
        chance = None if summary.standing is None else summary.standing.rules.get(CHANCE)
        if chance is not None and measure in chance.test:
            lines.append(row(retell(CHANCE), chance.test[measure], tone="ink"))
        lower = words.lower_is_better(measure)
        lines.sort(key=lambda line: (line.value if lower else -line.value, line.label))
        figures.append(Figure([RowPlot(f"plot-models-{measure}", lines)], measure, words.meaning(measure)))
    figures += _parts(summary)
    kept = facts.page(FeaturesKept)
    columns = [Column(say("measure")), *(Column(name, number=True) for name in tested)]
    accuracy = [m for m in measures if not is_beyond(m)]
    rows = [[m, *(words.estimated(test.get(m)) for test in tested.values())] for m in accuracy]
    return Section(
        say("On the test set, with 95 % intervals over {people}; the best is in the second colour.", people=say(facts.people)),
        points=[say("{sentence}.", sentence=words.features(kept))] if kept else [],
        figures=figures,
        tables=[Table(columns, rows, folded=say("Every measure"), place="page")],
    )


def _parts(summary: Summary) -> list[Figure]:
    """What models rank of repeats, and of what is new to the user: each part over its own candidates."""
    figures = []
    for part, title in _PARTS.items():
        tested = {name: model.parts[part] for name, model in sorted(summary.models.items()) if part in model.parts}
        lines = [row(name, one[DECIDES_RANKED], tone="s0") for name, one in tested.items() if DECIDES_RANKED in one]
        if lines:
            lines.sort(key=lambda line: (-line.value, line.label))
            note = say("{meaning}, of these candidates alone", meaning=words.meaning(DECIDES_RANKED))
            figures.append(Figure([RowPlot(f"plot-models-{part}", lines)], listed([DECIDES_RANKED, say(title)]), note))
    return figures


def groups(facts: Facts) -> Section | None:
    """Where the models do better and worse."""
    page = facts.page(Groups)
    group_lines = [] if page is None else page.lines
    measures = words.ordered({line.measure for line in group_lines if words.known(line.value)})
    if not measures:
        return None
    measure = measures[0]
    lines = [line for line in group_lines if line.measure == measure]
    names = list(dict.fromkeys(line.model for line in lines))
    figures = []
    for n, group in enumerate(dict.fromkeys(line.group for line in lines)):
        drawn = [
            row(
                say("unknown") if line.level is None else retell(str(line.level)),
                line,
                note=say("{model}, {count} rows", model=line.model, count=words.count(line.rows)),
                tone=f"s{names.index(line.model) % 6}",
            )
            for line in lines
            if line.group == group
        ]
        figures.append(Figure([RowPlot(f"plot-group-{n}", drawn)], retell(group.replace("_", " "))))
    lead = say("{meaning}. On the test set.", meaning=words.meaning(measure))
    return Section(lead, bold=say("{measure}:", measure=measure), figures=figures)


def calibration(facts: Facts) -> Section | None:
    """Whether a probability means what it says."""
    page = facts.page(Calibration)
    if page is None or not page.models:
        return None
    figures = [
        Figure([DiagonalPlot(f"plot-calibration-{name}", [(bin.predicted, bin.observed, bin.rows) for bin in bins])], name)
        for name, bins in sorted(page.models.items())
    ]
    if not facts.task.label.is_chance:
        lead = say(
            "What each model predicts of test samples, and what happened. On the dashed line the two agree in the mean; below it "
            "the model promises too much."
        )
        return Section(lead, figures=figures, small=True)
    lead = say(
        "What each model says of test samples, turned into chances by a line that the validation set taught. On the dashed line "
        "a chance means what it says; below it the model promises too much."
    )
    return Section(lead, figures=figures, small=True)


def recommendations(facts: Facts) -> Section | None:
    """The first users' lists, with readable names and reasons."""
    if not facts.run.exists("recommendations.parquet"):
        return None
    recommended = facts.page(Recommended)
    most = USERS_SHOWN * (100 if recommended is None else recommended.per_user)
    lists: dict[object, list[dict[str, Any]]] = {}
    for line in facts.run.head("recommendations.parquet", most).to_pylist():
        lists.setdefault(line["user_id"], []).append(line)
    if not lists:
        return None
    few = min(len(lists), USERS_SHOWN)
    lead = say("{shown} users are shown.", shown=few)
    if recommended is not None:
        told = later("{items} items each for {users} users; {shown} users are shown.")
        lead = say(told, items=words.count(recommended.per_user), users=words.count(recommended.users), shown=few)
    shown = [
        Listing(
            [_entry(facts, line) for line in sorted(lines, key=lambda line: int(line["rank"]))],
            [Span(say("user ")), Span(facts.shown(user), "name")],
            fold="open" if place < 2 else "closed",
        )
        for place, (user, lines) in enumerate(list(lists.items())[:USERS_SHOWN])
    ]
    return Section(lead, lists=shown)


def _entry(facts: Facts, line: dict[str, Any]) -> Bullet:
    name = line.get("name") or facts.shown(line["item_id"])
    reason = line.get("reason")
    return Bullet(name, line.get("category") or "", [retell(reason)] if reason else [], int(line["rank"]))
