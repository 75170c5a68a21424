"""What came of the items that were shown, and what another ranker would have shown: what off-policy values are made of."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import InputError
from assay.logs.clean_log import CleanLog
from assay.serving.events.exploration import Exploration

_COLUMNS = ("user_id", "item_id", "event", "timestamp", "list_id", "position", "propensity")
_KEYS = ["list_id", "item_id"]


def outcomes(log: CleanLog, target: str) -> pa.Table:
    """The exposures of a clean log with their reward, in order of list and position.

    Parameters
    ----------
    log : CleanLog
        `CleanLog.read(run)` of a run whose log holds lists that the server gave.
    target : str
        The kind of event that counts, for example "view" (a click) or "purchase".

    Returns
    -------
    pyarrow.Table
        list_id, user_id, item_id, timestamp, position (from 1), propensity, reward: 1.0 where an event of the kind names the item
        and the list, else 0.0. What names no list counts for none: whether it came of one is not known.

    Raises
    ------
    InputError
        No exposure has a list, a position and a propensity.
    """
    events = log.events(*_COLUMNS)
    shown = events.filter(pc.and_(pc.equal(events.column("event"), "exposure"), pc.is_valid(events.column("propensity"))))
    shown = shown.filter(pc.and_(pc.is_valid(shown.column("list_id")), pc.is_valid(shown.column("position"))))
    if not shown.num_rows:
        raise InputError(
            "no exposure of the log has a list_id, a position and a propensity; serve with assay serve --explore 0.05"
        )
    taken = events.filter(pc.and_(pc.equal(events.column("event"), target), pc.is_valid(events.column("list_id"))))
    pairs = taken.group_by(_KEYS).aggregate([])
    marked = pairs.append_column("taken", pa.array(np.ones(pairs.num_rows)))
    joined = shown.join(marked, _KEYS, join_type="left outer").sort_by([("list_id", "ascending"), ("position", "ascending")])
    reward = pc.fill_null(joined.column("taken"), 0.0)
    return joined.select(["list_id", "user_id", "item_id", "timestamp", "position", "propensity"]).append_column("reward", reward)


def target_propensities(
    shown: pa.Table, rankings: Mapping[str, Sequence[object]], length: int, exploration: Exploration | None = None
) -> NDArray[np.float64]:
    """Probability with which another ranker would have shown each logged item at its position.

    Parameters
    ----------
    shown : pyarrow.Table
        As `outcomes` gives it, n rows.
    rankings : mapping
        For each list_id the other ranker's items, best first.
    length : int
        How many of them it would show.
    exploration : Exploration, optional
        With which chance it would change its lists; by default it would not.

    Returns
    -------
    array, shape (n,)
        In [0, 1]; 0 where the item would not have stood there. `assay.policy_value` takes it as target.

    Raises
    ------
    InputError
        A list has no ranking.
    """
    by_chance = exploration if exploration is not None else Exploration()
    chances: dict[int, NDArray[np.float64]] = {}
    places: dict[str, dict[object, int]] = {}
    result = np.zeros(shown.num_rows)
    columns = (shown.column(name).to_pylist() for name in ("list_id", "item_id", "position"))
    for row, (name, item, position) in enumerate(zip(*columns, strict=True)):
        if name not in places:
            if name not in rankings:
                raise InputError(f"list {name[:80]!r} has no ranking; give one for each list of the table, or filter the table")
            places[name] = {each: rank for rank, each in enumerate(rankings[name])}
        ranks = places[name]
        if item in ranks and position <= length:
            if len(ranks) not in chances:
                chances[len(ranks)] = by_chance.propensities(len(ranks), length)
            result[row] = chances[len(ranks)][ranks[item], position - 1]
    return result
