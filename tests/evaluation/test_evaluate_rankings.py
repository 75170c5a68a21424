import json

import numpy as np
import pyarrow as pa
import pytest

from assay.errors import InputError
from assay.evaluation import compare_rankings, evaluate_rankings, group_rankings
from assay.numerics.ranking import tie_order

MEASURES = ["precision@10", "recall@10", "hit_rate@10", "mrr@10", "map@10", "ndcg@10", "err@10", "rbp@10"]


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
    more = known(log)
    moved = more | {"past": more["past"][order]}
    first, again = evaluate_rankings(**log, **more, resamples=50), evaluate_rankings(**shuffled, **moved, resamples=50)
    for name in first[0].column_names:
        np.testing.assert_array_equal(first[0][name].to_numpy(), again[0][name].to_numpy())  # a NaN is equal to a NaN
    assert first[1] == again[1]


BEYOND = ("coverage", "gini", "novelty", "popularity_lift", "popularity_share", "serendipity", "diversity")


def known(log):
    """Popularity, categories, and a past for two users of three."""
    users = log["users"]
    return {
        "popularity": np.arange(60) / 60,
        "category": np.arange(60) % 4,
        "past": np.where(users % 3 == 0, np.nan, 0.01 + users / 50),
    }


def lists_by_hand(log, k):
    """Request -> (user, items, hits) of the first k by score, ties by id, highest first; requests with truth alone."""
    found = {}
    for request in np.unique(log["requests"]):
        rows = np.flatnonzero(log["requests"] == request)
        if log["truth_count"][rows[0]] > 0:
            rows = sorted(rows, key=lambda r: (log["scores"][r], f"商品{log['items'][r]}"), reverse=True)[:k]
            found[request] = log["users"][rows[0]], log["items"][rows], log["relevance"][rows]
    return found


def test_beyond_accuracy_by_hand():
    log = candidates()
    more = known(log)
    table, found = evaluate_rankings(**log, k=(5, 10), **more, resamples=200)
    for k in (5, 10):
        lists = lists_by_hand(log, k)
        listed = np.concatenate([items for _, items, _ in lists.values()])
        counts = np.bincount(listed, minlength=60)
        past = {user: value for user, value in zip(log["users"], more["past"], strict=True) if value == value}
        with_past = [(more["popularity"][items].mean(), past[user]) for user, items, _ in lists.values() if user in past]
        rare = -np.log2(np.maximum(more["popularity"], 1 / 60))
        expected = {
            "coverage": len(set(listed)) / 60,
            "gini": np.abs(counts[:, None] - counts).sum() / (2 * 60**2 * counts.mean()),
            "popularity_lift": np.sum([a for a, _ in with_past]) / np.sum([b for _, b in with_past]) - 1,
            "novelty": np.mean([rare[items].mean() for _, items, _ in lists.values()]),
            "diversity": np.mean([
                np.mean([a % 4 != b % 4 for i, a in enumerate(items) for b in items[:i]]) for _, items, _ in lists.values()
            ]),
            "serendipity": np.mean([
                np.mean([
                    hit * max((60 - place) / 60 - (item + 1) / 60 * (item > 0), 0)
                    for place, (item, hit) in enumerate(zip(items, hits, strict=True))
                ])
                for _, items, hits in lists.values()
            ]),
            "rbp": np.mean([0.2 * sum(0.8**place * hit for place, hit in enumerate(hits)) for _, _, hits in lists.values()]),
        }  # fmt: skip
        for name, value in expected.items():
            assert found[f"{name}@{k}"]["value"] == pytest.approx(value), name
        for name in BEYOND:
            estimate = found[f"{name}@{k}"]
            assert estimate["low"] <= estimate["value"] <= estimate["high"], name
    some = table["truth_count"].to_numpy() > 0
    assert np.isnan(table["coverage@10"].to_numpy()[~some]).all()
    assert not np.isnan(table["coverage@10"].to_numpy()[some]).any()


def test_an_interval_of_coverage_does_not_leave_zero_and_one():
    log = candidates()
    _, found = evaluate_rankings(**log, k=(25,), **known(log), resamples=100)
    assert found["coverage@25"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_what_is_not_known_is_not_measured():
    log = candidates()
    more = known(log)

    def names(**given):
        table, _ = evaluate_rankings(**log, **given, resamples=20)
        return {name.partition("@")[0] for name in table.column_names if name.partition("@")[0] in BEYOND}

    assert names() == set()
    assert names(past=more["past"]) == set()
    assert names(category=more["category"]) == {"coverage", "gini", "diversity"}
    assert names(popularity=more["popularity"]) == {*BEYOND} - {"diversity", "popularity_lift"}
    assert names(**more) == {*BEYOND}
    with pytest.raises(InputError, match=r"popularity has values outside \[0, 1\]"):
        names(popularity=np.arange(60))


def test_err_takes_the_highest_grade_of_all_lists_as_its_scale():
    requests, items = np.repeat([0, 1], 2), np.tile([0, 1], 2)
    table, _ = evaluate_rankings(
        requests, requests, items, [1, 0, 1, 0], [3, 1, 0, 2], np.ones(4, int) * 2, np.arange(2), (2,), resamples=20
    )
    expected = [7 / 8 + 1 / 8 * 1 / 8 / 2, 3 / 8 / 2]
    np.testing.assert_allclose(table["err@2"].to_numpy(), expected)


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
    assert [line["group"] for line in lines] == ["peak"] * 8 + [None] * 8
    chosen = table.filter(pa.array((np.arange(90) % 2 == 0) & (table["truth_count"].to_numpy() > 0)))
    assert lines[5]["rows"] == chosen.num_rows
    assert lines[5]["value"] == pytest.approx(np.mean(chosen["ndcg@10"].to_numpy()))


def test_groups_and_what_all_lists_have_together():
    """The coverage of a group is no mean of the parts of its requests."""
    log = candidates()
    table, _ = evaluate_rankings(**log, **known(log), resamples=20)
    lines = group_rankings(table, np.arange(90) % 2, resamples=20).to_pylist()
    names = {line["measure"] for line in lines}
    assert {"novelty@10", "diversity@10"} < names
    assert not {"coverage@10", "gini@10", "popularity_lift@10"} & names


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
