"""Exact values of past sessions to session-kNN, the next-item recommender of shops that see no user twice.

Each prefix of a validation session is a query, the item that follows its target. A past session adds
similarity * (1[it holds the target] - mean over negatives of 1[it holds them]) / k if it is among the k nearest of
those that are there: an additive game, so its semivalues are exact in M log M for M sessions that share an item with the
prefix; all others are null players (the game of Jia et al., PVLDB 2019,
with real contributions). Reciprocal rank is not additive: compare before taking one for the other.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import stats

from assay.errors import SplitError
from assay.importance import checks
from assay.importance.valuer import Importance
from assay.importance.values import Values, from_folds
from assay.models.scorer import Scorer
from assay.numerics import sessions as kernels
from assay.numerics.compiled import announce
from assay.numerics.hashing import hash_ids, mix, uniform
from assay.samples.table import Samples

_DAY = 86_400
_FOLD_SEED = 4


@dataclass(frozen=True)
class SessionValues:
    """Values of sessions and their sums: what the mean score over prefixes would lose without each.

    entries: session_id, item_id, value, stderr, z, one row for each distinct item of a session; the others are its sums.
    sessions: session_id, value, stderr, z, entries (distinct items). items: item_id, value, stderr, z, sessions.
    days: day of a session's last event (UTC), value, stderr, z, sessions. users: the same by user_id, or None where
    train has no such column. A session's value is split over the items that it shared with each prefix, by similarity.
    """

    entries: pa.Table
    sessions: pa.Table
    items: pa.Table
    days: pa.Table
    users: pa.Table | None


def session_shapley(
    train: Any,
    validation: Any,
    *,
    k: int,
    m: int | None = None,
    negatives: int | str = 0,
    semivalue: str = "shapley",
    folds: int | None = None,
) -> SessionValues:
    """Value of every training session to session-kNN's scores of the next item, on all prefixes of validation sessions.

    Ties go by the time of the last event, then by id.

    Parameters
    ----------
    train : table
        session_id, item_id, timestamp (seconds since 1970, or Arrow timestamps; not falling within a session) and, if there is
        one, user_id: Arrow, pandas, or a mapping of columns.
    validation : table
        session_id, item_id and timestamp.
    k : int
        Neighbours.
    m : int, optional
        Only the m most recent sessions that share an item are candidates, cut on the full data. By default all.
    negatives : int or "all"
        How many other items, drawn by a hash of the prefix, are scored beside the target; 0 leaves them out.
    semivalue : str
        "shapley" or "banzhaf".
    folds : int, optional
        Validation sessions are split into so many, by a hash of their id, for standard errors and z.

    Returns
    -------
    SessionValues
        Tables of sessions, items and, where known, users. Unit: score of the target, less the mean negative's, a prefix; positive
        is useful.

    Raises
    ------
    ValueError
        An argument of another shape or range; the message names it.

    References
    ----------
    Jia et al., PVLDB 2019, for the game. Kersbergen, Sprangers and Schelter, "Serenade", SIGMOD 2022, for the neighbours.

    Examples
    --------
    >>> import assay
    >>> train = {
    ...     "session_id": ["a", "a", "b", "b"],
    ...     "item_id": ["tea", "cup", "tea", "pot"],
    ...     "timestamp": [10, 20, 30, 40],
    ... }
    >>> validation = {"session_id": ["v", "v"], "item_id": ["tea", "cup"], "timestamp": [70, 80]}
    >>> values = assay.session_shapley(train, validation, k=1).sessions
    >>> values.column("session_id").to_pylist(), values.column("value").to_pylist()
    (['a', 'b'], [0.5, -0.5])
    """
    return _tables(*_entry_values(train, validation, k, m, negatives, semivalue, folds), folds)


def _entry_values(
    train: Any, validation: Any, k: int, m: int | None, negatives: int | str, semivalue: str, folds: int | None
) -> "tuple[_Events, kernels.SessionIndex, NDArray[np.float64]]":
    """Values (F, E) of the distinct items of sessions, and what they belong to."""
    k = checks.count(k, "k")
    most = checks.count(m, "m") if m is not None else np.iinfo(np.int64).max
    drawn = -1 if negatives == "all" else checks.count(negatives, "negatives", 0)
    checks.one_of(semivalue, ("shapley", "banzhaf"), "semivalue")
    past, new = _Events(train, "train"), _Events(validation, "validation")
    both = pc.is_in(new.ids, value_set=past.ids)
    if pc.any(both).as_py():
        raise ValueError(f"validation: session {new.ids.filter(both)[0]} is in train too; give sessions that are not in train")
    index = kernels.index_sessions(past.session, past.item, past.last, len(past.items))
    starts, events = new.sequences(past.items)
    if not (np.diff(starts) > 1).any():
        raise ValueError("validation has no session of two events or more: nothing follows a first event")
    hashes = hash_ids(new.ids)
    fold = np.zeros(len(hashes), np.int64)
    if folds is not None:
        fold = (uniform(mix(_FOLD_SEED, hashes)) * checks.count(folds, "folds", 2)).astype(np.int64)
    prefixes = np.bincount(fold, np.maximum(np.diff(starts) - 1, 0), minlength=folds or 1)
    if (prefixes == 0).any():
        raise ValueError(f"folds is {folds}: {len(hashes)} validation sessions do not fill so many; give fewer")
    rank = np.arange(1.0, len(past.ids) + 1)
    # The contributions hold 1 / k already.
    c = np.minimum(k, rank) / rank if semivalue == "shapley" else stats.binom.cdf(k - 1, rank - 1, 0.5)
    cumulative = np.concatenate(([0.0], np.cumsum(c)))
    announce(kernels.session_values)
    per_fold = np.empty((len(prefixes), len(index.entry_item)))
    for number, count in enumerate(prefixes):
        sums = np.zeros((kernels.BLOCKS, len(index.entry_item)))
        chosen = np.flatnonzero(fold == number)
        kernels.session_values(
            kernels.parts(index), starts, events, hashes, chosen, c, cumulative, k, most, drawn, sums
        )  # fmt: skip
        per_fold[number] = sums.sum(axis=0) / count
    return past, index, per_fold


class _Events:
    """Checked events: ids of sessions and items in order, and codes into them."""

    def __init__(self, table: Any, name: str) -> None:
        rows = table if isinstance(table, pa.Table) else pa.table(table)
        missing = [column for column in ("session_id", "item_id", "timestamp") if column not in rows.column_names]
        if missing:
            raise ValueError(f"{name} has no column {missing[0]!r}; give session_id, item_id and timestamp")
        if not rows.num_rows:
            raise ValueError(f"{name} has no rows; give the events of at least one session")
        for column in rows.column_names:
            if column in ("session_id", "item_id", "timestamp", "user_id") and rows.column(column).null_count:
                raise ValueError(f"{name}: {rows.column(column).null_count} rows have no {column}; drop them first")
        self.ids, self.session = _coded(rows.column("session_id"))
        self.items, self.item = _coded(rows.column("item_id"))
        self.time = _seconds(rows.column("timestamp"), name)
        self._order = np.argsort(self.session, kind="stable")
        self._check_order(name)
        self.last = np.full(len(self.ids), -1, np.int64)
        np.maximum.at(self.last, self.session, self.time)
        self.user = None
        if "user_id" in rows.column_names:
            users, codes = _coded(rows.column("user_id"))
            self.user = users, codes[self._order][np.searchsorted(self.session[self._order], np.arange(len(self.ids)))]

    def _check_order(self, name: str) -> None:
        session, time = self.session[self._order], self.time[self._order]
        back = np.flatnonzero((np.diff(time) < 0) & (np.diff(session) == 0))
        if len(back):
            ident = self.ids[int(session[back[0]])]
            raise ValueError(f"{name}: the timestamps of session {ident} are not sorted; sort its events by time")

    def sequences(self, items: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where each session begins (V + 1,), and its items by their places in `items`, -1 where they are not there."""
        code = pc.fill_null(pc.index_in(self.items, value_set=items), -1).to_numpy().astype(np.int64)
        starts = np.concatenate(([0], np.cumsum(np.bincount(self.session, minlength=len(self.ids)))))
        return starts, code[self.item[self._order]]


