"""Two systems side by side, over all requests and for one."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Path as InPath

from assay.app.server.api.asked import ID, REFUSALS, Depth, Page, RunName, Size
from assay.app.server.site import Asked, Site
from assay.pages.beside import BesideRequest, ComparePage, Systems
from assay.serving.beside import Beside, Order, pair, sides

ADDRESS = 900  # characters
router = APIRouter(prefix="/api", tags=["side by side"], responses=REFUSALS)
Address = Annotated[
    str | None, Query(max_length=ADDRESS, description="A system, as /api/systems says; its name alone where one place has it.")
]
Measure = Annotated[str | None, Query(max_length=100, description="As mrr@10; default: ndcg@10.")]
Sorted = Annotated[Order, Query(description="Most different first; or those where b is better, or worse.")]
Attribute = Annotated[str | None, Query(max_length=200, description="List the requests of one kind: the attribute's name.")]
Level = Annotated[str | None, Query(max_length=ID, description="With attribute: its level as slices say; default: unknown.")]


@router.get("/systems")
def systems(site: Asked) -> Systems:
    """All systems that can be put side by side: of runs, and of kept benchmarks."""
    return Systems(systems=[side.about for side in sides(site.places())])


@router.get("/compare")
def compare(
    site: Asked,
    a: Address = None,
    b: Address = None,
    measure: Measure = None,
    sort: Sorted = "apart",
    attribute: Attribute = None,
    level: Level = None,
    page: Page = 1,
    size: Size = 50,
    run: RunName = None,
) -> ComparePage:
    """What tells two systems apart: b minus a over all requests and by slice, and the requests on which they differ."""
    return beside(site, a, b, run).page(measure, sort, attribute=attribute, level=level, page=page, size=size)


@router.get("/compare/requests/{request:path}")
def compare_request(
    site: Asked,
    request: Annotated[str, InPath(min_length=1, max_length=ID)],
    a: Address = None,
    b: Address = None,
    measure: Measure = None,
    sort: Sorted = "apart",
    attribute: Attribute = None,
    level: Level = None,
    depth: Depth = 10,
    run: RunName = None,
) -> BesideRequest:
    """Both lists for a request, with what is right for it; before and after are its neighbours in the order asked for."""
    return beside(site, a, b, run).request(request, measure, sort, attribute=attribute, level=level, depth=depth)


def beside(site: Site, a: str | None, b: str | None, run: str | None) -> Beside:
    """Two systems by their addresses, by default of a run; see serving.beside.pair."""
    return Beside(*pair(site.places(run), a, b))
