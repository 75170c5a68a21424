"""What protocols make of systems: each system fitted and scored on each fold, and how far the protocols' orders agree."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.benchmark.board.comparison import mean_intervals
from assay.benchmark.board.scoreboard import Floats, Scoreboard
from assay.benchmark.inputs import read_table
from assay.benchmark.protocols.cuts import Fold
from assay.benchmark.protocols.interactions import COLUMNS, Interactions
from assay.benchmark.readers import from_tables
from assay.errors import InputError, did_you_mean
from assay.numerics.orders import tau_b

if TYPE_CHECKING:  # scikit-learn is heavy to import, and what compares need not fit
    from assay.models.recommender import Recommending

# (train, requests, k) -> R lists of at most k item ids, best first: anything pyarrow.array takes for lists. train: rows of
# events, with all their columns. requests: request_id, user_id, timestamp and history, a list of the item ids that the
# user is known to have taken, in order of time.
System = Callable[[pa.Table, pa.Table, int], Any]
Protocols = Mapping[str, Fold | Sequence[Fold]]

REFERENCE = "time_split"
WARNINGS = pa.schema({"protocol": pa.string(), "fold": pa.string(), "warning": pa.string()})


def compare_protocols(events: Any, systems: Mapping[str, System], *, protocols: Protocols, k: int = 10) -> pa.Table:
    """Fit and score every system on every fold, and hold each protocol's order of the systems against the time split's.

    events: those that the folds were made from. systems: name -> System; `ranker` makes one of a recommender.
    protocols: name -> fold or folds; one is named "time_split".

    One row per protocol, fold and system, and where a protocol has several folds, also one over all of them, fold "all":
    requests, ndcg@k (mean over requests) with low and high (its 95 % interval, clustered by user), recall@k, and tau_b:
    Kendall's between the systems' ndcg@k, over all folds, and that of "time_split"; the same in all rows of a protocol,
    null where one of the two does not vary.

    InputError: no protocol is named "time_split", or one has no folds; a fold has requests of one user only; a system
    gives another number of lists, an item twice, or nothing at all.
    """
    table = read_table(events, "events", COLUMNS)
    named = {name: _folds(name, folds) for name, folds in protocols.items()}
    if REFERENCE not in named:
        close = did_you_mean(REFERENCE, named) or f"; there are {', '.join(named) or 'none'}"
        raise InputError(f"protocols: none is named {REFERENCE!r}, which others are held against{close}")
    gain, recall = f"ndcg@{k}", f"recall@{k}"
    boards = {name: [(fold.name, _score(table, systems, fold, (gain, recall), k)) for fold in named[name]] for name in named}
    for name, scored in boards.items():
        if len(scored) > 1:
            scored.append(("all", _pooled(named[name], [board for _, board in scored])))
    reference = boards[REFERENCE][-1][1].means(gain)
    lines = []
    for name, scored in boards.items():
        tau = _tau(scored[-1][1].means(gain), reference)
        for fold, board in scored:
            low, high = mean_intervals(board, gain)
            for s, system in enumerate(board.systems):
                line = {"protocol": name, "fold": fold, "system": system, "requests": len(board.request)}
                line |= {gain: board.means(gain)[s], "low": low[s], "high": high[s], recall: board.means(recall)[s]}
                lines.append({**line, "tau_b": tau})
    names = pa.schema({"protocol": pa.string(), "fold": pa.string(), "system": pa.string(), "requests": pa.int64()})
    values = [pa.field(column, pa.float64()) for column in (gain, "low", "high", recall, "tau_b")]
    return pa.Table.from_pylist(lines, schema=pa.schema([*names, *values]))


def protocol_warnings(protocols: Protocols) -> pa.Table:
    """One row per protocol, fold and warning, schema WARNINGS. InputError: a protocol has no folds."""
    return pa.Table.from_pylist(
        [
            {"protocol": name, "fold": fold.name, "warning": warning}
            for name, folds in protocols.items()
            for fold in _folds(name, folds)
            for warning in fold.warnings
        ],
        schema=WARNINGS,
    )


def most_popular(train: pa.Table, requests: pa.Table, k: int) -> pa.Array:
    """The simplest System: for everyone the k items of most events in train, ties by item id."""
    count = train.group_by("item_id").aggregate([([], "count_all")])
    best = count.sort_by([("count_all", "descending"), ("item_id", "ascending")]).column("item_id")[:k]
    return pa.array([best.to_pylist()] * requests.num_rows, pa.list_(best.type))


def bought_before(train: pa.Table, requests: pa.Table, k: int) -> pa.Array:
    """A System: the k items that the user took most often, ties last taken first; nothing for who took nothing."""
    lists = []
    for history in requests.column("history").to_pylist():
        count = Counter(reversed(history))  # equal counts stay in the order they are met in
        lists.append([item for item, _ in count.most_common(k)])
    return pa.array(lists, pa.list_(train.column("item_id").type))


def ranker(model: "Recommending", *, exclude_known: bool = False, seed: int = 7) -> System:
    """A System of a recommender: an unfitted twin of `model` learns from train, and ranks by the requests' histories.

    Nothing else of a request's user is used, so that held-out users are ranked for as all are. exclude_known: leave out
    what a history holds, for logs in which nothing is taken twice. seed: of what the fit draws. A period is a session's
    start or, where no session is known, a day. A user without a history gets the first items by id.
    """

    def system(train: pa.Table, requests: pa.Table, k: int) -> pa.Array:
        log = Interactions.of(train)
        fitted = model.fresh().fit_events(log.user, log.item, log.visits(), rng=np.random.default_rng(seed))
        history = requests.column("history").combine_chunks()
        length = pc.list_value_length(history).to_numpy()
        user = np.repeat(np.arange(len(history)), length)
        place = np.arange(len(user)) - np.repeat(np.cumsum(length) - length, length)
        item = pc.index_in(history.flatten(), log.items).fill_null(len(log.items)).to_numpy()
        users = np.arange(len(history))
        best, _ = fitted.knowing(user, item, place).top_n(users, k, exclude_known=exclude_known)
        lists = pa.array(best.ravel(), mask=best.ravel() < 0)
        return _without_nulls(log.items.take(lists), best >= 0)

    return system


def _without_nulls(items: pa.Array, there: Any) -> pa.ListArray:
    """Lists of the items (R * k,) that are there (R, k)."""
    ends = np.append(0, np.cumsum(there.sum(axis=1))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), items.drop_null())


def _tau(a: Floats, b: Floats) -> float | None:
    tau = float(tau_b(a[None], b)[0])
    return None if np.isnan(tau) else tau


def _folds(name: str, one_or_more: Fold | Sequence[Fold]) -> Sequence[Fold]:
    folds = [one_or_more] if isinstance(one_or_more, Fold) else one_or_more
    if not folds:
        raise InputError(f"protocol {name!r} has no folds; give one at least")
    return folds


def _score(events: pa.Table, systems: Mapping[str, System], fold: Fold, measures: Sequence[str], k: int) -> Scoreboard:
    """The systems' scores on one fold; its requests in order."""
    train, requests = events.take(pa.array(fold.train)), _with_history(events, fold)
    truth = fold.truth.append_column("user_id", fold.requests.column("user_id").take(fold.truth.column("request_id")))
    predictions = {name: _predictions(name, system(train, requests, k), fold) for name, system in systems.items()}
    return from_tables(truth, predictions, measures)