def _coded(column: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int64]]:
    """Distinct ids in order, and each row's place among them."""
    column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    encoded = column.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return encoded.dictionary.take(pa.array(order)), place[encoded.indices.to_numpy()]


def _seconds(column: pa.ChunkedArray, name: str) -> NDArray[np.int64]:
    if pa.types.is_timestamp(column.type):
        column = pc.cast(pc.cast(column, pa.timestamp("us", column.type.tz)), pa.int64())
        values = column.to_numpy() / 1e6
    else:
        values = column.to_numpy()
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{name}: timestamp is {column.type}; give seconds since 1970 or timestamps")
    if not np.isfinite(values).all() or values.min() < 0:
        raise ValueError(f"{name}: timestamp holds {values.min():g}; give seconds since 1970, none negative or unknown")
    milliseconds: NDArray[np.int64] = np.floor(values * 1e3).astype(np.int64)
    return milliseconds


def _tables(past: _Events, index: kernels.SessionIndex, per_fold: NDArray[np.float64], folds: int | None) -> SessionValues:
    session = index.original[index.entry_session]

    def rolled(codes: NDArray[np.integer[Any]], size: int) -> Values:
        return from_folds(np.stack([np.bincount(codes, values, minlength=size) for values in per_fold]), folds)

    def table(name: str, ids: Any, codes: NDArray[np.integer[Any]], counted: str, count: NDArray[np.int64]) -> pa.Table:
        values = rolled(codes, len(ids))
        return pa.table({name: ids, **values.columns(), counted: count})

    def by_session(name: str, ids: Any, group: NDArray[np.int64]) -> pa.Table:
        return table(name, ids, group[session], "sessions", np.bincount(group, minlength=len(ids)))

    size = np.empty(len(past.ids), np.int64)
    size[index.original] = index.size
    days, day = np.unique(past.last // (1000 * _DAY), return_inverse=True)
    order = np.lexsort((index.entry_item, session))
    pairs = {"session_id": past.ids.take(pa.array(session[order])), "item_id": past.items.take(pa.array(index.entry_item[order]))}
    return SessionValues(
        pa.table(pairs | from_folds(per_fold[:, order], folds).columns()),
        table("session_id", past.ids, session, "entries", size),
        table("item_id", past.items, index.entry_item, "sessions", np.diff(index.item_start)),
        by_session("day", pa.array(days.astype("datetime64[D]")), day),
        by_session("user_id", *past.user) if past.user is not None else None,
    )


class SessionShapley:
    """The valuer: what a user took in one period is a session; a positive has its item's part of the session's value.

    Negatives are worth 0: session-kNN learns from what was taken. Items of a session stand in order of its steps where requests
    are steps, else of their ids, since a period's order is not known. At most 2,000 validation sessions, by hash; the 500 most
    recent candidates.
    """

    name = "session_shapley"
    needs = Scorer
    _sessions, _recent, _k = 2_000, 500, 100

    def value(
        self, train: Samples, validation: Samples, *, model: Any, utility: str, folds: int, rng: np.random.Generator
    ) -> Importance:
        """Values (n,) in score a prefix, mean over folds of validation sessions. SplitError: none has two items."""
        del model, utility
        past, new = _baskets(train), _baskets(validation)
        new = new.filter(pc.invert(pc.is_in(new.column("session_id"), value_set=past.column("session_id").unique())))
        ids = new.column("session_id").to_numpy().view(np.uint64)
        distinct = np.unique(ids)
        order = np.argsort(mix(int(rng.integers(2**31)), distinct), kind="stable")
        new = new.filter(pa.array(np.isin(ids, distinct[order[: self._sessions]])))
        try:
            entries = _entry_values(past, new, self._k, self._recent, "all", "shapley", folds)
        except ValueError as error:
            raise SplitError(f"session_shapley: {error}") from None
        return Importance.of(train, _by_sample(train, *entries), self.name, "score of the next item", "session_knn")


def _baskets(samples: Samples) -> pa.Table:
    """Positives as sessions: session, item id and the period as time, in order of session, step and item id."""
    taken = samples.take(samples.label > 0)
    item, period = taken.keys.column("item_id").cast(pa.string()), taken.period.astype(np.int64)
    columns = {"session_id": _session(taken), "item_id": item, "timestamp": period - period.min(initial=2**31)}
    table = pa.table(columns | {"moment": taken.moment})
    return table.sort_by([(name, "ascending") for name in ("session_id", "moment", "item_id")]).drop_columns(["moment"])


def _session(samples: Samples) -> NDArray[np.int64]:
    """(n,) the session of each sample: its request, or where requests are steps what its user took in its period."""
    if "step" not in samples.keys.column_names:
        return samples.request
    return samples.user.astype(np.int64) << 32 | samples.period


def _by_sample(train: Samples, past: _Events, index: kernels.SessionIndex, per_fold: NDArray[np.float64]) -> Values:
    """Values of samples: a positive's entry, shared by equal ones; 0 for negatives."""
    rows = np.flatnonzero(train.label > 0)
    item_id = train.keys.column("item_id").cast(pa.string()).take(pa.array(rows))
    item = pc.index_in(item_id, value_set=past.items).to_numpy().astype(np.int64)
    number = np.empty(len(past.ids), np.int64)
    number[index.original] = np.arange(len(past.ids))
    session = number[pc.index_in(pa.array(_session(train)[rows]), value_set=past.ids).to_numpy()]
    keys = index.entry_item.astype(np.int64) * len(past.ids) + index.entry_session
    entry = np.searchsorted(keys, item * len(past.ids) + session)
    share = np.zeros((len(per_fold), len(train)))
    share[:, rows] = per_fold[:, entry] / np.bincount(entry, minlength=len(keys))[entry]
    return Values(share.mean(axis=0), share)
