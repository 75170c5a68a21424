"""Shop: lists and searches as customers see them, what is like an item, and why an item is recommended."""

from dataclasses import dataclass
from typing import Annotated

import pyarrow.compute as pc
from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from assay.app import terminal, words
from assay.app.sections.facts import Facts
from assay.app.server import views
from assay.app.server.api.asked import ID
from assay.app.server.api.lists import alike, recommended
from assay.app.server.api.search import LONGEST, found
from assay.app.server.errors import without_paths
from assay.app.server.site import Asked
from assay.app.server.static import picture_place
from assay.errors import InputError
from assay.finished import Finished
from assay.language import later, paragraph, say
from assay.pages.answers import ListedItem
from assay.pages.serving import AboutItem
from assay.pages.values import WhyScore
from assay.serving import stored
from assay.serving.items import Items

SHOWN = 12  # cards of a list
_USERS = 50  # who can be chosen without typing
router = APIRouter(include_in_schema=False)
PAGE = views.Page(later("Shop"), "/shop", router)

RunName = Annotated[str | None, Query(max_length=200)]
User = Annotated[str, Query(max_length=ID)]
Item = Annotated[str, Query(min_length=1, max_length=ID)]
WORDS = {"in_cart": later("In the cart."), "not_kept": later("It was not kept. Try again.")}  # what the page's script says


@dataclass(frozen=True)
class Card:
    """An item of a list as a card. reason: why it stands there."""

    rank: int
    about: AboutItem
    reason: str

    @property
    def picture(self) -> str | None:
        """The address of its picture, where it is one of the web."""
        image = self.about.image
        return image if image is not None and picture_place(image) is not None else None

    @property
    def letter(self) -> str:
        """What stands in place of a picture: the first letter or digit of its name."""
        name = self.about.name or str(self.about.item_id)
        return next((sign for sign in name if sign.isalnum()), "")


@router.get("/shop")
def shop(
    request: Request, site: Asked, user: User = "", category: Annotated[str, Query(max_length=ID)] = "", run: RunName = None
) -> HTMLResponse:
    """The list of a user, or what is recommended to anybody."""
    finished = site.run(run)
    items = finished.at_hand(Items)
    cards, told, given = list[Card](), "", None
    try:
        section = finished.config.recommend
        number = SHOWN if category else min(SHOWN, section.per_user)
        answer = recommended(site, finished, user or None, number, category=category or None)
        cards = [_card(items, line, line.reason or "") for line in answer.recommendations]
        told, given = answer.why, answer.list_id
    except InputError as error:
        if not _can_search(finished):
            raise
        told = without_paths(str(error), site)
    return _page(
        request, finished, run, user, title=say("Shop"), cards=cards, told=told, given=given, category=category, whys=bool(user)
    )


@router.get("/shop/search")
def search(
    request: Request, site: Asked, q: Annotated[str, Query(max_length=LONGEST)] = "", user: User = "", run: RunName = None
) -> HTMLResponse:
    """What is found for a query."""
    living = site.living(run)
    if not q.strip():
        return _page(
            request, living.run, run, user, title=say("Search"), told=say("Type a word or two of what you look for."), q=q
        )
    answer = found(site, living, q, user or None, SHOWN)
    items, task = living.searching.at_hand(Items), living.searching.task
    cards = [_card(items, line, terminal.why(line, task)) for line in answer.items]
    told = [say("Nothing on sale has a word of it, or letters like it.")]
    if cards:
        told = [say("{count} items were ranked.", count=words.count(answer.found))]
    if user and not answer.user_known:
        told.append(say("The log does not know this user: the list is anybody's."))
    return _page(
        request, living.run, run, user, title=say("Search"), cards=cards, told=paragraph(told), given=answer.list_id, q=q
    )


@router.get("/shop/item")
def item(request: Request, site: Asked, item: Item, user: User = "", run: RunName = None) -> HTMLResponse:
    """An item, and what is like it."""
    finished = site.run(run)
    answer = alike(site, finished, item, SHOWN, user=user or None)
    items = finished.at_hand(Items)
    cards = [_card(items, line, "") for line in answer.items]
    title = answer.item.name or str(answer.item.item_id)
    shown = Card(0, answer.item, "")
    given = answer.list_id
    return _page(request, finished, run, user, title=title, cards=cards, told=answer.how, given=given, chosen=shown, item=item)


@router.get("/shop/why")
def why(request: Request, site: Asked, item: Item, user: User, run: RunName = None) -> HTMLResponse:
    """Which training samples made an item's score for a user."""
    finished = site.run(run)
    with site.alone():
        answer = stored.explain(finished, user_id=user, item_id=item)
    assert isinstance(answer, WhyScore)
    items, read = finished.at_hand(Items), Facts(finished, hash_ids=False)
    sides = ((say("Training samples that made it"), answer.made), (say("Training samples against it"), answer.against))
    parts = [(name, [(one.sentence, read.mark(one.user, one.period)) for one in supports]) for name, supports in sides]
    columns = [(line.column, words.plain(line.part)) for line in answer.columns]
    return views.page(
        request,
        "why.html.j2",
        run=run,
        user=user,
        item=items.about(items.code(item)),
        chance=words.percent(answer.probability),
        parts=parts,
        columns=columns,
    )


def _card(items: Items, line: ListedItem, reason: str) -> Card:
    return Card(line.rank, items.about(items.code(str(line.item_id))), reason)


def _can_search(run: Finished) -> bool:
    return "search" in run.stages


def _page(
    request: Request,
    finished: Finished,
    run: str | None,
    user: str,
    *,
    title: str,
    cards: list[Card] | None = None,
    told: str = "",
    given: str | None = None,
    category: str = "",
    q: str = "",
    item: str = "",
    chosen: Card | None = None,
    whys: bool = False,
) -> HTMLResponse:
    """The shop's template. given: the list's id, where lists are kept. whys: the cards are a user's own list, whose scores can be
    taken apart.
    """
    return views.page(
        request,
        "shop.html.j2",
        run=run,
        title=title,
        user=user,
        users=finished.at_hand(first_users),
        categories=finished.at_hand(Items).categories,
        category=category,
        q=q,
        item=item,
        chosen=chosen,
        cards=cards or [],
        told=told,
        given=given,
        whys=whys,
        words=WORDS,
        searches=_can_search(finished),
    )


def first_users(run: Finished) -> list[str]:
    """The first users that have a list, as ids may be shown; those of the log where no lists are made."""
    if run.exists("recommendations.parquet"):
        head = run.head("recommendations.parquet", _USERS * run.config.recommend.per_user)
        ids = pc.unique(head.column("user_id").drop_null()).to_pylist()
    else:
        ids = [] if run.log is None else run.log.users.column("user_id").slice(0, _USERS).to_pylist()
    facts = Facts(run)
    return [facts.shown(ident) for ident in ids[:_USERS]]
