"""Lists that are made on request: recommendations with filters, what is like an item, what comes next in a session."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay import front
from assay.errors import InputError
from assay.evaluation.claims import DECIDES_RANKED
from assay.finished import Finished
from assay.language import english
from assay.models.item_to_item import ItemKnn
from assay.models.recommender import Recommending
from assay.models.session_knn import SessionKnn
from assay.pages.answers import RecommendedItem
from assay.pages.evaluation import Recommended, Summary
from assay.pages.serving import Alike, Next, Recommendations
from assay.recommend import SCORES, Candidates, Lists
from assay.samples import stored as samples
from assay.serving.items import Items
from assay.serving.stored import as_shown, known_user, refuse_without_lists

OWN = english("Made for this user.")
ANYBODY = english("What was taken most lately, for anybody.")
NOT_KNOWN = english("The run has no list for this user. What was taken most lately, for anybody.")
_BY_USERS = english("Taken by the same users.")
_BY_NAME = english("Too few users took it to compare by. Found by its name.")
_BY_CATEGORY = english("Too few users took it to compare by. What was taken most lately in its category.")
_MOST_TAKEN = "most_taken"  # ranks for anybody
_NEURAL = "transformer"  # the one neural model of ours that knows an order


def recommend(
    run: Finished,
    user_id: str | None,
    number: int,
    *,
    exclude_bought: bool | None = None,
    category: str | None = None,
    in_stock: bool = False,
    spare: int = 0,
) -> Recommendations:
    """The first `number` items for a user, or for anybody where the run has no list for the user or nobody is named.

    exclude_bought: leave out what the user had before; None: as [recommend] says. category: only its items. in_stock: without
    what is out of stock. spare: how many items to add below the list, as far as the run ranks so many.

    InputError: a kind of run that recommends nothing, one that keeps no more than its lists, or a log without stock.
    NotThereError: no such category.
    """
    refuse_without_lists(run)
    section, who = run.config.recommend, None if user_id is None else known_user(run, user_id)
    exclude = section.exclude_bought if exclude_bought is None else exclude_bought
    within = number + spare <= section.per_user or (number <= section.per_user and not run.exists(SCORES))
    if category is None and not in_stock and exclude == section.exclude_bought and within:
        known, listed = run.at_hand(Lists).of(who)
        listed = listed[: number + spare]
    else:
        if not run.exists(SCORES):
            raise InputError(
                english(
                    "this run keeps {number} items a user and no other scores; make it in a new folder to have other lists",
                    number=section.per_user,
                )
            )
        items = run.at_hand(Items)
        chosen = items.of_category(category) & items.in_stock() if in_stock else items.of_category(category)
        known, listed = run.at_hand(Candidates).of(who, number + spare, exclude_bought=exclude, items=chosen)
    why = OWN if known else ANYBODY if user_id is None else NOT_KNOWN
    return Recommendations(user=user_id, known=known, why=why, recommendations=as_shown(run, listed))


def ranker(run: Finished, *, known: bool) -> str | None:
    """What ranked a list of `recommend`: the run's model, for a user that it knows. None: the run does not say."""
    if not known:
        return _MOST_TAKEN
    return run.at_hand(Recommended.read).model if run.exists(Recommended.path) else None


