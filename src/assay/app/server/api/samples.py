"""Training samples by their values."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from assay.app.server.api.asked import ID, REFUSALS, Page, RunName, Size, User
from assay.app.server.site import Asked
from assay.pages.serving import SamplesPage
from assay.serving.samples import Filter, MarkedAs, Sort
from assay.serving.samples import samples as answer

router = APIRouter(prefix="/api", tags=["samples"], responses=REFUSALS)
End = Annotated[float | None, Query(allow_inf_nan=False)]
Text = Annotated[str | None, Query(max_length=ID)]


@router.get("/samples")
def samples(
    site: Asked,
    user: User = None,
    item: Text = None,
    category: Text = None,
    week: Annotated[date | None, Query(description="A day of the period.")] = None,
    label: Annotated[int | None, Query(ge=0, le=1)] = None,
    value_min: End = None,
    value_max: End = None,
    z_min: End = None,
    z_max: End = None,
    rule: Annotated[str | None, Query(max_length=2_000, description="The sentence of one of the run's rules.")] = None,
    mark: Annotated[MarkedAs | None, Query(description="As people marked it; any: it is marked, none: it is not.")] = None,
    valuer: Annotated[str | None, Query(max_length=200, description="Default: the one that the run selects by.")] = None,
    sort: Annotated[Sort, Query(description="The least first, with - the most first.")] = "value",
    page: Page = 1,
    size: Size = 50,
    run: RunName = None,
) -> SamplesPage:
    """Training samples that fit all that is given, the most harmful first."""
    chosen = Filter(user, item, category, week, label, (value_min, value_max), (z_min, z_max), rule)
    living = site.living(run)
    marks = living.marks.standing()
    return answer(living.run, chosen, valuer=valuer, sort=sort, page=page, size=size, marks=marks, mark=mark)
