"""The short table that closes a run in the terminal: at most 80 columns, no colour when piped."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table as Grid
from rich.text import Text

from assay.app import standing, words
from assay.app.console import console
from assay.app.safe import one_line
from assay.app.sections import gaps, targets
from assay.app.sections.facts import Facts
from assay.evaluation.claims import claims
from assay.finished import Finished
from assay.language import clauses, forms, later, listed, say, several
from assay.language.retelling import retell
from assay.pages.answers import FoundItem, SearchAnswer, UserList
from assay.pages.evaluation import Summary
from assay.pages.gaps import Gaps
from assay.pages.log import Cleaned
from assay.pages.plan import Plan
from assay.pages.samples import FeaturesKept, SamplesMade
from assay.pages.selection import Anomalies, Curve
from assay.pages.targets import TargetsCompared
from assay.pages.values import Why, WhyScore
from assay.runs.section import Cell, Figure, RowPlot, Section, Table, text_of
from assay.task import Task

_QUERY = 60  # characters of a query that are shown
_TONES = {"good": "green", "bad": "yellow", "even": ""}
_CHANGES = {"better": "green", "worse": "yellow", "even": ""}


def facts(run: Finished) -> dict[str, Any]:
    """What the table is made of, for machines: folder, report, summary, cost, chosen arm, features kept, gaps."""
    report, read = run.folder / "report.html", Facts(run)
    curve, samples = read.page(Curve), read.page(SamplesMade)
    summary, kept, between = read.page(Summary), read.page(FeaturesKept), read.page(Gaps)
    bias = None if samples is None else samples.position_bias
    return {
        "folder": str(run.folder),
        "report": str(report) if report.exists() else None,
        "summary": {} if summary is None else summary.content(),
        "cost": run.costs(),
        "chosen": None if curve is None else curve.chosen,
        "features": {} if kept is None else kept.content(),
        "gaps": {} if between is None else between.content(),
        "position_bias": {} if bias is None else bias.model_dump(mode="json"),
    }


def _learnt(summary: Summary) -> str:
    best = [
        (measure, words.best_model(summary.models, measure))
        for measure in claims(measure for tested in summary.models.values() for measure in tested.test)
    ]
    told = later("{measure} {value} by {model}")
    shown = [say(told, measure=m, value=words.figure(b[1].value), model=b[0]) for m, b in best if b is not None]
    trained = {"samples": words.count(summary.samples.get("train")), "models": len(summary.models)}
    if not shown:
        return say("{samples} samples, {models} models", **trained)
    return say("{samples} samples, {models} models; best on test: {best}", best=listed(shown), **trained)


def closing(run: Finished) -> list[tuple[str, str, str]]:
    """(what, in words, tone) of every line that the artefacts allow."""
    read = Facts(run)
    summary, samples, kept, curve = read.page(Summary), read.page(SamplesMade), read.page(FeaturesKept), read.page(Curve)
    about = run.config.show.about
    lines: list[tuple[str, str, str]] = [(later("data"), about, "")] if about else []
    if summary is not None and summary.standing is not None:
        tone, sentence = standing.sentence(summary.standing)
        lines.append((later("served"), sentence, _TONES[tone]))
    if summary is not None:
        lines += [(later("limits"), sentence, "") for sentence in standing.limits(summary.standing, summary.left_out, run.config)]
    if summary is not None and (log := summary.log) is not None:
        since = {"first": words.day(log.from_), "last": words.day(log.to)}
        events = words.count(log.events + log.rejected)
        lines.append((later("read"), say("{count} events, {first} to {last}", count=events, **since), ""))
        left = {"users": words.count(log.users), "items": words.count(log.items)}
        cleaned = say("{taken_out}; left: {users} users, {items} items", taken_out=words.taken_out(read.page(Cleaned)), **left)
        lines.append((later("cleaned"), cleaned, ""))
    if summary is not None:
        lines.append((later("learnt"), _learnt(summary), ""))
    if left_over := words.left_over(samples, read.page(Cleaned)):
        lines.append((later("left out"), left_over, ""))
    if samples is not None and (bias := samples.position_bias) is not None and bias.examination is not None:
        told = say(
            "looked at {shares}, … by {method}; {positives} positives weigh as {effective}",
            shares=listed(words.plain(value) for value in bias.examination[:3]),
            method=bias.method,
            positives=words.count(bias.positives),
            effective=words.count(bias.effective_positives),
        )
        lines.append((later("places"), told, ""))
    if kept is not None:
        lines.append((later("features"), words.features(kept), ""))
    for model in sorted(summary.selection) if summary is not None else ():
        assert summary is not None
        tone, sentence = standing.gain(model, summary, curve)
        lines.append((later("gained"), sentence, _TONES[tone]))
    if (compared := read.page(TargetsCompared)) is not None:
        lines += [(later("targets"), sentence, "") for sentence in targets.told(compared)]
    lines += [(later("groups"), sentence, "") for sentence in (*gaps.served_gaps(read), *gaps.told(read))]
    if (found := read.page(Anomalies)) is not None:
        lines.append((later("flagged"), words.anomalies(found, users=read.has_users), ""))
    if summary is not None and (lists := summary.recommendations) is not None:
        lengths = {"users": words.count(lists.users), "items": words.count(lists.per_user)}
        lines.append((later("recommended"), say("{users} users, {items} each", **lengths), ""))
    cost = run.costs()
    if seconds := cost["seconds"]:
        slowest = sorted(seconds.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
        parts = listed(f"{stage} {words.duration(spent)}" for stage, spent in slowest)
        spent = say("{time} ({parts})", time=words.duration(sum(seconds.values())), parts=parts)
        lines.append((later("time"), spent, ""))
        lines.append((later("memory"), say("at most {amount}", amount=words.memory(cost["peak_rss_mb"])), ""))
    report = run.folder / "report.html"
    none = say("none yet; make it with: assay report FOLDER")
    lines.append((later("report"), str(report) if report.exists() else none, "bold"))
    return [(say(name), text, style) for name, text, style in lines]


def print_lines(lines: Sequence[tuple[str, str, str]]) -> None:
    """Print (name, text, style) one below the other."""
    if not lines:
        return
    table = Grid(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, text, style in lines:
        table.add_row(one_line(name), Text(one_line(text), style=style))
    console().print(table)


def print_line(text: str, style: str = "") -> None:
    """Print a sentence."""
    console().print(Text(one_line(text), style=style))


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]], *, text: int | None = None) -> None:
    """Print a table. text: how many of the first columns are words, all where None; the others are numbers.

    A cell is a value, nothing (None), or a list of lines; a line may be (text, style).
    """
    table = Grid(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, heading in enumerate(head):
        table.add_column(one_line(heading), overflow="fold", justify="left" if text is None or place < text else "right")
    for row in rows:
        table.add_row(*(_cell(cell) for cell in row))
    console().print(table)


def _cell(cell: object) -> Text:
    lines = cell if isinstance(cell, list) else [cell]
    return Text("\n").join(
        Text(one_line(line[0]), style=line[1]) if isinstance(line, tuple) else Text("" if line is None else one_line(str(line)))
        for line in lines
    )


def show(run: Finished) -> None:
    """Print what was read, cleaned, learnt, gained, how long it took, and where the report is."""
    print_lines(closing(run))


def show_graph(states: Mapping[str, tuple[str, Sequence[str]]]) -> None:
    """Print every stage with its state, and those of them that it follows."""
    styles = {"fresh": "green", "stale": "yellow", "missing": "dim"}
    rows = [
        (name, [(state, styles[state])], ", ".join(other for other in follows if other in states))
        for name, (state, follows) in states.items()
    ]
    print_table(("stage", "state", "follows"), rows)


def show_plan(plan: Plan) -> None:
    """Print what a run would do, and about how long it would take."""
    styles = {"fresh": "green", "stale": "yellow", "missing": "dim"}
    rows = [
        (one.stage, [(one.state, styles[one.state])], words.NONE if one.state == "fresh" else words.duration(one.seconds))
        for one in plan.stages
    ]
    print_table((say("stage"), say("state"), say("about")), rows)
    if plan.rows is not None:
        print_line(say("About {count} rows of the log.", count=words.count(plan.rows)))
    if not plan.seconds:
        print_line(say("Nothing is to be done.") if plan.seconds == 0 else say("How long it takes cannot be told beforehand."))
    else:
        print_line(say("About {time} on two cores.", time=words.duration(plan.seconds)), "bold")


def show_section(section: Section) -> None:
    """Print a section: its sentences, what its figures show in rows, its tables and lists. Curves are for the page."""
    if section.title:
        print_line(section.title, "bold")
    print_lines([*((value, label, "") for label, value in section.tiles)])
    for text, style in ((section.bold, "bold"), (section.lead, ""), *((text, _TONES[tone]) for tone, text in section.findings)):
        if text:
            print_line(text, style)
    print_lines([("-", point, "") for point in section.points])
    for figure in section.figures:
        _show_figure(figure)
    for table in section.tables:
        if table.place != "page":
            _show_table(table)
    for listing in section.lists:
        if listing.title:
            print_line(text_of(listing.title), "bold")
        print_lines([("-" if entry.rank is None else str(entry.rank), entry.text, "") for entry in listing.entries])
    for part in section.parts:
        show_section(part)


def _show_figure(figure: Figure) -> None:
    lines = [line for plot in figure.plots if isinstance(plot, RowPlot) for line in plot.lines if words.known(line.value)]
    if lines:
        shown = [(line.label, line.shown or words.estimate(line.value, line.low, line.high), line.note) for line in lines]
        named = say("{name}: {meaning}", name=figure.name, meaning=figure.meaning) if figure.meaning else figure.name
        print_line(named, "dim")
        print_table(("", "", ""), shown)


def _show_table(table: Table) -> None:
    brief = [place for place, column in enumerate(table.columns) if column.brief]
    if table.title:
        print_line(table.title, "dim")
    rows = [[_lines_of(row[place]) for place in brief] for row in table.rows]
    print_table([table.columns[place].heading for place in brief], rows)


def _lines_of(cell: Cell) -> object:
    """A cell as `print_table` takes it: a line has one style, that of its first span with a tone."""
    if isinstance(cell, str):
        return cell
    return [(text_of(line), next((_CHANGES[span.tone] for span in line if span.tone in _CHANGES), "")) for line in cell]


def show_explanation(answer: Why | WhyScore, run: Finished) -> None:
    """A value, or a recommendation's score, taken apart; ids are as they may be shown."""
    read = Facts(run, hash_ids=False)
    parts = clauses(f"{retell(line.column)} {words.plain(line.part)}" for line in answer.columns[:5])
    lines = _why_score(answer, read) if isinstance(answer, WhyScore) else _why_value(answer, read)
    print_lines([*lines, (say("by column"), parts, "")])


