"""Pools of search against brute force, and measures of their lists by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.numerics.ranking import tie_order
from assay.search.pool import judged, matched, per_request, pool
from assay.text.retrieval import Retrieval
from assay.text.words import words

KINDS = ("apple juice", "苹果汁", "חלב טרי", "🍌 banana", "rye bread")
TEXTS = [f"{make} {kind}" for kind in KINDS for make in ("fresh", "old", "")]
QUERIES = ["apple", "苹果汁", "חלב", "banana bread", "fresh", "nothing here", "🍌"]
RETRIEVAL = Retrieval().fit(TEXTS)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_a_pool_is_the_first_on_sale_of_each_source(seed, depth):
    rng = np.random.default_rng(seed)
    query, market = rng.integers(len(QUERIES), size=5), rng.integers(3, size=5)
    on_sale = rng.random((3, len(TEXTS))) < 0.6
    made = pool(RETRIEVAL, QUERIES, query, on_sale, market, depth)
    for request in range(5):
        ranks = {}
        for name, source in RETRIEVAL.sources_.items():
            places = source.search([QUERIES[query[request]]], min(3 * depth, len(TEXTS))).places[0]
            ranks[name] = [int(i) for i in places if i >= 0 and on_sale[market[request], i]][:depth]
        rows = made.request == request
        assert made.item[rows].tolist() == sorted(set(ranks["words"]) | set(ranks["vectors"]))
        for name, rank in (("words", made.words[rows]), ("vectors", made.vectors[rows])):
            assert rank.tolist() == [ranks[name].index(i) + 1 if i in ranks[name] else 0 for i in made.item[rows]]
        fused = [sum(1 / (60 + r) for r in (w, v) if r) for w, v in zip(made.words[rows], made.vectors[rows], strict=True)]
        assert made.fused[rows] == pytest.approx(fused)


def test_lists_are_judged_by_all_that_was_taken_found_or_not():
    on_sale = np.ones((1, len(TEXTS)), bool)
    made = pool(RETRIEVAL, QUERIES, np.array([0, 5]), on_sale, np.zeros(2, np.int64), 5)
    label = ((made.request == 0) & (made.item == 1)).astype(int)
    tie = tie_order(range(len(TEXTS)))
    truth = np.array([2, 1])  # one of the first request's is nowhere in the pool, nothing of the second's
    score = np.where(made.item == 1, 1.0, 0.0)
    table = per_request(made, score, label, truth, tie, np.array([7, 8]))
    assert table.column("ndcg@10").to_pylist() == [pytest.approx(1 / (1 + 1 / np.log2(3))), 0]
    assert table.column("mrr@10").to_pylist() == [1, 0]
    assert table.column("recall@100").to_pylist() == [0.5, 0]
    nothing = per_request(made, np.full(len(score), np.nan), label, truth, tie, np.array([7, 8]))
    assert nothing.column("ndcg@10").to_pylist() == [0, 0]
    page = judged({"fused": nothing, "better": table}, "fused", resamples=50, seed=7)
    assert page["better"].against["ndcg@10"].value > 0
    assert page["fused"].against == {}


def test_lists_without_training_leave_out_what_their_source_does_not_have():
    made = pool(RETRIEVAL, QUERIES, np.array([0]), np.ones((1, len(TEXTS)), bool), np.zeros(1, np.int64), 5)
    systems = made.systems()
    assert np.isnan(systems["BM25"]).tolist() == (made.words == 0).tolist()
    assert made.item[np.nanargmax(systems["BM25"])] == RETRIEVAL.sources_["words"].search(["apple"], 1).places[0, 0]


def test_words_that_match_come_in_the_order_of_the_query_each_once():
    assert matched(words("juice APPLE juice pear"), "Apple, juice 1L") == ["juice", "apple"]
    assert matched(words("苹果汁"), "有机 苹果汁 1L") == ["苹果", "果汁", "苹果汁"]
    assert matched(["nothing"], "") == []
