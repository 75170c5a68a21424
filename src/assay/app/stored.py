"""What commands read back from a run's folder."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.app.sections.facts import Facts
from assay.errors import InputError
from assay.finished import Finished
from assay.logs import private


def _typed(user_id: str, kind: pa.DataType) -> object:
    """An id from the command line as the column holds it; None when it cannot."""
    if not pa.types.is_integer(kind):
        return user_id
    return int(user_id) if user_id.removeprefix("-").isdecimal() else None


def known_user(run: Finished, user_id: str) -> object | None:
    """A user's id as the log holds it, from the log's own or (with hash_ids) the shown one; None for a user it does not know."""
    if not run.exists("clean/users.parquet"):
        return None
    users = run.read_table("clean/users.parquet", ["user_id"]).column("user_id")
    facts = Facts(run, hash_ids=run.config.show.hash_ids)
    salt = private.salt(run.config.log) if run.config.log is not None else None
    for ident in (_typed(user_id, users.type), private.hidden(user_id, salt) if salt is not None else None):
        if ident is not None and pc.index(users, pa.scalar(ident, users.type)).as_py() >= 0:
            return ident
    shown = (ident for ident in users.to_pylist() if run.config.show.hash_ids and facts.shown(ident) == user_id)
    return next(shown, None)


def shown_items(run: Finished, page: dict[str, Any]) -> dict[str, Any]:
    """A search's page with its item ids as they may be shown."""
    facts = Facts(run, hash_ids=run.config.show.hash_ids)
    lines = [line | {"item_id": facts.shown(line["item_id"])} for line in page["items"]]
    return page | {"items": lines if run.config.show.hash_ids else page["items"]}


def recommendations(run: Finished, user_id: str) -> tuple[bool, list[dict[str, Any]]]:
    """Whether the log knows a user, and the list by rank: item_id, rank, score, reason, name, category.

    user_id is the log's own; with [show] hash_ids also the one that the report shows, and item ids come as shown. A
    user without a list gets the one for unknown users. InputError when the run has not recommended yet.
    """
    if run.config.table is not None:
        raise InputError(f"{run.folder}: a table of labelled samples says nothing of what comes after it; recommend from a log")
    if run.config.samples.request == "query":
        raise InputError(f"{run.folder}: its requests are searches, nobody's next one is known; ask: assay search FOLDER QUERY")
    path = run.path("recommendations.parquet")
    hash_ids = run.config.show.hash_ids
    facts = Facts(run, hash_ids=hash_ids)
    users = pq.read_table(path, columns=["user_id"]).column("user_id").unique()
    wanted = _typed(user_id, users.type)
    salt = private.salt(run.config.log) if run.config.log is not None else None
    if salt is not None and wanted not in users.to_pylist():
        wanted = private.hidden(user_id, salt)
    if hash_ids and wanted not in (known := users.to_pylist()):
        wanted = next((ident for ident in known if facts.shown(ident) == user_id), None)
    rows = pq.read_table(path, filters=[("user_id", "==", wanted)]).to_pylist() if wanted is not None else []
    found = bool(rows)
    rows = rows or run.read_table("recommendations_unknown.parquet").to_pylist()
    for row in rows:
        del row["user_id"]
        row["item_id"] = facts.shown(row["item_id"]) if hash_ids else row["item_id"]
    return found, sorted(rows, key=lambda row: int(row["rank"]))
