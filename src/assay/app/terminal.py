"""The short table that closes a run in the terminal: at most 80 columns, no colour when piped."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from assay.app import words
from assay.app.console import console
from assay.app.safe import one_line
from assay.app.sections.facts import Facts
from assay.evaluation.claims import CLAIMS
from assay.finished import Finished

_QUERY = 60  # characters of a query that are shown


def facts(run: Finished) -> dict[str, Any]:
    """What the table is made of, for machines: folder, report, summary, cost, chosen arm, features kept."""
    report = run.folder / "report.html"

    def read(name: str) -> Any:
        return run.read_json(name) if run.exists(name) else {}

    return {
        "folder": str(run.folder),
        "report": str(report) if report.exists() else None,
        "summary": read("summary.json"),
        "cost": run.costs(),
        "chosen": read("selection/curve.json").get("chosen"),
        "features": read("features/kept.json"),
        "position_bias": read("samples/account.json").get("position_bias", {}),
    }


def _learnt(summary: Mapping[str, Any]) -> str:
    models = summary.get("models", {})
    best = [(measure, words.best_model(models, measure)) for measure in CLAIMS]
    found = [f"{m} {words.figure(b[1].get('value'))} by {b[0]}" for m, b in best if b is not None]
    samples = summary.get("samples", {})
    trained = f"{words.count(samples.get('train'))} samples, {len(models)} models"
    return f"{trained}; best on test: {', '.join(found)}" if found else trained


def closing(found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(what, in words, tone) of every line that the artefacts allow."""
    summary, cost = found["summary"], found["cost"]
    lines: list[tuple[str, str, str]] = []
    if log := summary.get("log"):
        read = (log.get("events") or 0) + (log.get("rejected") or 0)
        since = f"{words.day(log.get('from'))} to {words.day(log.get('to'))}"
        lines.append(("read", f"{words.count(read)} events, {since}", ""))
        kept = f"{words.count(log.get('users'))} users, {words.count(log.get('items'))} items"
        lines.append(("cleaned", f"{words.count(log.get('rejected'))} taken out; left: {kept}", ""))
    if summary.get("samples"):
        lines.append(("learnt", _learnt(summary), ""))
    if "examination" in (bias := found["position_bias"]):
        few = ", ".join(words.plain(value) for value in bias["examination"][:3])
        size = f"{words.count(bias['positives'])} positives weigh as {words.count(bias['effective_positives'])}"
        lines.append(("places", f"looked at {few}, … by {bias['method']}; {size}", ""))
    if found["features"]:
        lines.append(("features", words.features(found["features"]), ""))
    for model, entry in sorted(summary.get("selection", {}).items()):
        tone, sentence = words.finding(model, entry, found["chosen"])
        lines.append(("gained", sentence, {"good": "green", "bad": "yellow"}.get(tone, "")))
    if made := summary.get("recommendations"):
        each = f"{words.count(made.get('users'))} users, {words.count(made.get('per_user'))} each"
        lines.append(("recommended", each, ""))
    if seconds := cost.get("seconds"):
        slowest = sorted(seconds.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
        parts = ", ".join(f"{stage} {words.duration(spent)}" for stage, spent in slowest)
        lines.append(("time", f"{words.duration(sum(seconds.values()))} ({parts})", ""))
        lines.append(("memory", f"at most {words.memory(cost.get('peak_rss_mb'))}", ""))
    lines.append(("report", found["report"] or "none yet; make it with: assay report FOLDER", "bold"))
    return lines


def print_lines(lines: Sequence[tuple[str, str, str]]) -> None:
    """Print (name, text, style) one below the other."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
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
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
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
    print_lines(closing(facts(run)))


def show_graph(states: Mapping[str, tuple[str, Sequence[str]]]) -> None:
    """Print every stage with its state and what it follows."""
    styles = {"fresh": "green", "stale": "yellow", "missing": "dim"}
    rows = [(name, [(state, styles[state])], ", ".join(follows)) for name, (state, follows) in states.items()]
    print_table(("stage", "state", "follows"), rows)


def show_verdicts(run: Finished, verdicts: Sequence[Mapping[str, Any]]) -> None:
    """One sentence a valuer, what its values are worth to other models, how they agree with retraining, where to read on."""
    lines = [(line["valuer"], line["sentence"], "" if line["usable"] else "bold") for line in verdicts]
    agreement = run.read_json("verify/agreement.json")
    for page, measure in words.AGREEMENT.items():
        found = {name: words.estimate(*(e[k] for k in ("value", "low", "high"))) for name, e in agreement.get(page, {}).items()}
        if found:
            each = "; ".join(f"{name} {shown}" for name, shown in found.items())
            lines.append(("agreement", f"{measure} after retraining on random subsets: {each}", ""))
    print_lines(lines)
    tried = [line for line in run.read_json("verify/transfer.json") if "log_loss" in line.get("against_random", {})]
    if tried:
        share = words.percent(tried[0]["fraction"])
        print_line(f"What models lose or gain in log_loss without the worst {share} by each, against a random {share}:")
        _carried(tried)
    print_lines([("report", str(run.folder / "report.html"), "bold")])


def _carried(tried: Sequence[Mapping[str, Any]]) -> None:
    """A row a valuer, with the model that its values are of and what they took; a column a model, tried without the worst."""
    models = list(dict.fromkeys(line["model"] for line in tried))
    rows: list[list[object]] = []
    for valuer in dict.fromkeys(line["valuer"] for line in tried):
        mine = {line["model"]: line for line in tried if line["valuer"] == valuer}
        first = next(iter(mine.values()))
        rows.append([[valuer, f"{first['made_with'] or 'no model'}, {words.duration(first['seconds'])}"]])
        for model in models:
            change = mine[model]["against_random"]["log_loss"]
            tone = words.judge("log_loss", change)
            style = {"better": "green", "worse": "yellow"}.get(tone, "")
            shown = [words.figure(change["value"], sign=True), *([] if tone == "even" else [tone])]
            rows[-1].append([(line, style) for line in shown])
    print_table(("values", *models), rows)


def show_slices(run: Finished, lines: Sequence[Mapping[str, Any]]) -> None:
    """What harms, what was tried, what to do."""
    rows: list[Sequence[object]] = []
    for line in [line for line in lines if line["helps"] or line["because"] == "construction"]:
        tried = [
            f"{name.split(' ')[0]} {words.figure(trial['difference'].get('log_loss', {}).get('value'), sign=True)}"
            f" ({words.figure(trial['forecast'], sign=True)})"
            for name, trial in line["trials"].items()
        ]
        size = f"{words.count(line['rows'])} ({words.percent(line['share'])})"
        rows.append((line["rule"], size, tried, line["advice"]))
    if rows:
        print_table(("slice", "samples", "tried: change of log_loss (forecast)", "advice"), rows)
    else:
        print_line("No slice harms: nothing that was tried helps on the tuning periods.")
    others = len(lines) - len(rows)
    print_lines([("looked at", f"{others} more rule(s) for low values, which no change helps", "")])
    print_lines([("report", str(run.folder / "report.html"), "bold")])


def show_anomalies(run: Finished, found: Mapping[str, Any]) -> None:
    """How many are flagged of users and of samples, and the first of the flagged ones."""
    users, samples = found["users"], found["samples"]
    shown = Facts(run, hash_ids=run.config.show.hash_ids).shown
    lines = [("users", words.flagged(users, "user behaves like a robot", "users behave like robots"), "bold")]
    lines += [("", f"{shown(line['user_id'])}: {line['trait']}", "") for line in users["first"] if line["flagged"]]
    lines.append(("samples", words.flagged(samples, "label is doubtful", "labels are doubtful"), "bold"))
    if samples["flagged"]:
        lines += [("", f"{line['sentence']} (user {shown(line['user'])}, week {line['week']})", "") for line in samples["first"]]
    print_lines([*lines, ("report", str(run.folder / "report.html"), "bold")])


def show_weights(run: Finished, found: Mapping[str, Any]) -> None:
    """What was learnt, what it changes on tuning, what was chosen."""
    lines = []
    for line in found["families"]:
        changes = [f"{m} {words.figure(line['difference'][m]['value'], sign=True)}" for m in CLAIMS if m in line["difference"]]
        lines.append((line["family"], f"{line['weights']}: {', '.join(changes)}", ""))
    lines.append(("chosen", found["chosen"], "bold"))
    print_lines([*lines, ("report", str(run.folder / "report.html"), "bold")])


def show_explanation(answer: Mapping[str, Any]) -> None:
    """A value, or a recommendation's score, taken apart."""
    parts = [f"{line['column']} {words.plain(line['part'])}" for line in answer["columns"][:5]]
    if "made" in answer:
        lines = [("chance", f"{words.percent(answer['probability'])} by the logistic regression", "bold")]
        for name, key in (("made by", "made"), ("against it", "against")):
            lines += [(name, f"{line['sentence']} (user {line['user']}, week {line['week']})", "") for line in answer[key]]
    else:
        lines = [("sample", f"{answer['sentence']} (week {answer['week']})", "")]
        lines.append(("value", f"{words.plain(answer['value'])} nats a validation row", "bold"))
        lines.append(("predicted", f"{words.percent(answer['probability'])}; leverage {words.plain(answer['leverage'])}", ""))
        for name, key in (("helped", "helped"), ("hurt", "hurt")):
            lines += [
                (name, f"user {line['user']}, week {line['week']}: {words.plain(line['part'])}", "") for line in answer[key]
            ]
        lines += [("like it", line["sentence"], "") for line in answer["neighbours"]]
    print_lines([*lines, ("by column", "; ".join(parts), "")])


def show_user(user_id: str, lines: Sequence[Mapping[str, Any]], *, known: bool = True) -> None:
    """Print one user's recommendations: rank, name, category, reason."""
    print_line(f"for user {user_id}" if known else f"user {user_id} has no list in this run; for anybody:")
    shown = [(line["rank"], line.get("name") or line["item_id"], line.get("category"), line.get("reason")) for line in lines]
    print_table(("", "item", "category", "reason"), shown)


def show_search(page: Mapping[str, Any]) -> None:
    """Print what a search found: item, name, score and the reasons of each line, and what is to be known of them."""
    asked = page["query"] if len(page["query"]) <= _QUERY else page["query"][:_QUERY] + "…"
    user = page["user"]
    whose = (
        "" if user is None else f", for user {user}" if page["user_known"] else f"; user {user} is not in the log: for anybody"
    )
    print_line(f"{asked}{whose}")
    if not page["items"]:
        print_line("Nothing on sale has a word of it, or letters like it. Try fewer or other words.")
        return
    items = page["items"]
    rows = [(line["rank"], line["item_id"], line["name"], words.plain(line["score"]), why(line)) for line in items]
    print_table(("", "item", "name", "score", "why"), rows)
    if page["derived"]:
        print_line(f"The ranker's training queries are {page['queries_are']}.", "dim")


def why(line: Mapping[str, Any]) -> str:
    """The reasons of a search's line, in words."""
    ranks = [f"{name} {words.count(rank)}" for name, rank in _ranks(line) if rank]
    parts = [f"has {', '.join(line['words'])}" if line["words"] else "shares no word", f"rank by {', by '.join(ranks)}"]
    times, lately = line["taken_by_user"], line["taken_lately"]
    parts += [f"the user took it in {words.counted(times, 'period')}"] if times else []
    parts += [f"taken {words.counted(lately, 'time')} in 4 periods"] if lately else []
    parts += [f"{words.counted(line['clicks_for_query'], 'click')} for this query before"] if line["clicks_for_query"] else []
    return "; ".join(parts)


def _ranks(line: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return (("words", line["rank_by_words"]), ("vectors", line["rank_by_vectors"]))
