import json

import numpy as np
import pyarrow as pa
import pytest

from assay.errors import InputError
from assay.evaluation import compare_rankings, evaluate_rankings, group_rankings
from assay.numerics.ranking import tie_order

MEASURES = ["precision@10", "recall@10", "hit_rate@10", "mrr@10", "map@10", "ndcg@10"]


def candidates(seed=0, requests=90, listed=25):
    rng = np.random.default_rng(seed)
    request = np.repeat(np.arange(requests) * 3 + 5, listed)
    item = np.concatenate([rng.permutation(60)[:listed] for _ in range(requests)])
    relevance = rng.random(len(item)) < 0.1
    truth = np.repeat(relevance.reshape(requests, listed).sum(axis=1) + rng.integers(0, 2, requests), listed)
    return {
        "requests": request,
        "users": request % 30,
        "items": item,
        "scores": np.round(rng.random(len(item)) + 0.2 * relevance, 1),
        "relevance": relevance,
        "truth_count": truth,
        "tie_order": tie_order([f"商品{i}" for i in range(60)]),
    }


def test_means_over_requests_with_truth():
    log = candidates()
    log["truth_count"] = np.where(log["requests"] == 5, 0, log["truth_count"])
    log["relevance"] = np.where(log["requests"] == 5, 0, log["relevance"])
    table, found = evaluate_rankings(**log, resamples=100)
    assert table.column_names == ["request", "user", "truth_count", *MEASURES]
    assert table.num_rows == 90
    some = table.column("truth_count").to_numpy() > 0
    for name in MEASURES:
        values = table.column(name).to_numpy()[some]
        assert found[name]["value"] == pytest.approx(values.mean())
        assert found[name]["low"] < values.mean() < found[name]["high"]
    json.dumps(found, allow_nan=False)


def test_row_order_changes_no_bit():
    log = candidates()
    order = np.random.default_rng(1).permutation(len(log["items"]))
    shuffled = {name: column if name == "tie_order" else column[order] for name, column in log.items()}
    first, again = evaluate_rankings(**log, resamples=50), evaluate_rankings(**shuffled, resamples=50)
    assert first[0].equals(again[0])
    assert first[1] == again[1]


def test_beyond_accuracy():
    log = candidates()
    table, found = evaluate_rankings(**log, k=(5, 10), popularity=np.arange(60), category=np.arange(60) % 4, resamples=50)
    for name in ("novelty@5", "popularity_share@10", "diversity@10", "ndcg@5"):
        assert found[name]["value"] == pytest.approx(np.mean(table.column(name).to_numpy()[table["truth_count"].to_numpy() > 0]))
    assert found["coverage@10"]["value"] == 1.0


def test_comparison():
    log = candidates()
    a, _ = evaluate_rankings(**log, resamples=20)
    better = log | {"scores": log["relevance"] + 0.5 * log["scores"]}
    b, _ = evaluate_rankings(**better, resamples=20)
    found = compare_rankings(a, b, resamples=200)
    assert found["ndcg@10"]["low"] > 0
    assert found["ndcg@10"]["p_holm"] < 0.01
    for figures in compare_rankings(a, a, resamples=20).values():
        assert figures == {"value": 0, "low": 0, "high": 0, "p": 1, "p_holm": 1, "effect": 0}
    with pytest.raises(InputError, match="differ in column 'request'"):
        compare_rankings(a, b.slice(1))


def test_groups():
    table, _ = evaluate_rankings(**candidates(), resamples=20)
    group = pa.array(["peak", None])
    lines = group_rankings(table, group.take(pa.array(np.arange(90) % 2)), resamples=20).to_pylist()
    assert [line["group"] for line in lines] == ["peak"] * 6 + [None] * 6
    chosen = table.filter(pa.array((np.arange(90) % 2 == 0) & (table["truth_count"].to_numpy() > 0)))
    assert lines[5]["rows"] == chosen.num_rows
    assert lines[5]["value"] == pytest.approx(np.mean(chosen["ndcg@10"].to_numpy()))


def test_refuses():
    log = candidates()
    wrong = log["truth_count"].copy()
    wrong[0] += 1
    for change, message in (
        ({"truth_count": wrong}, "request 5 has several truth_count"),
        ({"truth_count": 0 * wrong, "relevance": 0 * wrong}, "no request has a relevant item"),
        ({"scores": np.where(log["items"] == 3, np.nan, 1)}, "is NaN"),
        ({"users": log["users"][1:]}, "one entry a candidate"),
        ({name: [] for name in log if name != "tie_order"}, "no candidates"),
    ):
        with pytest.raises(InputError, match=message):
            evaluate_rankings(**(log | change))


def test_a_difference_over_two_users_lies_between_minus_one_and_one():
    def ranked(scores):
        requests = np.repeat([0, 1], 2)
        return evaluate_rankings(
            requests, requests, np.tile([0, 1], 2), scores, [1, 0, 1, 0], np.ones(4, int), np.arange(2), (1,), resamples=50
        )[0]

    change = compare_rankings(ranked([0, 1, 1, 0]), ranked([1, 0, 1, 0]), resamples=50)["hit_rate@1"]
    assert (change["value"], change["low"], change["high"]) == (0.5, -1.0, 1.0)
