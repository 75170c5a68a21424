"""A kept benchmark's card: one self-contained page that says what it is, how it was made, and how far it may be trusted."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from assay.app import report, words
from assay.app.safe import one_line
from assay.app.sections import beyond_accuracy, trust
from assay.benchmark.board.comparison import values_of
from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.compact.designs import Anchors
from assay.benchmark.keep.card import Card, Judging
from assay.benchmark.keep.folder import Kept
from assay.language import later, listed, say
from assay.language.retelling import retell
from assay.numerics.names import is_beyond
from assay.runs.section import Column, Section, Table
from assay.runs.store import write_text


def sentences(kept: Kept) -> list[str]:
    """What the benchmark is, in words."""
    card = kept.card
    measure = kept.benchmark.measures[0]
    size, users = words.count(len(kept.benchmark)), words.count(card.users)
    told = later("{count} of {pool} requests, of {users} users; {of}.")
    lines = [say(told, count=size, pool=words.count(card.pool), users=users, of=retell(card.of))]
    if kept.compact is None:
        lines.append(retell(card.plan) if card.plan else say("The size was given, not planned."))
        if words.known(card.detectable):
            told = later("Between two systems a difference of {difference} {measure} is found with 80 % power.")
            lines.append(say(told, difference=words.figure(card.detectable), measure=measure))
    else:
        how = say(trust.NAMES[card.design]) if card.design in trust.NAMES else say("chosen, not drawn")
        lines.append(say("A compact set for {measure}, {design}: {how}.", measure=measure, design=card.design, how=how))
        for one in card.trial:
            if one.design == card.design:
                relative = words.NONE if one.relative is None else f"{one.relative:.2f}"
                lines.append(
                    say(
                        "With each {part} left out in turn its error was {relative} of that of the plain mean of as many random "
                        "requests, its 95 % intervals held the truth in {share} of the cases, tau {tau}.",
                        part=retell(one.leave),
                        relative=relative,
                        share=words.percent(one.coverage),
                        tau=words.figure(one.tau),
                    )
                )
        if isinstance(kept.compact, Anchors):
            lines.append(say("Anchors serve daily development: a value on them is a guess, and no interval is valid."))
    if card.protocol is not None:
        told = later("Protocol: {protocol}; items that may be ranked: {items}.")
        lines.append(say(told, protocol=retell(card.protocol), items=retell(str(card.items))))
    if card.judging is not None:
        lines += judging(card.judging)
    return [*lines, *map(retell, card.unmatched)]


def judging(said: Judging) -> list[str]:
    """Who judged, when, on which version, what it changed, and how far they agree, in words."""
    of = {"count": words.count(said.pairs), "versions": listed(map(one_line, said.versions))}
    by = {"judges": listed(f"{one_line(name)} {words.count(number)}" for name, number in said.judges.items())}
    if said.judges and said.first and said.last:
        by |= {"first": said.first[:10], "last": said.last[:10]}
        people = say(
            "People judged {count} pairs of request and item by {judges}, on {versions}, from {first} to {last}.", **of, **by
        )
    elif said.judges:
        people = say("People judged {count} pairs of request and item by {judges}, on {versions}.", **of, **by)
    else:
        people = say(
            "People judged {count} pairs of request and item in {file}, which does not say by whom or when.",
            count=of["count"],
            file=one_line(said.file),
        )
    changed = say(
        "Their grades changed {changed} grades of truth and added {added}; pairs that nobody judged are as the truth had them, "
        "and what it does not name counts as not relevant.",
        changed=words.count(said.changed),
        added=words.count(said.added),
    )
    return [people, changed, *_agreement(said)]


def _agreement(said: Judging) -> Iterator[str]:
    """What was left out, and how far judges agree."""
    if said.elsewhere:
        elsewhere = later("{count} judged pairs are of requests that it does not have, and were left out.")
        yield say(elsewhere, count=words.count(said.elsewhere))
    if said.doubled:
        yield say(
            "{count} pairs had two judges or more, who differed on {differing}; the grade is {rule}.",
            count=words.count(said.doubled),
            differing=words.count(said.differing),
            rule=retell(str(said.rule)),
        )
    if said.alpha is not None:
        alpha = later("Krippendorff's alpha of the judges, ordinal: {alpha}.")
        yield say(alpha, alpha=words.estimate(said.alpha, said.low, said.high))
    if said.problem:
        lacks = later("How far judges agree is not known: {problem}.")
        if said.alpha is not None:
            lacks = later("Alpha has no interval: {problem}.")
        yield say(lacks, problem=retell(said.problem))
    if said.damaged:
        damaged = later("{count} lines of {file} cannot be read, and do not count.")
        yield say(damaged, count=words.count(said.damaged), file=said.file)


def beyond(board: Scoreboard) -> Section | None:
    """The systems' values beyond accuracy; None where the board has no such measure, or users too few for an interval."""
    measures = [name for name in board.measures if is_beyond(name)] if board.users > 1 else []
    values = {name: values_of(board, name).to_pylist() for name in measures}
    return beyond_accuracy.of_board(values) if values else None


def kinds(card: Card) -> Section | None:
    """How the chosen requests are like the traffic; None where nothing is known of it."""
    figures = trust.distances(card.distances, say("the chosen requests")) + trust.shares(card.shares)
    lead = say("The requests were chosen so that each kind has the share that it has in the traffic.")
    return Section(lead, figures=figures) if figures else None


def write(kept: Kept) -> Path:
    """Write card.html into the benchmark's folder and return its path; it is no part of the fingerprint."""
    parts = [("what", say("What this benchmark is"), Section(kept.label, points=sentences(kept), tables=[_systems(kept)]))]
    scores = kept.benchmark.scores
    if scores is not None and (section := beyond(scores)) is not None:
        parts.append(("beyond", say("Beyond accuracy"), replace(section, title="")))
    if (like := kinds(kept.card)) is not None:
        parts.append(("kinds", say("Does it look like the traffic?"), like))
    how = [
        say("Predict for requests.parquet; rank the items of candidates.parquet where it is there."),
        f"assay benchmark {'score' if kept.compact is None else 'estimate'} {kept.folder} --system NAME=FILE",
        say(
            "{command}: how often it was consulted, and when to renew it.",
            command=f"assay benchmark status {kept.folder} --traffic FILE",
        ),
    ]
    parts.append(("use", say("How to use it"), Section(say("Every use is counted; files are checked before each."), points=how)))
    path = kept.folder / "card.html"
    write_text(path, report.page(kept.name, parts))
    return path


def _systems(kept: Kept) -> Table:
    scores = kept.benchmark.scores
    measures = [name for name in kept.benchmark.measures if not is_beyond(name)]
    columns = [Column(say("system")), Column(say("family")), *(Column(name, number=True) for name in measures)]
    rows = []
    if scores is not None:
        means = [scores.means(name) for name in measures]
        order = sorted(range(len(scores.systems)), key=lambda s: (-means[0][s], scores.systems[s]))
        rows = [[scores.systems[s], scores.families[s], *(words.figure(float(m[s])) for m in means)] for s in order]
    return Table(columns, rows, say("Systems scored when it was made") if rows else say("No system was scored when it was made"))
