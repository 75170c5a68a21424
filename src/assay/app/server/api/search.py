"""Search, and what a search box suggests."""

from typing import Annotated

from fastapi import APIRouter, Query

from assay.app.server.api.asked import REFUSALS, Number, RunName, User, Visit
from assay.app.server.site import Asked, Site
from assay.errors import InputError
from assay.language import english
from assay.pages.serving import Found, Suggestions
from assay.serving import stored
from assay.serving.living import Living
from assay.serving.suggest import Suggester

LONGEST = 1_000  # characters of a query
_MODEL = "search"  # what such lists are kept as
router = APIRouter(prefix="/api", tags=["search"], responses=REFUSALS)


@router.get("/search")
def search(
    site: Asked,
    q: Annotated[str, Query(min_length=1, max_length=LONGEST, description="What is looked for, in any script.")],
    user: User = None,
    n: Number = 10,
    visit: Visit = None,
    run: RunName = None,
) -> Found:
    """The first items for a query, with the reasons of each."""
    return found(site, site.living(run), q, user, n, visit=visit)


def found(site: Site, living: Living, query: str, user: str | None, number: int, *, visit: str | None = None) -> Found:
    """The answer of the last version of a run that could search, as it is given out.

    InputError: no version could search, or the query is empty.
    """
    run, giving = living.searching, site.giving
    if "search" not in run.stages:
        raise InputError(english("{name} cannot search yet; make its search first: assay search RUN QUERY", name=living.name))
    with site.in_turn():
        answer = stored.search(run, query, user_id=user, number=number + giving.spare(number))
    name, items = giving.give(run, answer.items, number, model=_MODEL, user_id=user, session_id=visit, query=answer.query)
    return Found(**{**dict(answer), "items": items}, list_id=name)


@router.get("/suggest")
def suggest(
    site: Asked,
    q: Annotated[str, Query(max_length=LONGEST, description="What was typed so far.")],
    n: Annotated[int, Query(ge=1, le=20)] = 8,
    run: RunName = None,
) -> Suggestions:
    """Queries and names that begin so."""
    return site.run(run).at_hand(Suggester).of(q, n)
