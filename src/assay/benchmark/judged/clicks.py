"""Judgements from a run's clicks: what a query's items are worth to those who look at them, whatever place they stood in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.benchmark.judged import files
from assay.benchmark.judged.pairs import PAIRS
from assay.errors import InputError, did_you_mean
from assay.finished import Finished
from assay.numerics.click_rates import Vector, fitted_prior, graded
from assay.numerics.position_bias import Examination, harvested
from assay.pages.samples import SamplesMade
from assay.samples.searches import Searches, searches
from assay.tables import SEARCH_OUTCOMES

Ints = NDArray[np.int64]
_MOST = 100  # grades


@dataclass(frozen=True)
class Judgements:
    """Pairs of query and item that a log's searches showed, with what their clicks say.

    table: one row a pair, in order of query and item: query, item_id, grade (int8, null: too few looks to tell), estimate
    (clicks a look, drawn towards the mean of all pairs where looks are few), low and high (its 95 % interval), impressions,
    looks (impressions times the examination of their places), clicks. account: counts, the correction and the prior.
    """

    table: pa.Table
    account: dict[str, Any]

    def graded(self) -> pa.Table:
        """The pairs that have a grade: query, item_id, grade."""
        return self.table.filter(pc.is_valid(self.table.column("grade"))).select(PAIRS)

    def write(self, path: Path | str, format: str | None = None) -> list[Path]:
        """Write the graded pairs; return the files.

        format: qrels, quepid, rre or opensearch; by default qrels for .qrels and quepid for .csv. InputError: no pair is graded,
        a file is there already, or an id is not for this format.
        """
        pairs = self.graded()
        if not pairs.num_rows:
            raise InputError(f"none of {self.table.num_rows} pairs has looks enough for a grade; bring a longer log")
        return files.write(pairs, Path(path), format)


def judgements(run: Finished | Path | str, *, by: str = "view", grades: int = 4) -> Judgements:
    """Graded pairs of query and item from a run's log of searches, corrected for the places that items stood in.

    Pairs are those that some list showed in a known place. A pair's estimate is clicks / looks, with as many clicks and looks
    added as a Gamma prior is worth, which all pairs together tell. A look is an impression times the examination of its place:
    as the run's samples have learnt it, else harvested from all lists (AllPairs). The grade is the estimate's share of the
    query's best, in grades + 1 equal steps. A pair has no grade if it has fewer looks than the prior is worth, or if its interval
    reaches over more than half of the scale. A query without a click among such pairs has none.

    Parameters
    ----------
    run : Run, str or Path
        A run, or its folder; its log must have searches, and exposures with positions.
    by : str
        What counts as a click: "view", "cart" or "purchase".
    grades : int
        The highest grade, 1 to 100; the lowest is 0.

    Returns
    -------
    Judgements
        table (all pairs), graded() (those with a grade), account, and write(path, format).

    Raises
    ------
    InputError
        The run has no log, no search, no list with positions, no click of this kind, or nothing to tell places by.

    References
    ----------
    Chuklin, Markov and de Rijke, Click Models for Web Search, 2015 (the position-based model). Agarwal et al., WSDM 2019.

    Examples
    --------
    >>> import assay
    >>> from pathlib import Path
    >>> from assay.testing.search import make_search_log, search_config
    >>> config = search_config(Path("shop"), make_search_log(users=20, weeks=13))
    >>> pairs = assay.judgements(assay.run(config, folder="run", until="clean"))
    >>> pairs.table.column_names[:3]
    ['query', 'item_id', 'grade']
    """
    finished = run if isinstance(run, Finished) else Finished(run)
    _refuse(by, grades)
    shown = _Shown.of(finished, by)
    looks, impressions = shown.summed(shown.examination.of(shown.place)), shown.summed(np.ones(len(shown.place)))
    clicks = shown.summed(shown.clicked)
    prior = fitted_prior(clicks, looks)
    estimate, low, high = prior.rates(clicks, looks)
    query = _codes(shown.queries)
    sure = (looks >= prior.looks) & (np.bincount(query, clicks * (looks >= prior.looks))[query] > 0)
    grade = graded(query, (estimate, low, high), sure, grades)
    table = pa.table(
        {
            "query": shown.queries,
            "item_id": shown.items,
            "grade": pa.array(grade, pa.int8(), mask=grade < 0),
            "estimate": estimate,
            "low": low,
            "high": high,
            "impressions": impressions.astype(np.int64),
            "looks": looks,
            "clicks": clicks.astype(np.int64),
        }
    )
    account = {
        "by": by,
        "pairs": len(grade),
        "graded": int((grade >= 0).sum()),
        "too_few": int((grade < 0).sum()),
        "queries": int(query.max()) + 1,
        "graded_queries": len(np.unique(query[grade >= 0])),
        "grades": {str(each): int((grade == each).sum()) for each in range(grades + 1)},
        "impressions": len(shown.place),
        "without_position": shown.without_position,
        "clicks": int(clicks.sum()),
        "correction": shown.examination.method,
        "learnt_from": shown.learnt_from,
        "examination": shown.examination.examination.round(6).tolist(),
        "prior": {"clicks": prior.clicks, "looks": prior.looks},
    }
    return Judgements(table, account)


def read_judgements(path: Path | str) -> pa.Table:
    """Judgements from a file of TREC, Quepid, the Rated Ranking Evaluator (RRE) or OpenSearch's Search Relevance Workbench.

    Parameters
    ----------
    path : str or Path
        .qrels, .txt or .trec with lines `topic 0 item grade` (queries are read from the topics file that `write` puts beside),
        .csv with the columns query, docid, rating, or .json as RRE or OpenSearch take it.

    Returns
    -------
    pyarrow.Table
        query and item_id (text), grade (float64).

    Raises
    ------
    SourceError
        The file cannot be read, or is none of these.

    Examples
    --------
    >>> from pathlib import Path
    >>> import assay
    >>> _ = Path("ratings.csv").write_text("query,docid,rating\\nrye bread,i7,3\\n")
    >>> assay.read_judgements("ratings.csv").to_pylist()
    [{'query': 'rye bread', 'item_id': 'i7', 'grade': 3.0}]
    """
    return files.read(Path(path))


@dataclass(frozen=True)
class _Shown:
    """Impressions (n,) with a place, clicked or not, and their pair; pairs (m,) by query and item."""

    pair: Ints
    place: Ints
    clicked: NDArray[np.bool_]
    queries: pa.Array
    items: pa.Array
    examination: Examination
    learnt_from: str
    without_position: int

    @classmethod
    def of(cls, run: Finished, by: str) -> "_Shown":
        log_searches = _searches(run)
        position = pc.fill_null(log_searches.impressions.column("position"), 0).to_numpy()
        shown = log_searches.of("shown")
        rows = np.flatnonzero(shown & (position >= 1))
        if not len(rows):
            raise InputError(
                f"{run.folder}: no search has a list with positions on record; map events of the kind exposure and the column"
                " position"
            )
        clicked = log_searches.outcome(by)[rows]
        if not clicked.any():
            raise InputError(f"{run.folder}: no shown item led to a {by!r} event; take another of {', '.join(SEARCH_OUTCOMES)}")
        assert run.items is not None
        query = log_searches.column("query_code")[log_searches.of("request")[rows]].astype(np.int64)
        codes, pair = np.unique(query * len(run.items) + log_searches.of("item_code")[rows], return_inverse=True)
        place = position[rows].astype(np.int64)
        examination, learnt_from = _examination(run, pair, place, log_searches.of("clicked")[rows])
        queries = log_searches.queries.take(pa.array(codes // len(run.items)))
        items = run.items.column("item_id").combine_chunks().take(pa.array(codes % len(run.items)))
        missing = int((shown & (position < 1)).sum())
        return cls(pair, place, clicked, queries, items, examination, learnt_from, missing)

    def summed(self, values: NDArray[Any]) -> Vector:
        """(m,) sums of the impressions' values by pair."""
        return np.bincount(self.pair, values).astype(np.float64)


