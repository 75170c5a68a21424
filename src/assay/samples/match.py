"""What a query and an item have to do with each other as texts: features of pairs, and what retrieval finds for a query."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import InputError
from assay.logs.history import Codes
from assay.text.bm25 import Bm25
from assay.text.retrieval import Retrieval
from assay.text.vectors import VectorIndex
from assay.text.words import words

FEATURES = ("text_bm25", "text_words_in_name", "text_words_in_category", "text_similarity", "query_words")
_DEEPER = 3  # times as many are found as are wanted: some are not on sale


def item_texts(items: pa.Table) -> list[str]:
    """Texts that clean items are found by: name, category and brand, whichever are known. InputError when none is."""
    texts = joined_texts(items)
    if not any(texts):
        raise InputError("the items have no name, category or brand to search in; map them in [log.items] columns")
    return texts


def joined_texts(items: pa.Table) -> list[str]:
    """Name, category and brand of each item, whichever are known; may be empty."""
    columns = [pc.fill_null(pc.cast(items.column(name), pa.string()), "") for name in ("name", "category", "brand")]
    return [text.strip() for text in pc.binary_join_element_wise(*columns, " ").to_pylist()]


def item_words(items: pa.Table) -> pa.Table:
    """Columns name and category: the distinct words of each item's own, in their order; an empty list where it has none."""
    return pa.table({name: _words_of(items.column(name)) for name in ("name", "category")})


def _words_of(texts: pa.ChunkedArray) -> pa.Array:
    coded = pc.fill_null(texts, "").combine_chunks().dictionary_encode()
    distinct = [list(dict.fromkeys(words(text))) for text in coded.dictionary.to_pylist()]
    return pa.array(distinct, pa.list_(pa.string())).take(coded.indices)


class Match:
    """Texts of queries and items by code, ready to compare any pair. Nothing is learnt from behaviour.

    own_words: `item_words` of the items whose texts retrieval has indexed.
    """

    def __init__(self, queries: pa.Array, own_words: pa.Table, retrieval: Retrieval) -> None:
        self.queries: list[str] = queries.to_pylist()
        self.own_words, self.retrieval = own_words, retrieval

    def lists(self, query: Codes, n: int) -> NDArray[np.int64]:
        """(Q, 3 n) item codes that retrieval finds for each of the queries (by code), best first, -1 where there are no more.

        Rows of queries that are not asked for hold -1 alone.
        """
        out = np.full((len(self.queries), _DEEPER * n), -1, np.int64)
        distinct = np.unique(query)
        if len(distinct):
            out[distinct] = self.retrieval.search([self.queries[code] for code in distinct], _DEEPER * n).items
        return out

    def features(self, query: Codes, item: Codes) -> pa.Table:
        """FEATURES (n,) of pairs: BM25, shares of the query's words in name and category, cosine of n-gram vectors, words."""
        items = len(self.own_words)
        pairs, row = np.unique(query.astype(np.int64) * items + item, return_inverse=True)
        of, what = pairs // items, pairs % items
        begins = np.flatnonzero(np.diff(of, prepend=-1))
        columns = {name: np.zeros(len(pairs), np.float32) for name in FEATURES}
        bm25, dense = self.retrieval.sources_["words"], self.retrieval.sources_["vectors"]
        assert isinstance(bm25, Bm25)
        assert isinstance(dense, VectorIndex)
        distinct, place = np.unique(what, return_inverse=True)
        own = self.own_words.take(pa.array(distinct))
        named, classed = ([set(each) for each in own.column(name).to_pylist()] for name in ("name", "category"))
        vectors = dense.vectors(distinct)
        query_vectors = dense.query_vectors([self.queries[of[begin]] for begin in begins])
        for k, (begin, end) in enumerate(zip(begins, [*begins[1:], len(of)], strict=True)):
            rows = slice(begin, end)
            text = self.queries[of[begin]]
            query_words = words(text)
            wanted = set(query_words)
            columns["text_bm25"][rows] = bm25.scores(text)[what[rows]]
            columns["text_similarity"][rows] = vectors[place[rows]] @ query_vectors[k]
            columns["text_words_in_name"][rows] = [_share(wanted, named[each]) for each in place[rows]]
            columns["text_words_in_category"][rows] = [_share(wanted, classed[each]) for each in place[rows]]
            columns["query_words"][rows] = len(query_words)
        return pa.table({name: values[row] for name, values in columns.items()})


def _share(wanted: set[str], there: set[str]) -> float:
    return len(wanted & there) / len(wanted) if wanted else 0.0
