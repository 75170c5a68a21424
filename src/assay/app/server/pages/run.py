"""Run: what Assay found, in the report's words."""

from collections.abc import Callable
from functools import cache
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from assay.app import report
from assay.app.server import views
from assay.app.server.site import Asked
from assay.finished import Finished
from assay.language import later, speaking, spoken
from assay.runs.section import Section

router = APIRouter(include_in_schema=False)
PAGE = views.Page(later("Run"), "/run", router)


@router.get("/run")
def run(request: Request, site: Asked, run: Annotated[str | None, Query(max_length=200)] = None) -> HTMLResponse:
    """The report's sections of a run, as it is now."""
    living = site.living(run)
    finished = living.run
    show, parts = finished.config.show, finished.at_hand(sections_in(spoken()))
    return views.page(request, "run.html.j2", run=run, title=show.title, about=show.about, name=living.name, parts=parts)


@cache
def sections_in(language: str) -> Callable[[Finished], list[tuple[str, str, Section]]]:
    """What makes (id, heading, section) of all that the report shows, in a language; one for each, so that it is read once."""

    def sections(run: Finished) -> list[tuple[str, str, Section]]:
        with speaking(language):
            return report.sections(run)

    return sections
