from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.benchmark.keep.contents import Benchmark
from assay.benchmark.plan.build import build
from assay.benchmark.readers import from_tables
from assay.errors import InputError
from assay.testing.benchmarks import make_benchmark, predictions

TRUTH = pa.table({"request_id": ["b", "a", "a"], "item_id": ["x", "x", "y"], "grade": [1.0, 2.0, 1.0]})


def test_requests_come_from_truth_or_from_a_table_of_their_own():
    told = TRUTH.append_column("user_id", pa.array([2, 1, 1])).append_column("device", pa.array(["phone", "desk", "desk"]))
    made = Benchmark.of(told)
    assert made.requests.to_pydict() == {"request_id": ["a", "b"], "user_id": [1, 2], "device": ["desk", "phone"]}
    table = pa.table({"device": ["tv", "phone", "desk"], "request_id": ["c", "b", "a"], "user_id": [3, 2, 1]})
    assert Benchmark.of(TRUTH, requests=table).requests.equals(made.requests)
    assert made.attributes.column_names == ["device"]
    assert (len(made), made.truth.column_names) == (2, ["request_id", "item_id", "grade"])


def test_take_keeps_requests_truth_candidates_and_scores_together():
    made = make_benchmark(requests=40)
    some = made.take([30, 3, 17])
    ids = some.requests.column("request_id").to_pylist()
    assert ids == [made.requests.column("request_id")[k].as_py() for k in (3, 17, 30)]
    assert set(some.truth.column("request_id").to_pylist()) == set(ids)
    assert set(some.candidates.column("request_id").to_pylist()) == set(ids)
    np.testing.assert_array_equal(some.scores.of("ndcg@10"), made.scores.of("ndcg@10")[:, [3, 17, 30]])
    again = some.score(
        {"same": predictions(made, 0).filter(pa.array([r in ids for r in predictions(made, 0)["request_id"].to_pylist()]))}
    )
    np.testing.assert_allclose(again.of("ndcg@10")[0], some.scores.of("ndcg@10")[0], atol=1e-12)


def test_scores_know_users_and_attributes_in_any_order_of_rows():
    made = make_benchmark(requests=30)
    board = made.score({"one": predictions(made, 1), "two": predictions(made, 2)}, {"two": "twins"})
    assert board.families == ("one", "twins")
    assert board.request.equals(made.requests.column("request_id").combine_chunks())
    assert board.users == len(made.requests.column("user_id").unique())
    assert set(board.attributes) == set(made.attributes.column_names)
    shuffled = predictions(made, 1).take(pa.array(np.random.default_rng(0).permutation(predictions(made, 1).num_rows)))
    np.testing.assert_array_equal(made.score({"one": shuffled}).of("mrr@10"), board.of("mrr@10")[:1])


def test_scores_of_more_requests_are_restricted_to_these():
    made = make_benchmark(requests=30)
    some = made.take(range(5, 12))
    again = Benchmark.of(some.truth, requests=some.requests, candidates=some.candidates, scores=made.scores)
    np.testing.assert_array_equal(again.scores.of("ndcg@10"), some.scores.of("ndcg@10"))
    with pytest.raises(InputError, match="not scored on 23 of 30 requests, the first"):
        Benchmark.of(made.truth, requests=made.requests, scores=some.scores)


def refused(match, **changed):
    with pytest.raises(InputError, match=match):
        Benchmark.of(**{"truth": TRUTH, **changed})


def test_what_is_refused():
    refused("request 'a' is there twice", requests=pa.table({"request_id": ["a", "a", "b"]}))
    refused("no row for 1 requests of truth, the first 'b'", requests=pa.table({"request_id": ["a"]}))
    refused("1 requests have none, the first 'b'", candidates=pa.table({"request_id": ["a"], "item_id": ["x"]}))
    twice = pa.table({"request_id": ["a", "b", "b"], "item_id": ["x", "x", "x"]})
    refused("an item is listed twice", candidates=twice)
    refused("measure 'ndgc@10' is not known; did you mean 'ndcg'", measures=["ndgc@10"])
    listed = pa.table({"request_id": ["a", "a", "b"], "item_id": ["x", "y", "x"]})
    refused("attribute 'user' of the requests has the name", truth=TRUTH.append_column("user", pa.array([1, 2, 2])))
    made = Benchmark.of(TRUTH, candidates=listed)
    ranked = pa.table({"request_id": ["a", "a", "b"], "item_id": ["x", "z", "x"], "score": [1.0, 2.0, 3.0]})
    with pytest.raises(
        InputError, match="system 's' ranks 1 items that are no candidates of their request, the first 'z' for 'a'"
    ):
        made.score({"s": ranked})


