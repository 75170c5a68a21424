"""Search, and what a search box suggests."""

from typing import Annotated

from fastapi import APIRouter, Query

from assay.app.server.api.asked import REFUSALS, Number, RunName, User
from assay.app.server.site import Asked
from assay.errors import InputError
from assay.pages.answers import SearchAnswer
from assay.pages.serving import Suggestions
from assay.serving import stored
from assay.serving.living import Living
from assay.serving.suggest import Suggester

LONGEST = 1_000  # characters of a query
router = APIRouter(prefix="/api", tags=["search"], responses=REFUSALS)


@router.get("/search")
def search(
    site: Asked,
    q: Annotated[str, Query(min_length=1, max_length=LONGEST, description="What is looked for, in any script.")],
    user: User = None,
    n: Number = 10,
    run: RunName = None,
) -> SearchAnswer:
    """The first items for a query, with the reasons of each."""
    return found(site.living(run), q, user, n)


def found(living: Living, query: str, user: str | None, number: int) -> SearchAnswer:
    """The answer of the last version of a run that could search. InputError: none could, or the query is empty."""
    if "search" not in living.searching.stages:
        raise InputError(f"{living.name} cannot search yet; make its search first: assay search RUN QUERY")
    return stored.search(living.searching, query, user_id=user, number=number)


@router.get("/suggest")
def suggest(
    site: Asked,
    q: Annotated[str, Query(max_length=LONGEST, description="What was typed so far.")],
    n: Annotated[int, Query(ge=1, le=20)] = 8,
    run: RunName = None,
) -> Suggestions:
    """Queries and names that begin so."""
    return site.run(run).at_hand(Suggester).of(q, n)