class Likeness:
    """Item kNN over all that users took, as `models.item_to_item` has it: `run.at_hand(Likeness)`."""

    def __init__(self, run: Finished) -> None:
        self.model = ItemKnn().fit_events(*_taken(run), rng=np.random.default_rng(run.config.seed))

    def of(self, code: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Codes and likenesses of items that are like one, best first."""
        return _best(self.model, [code])


class Sessions:
    """What knows what comes next, `run.at_hand(Sessions)`: the run's transformer where it ranks better, else session-kNN over
    all that users took."""

    def __init__(self, run: Finished) -> None:
        knn = SessionKnn()
        self.name = _NEURAL if _ranks_better(run, _NEURAL, knn.name) else knn.name
        if self.name == _NEURAL:
            loaded = run.model(_NEURAL)
            assert isinstance(loaded, Recommending)
            self.model: Recommending = loaded
        else:
            self.model = knn.fit_events(*_taken(run), rng=np.random.default_rng(run.config.seed))

    def after(self, codes: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Codes and scores of what comes next, best first, without what the session holds."""
        return _best(self.model, codes)


def similar(run: Finished, item_id: str, number: int, *, on_sale: bool = True) -> Alike:
    """The first `number` items like an item. on_sale: only what was taken or shown lately.

    Items that too few users took are found by their names where the run can search, else by category. NotThereError: no such
    item.
    """
    items = run.at_hand(Items)
    code = items.code(item_id)
    codes, scores = _kept(items, *run.at_hand(Likeness).of(code), number, on_sale=on_sale)
    if len(codes):
        listed = items.listed(codes, scores, [None] * len(codes))
        return Alike(item=items.about(code), how=_BY_USERS, items=listed)
    name = items.text("name", code)
    if name and "search" in run.stages:
        return Alike(item=items.about(code), how=_BY_NAME, items=_named_alike(run, items, code, name, number))
    lately = np.where(items.of_category(items.text("category", code)), items.taken_lately, 0)
    lately[code] = 0
    best = np.argsort(-lately, kind="stable")[:number]
    best = best[lately[best] > 0]
    return Alike(
        item=items.about(code), how=_BY_CATEGORY, items=items.listed(best.tolist(), lately[best].tolist(), [None] * len(best))
    )


def following(run: Finished, item_ids: Sequence[str], number: int, *, on_sale: bool = True) -> Next:
    """The first `number` items that come next in a session, its items given in order. InputError: none of them is in the log."""
    items = run.at_hand(Items)
    known = [ident for ident in item_ids if items.knows(ident)]
    if not known:
        raise InputError("the log has none of these items; give the session's items by their ids, in order")
    given, sessions = [items.code(ident) for ident in known], run.at_hand(Sessions)
    codes, scores = _kept(items, *sessions.after(given), number, on_sale=on_sale)
    return Next(
        given=[items.shown(code) for code in given],
        unknown=[ident for ident in item_ids if not items.knows(ident)],
        model=sessions.name,
        items=items.listed(codes, scores, [None] * len(codes)),
    )


def _taken(run: Finished) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """User, item and period (n,) of all that users took. InputError: the run does not keep it."""
    taken = samples.takings(run)
    if taken is None or not len(taken.user):
        raise InputError(english("this run keeps nothing of what users took in which order: its requests are searches"))
    return taken.user, taken.item, taken.moment // taken.span


def _best(model: Recommending, codes: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """All items of a score above 0 for somebody who took these items in this order, best first."""
    nobody = np.zeros(len(codes), np.int64)
    knows = model.knowing(nobody, np.asarray(codes, np.int64), np.arange(len(codes)))
    taken = knows.fitted()
    if not len(taken.item):
        return np.empty(0, np.int64), np.empty(0)
    found, scores = knows.top_n(np.zeros(1, np.int64), len(taken.item_codes))
    good = (found[0] >= 0) & np.isfinite(scores[0]) & ((scores[0] > 0) | (model.name == _NEURAL))
    return found[0][good], scores[0][good]


def _kept(
    items: Items, codes: NDArray[np.int64], scores: NDArray[np.float64], number: int, *, on_sale: bool
) -> tuple[list[int], list[float]]:
    rows = np.flatnonzero(items.on_sale[codes])[:number] if on_sale else np.arange(len(codes))[:number]
    return codes[rows].tolist(), scores[rows].tolist()


def _named_alike(run: Finished, items: Items, code: int, name: str, number: int) -> list[RecommendedItem]:
    """What a search for an item's name finds besides it."""
    found = [line for line in front.search(run, name, number=number + 1).items if line.item_id != items.ids[code]][:number]
    codes = [items.code(str(line.item_id)) for line in found]
    return items.listed(codes, [line.score for line in found], [None] * len(found))


def _ranks_better(run: Finished, name: str, other: str) -> bool:
    """Whether the run trained a model, and ranked with it no worse than with another that it trained."""
    if not run.exists(f"models/{name}/model.json"):
        return False
    tested = Summary.read(run).models if run.exists(Summary.path) else {}
    value = {each: tested[each].test[DECIDES_RANKED].value or 0.0 for each in (name, other) if each in tested}
    return value.get(name, 0.0) >= value.get(other, 0.0)
