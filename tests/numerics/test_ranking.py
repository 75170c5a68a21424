from itertools import permutations

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.errors import InputError
from assay.numerics import ranking as rk

CUTS = (1, 3, 10, 50)
NAMES = {"P": "precision", "recall": "recall", "success": "hit_rate", "map_cut": "map", "ndcg_cut": "ndcg"}


def trec(run, truth):
    names = {f"{name}.{','.join(map(str, CUTS))}" for name in NAMES} | {"recip_rank"}
    return pytrec_eval.RelevanceEvaluator(truth, names).evaluate(run)


def compare_with_trec(requests):
    """requests: lists of (id, score, gain, is candidate)."""
    ids = sorted({row[0] for rows in requests for row in rows})
    ties = dict(zip(ids, rk.tie_order(ids), strict=True))
    lists = [[row for row in rows if row[3]] for rows in requests]
    flat = [row for rows in lists for row in rows]
    offsets = np.cumsum([0, *map(len, lists)])
    truth_count = np.array([sum(row[2] > 0 for row in rows) for rows in requests])
    column = lambda at: np.array([row[at] for row in flat], float)  # noqa: E731
    tie = np.array([ties[row[0]] for row in flat], np.int64)
    found = rk.ranking_measures(offsets, column(1), column(2), truth_count, tie, CUTS)
    run = {str(r): {row[0]: float(row[1]) for row in rows} for r, rows in enumerate(lists) if rows}
    truth = {str(r): {row[0]: row[2] for row in rows} for r, rows in enumerate(requests) if rows}
    if not run:
        return
    for r, expected in trec(run, truth).items():
        for cut in CUTS:
            for theirs, ours in NAMES.items():
                assert found[f"{ours}@{cut}"][int(r)] == pytest.approx(expected[f"{theirs}_{cut}"], abs=1e-9), ours
            whole = expected["recip_rank"]
            assert found[f"mrr@{cut}"][int(r)] == pytest.approx(whole if whole * cut >= 0.999 else 0, abs=1e-9)


ROW = h.tuples(
    h.text(h.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=4),
    h.sampled_from([-1.5, 0.0, 0.25, 0.5, 2.0]),
    h.integers(0, 3),
    h.booleans(),
)