def _with_history(events: pa.Table, fold: Fold) -> pa.Table:
    """The fold's requests, each with the item ids that its user is known to have taken, in order of time and item id."""
    history = Interactions.of(events.take(pa.array(fold.known)))
    request = pc.index_in(history.users, fold.requests.column("user_id").combine_chunks()).to_numpy().astype(np.int64)
    count = np.bincount(request[history.user], minlength=fold.requests.num_rows)
    ends = pa.array(np.append(0, np.cumsum(count)).astype(np.int32))
    # Users rise in the fold's requests as they do here, so that one order serves both.
    items = history.items.take(pa.array(history.item[history.order]))
    return fold.requests.append_column("history", pa.ListArray.from_arrays(ends, items))


def _predictions(name: str, lists: Any, fold: Fold) -> pa.Table:
    """request_id, item_id and score of the lists that a system gave, best first."""
    array = lists if isinstance(lists, pa.ListArray | pa.LargeListArray) else pa.array(list(lists))
    if len(array) != fold.requests.num_rows:
        raise InputError(
            f"system {name!r} gives {len(array)} lists for the {fold.requests.num_rows} requests of {fold.name}; "
            "give one per request, in their order"
        )
    length = pc.list_value_length(array).to_numpy()
    first = np.repeat(np.cumsum(length) - length, length)
    score = (first - np.arange(len(first))).astype(np.float64)
    return pa.table({"request_id": np.repeat(np.arange(len(array)), length), "item_id": array.flatten(), "score": score})


def _pooled(folds: Sequence[Fold], boards: Sequence[Scoreboard]) -> Scoreboard:
    """The requests of all folds on one scoreboard; a user of several folds is one user."""
    user = pa.chunked_array([chunk for fold in folds for chunk in fold.requests.column("user_id").chunks])
    first = boards[0]
    scores = {name: np.hstack([board.of(name) for board in boards]) for name in first.measures}
    return Scoreboard(np.arange(len(user)), user, first.systems, first.families, scores)
