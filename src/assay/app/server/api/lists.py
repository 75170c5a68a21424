"""Lists: for a user, for nobody, like an item, next in a session."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Path as InPath

from assay.app.server.api.asked import ID, REFUSALS, Number, OnSale, RunName, User, Visit
from assay.app.server.site import Asked, Site
from assay.finished import Finished
from assay.pages.serving import AboutItem, Alike, Next, Recommendations
from assay.serving import lists
from assay.serving.items import Items

_MOST = 100  # items of a session
_ALIKE = "similar"  # what such lists are kept as
router = APIRouter(prefix="/api", tags=["lists"], responses=REFUSALS)

Again = Annotated[
    bool | None, Query(alias="exclude_bought", description="Leave out what the user had; default: as the run's config says.")
]
Category = Annotated[str | None, Query(max_length=ID, description="Only items of this category.")]
InStock = Annotated[bool, Query(description="Leave out what was out of stock when the items were exported.")]
Item = Annotated[str, Query(min_length=1, max_length=ID, description="An item's id as the log has it.")]


@router.get("/recommend")
def recommend(
    site: Asked,
    user: User = None,
    n: Number = 10,
    exclude_bought: Again = None,
    category: Category = None,
    in_stock: InStock = False,
    visit: Visit = None,
    run: RunName = None,
) -> Recommendations:
    """The list of a user, or without one what is recommended to anybody. All items of a list are on sale."""
    return recommended(
        site, site.run(run), user, n, exclude_bought=exclude_bought, category=category, in_stock=in_stock, visit=visit
    )


@router.get("/recommend/{user:path}")
def recommend_user(
    site: Asked,
    user: Annotated[str, InPath(min_length=1, max_length=ID)],
    n: Number = 10,
    exclude_bought: Again = None,
    category: Category = None,
    in_stock: InStock = False,
    visit: Visit = None,
    run: RunName = None,
) -> Recommendations:
    """The same, the user in the path. An id that is `.` or `..`, or begins or ends with /, goes into ?user= instead."""
    return recommended(
        site, site.run(run), user, n, exclude_bought=exclude_bought, category=category, in_stock=in_stock, visit=visit
    )


@router.get("/similar")
def similar(
    site: Asked, item: Item, n: Number = 10, on_sale: OnSale = True, user: User = None, visit: Visit = None, run: RunName = None
) -> Alike:
    """Items that the same users took. user: who is shown them."""
    return alike(site, site.run(run), item, n, on_sale=on_sale, user=user, visit=visit)


@router.get("/similar/{item:path}")
def similar_item(
    site: Asked,
    item: Annotated[str, InPath(min_length=1, max_length=ID)],
    n: Number = 10,
    on_sale: OnSale = True,
    user: User = None,
    visit: Visit = None,
    run: RunName = None,
) -> Alike:
    """The same, the item in the path."""
    return alike(site, site.run(run), item, n, on_sale=on_sale, user=user, visit=visit)


@router.get("/session")
def session(
    site: Asked,
    item: Annotated[list[str], Query(min_length=1, max_length=_MOST, description="Items so far, the first taken first.")],
    n: Number = 10,
    on_sale: OnSale = True,
    user: User = None,
    visit: Visit = None,
    run: RunName = None,
) -> Next:
    """What comes next in a session. Items that the log does not know are named in `unknown`. user: who is shown the list."""
    finished, giving = site.run(run), site.giving
    with site.in_turn():
        answer = lists.following(finished, item, n + giving.spare(n), on_sale=on_sale)
    name, items = giving.give(finished, answer.items, n, model=answer.model, user_id=user, session_id=visit)
    return answer.model_copy(update={"list_id": name, "items": items})


@router.get("/items")
def about(site: Asked, item: Item, run: RunName = None) -> AboutItem:
    """What is known of an item."""
    items = site.run(run).at_hand(Items)
    return items.about(items.code(item))


def recommended(
    site: Site,
    run: Finished,
    user: str | None,
    number: int,
    *,
    exclude_bought: bool | None = None,
    category: str | None = None,
    in_stock: bool = False,
    visit: str | None = None,
) -> Recommendations:
    """A user's list, or anybody's, as it is given out."""
    spare = site.giving.spare(number)
    answer = lists.recommend(run, user, number, exclude_bought=exclude_bought, category=category, in_stock=in_stock, spare=spare)
    model = lists.ranker(run, known=answer.known)
    name, items = site.giving.give(run, answer.recommendations, number, model=model, user_id=user, session_id=visit)
    return answer.model_copy(update={"list_id": name, "recommendations": items})


def alike(
    site: Site, run: Finished, item: str, number: int, *, on_sale: bool = True, user: str | None = None, visit: str | None = None
) -> Alike:
    """What is like an item, as it is given out."""
    with site.in_turn():
        answer = lists.similar(run, item, number + site.giving.spare(number), on_sale=on_sale)
    name, items = site.giving.give(run, answer.items, number, model=_ALIKE, user_id=user, session_id=visit)
    return answer.model_copy(update={"list_id": name, "items": items})
