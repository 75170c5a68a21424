"""Scoreboards from what others wrote: TREC runs with qrels, or tables of predictions and of truth.

Conventions, as trec_eval's with -c: a request with truth that a system did not answer counts 0 for it, and so does one
without a relevant item; documents that truth does not name, or that it gives a grade below 0, are not relevant; a list is
ranked by score alone, highest first, ties by document id, highest first. Measures are those of numerics.ranking, equal to
trec_eval's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.inputs import alike, codes, numbers, read_table
from assay.benchmark.items import PAST, Catalogue, Training, catalogue
from assay.benchmark.lists import Ranked, list_measures
from assay.benchmark.trec import PREDICTIONS, TRUTH, trec_run
from assay.benchmark.trec import qrels as read_qrels
from assay.errors import InputError
from assay.numerics.linearised import POOLED, pooled_by_request
from assay.numerics.names import RANKING, Name, parse
from assay.numerics.ranking import ranking_measures, request_offsets, tie_order

MEASURES = ("ndcg@10", "recall@10", "mrr@10", "map@10", "precision@10", "hit_rate@10")
_SHOWN = 3


def from_trec(
    qrels: Path | str,
    runs: Mapping[str, Path | str] | Sequence[Path | str],
    measures: Sequence[str] = MEASURES,
    *,
    families: Mapping[str, str] | None = None,
) -> Scoreboard:
    r"""Scores of TREC runs on qrels, as a scoreboard.

    Scores are rounded to 32 bits, as trec_eval does, so that the same ones tie. Each request counts as a user of its own.

    Parameters
    ----------
    qrels : str or Path
        Lines `request 0 document grade`.
    runs : dict or sequence of str or Path
        System -> file, or files alone, named after the file without its suffix; lines `request Q0 document rank score tag`.
    measures, families
        As in `from_tables`.

    Returns
    -------
    Scoreboard
        A score for each system, request and measure.

    Raises
    ------
    InputError
        As in `from_tables`.
    SourceError
        A file that is not there, or a line that is none of TREC's.

    Examples
    --------
    >>> from pathlib import Path
    >>> import assay
    >>> _ = Path("one.qrels").write_text("q1 0 tea 1\n")
    >>> _ = Path("mine.run").write_text("q1 Q0 cup 1 0.9 mine\nq1 Q0 tea 2 0.3 mine\n")
    >>> assay.from_trec("one.qrels", ["mine.run"], measures=["mrr@10"]).means("mrr@10").tolist()
    [0.5]
    """
    named = runs if isinstance(runs, Mapping) else _by_stem(runs)
    predictions = {name: trec_run(Path(path)) for name, path in named.items()}
    return from_tables(read_qrels(Path(qrels)), predictions, measures, families=families)


def from_tables(
    truth: Any,
    predictions: Mapping[str, Any],
    measures: Sequence[str] = MEASURES,
    *,
    families: Mapping[str, str] | None = None,
    items: Any = None,
    train: Any = None,
) -> Scoreboard:
    """Scores of predictions on truth, as a scoreboard.

    Lists are ranked by score, ties by item id, highest first; a request that a system did not answer counts 0 for it, as in
    trec_eval with -c. Requests are in order of id.

    Parameters
    ----------
    truth : table or path
        request_id, item_id and grade (above 0 is relevant, and ndcg's gain is the grade itself; 0 or below is not, as TREC's -1
        and -2). It may have user_id (else each request is a user of its own) and other columns: attributes of its requests, which
        the board keeps. A path of .parquet or .csv, or anything that speaks Arrow.
    predictions : dict
        System -> a table or path of request_id, item_id and score.
    measures : sequence of str
        Names as "ndcg@10" or "rbp(p=0.5)@10", also of those beyond accuracy (docs/benchmark/measures.md); or "auc", "accuracy",
        "precision", "recall", "f1" of all answers pooled, as each request's part in them: relevant items that a system did not
        answer are no, and stand last; but for auc, scores must be probabilities, of which .5 is a yes.
    families : dict, optional
        System -> family; a system left out is one of its own.
    items : table or path, optional
        All that could be ranked: item_id, and where known category, and popularity (share of the users who took it in training).
    train : table or path, optional
        What users took before the test: user_id, item_id; of a column label, the rows above 0. It says how popular items are.
        Without items, the catalogue is what train and truth name.

    Returns
    -------
    Scoreboard
        A score for each system, request and measure.

    Raises
    ------
    InputError
        A request is predicted that truth does not name, a score is NaN, all are equal, a pair is there twice, truth is empty, a
        user or an attribute is not one per request, a measure is not known, scores are no probabilities where they must be. Of
        measures beyond accuracy: what they need is not given, an item is not in the catalogue, or no list has the measure.

    Examples
    --------
    >>> import pyarrow as pa
    >>> import assay
    >>> truth = pa.table({"request_id": ["q1", "q2"], "item_id": ["tea", "cup"], "grade": [1, 1]})
    >>> answers = {"request_id": ["q1", "q1", "q2", "q2"], "item_id": ["tea", "cup", "tea", "cup"], "score": [0.9, 0.2, 0.6, 0.4]}
    >>> board = assay.from_tables(truth, {"mine": pa.table(answers)}, measures=["mrr@10"])
    >>> board.means("mrr@10").tolist()
    [0.75]
    """
    measures = list(dict.fromkeys(measures))
    wanted = _Wanted.of(measures)
    if not predictions:
        raise InputError("no systems: give at least one table of predictions")
    table = read_table(truth, "truth", TRUTH)
    judgements, training = _Truth.of(table), None if train is None else Training.of(train)
    known = catalogue(items, training, table.column("item_id"))
    if training is not None:
        judgements = replace(judgements, past=training.of_users(judgements.user))
    scores: dict[str, list[NDArray[np.float64]]] = {name: [] for name in measures}
    for system, source in predictions.items():
        where = f"system {system!r}"
        columns = _score(judgements, read_table(source, where, PREDICTIONS), where, wanted, known)
        for name in measures:
            scores[name].append(columns[name])
    return Scoreboard(
        judgements.request,
        judgements.user,
        tuple(predictions),
        tuple((families or {}).get(name, name) for name in predictions),
        {name: np.stack(rows) for name, rows in scores.items()},
        judgements.attributes,
    )


def judged(truth: Any) -> tuple[pa.Table, pa.Table]:
    """Requests of truth in order of id (request_id, user_id, attributes), and their truth (request_id, item_id, grade).

    truth as in from_tables, whose errors these are. Where it names no users, each request is one of its own.
    """
    table = read_table(truth, "truth", TRUTH)
    judgements = _Truth.of(table)
    past = {} if judgements.past is None else {PAST: judgements.past}
    columns = {"request_id": judgements.request, "user_id": judgements.user, **judgements.attributes, **past}
    return pa.table(columns), table.select(TRUTH)


@dataclass(frozen=True)
class _Truth:
    """What is relevant. request (R,) ids, rising; items: ids that grade names; pair (n,) = request * items + item, rising,
    with its gain (n,): the grade, 0 for one below; offsets (R + 1,) of the positive gains (m,), a request's by size. past (R,):
    mean popularity of what the request's user took in training, null where that is nothing; None where it is not known."""

    request: pa.Array
    user: Any
    attributes: dict[str, pa.Array]
    items: pa.Array
    pair: NDArray[np.int64]
    gain: NDArray[np.float64]
    offsets: NDArray[np.int64]
    positive: NDArray[np.float64]
    past: pa.Array | None = None

    @classmethod
    def of(cls, table: pa.Table) -> "_Truth":
        if not table.num_rows:
            raise InputError("truth is empty: nothing to measure on; give the relevant items of each request")
        gain = np.maximum(numbers(table, "grade", "truth"), 0.0)
        ids, items = table.column("request_id").unique().sort(), table.column("item_id").unique()
        request, item = (codes(table.column(name), by) for name, by in (("request_id", ids), ("item_id", items)))
        pair = request * len(items) + item
        _refuse_twice(pair, table, "truth")
        order = np.argsort(pair)
        relevant = np.flatnonzero(gain > 0)
        best = relevant[np.lexsort((-gain[relevant], request[relevant]))]
        offsets = np.append(0, np.cumsum(np.bincount(request[best], minlength=len(ids)))).astype(np.int64)
        if not len(best):
            raise InputError("truth has no grade above 0: nothing is relevant, every system would score 0")
        first = np.zeros(len(ids), np.int64)
        first[request[::-1]] = np.arange(len(request))[::-1]
        attributes = {name: _each(table, name, request, first, ids) for name in table.column_names if name not in TRUTH}
        user = attributes.pop("user_id", pa.array(np.arange(len(ids))))
        past = attributes.pop(PAST, None)
        return cls(ids, user, attributes, items, pair[order], gain[order], offsets, gain[best], past)


