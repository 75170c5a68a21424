"""Kept benchmarks: which there are, and all about one."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Path as InPath

from assay.app.server.api.asked import REFUSALS, Page, Size
from assay.app.server.site import Asked
from assay.pages.kept import KeptList, KeptPage

router = APIRouter(prefix="/api", tags=["benchmarks"], responses=REFUSALS)


@router.get("/benchmarks")
def benchmarks(site: Asked) -> KeptList:
    """The kept benchmarks that are served."""
    return site.shelf().listed()


@router.get("/benchmarks/{benchmark:path}")
def benchmark(
    site: Asked,
    benchmark: Annotated[str, InPath(min_length=1, max_length=300, description="A benchmark's label, see /api/benchmarks.")],
    measure: Annotated[str | None, Query(max_length=100, description="As ndcg@10; default: the one that is decided on.")] = None,
    page: Page = 1,
    size: Size = 50,
) -> KeptPage:
    """Versions, card, audit, board, uses and history of a kept benchmark; the page is one of its uses."""
    return site.shelf().page(benchmark, measure, page=page, size=size)
