"""What commands, notebooks and the server read back from a run's folder, with ids as they may be shown."""

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import InputError
from assay.findings.labels import Wording
from assay.finished import Finished
from assay.language import english
from assay.logs import private
from assay.pages.answers import I, SearchAnswer, UserList, renamed
from assay.pages.values import Why, WhyScore
from assay.recommend import Lists

_BEYOND = 1 << 63  # what a 64-bit id is below
HASHED = Wording(hash_ids=True)


def _typed(user_id: str, kind: pa.DataType) -> object:
    """An id from the command line as the column holds it; None when it cannot."""
    if not pa.types.is_integer(kind):
        return user_id
    digits = user_id.removeprefix("-")
    number = int(user_id) if digits.isdecimal() and len(digits) < 20 else _BEYOND
    return number if -_BEYOND <= number < _BEYOND else None


def _by_shown(run: Finished) -> dict[str, object]:
    """Users' ids as the log holds them, by the ids that the report shows."""
    assert run.log is not None
    return {HASHED.ident(ident): ident for ident in run.log.users.column("user_id").to_pylist()}


def known_user(run: Finished, user_id: str) -> object | None:
    """A user's id as the log holds it, from the log's own or (with hash_ids) the shown one; None for a user it does not know."""
    if run.log is None:
        return None
    users = run.log.users.column("user_id")

    def there(ident: object) -> bool:
        return ident is not None and bool(pc.index(users, pa.scalar(ident, users.type)).as_py() >= 0)

    if there(typed := _typed(user_id, users.type)):
        return typed
    if run.config.show.hash_ids and (shown := run.at_hand(_by_shown).get(user_id)) is not None:
        return shown
    salt = private.salt(run.config.log) if run.config.log is not None else None
    hidden = None if salt is None else private.hidden(user_id, salt)
    return hidden if there(hidden) else None


def search(run: Finished, query: str, *, user_id: str | None = None, number: int = 10) -> SearchAnswer:
    """The first items of a run for a query, as front.search gives them, with ids as they may be shown; user_id as below."""
    from assay import front

    who = None if user_id is None else known_user(run, user_id)
    answer = front.search(run, query, user_id=who, number=number)
    return answer.model_copy(update={"user": user_id, "items": as_shown(run, answer.items)})


def recommendations(run: Finished, user_id: str) -> UserList:
    """A user's list; a user without one gets the list for unknown users.

    user_id is the log's own; with [show] hash_ids also the one that the report shows, and item ids come as shown. InputError
    when the run has not recommended yet.
    """
    refuse_without_lists(run)
    has_list, items = run.at_hand(Lists).of(known_user(run, user_id))
    return UserList(user=user_id, known=has_list, recommendations=as_shown(run, items))


def refuse_without_lists(run: Finished) -> None:
    """InputError where a run is of a kind that recommends nothing."""
    if run.config.table is not None:
        raise InputError(
            english(
                "{name}: a table of labelled samples says nothing of what comes after it; recommend from a log", name=run.folder
            )
        )
    if run.config.samples.request == "query":
        raise InputError(
            english(
                "{name}: its requests are searches, nobody's next one is known; ask: assay search FOLDER QUERY", name=run.folder
            )
        )


def as_shown(run: Finished, items: list[I]) -> list[I]:
    """Items with their ids as they may be shown."""
    return renamed(items, [HASHED.ident(item.item_id) for item in items]) if run.config.show.hash_ids else items


def explain(
    run: Finished, *, sample_id: str | None = None, user_id: str | None = None, item_id: str | None = None
) -> Why | WhyScore:
    """What front.explain says, with users as they may be shown; ids are the log's own, or with [show] hash_ids the shown ones."""
    from assay import front

    if not run.config.show.hash_ids:
        return front.explain(run, sample_id=sample_id, user_id=user_id, item_id=item_id)
    user = None if user_id is None else known_user(run, user_id)
    items = (
        {} if item_id is None or run.log is None else {HASHED.ident(i): i for i in run.log.items.column("item_id").to_pylist()}
    )
    answer = front.explain(
        run,
        sample_id=sample_id,
        user_id=user_id if user is None else str(user),
        item_id=None if item_id is None else str(items.get(item_id, item_id)),
    )
    return answer.with_users(HASHED.ident)
