"""What is served."""

from fastapi import APIRouter

from assay import __version__
from assay.app.server.api.asked import REFUSALS
from assay.app.server.site import Asked
from assay.pages.serving import Runs

router = APIRouter(prefix="/api", tags=["runs"], responses=REFUSALS)


@router.get("/runs")
def runs(site: Asked) -> Runs:
    """The runs and benchmarks that the server answers from."""
    benchmarks = [kept.label for kept in site.benchmarks]
    return Runs(version=__version__, runs=[living.about() for living in site.runs], benchmarks=benchmarks)