def test_requests_that_truth_does_not_name_are_said_as_such():
    listed = pa.table({"request_id": ["a", "b"], "item_id": ["x", "x"]})
    ranked = pa.table({"request_id": ["a", "q"], "item_id": ["x", "x"], "score": [1.0, 2.0]})
    with pytest.raises(InputError, match="answers 1 requests that truth does not name"):
        Benchmark.of(TRUTH, candidates=listed).score({"s": ranked})


def test_ids_of_two_types_are_one():
    numbers = pa.table({"request_id": [7, 8], "item_id": [1, 2], "grade": [1, 1]})
    texts = pa.table({"request_id": ["7", "8"], "item_id": ["1", "2"]})
    made = Benchmark.of(numbers, candidates=texts)
    ranked = pa.table({"request_id": ["8", "7"], "item_id": ["2", "1"], "score": [1.0, 2.0]})
    assert made.score({"s": ranked}).of("ndcg@10").tolist() == [[1.0, 1.0]]


def test_trec_files_serve_as_tables(tmp_path):
    (tmp_path / "truth.qrels").write_text("q1 0 d1 1\nq2 0 d2 2\n")
    (tmp_path / "mine.run").write_text("q1 Q0 d1 1 2.5 t\nq1 Q0 d3 2 1.5 t\nq2 Q0 d3 1 2.5 t\n")
    board = Benchmark.of(tmp_path / "truth.qrels").score({"mine": tmp_path / "mine.run"})
    assert board.of("mrr@10").tolist() == [[1.0, 0.0]]


@given(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=12), st.booleans())
@settings(max_examples=60, deadline=None)
def test_predictions_for_other_requests_are_cut_and_counted(requests, as_numbers):
    """Of requests a and b; ids as numbers or as text are alike."""
    ids = [ord(name) for name in requests] if as_numbers else [str(ord(name)) for name in requests]
    truth = pa.table({"request_id": [97, 98], "item_id": ["x", "x"], "grade": [1, 1]})
    table = pa.table({"request_id": ids, "item_id": [f"i{k}" for k in range(len(ids))], "score": [1.0] * len(ids)})
    tables, others = Benchmark.of(truth).cut({"s": table})
    own = [name for name in requests if name in "ab"]
    if not own:
        assert (tables["s"].num_rows, others) == (len(ids), {})
        with pytest.raises(InputError, match=f"answers {len(set(requests))} requests that truth does not name"):
            Benchmark.of(truth).score(tables)
        return
    assert [chr(int(name)) for name in tables["s"].column("request_id").to_pylist()] == own
    strange = len({*requests} - {*"ab"})
    assert others == ({"s": strange} if strange else {})


def test_cut_predictions_score_as_if_they_had_no_others():
    made = make_benchmark(requests=40)
    some = made.take(range(5, 25))
    tables, others = some.cut({"one": predictions(made, 1), "two": predictions(some, 2)})
    assert others == {"one": 20}
    np.testing.assert_array_equal(some.score(tables).of("ndcg@10")[0], made.scores.of("ndcg@10")[1, 5:25])
    lacking, none = some.cut({"one": predictions(made, 1).slice(0, 300)})  # 10 of the 20, which count 0 as ever
    assert none == {"one": 5}
    assert np.count_nonzero(some.score(lacking).of("ndcg@10")) == np.count_nonzero(made.scores.of("ndcg@10")[1, 5:15])


