"""What systems scored, and how they rank a request."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Path as InPath

from assay.app.server.api.asked import ID, REFUSALS, Benchmark, Depth, Page, RunName, Size
from assay.app.server.site import Asked
from assay.pages.serving import BoardPage, RequestPage, RequestsPage

router = APIRouter(prefix="/api", tags=["benchmarks"], responses=REFUSALS)


@router.get("/board")
def board(
    site: Asked,
    measure: Annotated[str | None, Query(max_length=100, description="As ndcg@10; default: the one that is decided on.")] = None,
    benchmark: Benchmark = None,
    run: RunName = None,
) -> BoardPage:
    """The leader board of a benchmark or of a run's own test."""
    return site.test(run, benchmark).board(measure)


@router.get("/requests")
def requests(site: Asked, page: Page = 1, size: Size = 50, benchmark: Benchmark = None, run: RunName = None) -> RequestsPage:
    """The requests of a benchmark."""
    return site.test(run, benchmark).requests(page, size)


@router.get("/requests/{request:path}")
def request(
    site: Asked,
    request: Annotated[str, InPath(min_length=1, max_length=ID)],
    depth: Depth = 10,
    benchmark: Benchmark = None,
    run: RunName = None,
) -> RequestPage:
    """A request with what is right for it and the rankings of its systems."""
    with site.alone():
        return site.test(run, benchmark).request(request, depth)
