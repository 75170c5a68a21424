"""Side by side: two systems over all requests and by slice, and their lists for one request with moved items joined."""

from itertools import groupby
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from assay.app import plots, words
from assay.app.server import drawings, views
from assay.app.server.api.asked import ID, Page
from assay.app.server.api.compare import ADDRESS
from assay.app.server.site import Asked, Site
from assay.benchmark.attributes import KEYS
from assay.language import later, paragraph, say
from assay.pages.beside import ComparePage, Difference, SliceDifference, System
from assay.runs.section import Row, Tone
from assay.serving.beside import Beside, Order, pair, sides

SHOWN = 25  # requests of a page
DEPTHS = (10, 20, 50)
_MOST = 30  # right items that are shown at once
router = APIRouter(include_in_schema=False)
PAGE = views.Page(later("Side by side"), "/compare", router)

Address = Annotated[str | None, Query(max_length=ADDRESS)]
Text = Annotated[str | None, Query(max_length=ID)]
RunName = Annotated[str | None, Query(max_length=200)]


@router.get("/compare")
def compare(
    request: Request,
    site: Asked,
    a: Address = None,
    b: Address = None,
    measure: Text = None,
    sort: Order = "apart",
    attribute: Text = None,
    level: Text = None,
    page: Page = 1,
    run: RunName = None,
) -> HTMLResponse:
    """What tells two systems apart, by slice, and the requests on which they differ."""
    if (empty := _nothing(site, run)) is not None:
        return views.page(request, "compare.html.j2", run=run, empty=empty)
    both = _beside(site, a, b, run)
    shown = both.page(measure, sort, attribute=attribute, level=level, page=page, size=SHOWN)
    overall = _overall(shown)
    return views.page(
        request,
        "compare.html.j2",
        run=run,
        empty=None,
        places=_places(site, run),
        shown=shown,
        overall=overall,
        verdict=verdict(overall),
        slices=_slices(shown),
        asked=_asked(both, shown.measure, sort, attribute, level),
        split=drawings.split,
        keys=KEYS,
    )


@router.get("/compare/request")
def compare_request(
    request: Request,
    site: Asked,
    id: Text = None,
    a: Address = None,
    b: Address = None,
    measure: Text = None,
    sort: Order = "apart",
    attribute: Text = None,
    level: Text = None,
    depth: Annotated[int, Query(ge=1, le=100)] = DEPTHS[0],
    run: RunName = None,
) -> Response:
    """Both lists for a request; where none is named, as when another run is chosen, the page of all."""
    if not id:
        return RedirectResponse("/compare" if run is None else f"/compare?{urlencode({'run': run})}")
    both = _beside(site, a, b, run)
    one = both.request(id, measure, sort, attribute=attribute, level=level, depth=depth)
    return views.page(
        request,
        "compare_request.html.j2",
        run=run,
        one=one,
        requests=len(both.board.request),
        differences=[(line, one.a.scores[line.measure], one.b.scores[line.measure]) for line in both.differences],
        moves=drawings.moves(one.a.items, one.b.items),
        key=drawings.key,
        keys=KEYS,
        most=_MOST,
        depth=depth,
        depths=DEPTHS,
        asked=_asked(both, measure, sort, attribute, level),
    )


def verdict(line: Difference) -> tuple[Tone, str]:
    """What a difference of b minus a is worth, in a sentence."""
    more = later("B has {amount} more {measure} than A")
    if line.difference < 0:
        more = later("B has {amount} less {measure} than A")
    what = say(more, amount=words.figure(abs(line.difference)), measure=line.measure)
    requests, users = words.counted(line.requests, "request"), words.counted(line.users, "user")
    of = say("on {requests} of {users}", requests=requests, users=users)
    if line.low is None or line.high is None:
        return "even", say("{what}, {of}: too few users to say what chance allows.", what=what, of=of)
    low, high = (words.figure(end, sign=True) for end in (line.low, line.high))
    told = say("{what} (95 % interval of the difference {low} to {high}), {of}", what=what, low=low, high=high, of=of)
    if line.low > 0 or line.high < 0:
        return "good" if line.low > 0 else "bad", say("{told}: more than chance allows.", told=told)
    even = [say("{told}: no more than chance allows.", told=told)]
    if line.detectable:
        finds = later("A true difference of {difference} would be found with 80 % power.")
        even.append(say(finds, difference=words.figure(line.detectable)))
    return "even", paragraph(even)


def _beside(site: Site, a: str | None, b: str | None, run: str | None) -> Beside:
    return Beside(*pair(site.places(run), a or None, b or None))


def _nothing(site: Site, run: str | None) -> str | None:
    """Why there is nothing to compare, in a sentence; None where there is."""
    places = site.places(run)
    if len(sides(places)) > 1:
        return None
    if not places:
        return later(
            "This run ranks nothing, and no benchmark was opened. Serve a run from a log, or a kept benchmark: --benchmark FOLDER"
        )
    return later(
        "Side by side are two systems, and only one was scored here. Score another: assay benchmark score, or --system NAME=FILE"
    )


def _places(site: Site, run: str | None) -> list[tuple[str, list[System]]]:
    """Systems by their places."""
    return [(where, list(own)) for where, own in groupby((one.about for one in sides(site.places(run))), lambda one: one.where)]


def _overall(shown: ComparePage) -> Difference:
    return next(line for line in shown.differences if line.measure == shown.measure)


def _asked(both: Beside, measure: str | None, sort: Order, attribute: str | None, level: str | None) -> dict[str, object]:
    """What links of the page keep."""
    return {
        "a": both.a.about.address,
        "b": both.b.about.address,
        "measure": measure,
        "sort": None if sort == "apart" else sort,
        "attribute": attribute,
        "level": level,
    }


def _slices(shown: ComparePage) -> list[tuple[str, list[tuple[SliceDifference, Markup]]]]:
    """Slices by attribute, each with its interval drawn; all on one axis."""
    ends = [end for line in shown.slices for end in (line.difference, line.low, line.high)]
    axis = plots.scale(ends, include=[0.0])

    def drawn(line: SliceDifference) -> Markup:
        return plots.track(Row("", line.difference, line.low, line.high, tone="ink"), axis, stem=False, zero=True)

    return [(name, [(line, drawn(line)) for line in lines]) for name, lines in groupby(shown.slices, lambda line: line.attribute)]
