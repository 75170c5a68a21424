"""Every list that is given out, as it is kept: what stood where, for whom, and how likely it was to stand there."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.engines.journal import ID_LENGTH, QUERY_LENGTH, Batch
from assay.serving.events.event import micros
from assay.serving.events.exploration import Exploration

_KEY = "list/"  # begins the keys of lists; no client's key has a slash


@dataclass(frozen=True)
class GivenList:
    """A list as it was given. items (n,): ids by position; propensities (n,): of each item at its position. model: its name;
    run: the fingerprint of the run that ranked. user_id is None where the list was for nobody in particular.
    """

    list_id: str
    items: Sequence[object]
    propensities: Sequence[float]
    user_id: object | None = None
    session_id: object | None = None
    query: str | None = None
    model: str | None = None
    run: str | None = None

    def batch(self, now: datetime) -> Batch:
        """The list as rows of the log: a search where it has a query, and an exposure of each item. now: an instant (UTC)."""
        shared = {
            "time_us": micros(now),
            "user_id": _ident(self.user_id) or _ident(self.session_id) or self.list_id,
            "session_id": _ident(self.session_id),
            "list_id": self.list_id,
            "query": self.query[:QUERY_LENGTH] if self.query is not None else None,
            "model": _ident(self.model),
            "run": _ident(self.run),
        }
        rows: list[Mapping[str, Any]] = [{**shared, "event": "search"}] if self.query is not None else []
        rows += [
            {**shared, "event": "exposure", "item_id": _ident(item), "position": position, "propensity": float(propensity)}
            for position, (item, propensity) in enumerate(zip(self.items, self.propensities, strict=True), 1)
        ]
        digest = hashlib.sha256(repr(rows).encode("utf-8", "surrogatepass")).hexdigest()
        return Batch(_KEY + self.list_id, digest, micros(now), rows)


def _ident(value: object | None) -> str | None:
    return None if value is None else str(value)[:ID_LENGTH]


def give(
    ranking: Sequence[object],
    shown: int,
    exploration: Exploration,
    *,
    user_id: object | None = None,
    session_id: object | None = None,
    query: str | None = None,
    model: str | None = None,
    run: str | None = None,
    list_id: str | None = None,
) -> GivenList:
    """The list to give out of a ranking, best first: its first `shown` items, or others in their place by chance.

    Parameters
    ----------
    ranking : sequence, length M
        Ids of the items, each once. Give more than are shown, twice as many: chance draws from all of them.
    shown : int
        Length of the list, at least 1.
    exploration : Exploration
        With which chance, and by which seed.
    user_id, session_id, query, model, run
        As in `GivenList`.
    list_id : str, optional
        By default a new one that nobody can guess. Give it where a list is to be the same again.

    Returns
    -------
    GivenList
        Ids by position, min(shown, M) of them, with their propensities.
    """
    name = list_id if list_id is not None else uuid.uuid4().hex
    if not len(ranking):
        return GivenList(name, [], [], user_id, session_id, query, model, run)
    [ranks] = exploration.ranks([name], len(ranking), shown)
    propensity = exploration.propensities(len(ranking), shown)[ranks, range(len(ranks))]
    items = [ranking[rank] for rank in ranks]
    return GivenList(name, items, propensity.tolist(), user_id, session_id, query, model, run)