def _refuse(by: str, grades: int) -> None:
    if by not in SEARCH_OUTCOMES:
        raise InputError(f"by {by!r} is not known{did_you_mean(by, SEARCH_OUTCOMES)}; there are {', '.join(SEARCH_OUTCOMES)}")
    if not 1 <= grades <= _MOST:
        raise InputError(f"grades = {grades}: the highest grade is 1 to {_MOST}")


def _searches(run: Finished) -> Searches:
    if run.config.table is not None:
        raise InputError(f"{run.folder}: a table of labelled samples has no searches; judgements need a run from a log ([log])")
    if run.log is None:
        raise InputError(f"{run.folder}: has no clean log yet; run it: assay clean CONFIG --folder {run.folder}")
    log_searches = searches(run.log, run.config.samples.period_days, run.config.samples.search_minutes)
    if not len(log_searches):
        raise InputError(f"{run.folder}: the log has no search with a query; map a query column in [[log.events]]")
    return log_searches


def _examination(run: Finished, pair: Ints, place: Ints, clicked: NDArray[np.bool_]) -> tuple[Examination, str]:
    """How likely places are looked at, and what that was learnt from."""
    bias = SamplesMade.read(run).position_bias if run.exists(SamplesMade.path) else None
    if bias is not None and bias.examination is not None:
        learnt = Examination(np.array(bias.examination), np.array(bias.rows), bias.method or "")
        return learnt, "the run's training searches"
    return harvested(pair, place, clicked), "all searches"


def _codes(texts: pa.Array) -> Ints:
    return np.asarray(texts.dictionary_encode().indices.to_numpy(), np.int64)
