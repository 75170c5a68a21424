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
PAGE = views.Page("Benchmarks", "/benchmarks", router)


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
    listed = shelf.listed().benchmarks
    if not listed:
        return views.page(request, "benchmarks.html.j2", run=run, listed=[])
    kept = shelf.of(benchmark or listed[0].benchmark)
    about = shelf.page(kept.label, measure or None, page=page, size=USES)
    first = about.board.leaders[0].system if about.board and about.board.leaders else ""
    return views.page(
        request,
        "benchmarks.html.j2",
        run=run,
        listed=listed,
        about=about,
        parts=sections(kept, about),
        side=Side(kept.label, first, ()).about.address if first else None,
    )


def sections(kept: Kept, about: KeptPage) -> list[tuple[str, str, Section]]:
    """(id, heading, section) of all that is shown of a benchmark."""
    parts = [
        ("what", "What it is", Section(points=[*card.sentences(kept), _identity(about)])),
        ("board", "Leader board", _board(about)),
        ("versions", "Versions", _versions(about)),
        ("audit", "Audit", _audit(about)),
    ]
    if (like := card.kinds(kept.card)) is not None:
        parts.append(("kinds", "Does it look like the traffic?", like))
    return [*parts, ("uses", "Uses", _uses(about.use))]


def _identity(about: KeptPage) -> str:
    """Which version it is, and which it replaces."""
    told = f"Version {about.version}, frozen; its fingerprint is {about.fingerprint[:_LETTERS]}."
    if about.replaces is None:
        return told
    served = next((one.benchmark for one in about.versions if one.fingerprint == about.replaces), None)
    return f"{told} It replaces {served or f'the version with the fingerprint {about.replaces[:_LETTERS]}'}."


def _board(about: KeptPage) -> Section:
    board = about.board
    if board is None:
        return Section("No system has been scored on it yet: assay benchmark score FOLDER --system NAME=FILE")
    lead = (
        f"Means over {words.count(board.requests)} requests with 95 % intervals, clustered by {words.count(board.users)} users."
    )
    if board.leaders:
        figures = [trust.leaders(board.leaders, board.measure, "plot-board")]
        return Section(lead, figures=figures, tables=[_means(board)])
    if is_beyond(board.measure):
        lines = [{"system": system, **one.ends()} for system, one in board.means[board.measure].items()]
        return beyond_accuracy.of_board({board.measure: lines})
    return Section(f"{lead} Too few systems or users to say which are better.", tables=[_means(board)])


def _means(board: BoardPage) -> Table:
    """All systems by all measures of accuracy."""
    measures = [name for name in board.means if not is_beyond(name)]
    names = [line.system for line in board.leaders] or list(board.means[board.measure])
    rows = [[name, *(words.estimated(board.means[measure][name]) for measure in measures)] for name in names]
    columns = [Column("system"), *(Column(measure, number=True) for measure in measures)]
    return Table(columns, rows, folded=f"All {words.counted(len(names), 'system')} by every measure")


def _versions(about: KeptPage) -> Section:
    columns = [Column("version"), *(Column(name, number=True) for name in ("requests", "of which here too", "users", "systems"))]
    rows = [
        [one.benchmark, *(words.count(number) for number in (one.requests, one.shared, one.users, one.systems))]
        for one in about.versions
    ]
    if len(about.versions) < 2:
        lead = "Only this version is served. To see how systems fared over versions serve several: --benchmark FOLDER for each."
        return Section(lead, tables=[Table(columns, rows)])
    lead = (
        "How each system fared on each version. Versions have other requests, so that a difference between two versions is not"
        " the system's alone."
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
            note=f"version {line.version}, {words.counted(line.requests, 'request')}", tone=f"s{of[line.benchmark] % 6}",
        )
        for line in lines[:_ROWS] if line.value is not None
    ]  # fmt: skip
    left = len(lines) - len(drawn)
    meaning = "a colour is a version" + (f"; {left} more" if left else "")
    return [Figure([RowPlot("plot-versions", drawn)], about.board.measure, meaning)]


def _audit(about: KeptPage) -> Section:
    if about.audit is None:
        return Section(
            "No run that is served has all of these requests, so there is no log to audit them against. Audit it by its files:"
            " assay benchmark audit --truth FILE --requests FILE"
        )
    lead = f"Its requests are of the test of {about.audited}; this is what the audit of that test found."
    return Section(lead, findings=trust.findings(about.audit))


def _uses(use: Use) -> Section:
    tiles = [(f"uses: {what}", words.count(number)) for what, number in use.counts.items()]
    tiles.append(("systems that consulted it", words.count(use.consulting)))
    if use.flattered is not None:
        tiles.append(("by chance the best looks better by", words.figure(use.flattered)))
    findings: list[tuple[Tone, str]] = [("bad", f"Renew it: {reason}.") for reason in use.renew]
    if not findings:
        findings = [("good", "No reason to renew it.")] if use.total else [("even", "It was never consulted.")]
    rows = [[one.when.replace("T", " "), one.what, _systems(one.systems)] for one in use.times]
    table = Table([Column("when"), Column("what for"), Column("systems")], rows, "The latest first")
    lead = "Every look at a benchmark is counted: the more systems are compared on it, the more the best of them is flattered."
    return Section(lead, tiles=tiles, findings=findings, tables=[table] if rows else [])


def _systems(names: list[str]) -> str:
    left = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {left} more" if left > 0 else "")
