"""Search: what words and vectors find for a query among what is on sale, lists of rival systems, and the reasons of a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.evaluation.claims import DECIDES_RANKED
from assay.evaluation.rankings import ranking_scores
from assay.evaluation.scores import Difference
from assay.numerics.ranking import ranking_measures
from assay.pages.parts import Effect, Estimate
from assay.pages.search import SearchSystem
from assay.text.ranked import Ranked
from assay.text.retrieval import Retrieval, fuse
from assay.text.words import words

MEASURES = (DECIDES_RANKED, "mrr@10", "recall@100")
DEPTH = 100  # first items of each source that a list is ranked from
_DEEPER = 3  # times as many are found as are wanted: some are not on sale


@dataclass(frozen=True)
class Pool:
    """Items (n,) to rank for m requests, in order of request and item: what either source has among its first on sale.

    request: place of the request. words, vectors: rank in that source, from 1; 0 where it does not have the item. fused:
    reciprocal rank fusion of both.
    """

    request: NDArray[np.int64]
    item: NDArray[np.int32]
    words: NDArray[np.int64]
    vectors: NDArray[np.int64]
    fused: NDArray[np.float64]

    def systems(self) -> dict[str, NDArray[np.float64]]:
        """Scores (n,) of the lists that need no training; NaN for what is not on the list."""
        ranks = {"BM25": self.words, "vectors": self.vectors}
        scores = {name: np.where(rank > 0, -rank.astype(np.float64), np.nan) for name, rank in ranks.items()}
        return scores | {"fused": self.fused}


def pool(
    retrieval: Retrieval,
    queries: Sequence[str],
    query: NDArray[Any],
    on_sale: NDArray[np.bool_],
    market: NDArray[Any],
    depth: int,
) -> Pool:
    """The pool of m requests. queries: texts, with places `query` (m,); on_sale (k, items), with places `market` (m,)."""
    distinct, row = np.unique(query, return_inverse=True)
    texts = [queries[code] for code in distinct]
    sources = {}
    for name, source in retrieval.sources_.items():
        places = source.search(texts, min(_DEEPER * depth, retrieval.size_)).places[row]
        good = (places >= 0) & on_sale[np.asarray(market)[:, None], places]
        good &= np.cumsum(good, axis=1) <= depth
        sources[name] = Ranked(np.where(good, places, -1), np.zeros(places.shape))
    fused = fuse(sources, 2 * depth)
    request, column = np.nonzero(fused.items >= 0)
    item = fused.items[request, column]
    order = np.lexsort((item, request))
    request, column = request[order], column[order]
    ranks = {name: rank[request, column] for name, rank in fused.ranks.items()}
    return Pool(request, item[order].astype(np.int32), ranks["words"], ranks["vectors"], fused.scores[request, column])


def with_fused(features: pa.Table, candidates: Pool) -> pa.Table:
    """Features and what retrieval says of the item."""
    return features.append_column("text_fused", pa.array(candidates.fused, pa.float32()))


def per_request(
    candidates: Pool,
    score: NDArray[np.float64],
    label: NDArray[Any],
    truth: NDArray[np.int64],
    tie: NDArray[np.int64],
    user: NDArray[Any],
) -> pa.Table:
    """MEASURES of one system's lists, one row per request, as evaluation.ranking_scores reads them.

    score (n,): NaN where the system does not list the item. label (n,): taken. truth (m,): how many items the request took, in
    the pool or not: what the pool lacks counts as missed. tie (items,): ranking.tie_order. user (m,): who asked.
    """
    rows = np.flatnonzero(np.isfinite(score))
    offsets = np.searchsorted(candidates.request[rows], np.arange(len(truth) + 1))
    measured = ranking_measures(offsets, score[rows], label[rows], truth, tie[candidates.item[rows]], (10, 100))
    columns: dict[str, Any] = {"request": np.arange(len(truth)), "user": user, "truth_count": truth}
    return pa.table(columns | {name: measured[name] for name in MEASURES})


def judged(tables: Mapping[str, pa.Table], base: str, *, resamples: int, seed: int) -> dict[str, SearchSystem]:
    """By system: `test`, each measure with its interval over users, and `against`, the difference from the system `base`."""
    pages: dict[str, SearchSystem] = {}
    for name, table in tables.items():
        test = ranking_scores(table).estimates(resamples=resamples, seed=seed)
        against: dict[str, Difference] = {}
        if name != base:
            against = ranking_scores(tables[base]).against(ranking_scores(table), resamples=resamples, seed=seed)
        pages[name] = SearchSystem(test=Estimate.each(test), against=Effect.each(against))
    return pages


@lru_cache(maxsize=10_000)
def _words_of(text: str) -> frozenset[str]:
    return frozenset(words(text))


def matched(query_words: Sequence[str], text: str) -> list[str]:
    """Words of the query that an item's text has, in the query's order, each once."""
    there = _words_of(text)
    return [word for word in dict.fromkeys(query_words) if word in there]
