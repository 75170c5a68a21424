"""Run: what Assay found, in the report's words."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from assay.app import report
from assay.app.server import views
from assay.app.server.site import Asked
from assay.finished import Finished
from assay.runs.section import Section

router = APIRouter(include_in_schema=False)
PAGE = views.Page("Run", "/run", router)


@router.get("/run")
def run(request: Request, site: Asked, run: Annotated[str | None, Query(max_length=200)] = None) -> HTMLResponse:
    """The report's sections of a run, as it is now."""
    living = site.living(run)
    finished = living.run
    show, parts = finished.config.show, finished.at_hand(sections)
    return views.page(request, "run.html.j2", run=run, title=show.title, about=show.about, name=living.name, parts=parts)


def sections(run: Finished) -> list[tuple[str, str, Section]]:
    """(id, heading, section) of all that the report shows; read once."""
    return report.sections(run)