def _why_score(answer: WhyScore, read: Facts) -> list[tuple[str, str, str]]:
    kind = read.task.label
    predicted = words.percent(answer.probability) if kind.is_chance else words.figure(answer.probability)
    told = say("{value} by the {model}", value=predicted, model=retell(kind.linear))
    lines = [(say("chance") if kind.is_chance else say("predicted"), told, "bold")]
    for name, supports in ((say("made by"), answer.made), (say("against it"), answer.against)):
        lines += [(name, f"{retell(one.sentence)} ({read.mark(one.user, one.period)})", "") for one in supports]
    return lines


def _why_value(answer: Why, read: Facts) -> list[tuple[str, str, str]]:
    when = f" ({retell(read.task.period)} {answer.period})" if read.timed else ""
    lines = [(say("sample"), f"{retell(answer.sentence)}{when}", "")]
    per_row = say("{value} {unit} per validation row", value=words.plain(answer.value), unit=retell(read.task.label.unit))
    lines.append((say("value"), per_row, "bold"))
    predicted = words.percent(answer.probability) if read.task.label.is_chance else words.figure(answer.probability)
    told = say("{value}; leverage {leverage}", value=predicted, leverage=words.plain(answer.leverage))
    lines.append((say("predicted"), told, ""))
    for name, requests in ((say("helped"), answer.helped), (say("hurt"), answer.hurt)):
        lines += [(name, f"{read.mark(one.user, one.period)}: {words.plain(one.part)}", "") for one in requests]
    return lines + [(say("like it"), retell(one.sentence), "") for one in answer.neighbours]