@dataclass(frozen=True)
class _Wanted:
    """Measures by how they are made: those of ranks by their cut-offs, pooled ones, and others as `list_measures` takes them."""

    cuts: Sequence[int]
    pooled: Sequence[str]
    of_lists: Mapping[str, Name]

    @classmethod
    def of(cls, measures: Sequence[str]) -> "_Wanted":
        names = {typed: name for typed in measures if (name := measure_name(typed)) is not None}
        cuts = sorted({name.cut for name in names.values() if name.base in RANKING})
        of_lists = {typed: name for typed, name in names.items() if name.base not in RANKING}
        return cls(cuts, [typed for typed in measures if typed not in names], of_lists)


def _score(
    truth: _Truth, table: pa.Table, where: str, wanted: _Wanted, known: Catalogue | None
) -> dict[str, NDArray[np.float64]]:
    """Measures (R,) of one system."""
    if not table.num_rows:
        raise InputError(f"{where} has no rows; give what it answered, or leave it out")
    score = numbers(table, "score", where)
    scored_ids, judged_ids = alike(table.column("request_id"), truth.request)
    request = codes(scored_ids, judged_ids)
    if (request < 0).any():
        _refuse_requests(scored_ids, judged_ids, request, where)
    listed, named = alike(table.column("item_id"), truth.items)
    coded = listed.combine_chunks().dictionary_encode()
    own = coded.indices.to_numpy()
    _refuse_twice(request * len(coded.dictionary) + own, table, where)
    # From here on an item is its place in the order of ids as text, which ties are broken by.
    tie = tie_order(coded.dictionary.to_pylist())[own]
    of_truth = codes(coded.dictionary, named)[own]
    pair = np.where(of_truth < 0, -1, request * len(truth.items) + of_truth)
    at = np.minimum(np.searchsorted(truth.pair, pair), len(truth.pair) - 1)
    has_grade = truth.pair[at] == pair
    gain = np.where(has_grade, truth.gain[at], 0.0)
    order = np.argsort(request, kind="stable")
    answered, offsets = request_offsets(request[order])
    if len(answered) < len(score) and np.ptp(score) == 0:
        raise InputError(f"{where} gives every item the score {score[0]:g}: it ranks nothing; check the column score")
    ends = np.zeros(len(truth.request) + 1, np.int64)
    ends[answered + 1] = np.diff(offsets)
    starts = np.cumsum(ends)
    figures = _pooled(truth, request, score, gain, where, wanted.pooled) if wanted.pooled else {}
    if wanted.of_lists:
        past = None if truth.past is None else truth.past.cast(pa.float64()).to_numpy(zero_copy_only=False)
        ranked = Ranked(
            where, starts, score[order], tie[order], table.column("item_id").take(pa.array(order)), gain[order], has_grade[order],
            np.asarray(truth.user), past, float(truth.positive.max()),
        )  # fmt: skip
        figures |= list_measures(ranked, wanted.of_lists, known)
    if not wanted.cuts:
        return figures
    return figures | ranking_measures(
        starts, score[order], gain[order], np.diff(truth.offsets), tie[order], wanted.cuts,
        truth=(truth.offsets, truth.positive),
    )  # fmt: skip


