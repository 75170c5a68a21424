"""Pages for people: a file for each, with a router and a template of its name in templates/server/.

To add one: write pages/<name>.py with `PAGE = Page("Name", "/name", router)`, add it to PAGES, and write the template; it extends
base.html.j2. A script of its own goes into static/, and into the template's block `scripts`.
"""

from fastapi import APIRouter
from starlette.responses import RedirectResponse

from assay.app.server.pages import benchmarks, compare, judge, run, samples, shop

PAGES = (run.PAGE, shop.PAGE, compare.PAGE, judge.PAGE, samples.PAGE, benchmarks.PAGE)  # in the order in which they are shown
first = APIRouter(include_in_schema=False)


@first.get("/")
def begin() -> RedirectResponse:
    """The first page."""
    return RedirectResponse(PAGES[0].path)