def show_user(answer: UserList) -> None:
    """Print one user's recommendations: rank, name, category, reason."""
    told = later("for user {user}") if answer.known else later("user {user} has no list in this run; for anybody:")
    print_line(say(told, user=answer.user))
    rows = [
        (item.rank, item.name or item.item_id, item.category, None if item.reason is None else retell(item.reason))
        for item in answer.recommendations
    ]
    print_table(("", say("item"), say("category"), say("reason")), rows)


def show_search(answer: SearchAnswer, task: Task) -> None:
    """Print the items of a search: item, name, score and the reasons of each line, and what is to be known of them."""
    query = answer.query if len(answer.query) <= _QUERY else answer.query[:_QUERY] + "…"
    told = (
        later("{query}, for user {user}") if answer.user_known else later("{query}; user {user} is not in the log: for anybody")
    )
    print_line(query if answer.user is None else say(told, query=query, user=answer.user))
    if not answer.items:
        print_line(say("Nothing on sale has a word of it, or letters like it. Try fewer or other words."))
        return
    rows = [(item.rank, item.item_id, item.name, words.plain(item.score), why(item, task)) for item in answer.items]
    print_table(("", say("item"), say("name"), say("score"), say("why")), rows)
    if answer.derived:
        print_line(say("The ranker's training queries are {queries}.", queries=retell(answer.queries_are)), "dim")


def why(item: FoundItem, task: Task) -> str:
    """The reasons of a search's line, in the words of the run's task."""
    parts = [say("has {words}", words=listed(item.words)) if item.words else say("shares no word"), _ranks(item)]
    times, lately, clicks = item.taken_by_user, item.taken_lately, item.clicks_for_query
    taken = retell(task.taken)
    if times:
        parts.append(say("{taken} by the user in {periods}", taken=taken, periods=retell(task.some(times))))
    if lately:
        often, when = words.counted(lately, "time"), retell(task.last(4))
        parts.append(say("{taken} {times} in {periods}", taken=taken, times=often, periods=when))
    if clicks:
        told = forms("{count} click for this query before", "{count} clicks for this query before")
        parts.append(several(*told, clicks, count=words.count(clicks)))
    return clauses(parts)


def _ranks(item: FoundItem) -> str:
    """Where an item stands by words and by vectors."""
    by_words, by_vectors = words.count(item.rank_by_words), words.count(item.rank_by_vectors)
    if item.rank_by_words and item.rank_by_vectors:
        return say("rank by words {words}, by vectors {vectors}", words=by_words, vectors=by_vectors)
    if item.rank_by_words:
        return say("rank by words {words}", words=by_words)
    return say("rank by vectors {vectors}", vectors=by_vectors)