def _pooled(
    truth: _Truth,
    request: NDArray[np.int64],
    score: NDArray[np.float64],
    gain: NDArray[np.float64],
    where: str,
    names: Sequence[str],
) -> dict[str, NDArray[np.float64]]:
    """Pooled measures (R,) of one system; relevant items that it did not answer are rows of their own."""
    R = len(truth.request)
    if {*names} - {"auc"} and not ((score >= 0) & (score <= 1)).all():
        wrong = score[(score < 0) | (score > 1)][0]
        raise InputError(
            f"{where} has a score of {wrong:g}: {names[0]} needs probabilities from 0 to 1; ask for auc, or calibrate"
        )
    if (gain > 0).all():
        raise InputError(f"{where} answers relevant items alone: {names[0]} needs others among its answers")
    left = np.diff(truth.offsets) - np.bincount(request, gain > 0, R).astype(np.int64)
    label = np.append(gain > 0, np.ones(left.sum()))
    request_of = np.append(request, np.repeat(np.arange(R), left))
    return pooled_by_request(label, np.append(score, np.full(left.sum(), -np.inf)), request_of, R)


def measure_name(text: str) -> Name | None:
    """A measure's name as a value, None for a pooled one. InputError: no measure, or one without a cut-off."""
    return None if text in POOLED else parse(text)