@given(h.lists(h.lists(ROW, max_size=25, unique_by=lambda row: row[0]), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_equal_to_trec_eval(requests):
    # The gain of truth that no list holds is 1 by definition here.
    compare_with_trec([[(i, s, g if c else min(g, 1), c) for i, s, g, c in rows] for rows in requests])


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(5)
    offsets = np.append(0, np.cumsum(rng.integers(0, 40, 50)))
    n = offsets[-1]
    gain = rng.integers(0, 3, n).astype(np.int8)
    truth = np.diff(np.append(0, np.cumsum(gain > 0))[offsets]) + 1
    one = (offsets, rng.random(n).astype(np.float32), gain, truth, rng.permutation(n).astype(np.int32), (3, 20))
    whole = rk.ranking_measures(*one)
    monkeypatch.setattr(rk, "BLOCK", 30)
    for name, values in rk.ranking_measures(*one).items():
        np.testing.assert_array_equal(values, whole[name])


@given(h.lists(h.lists(ROW, min_size=1, max_size=25, unique_by=lambda row: row[0]), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_ideal_lists_from_all_truth_are_those_of_trec_eval(requests):
    lists = [[row for row in rows if row[3]] for rows in requests]
    flat = [row for rows in lists for row in rows]
    gains = [[row[2] for row in rows if row[2] > 0] for rows in requests]
    count = np.array([len(own) for own in gains])
    truth = np.append(0, np.cumsum(count)), np.array([gain for own in gains for gain in own], float)
    column = lambda at: np.array([row[at] for row in flat], float)  # noqa: E731
    offsets = np.cumsum([0, *map(len, lists)])
    found = rk.ranking_measures(offsets, column(1), column(2), count, rk.tie_order([r[0] for r in flat]), CUTS, truth=truth)
    run = {str(r): {row[0]: float(row[1]) for row in rows} for r, rows in enumerate(lists) if rows}
    expected = trec(run, {str(r): {row[0]: row[2] for row in rows} for r, rows in enumerate(requests)}) if run else {}
    for r, values in expected.items():
        for cut in CUTS:
            assert found[f"ndcg@{cut}"][int(r)] == pytest.approx(values[f"ndcg_cut_{cut}"], abs=1e-9)


def test_equal_to_trec_eval_on_longer_lists():
    rng = np.random.default_rng(4)
    words = ["10", "9", "item", "牛乳", "🥛", "חלב", "éclair"]
    compare_with_trec(
        [
            [
                (
                    f"{words[i % 7]}{i}",
                    round(float(rng.random()), 1),
                    int(rng.random() < 0.2),
                    bool(rng.random() < 0.9),
                )
                for i in range(rng.integers(1, 120))
            ]
            for _ in range(60)
        ]
    )


def test_tie_order_is_that_of_the_bytes():
    ids = ["b", "é", "🥛", "牛", "10", "9", "a\u200f", "b"]
    rank = rk.tie_order(ids)
    assert [ids[i] for i in np.argsort(rank, kind="stable")] == sorted(ids, key=str.encode)
    assert rank[0] == rank[-1]
    assert rk.tie_order([10, 9]).tolist() == [0, 1]


def test_edges():
    offsets = np.array([0, 0, 3])
    measures = rk.ranking_measures(offsets, np.zeros(3), [0, 1, 0], [2, 1], np.arange(3), (2, 100))
    assert measures["recall@100"].tolist() == [0, 1]
    assert measures["precision@100"].tolist() == [0, 0.01]
    assert measures["mrr@2"].tolist() == [0, 0.5]
    assert rk.top_k(offsets, np.zeros(3), np.arange(3), 5).tolist() == [[-1] * 5, [2, 1, 0, -1, -1]]
    assert rk.ranking_measures(np.array([0]), np.zeros(0), [], [], np.zeros(0), (5,))["map@5"].shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": np.array([1, np.nan, 0])}, "score of row 1 is NaN"),
        ({"k": (0,)}, "k is 0"),
        ({"k": ()}, "k is empty"),
        ({"truth_count": np.array([0])}, "truth_count of request 0 is 0 but its list holds 1"),
        ({"tie": np.zeros(2, int)}, "3 scores but 2 tie ranks"),
        ({"relevance": np.array([0, np.nan, 0])}, "relevance of row 1"),
        ({"truth": (np.array([0, 2]), np.ones(2))}, "truth needs as many gains per request"),
    ],
)
def test_refuses(change, message):
    good = {
        "offsets": np.array([0, 3]),
        "score": np.zeros(3),
        "relevance": np.array([0, 1, 0]),
        "truth_count": np.array([1]),
        "tie": np.arange(3),
        "k": (2,),
    }
    with pytest.raises(InputError, match=message):
        rk.ranking_measures(**(good | change))


def test_request_offsets():
    ids, offsets = rk.request_offsets(np.array([3, 3, 9]))
    assert ids.tolist() == [3, 9]
    assert offsets.tolist() == [0, 2, 3]
    with pytest.raises(InputError, match="order of request"):
        rk.request_offsets(np.array([3, 9, 3]))


@settings(max_examples=30)
@given(h.lists(h.integers(0, 1), min_size=1, max_size=5), h.integers(0, 3), h.integers(1, 6))
def test_chance_has_the_mean_over_all_orders(labels, missed, k):
    relevance, truth = np.array(labels), np.array([sum(labels) + missed])
    offsets = np.array([0, len(labels)])
    every = [
        rk.ranking_measures(offsets, np.array(order), relevance, truth, np.arange(len(labels)), (k,))[f"ndcg@{k}"][0]
        for order in permutations(range(len(labels)))
    ]
    assert rk.expected_ndcg(offsets, relevance, truth, k) == pytest.approx([np.mean(every)])


def test_chance_has_nothing_where_there_is_nothing_to_find():
    found = rk.expected_ndcg(np.array([0, 0, 2, 3, 3]), np.array([1, 0, 0]), np.array([2, 1, 0, 0]), 1)
    assert found.tolist() == [0.0, 0.5, 0.0, 0.0]


@settings(max_examples=30)
@given(
    h.lists(h.lists(h.sampled_from([0, 0, 1, 2.5, 4]), min_size=1, max_size=4), min_size=1, max_size=3),
    h.lists(h.sampled_from([0.5, 1, 9]), max_size=3),
    h.integers(1, 5),
)
def test_chance_of_grades_has_the_mean_over_all_orders(lists, missed, k):
    """What no candidate list holds counts in the ideal list alone."""
    gains = [[gain for gain in own if gain > 0] + missed for own in lists]
    begins, truth = np.cumsum([0, *map(len, gains)]), np.concatenate(gains).astype(float)
    offsets, counts = np.cumsum([0, *map(len, lists)]), np.array([len(own) for own in gains])
    found = rk.expected_ndcg(offsets, np.concatenate(lists).astype(float), counts, k, (begins, truth))
    for r, own in enumerate(lists):
        every = [
            rk.ranking_measures(
                np.array([0, len(own)]), np.array(order), np.array(own), counts[r : r + 1], np.arange(len(own)), (k,),
                truth=(np.array([0, len(gains[r])]), np.array(gains[r], float)),
            )[f"ndcg@{k}"][0]
            for order in permutations(range(len(own)))
        ]  # fmt: skip
        assert found[r] == pytest.approx(np.mean(every))
