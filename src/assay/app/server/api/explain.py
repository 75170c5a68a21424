"""Why: a sample's value, or a recommendation's score, taken apart."""

from typing import Annotated

from fastapi import APIRouter, Query

from assay.app.server.api.asked import ID, REFUSALS, RunName, User
from assay.app.server.site import Asked
from assay.errors import InputError
from assay.pages.values import Why, WhyScore
from assay.serving import stored

router = APIRouter(prefix="/api", tags=["samples"], responses=REFUSALS)


@router.get("/explain")
def explain(
    site: Asked,
    sample: Annotated[str | None, Query(max_length=40, description="A training sample's id.")] = None,
    user: User = None,
    item: Annotated[str | None, Query(max_length=ID, description="With user: an item that the user may be recommended.")] = None,
    run: RunName = None,
) -> Why | WhyScore:
    """Why a training sample is worth what it is; or, of a user and an item, which training samples made the item's score.

    The first answer reads all training samples, which takes seconds.
    """
    if (sample is None) == (user is None) or (user is None) != (item is None):
        raise InputError("say what to explain: sample=, a training sample's id; or user= and item=, of a recommendation")
    with site.alone():
        return stored.explain(site.run(run), sample_id=sample, user_id=user, item_id=item)
