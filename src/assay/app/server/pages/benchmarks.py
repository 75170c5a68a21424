"""Benchmarks: kept ones with their versions, card, audit, leader board, uses, and systems over the versions."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from assay.app import card, words
from assay.app.sections import beyond_accuracy, trust
from assay.app.server import views
from assay.app.server.api.asked import Page
from assay.app.server.site import Asked
from assay.benchmark.keep.folder import Kept
from assay.language import clauses, later, listed, paragraph, say
from assay.language.retelling import retell
from assay.numerics.names import is_beyond
from assay.pages.kept import KeptPage, Use
from assay.pages.serving import BoardPage
from assay.runs.section import Column, Figure, Row, RowPlot, Section, Table, Tone
from assay.serving.beside import Side

USES = 20  # of a page
_ROWS = 48  # of the plot of versions
_NAMED = 6  # systems of a use
_LETTERS = 12  # of a fingerprint
router = APIRouter(include_in_schema=False)
PAGE = views.Page(later("Benchmarks"), "/benchmarks", router)


@router.get("/benchmarks")
def benchmarks(
    request: Request,
    site: Asked,
    benchmark: Annotated[str | None, Query(max_length=300)] = None,
    measure: Annotated[str | None, Query(max_length=100)] = None,
    page: Page = 1,
    run: Annotated[str | None, Query(max_length=200)] = None,
) -> HTMLResponse:
    """The benchmarks that were opened, and all about one."""
    site.living(run)
    shelf = site.shelf()
    every = shelf.listed().benchmarks
    if not every:
        return views.page(request, "benchmarks.html.j2", run=run, listed=[])
    kept = shelf.of(benchmark or every[0].benchmark)
    about = shelf.page(kept.label, measure or None, page=page, size=USES)
    first = about.board.leaders[0].system if about.board and about.board.leaders else ""
    return views.page(
        request,
        "benchmarks.html.j2",
        run=run,
        listed=every,
        about=about,
        parts=sections(kept, about),
        side=Side(kept.label, first, ()).about.address if first else None,
    )


def sections(kept: Kept, about: KeptPage) -> list[tuple[str, str, Section]]:
    """(id, heading, section) of all that is shown of a benchmark."""
    parts = [
        ("what", say("What it is"), Section(points=[*card.sentences(kept), _identity(about)])),
        ("board", say("Leader board"), _board(about)),
        ("versions", say("Versions"), _versions(about)),
        ("audit", say("Audit"), _audit(about)),
    ]
    if (like := card.kinds(kept.card)) is not None:
        parts.append(("kinds", say("Does it look like the traffic?"), like))
    return [*parts, ("uses", say("Uses"), _uses(about.use))]


def _identity(about: KeptPage) -> str:
    """Which version it is, and which it replaces."""
    frozen = later("Version {version}, frozen; its fingerprint is {fingerprint}.")
    told = [say(frozen, version=about.version, fingerprint=about.fingerprint[:_LETTERS])]
    if about.replaces is not None:
        served = next((one.benchmark for one in about.versions if one.fingerprint == about.replaces), None)
        before = served or say("the version with the fingerprint {fingerprint}", fingerprint=about.replaces[:_LETTERS])
        told.append(say("It replaces {version}.", version=before))
    return paragraph(told)


def _board(about: KeptPage) -> Section:
    board = about.board
    if board is None:
        none = later("No system has been scored on it yet: {command}")
        return Section(say(none, command="assay benchmark score FOLDER --system NAME=FILE"))
    lead = say(
        "Means over {requests} requests with 95 % intervals, clustered by {users} users.",
        requests=words.count(board.requests),
        users=words.count(board.users),
    )
    if board.leaders:
        figures = [trust.leaders(board.leaders, board.measure, "plot-board")]
        return Section(lead, figures=figures, tables=[_means(board)])
    if is_beyond(board.measure):
        lines = [{"system": system, **one.ends()} for system, one in board.means[board.measure].items()]
        return beyond_accuracy.of_board({board.measure: lines})
    few = say("Too few systems or users to say which are better.")
    return Section(paragraph([lead, few]), tables=[_means(board)])


def _means(board: BoardPage) -> Table:
    """All systems by all measures of accuracy."""
    measures = [name for name in board.means if not is_beyond(name)]
    names = [line.system for line in board.leaders] or list(board.means[board.measure])
    rows = [[name, *(words.estimated(board.means[measure][name]) for measure in measures)] for name in names]
    columns = [Column(say("system")), *(Column(measure, number=True) for measure in measures)]
    folded = say("All {systems} by every measure", systems=words.counted(len(names), "system"))
    return Table(columns, rows, folded=folded)


def _versions(about: KeptPage) -> Section:
    numbers = (say("requests"), say("of which here too"), say("users"), say("systems"))
    columns = [Column(say("version")), *(Column(name, number=True) for name in numbers)]
    rows = [
        [one.benchmark, *(words.count(number) for number in (one.requests, one.shared, one.users, one.systems))]
        for one in about.versions
    ]
    if len(about.versions) < 2:
        lead = say(
            "Only this version is served. To see how systems fared over versions serve several: --benchmark FOLDER for each."
        )
        return Section(lead, tables=[Table(columns, rows)])
    lead = say(
        "How each system fared on each version. Versions have other requests, so that a difference between two versions is not "
        "the system's alone."
    )
    return Section(lead, figures=_history(about), tables=[Table(columns, rows)])


def _history(about: KeptPage) -> list[Figure]:
    """Systems with their intervals, each version below the one before; the best of the newest first."""
    if about.board is None:
        return []
    newest = {line.system: line.value or 0.0 for line in about.history}  # the last that is named is the newest
    of = {version: place for place, version in enumerate(dict.fromkeys(line.benchmark for line in about.history))}
    lines = sorted(about.history, key=lambda line: (-newest[line.system], line.system, of[line.benchmark]))
    drawn = [
        Row(
            line.system, line.value, line.low, line.high,
            note=say("version {version}, {requests}", version=line.version, requests=words.counted(line.requests, "request")),
            tone=f"s{of[line.benchmark] % 6}",
        )
        for line in lines[:_ROWS] if line.value is not None
    ]  # fmt: skip
    left = len(lines) - len(drawn)
    meaning = clauses([say("a colour is a version"), *([say("{count} more", count=words.count(left))] if left else [])])
    return [Figure([RowPlot("plot-versions", drawn)], about.board.measure, meaning)]


def _audit(about: KeptPage) -> Section:
    if about.audit is None:
        none = later(
            "No run that is served has all of these requests, so there is no log to audit them against. Audit it by its files: "
            "{command}"
        )
        return Section(say(none, command="assay benchmark audit --truth FILE --requests FILE"))
    lead = say("Its requests are of the test of {run}; this is what the audit of that test found.", run=about.audited)
    return Section(lead, findings=trust.findings(about.audit))


def _uses(use: Use) -> Section:
    tiles = [(say("uses: {what}", what=what), words.count(number)) for what, number in use.counts.items()]
    tiles.append((say("systems that consulted it"), words.count(use.consulting)))
    if use.flattered is not None:
        tiles.append((say("by chance the best looks better by"), words.figure(use.flattered)))
    findings: list[tuple[Tone, str]] = [("bad", say("Renew it: {reason}.", reason=retell(reason))) for reason in use.renew]
    if not findings:
        findings = [("good", say("No reason to renew it."))] if use.total else [("even", say("It was never consulted."))]
    rows = [[one.when.replace("T", " "), one.what, _systems(one.systems)] for one in use.times]
    table = Table([Column(say("when")), Column(say("what for")), Column(say("systems"))], rows, say("The latest first"))
    lead = say(
        "Every look at a benchmark is counted: the more systems are compared on it, the more the best of them is flattered."
    )
    return Section(lead, tiles=tiles, findings=findings, tables=[table] if rows else [])


def _systems(names: list[str]) -> str:
    left = len(names) - _NAMED
    named = listed(names[:_NAMED])
    return named if left <= 0 else say("{names} and {count} more", names=named, count=words.count(left))