def _by_stem(paths: Sequence[Path | str]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for path in map(Path, paths):
        if path.stem in named:
            raise InputError(f"{named[path.stem]} and {path} would both be system {path.stem!r}; give runs as name -> file")
        named[path.stem] = path
    return named


def _each(table: pa.Table, name: str, request: NDArray[np.int64], first: NDArray[np.int64], ids: pa.Array) -> pa.Array:
    """The one value (R,) of an attribute for each request."""
    column = table.column(name).combine_chunks()
    values = column.dictionary_encode(null_encoding="encode").indices.to_numpy()
    differs = values != values[first][request]
    if differs.any():
        of = ids[int(request[differs.argmax()])].as_py()
        raise InputError(f"truth: request {of!r} has several values of {name}; it needs one, or drop the column")
    return column.take(pa.array(first))


def _refuse_twice(pair: NDArray[np.int64], table: pa.Table, where: str) -> None:
    order = np.argsort(pair, kind="stable")
    twice = np.flatnonzero(pair[order][1:] == pair[order][:-1])
    if len(twice):
        row = int(order[twice[0] + 1])
        request, item = (table.column(name)[row].as_py() for name in ("request_id", "item_id"))
        raise InputError(f"{where}: item {item!r} of request {request!r} is there twice ({len(twice)} such rows); keep one")


def _refuse_requests(column: pa.ChunkedArray, ids: pa.Array, code: NDArray[np.int64], where: str) -> None:
    unknown = column.filter(pa.array(code < 0)).unique()
    rest = ids.filter(pa.array(np.bincount(code[code >= 0], minlength=len(ids)) == 0))
    raise InputError(
        f"{where} answers {len(unknown)} requests that truth does not name ({_some(unknown)}); truth names {len(rest)} that it "
        f"does not answer ({_some(rest)}); score it on the truth's requests, or add truth"
    )


def _some(ids: pa.Array) -> str:
    shown = ", ".join(repr(one) for one in ids[:_SHOWN].to_pylist())
    return (shown + (" ..." if len(ids) > _SHOWN else "")) or "none"
