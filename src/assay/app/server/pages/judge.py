"""Judge: what stands on the page where nothing is served to be judged; app/server/judge.py has the page itself."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from assay.app.server import views
from assay.app.server.site import Asked
from assay.language import later

router = APIRouter(include_in_schema=False)
PAGE = views.Page(later("Judge"), "/judge", router)


@router.get("/judge")
def judge(request: Request, site: Asked) -> HTMLResponse:
    """What it takes to judge."""
    return views.page(request, "judge_nothing.html.j2", why=site.judging)