def known_items(made):
    """A catalogue and what users took before, for a made benchmark."""
    rng = np.random.default_rng(3)
    items = pa.table({"item_id": [f"item {k}" for k in range(200)], "category": [f"类{k % 5}" for k in range(200)]})
    users = made.requests.column("user_id").to_numpy()
    train = pa.table({"user_id": rng.choice(users, 900), "item_id": [f"item {int(200 * k**2)}" for k in rng.random(900)]})
    return items, train


BEYOND = ("coverage@5", "gini@5", "novelty@5", "popularity_lift@5", "serendipity@5", "diversity@5", "judged@5")


def test_what_measures_beyond_accuracy_need_is_kept_and_no_more():
    made = make_benchmark(requests=60)
    items, train = known_items(made)
    whole = Benchmark.of(
        made.truth, requests=made.requests, candidates=made.candidates, measures=("ndcg@10", *BEYOND), items=items, train=train
    )
    assert whole.items.column_names == ["item_id", "category", "popularity"]
    assert whole.requests.column_names[-1] == "past_popularity"
    assert "past_popularity" not in whole.attributes.column_names
    users = made.requests.select(["request_id", "user_id"])
    told = made.truth.append_column(
        "user_id", users.column("user_id").take(pc.index_in(made.truth["request_id"], users["request_id"].combine_chunks()))
    )
    expected = from_tables(told, {"one": predictions(made, 1)}, BEYOND, items=items, train=train)
    board = whole.score({"one": predictions(made, 1)})
    for name in BEYOND:  # also where leaving a user out takes several requests
        np.testing.assert_allclose(board.of(name), expected.of(name), atol=1e-12)


def test_without_a_table_of_items_candidates_belong_to_the_catalogue():
    made = make_benchmark(requests=60)
    _, train = known_items(made)
    names = ("ndcg@10", "coverage@5")
    whole = Benchmark.of(made.truth, candidates=made.candidates, measures=names, train=train)
    everything = {*train["item_id"].to_pylist(), *made.candidates["item_id"].to_pylist()}
    assert whole.items.column("item_id").to_pylist() == sorted(everything)
    assert 0 < whole.score({"one": predictions(made, 1)}).means("coverage@5")[0] < 1


def test_fewer_requests_lose_the_scores_of_all_lists_together():
    made = make_benchmark(requests=60)
    items, train = known_items(made)
    whole = Benchmark.of(made.truth, requests=made.requests, measures=("ndcg@10", *BEYOND), items=items, train=train)
    whole = replace(whole, scores=whole.score({"one": predictions(made, 1), "two": predictions(made, 2)}))
    some = whole.take(range(20))
    assert {*whole.measures} - {*some.scores.measures} == {"coverage@5", "gini@5", "popularity_lift@5"}
    ids = some.requests.column("request_id").combine_chunks()
    few = predictions(made, 1).filter(pc.is_in(predictions(made, 1)["request_id"], ids))
    assert some.score({"one": few}).means("coverage@5")[0] < whole.scores.means("coverage@5")[0]  # new scores have their own
    chosen = build(whole, size=30)
    assert "past_popularity" in chosen.requests.column_names
    assert set(build(whole, size=30).score({"one": cut(chosen, predictions(made, 1))}).measures) == {*whole.measures}


def cut(benchmark, table):
    return benchmark.cut({"one": table})[0]["one"]


def test_err_keeps_the_scale_of_the_truth_that_it_was_named_for():
    """Few requests may lack the highest grade, and err would become another measure."""
    graded = TRUTH.append_column("user_id", pa.array([2, 1, 1]))
    whole = Benchmark.of(graded, measures=("err@10", "err(max=4)@10"))
    assert whole.measures == ("err(max=2)@10", "err(max=4)@10")
    one = {"s": pa.table({"request_id": ["b", "b"], "item_id": ["x", "y"], "score": [2.0, 1.0]})}
    assert whole.take([1]).score(one).means("err(max=2)@10")[0] == pytest.approx(1 / 4)


def test_a_measure_beyond_accuracy_does_not_decide():
    with pytest.raises(InputError, match=r"judged@10 says nothing of good or bad, so it decides nothing"):
        Benchmark.of(TRUTH, measures=("judged@10", "ndcg@10"))
