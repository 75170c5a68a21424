from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as h
from pyarrow import csv
from sklearn import metrics

from assay.benchmark.readers import from_tables, from_trec
from assay.errors import InputError

NAMES = {"ndcg": "ndcg_cut", "recall": "recall", "map": "map_cut", "precision": "P", "hit_rate": "success"}
CUTS = (1, 5, 10)
MEASURES = [f"{name}@{k}" for name in NAMES for k in CUTS]
GRADE = h.dictionaries(h.sampled_from("abcdefghij") | h.text("é牛10", min_size=1, max_size=2), h.integers(-2, 3), max_size=14)
SCORE = h.dictionaries(
    h.sampled_from("abcdefghijkl") | h.text("é牛10", min_size=1, max_size=2),
    h.sampled_from([-1, 0, 0.1, 0.1 + 1e-9, 2]),
    max_size=14,
)


def equal_to_trec_eval(truth, runs, board):
    """truth and runs as pytrec_eval takes them; a request without answer counts 0.

    pytrec_eval writes past an array where all grades of a request are negative, so each gets one of 0 that no run lists.
    """
    expected = pytrec_eval.RelevanceEvaluator(
        {q: {"listed by none": 0, **docs} for q, docs in truth.items()},
        {f"{name}.{','.join(map(str, CUTS))}" for name in NAMES.values()} | {"recip_rank"},
    )
    requests = board.request.to_pylist()
    for s, name in enumerate(board.systems):
        found = expected.evaluate({q: docs for q, docs in runs[name].items() if docs})
        for ours, theirs in NAMES.items():
            for k in CUTS:
                values = [found.get(q, {}).get(f"{theirs}_{k}", 0.0) for q in requests]
                np.testing.assert_allclose(board.of(f"{ours}@{k}")[s], values, atol=1e-9)
        values = [found.get(q, {}).get("recip_rank", 0.0) for q in requests]
        np.testing.assert_allclose(board.of("mrr@10")[s], np.where(np.array(values) > 0.0999, values, 0), atol=1e-9)


def columns(nested, number):
    rows = [(q, d, float(v)) for q, docs in nested.items() for d, v in docs.items()]
    texts = [pa.array([row[at] for row in rows], pa.string()) for at in (0, 1)]
    return pa.table({"request_id": texts[0], "item_id": texts[1], number: pa.array([row[2] for row in rows], pa.float64())})


def ranks(run):
    """Whether a run has rows, and does not give the same score to all of several rows of one request."""
    scores = [score for docs in run.values() for score in docs.values()]
    return len(scores) > 0 and (len({np.float32(score) for score in scores}) > 1 or all(len(docs) < 2 for docs in run.values()))


@given(h.lists(h.tuples(GRADE, SCORE, SCORE), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_trec_files_score_as_in_trec_eval(tmp_path_factory, requests):
    folder = tmp_path_factory.mktemp("trec")
    truth = {f"q{r}": grades for r, (grades, _, _) in enumerate(requests) if grades}
    runs = {name: {f"q{r}": docs[at] for r, docs in enumerate(requests) if docs[0]} for at, name in ((1, "one"), (2, "two"))}
    if not any(grade > 0 for docs in truth.values() for grade in docs.values()) or not all(map(ranks, runs.values())):
        return
    lines = [f"{q} 0\t{d}  {g}\n" for q, docs in truth.items() for d, g in docs.items()]
    (folder / "qrels.txt").write_text("".join(lines), encoding="utf-8")
    for name, run in runs.items():
        lines = [f"{q} Q0 {d} 7 {s!r} {name}\n" for q, docs in run.items() for d, s in docs.items()]
        (folder / f"{name}.run").write_text("".join(lines), encoding="utf-8")
    board = from_trec(folder / "qrels.txt", [folder / "one.run", folder / "two.run"], [*MEASURES, "mrr@10"])
    assert board.systems == ("one", "two")
    equal_to_trec_eval(truth, runs, board)


def random_tables(seed=0, requests=300):
    """Grades from -2, ties, truth that no list holds, requests that nobody answers, and two without a relevant item."""
    rng = np.random.default_rng(seed)
    truth, runs = {}, {"s0": {}, "s1": {}}
    for r in range(requests):
        docs = rng.permutation(400)[:120]
        truth[f"q{r}"] = {f"d{d}": int(g) for d, g in zip(docs[:15], rng.integers(-2, 4, 15), strict=True)}
        for s, run in enumerate(runs.values()):
            if r % (7 + s):
                run[f"q{r}"] = {f"d{d}": float(v) for d, v in zip(docs[5:], rng.random(115).round(2), strict=True)}
    truth["q1"], truth["q2"] = {"d1": 0}, {"d2": -1}
    return truth, runs


def test_tables_score_as_in_trec_eval(tmp_path):
    truth, runs = random_tables()
    whole = columns(truth, "grade")
    whole = whole.append_column("user_id", pa.array([int(q[1:]) // 4 for q in whole.column("request_id").to_pylist()]))
    whole = whole.append_column("hour", pa.array([int(q[1:]) % 3 or None for q in whole.column("request_id").to_pylist()]))
    pq.write_table(whole, tmp_path / "truth.parquet")
    csv.write_csv(columns(runs["s1"], "score"), tmp_path / "s1.csv")
    board = from_tables(
        tmp_path / "truth.parquet",
        {"s0": columns(runs["s0"], "score").to_pandas(), "s1": str(tmp_path / "s1.csv")},
        [*MEASURES, "mrr@10"],
        families={"s1": "kin"},
    )
    equal_to_trec_eval(truth, runs, board)
    assert board.families == ("s0", "kin")
    number = [int(q[1:]) for q in board.request.to_pylist()]
    same_user = [n // 4 for n in number]
    assert [u == v for u, v in pairwise(board.user)] == [u == v for u, v in pairwise(same_user)]
    assert board.attributes["hour"].to_pylist() == [n % 3 or None for n in number]


def test_grades_below_zero_are_not_relevant(tmp_path):
    """Counted by hand: of q1 system a ranks the relevant item first and the one of grade -1 second, of q2 both find all."""
    (tmp_path / "t.qrels").write_text("q1 0 d1 1\nq1 0 d2 -1\nq2 0 d1 2\n")
    (tmp_path / "a.run").write_text("q1 Q0 d1 1 2.0 a\nq1 Q0 d2 2 1.0 a\nq2 Q0 d1 1 1.0 a\n")
    (tmp_path / "b.run").write_text("q1 Q0 d2 1 2.0 b\nq1 Q0 d1 2 1.0 b\nq2 Q0 d1 1 1.0 b\n")
    board = from_trec(tmp_path / "t.qrels", [tmp_path / "a.run", tmp_path / "b.run"], ["ndcg@10", "precision@1", "recall@10"])
    np.testing.assert_allclose(board.of("ndcg@10"), [[1.0, 1.0], [1 / np.log2(3), 1.0]])
    assert board.of("precision@1").tolist() == [[1.0, 1.0], [0.0, 1.0]]
    assert board.of("recall@10").tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_rows_in_any_order_and_ids_as_numbers_or_text():
    truth = pa.table({"request_id": [5, 5, 40], "item_id": [1, 2, 3], "grade": [1, 2, 1]})
    run = pa.table({"request_id": [40, 5, 5, 40], "item_id": [10, 9, 1, 3], "score": [0.25, 0.5, 0.5, 0.25]})
    first = from_tables(truth, {"a": run})
    assert first.request.to_pylist() == [5, 40]
    text = pa.table(
        {name: run.column(name).cast(pa.string()) for name in ("request_id", "item_id")} | {"score": run.column("score")}
    )
    again = from_tables(truth.take(pa.array([2, 0, 1])), {"a": text.take(pa.array([3, 1, 0, 2])), "b": run})
    np.testing.assert_array_equal(again.of("mrr@10")[0], first.of("mrr@10")[0])
    assert again.of("mrr@10").tolist() == [[0.5, 1.0]] * 2  # by text "9" is above "1", and "3" above "10"


def tables():
    truth = pa.table({"request_id": ["q1", "q1", "q2"], "item_id": ["a", "b", "a"], "grade": [1, 0, 2], "hour": [3, 3, 4]})
    return truth, pa.table({"request_id": ["q1", "q2"], "item_id": ["a", "c"], "score": [1.0, 0.5]})


def put(table, name, values):
    return table.set_column(table.column_names.index(name), name, pa.array(values))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, p: (t, put(p, "request_id", ["q1", "q7"])), r"answers 1 requests .*'q7'.* truth names 1 .*'q2'"),
        (lambda t, p: (t, put(p, "request_id", ["x", "y"])), r"answers 2 requests .*'x', 'y'.* truth names 2 .*'q1', 'q2'"),
        (lambda t, p: (t, put(p, "score", [1.0, np.nan])), r"system 's': score of row 1 \(request 'q2'\) is NaN \(1 such"),
        (lambda t, p: (t, put(p, "score", [1.0, None])), "system 's': score is null in 1 rows"),
        (lambda t, p: (t, put(p, "score", ["x", "y"])), "score holds string, not numbers"),
        (lambda t, p: (t, pa.concat_tables([p, p])), r"system 's': item 'a' of request 'q1' is there twice \(2 such"),
        (lambda t, p: (put(t, "item_id", ["a", "a", "a"]), p), "truth: item 'a' of request 'q1' is there twice"),
        (lambda t, p: (put(t, "grade", [0, -1, 0]), p), "truth has no grade above 0"),
        (lambda t, p: (t.slice(0, 0), p), "truth is empty"),
        (lambda t, p: (put(t, "hour", [3, 4, 4]), p), "request 'q1' has several values of hour"),
        (lambda t, p: (t, p.rename_columns(["request", "item_id", "score"])), "no column 'request_id'; did you mean 'request'"),
        (
            lambda t, p: (t, pa.table({"request_id": ["q1", "q1"], "item_id": ["a", "b"], "score": [2, 2]})),
            "system 's' gives every item the score 2: it ranks nothing",
        ),
        (lambda t, p: (t, p.slice(0, 0)), "system 's' has no rows"),
        (lambda t, p: (t, "nowhere.parquet"), "nowhere.parquet cannot be read"),
    ],
)  # fmt: skip
def test_refuses(change, message):
    truth, predictions = change(*tables())
    with pytest.raises(InputError, match=message):
        from_tables(truth, {"s": predictions})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ndgc@10", "did you mean 'ndcg'"),
        ("ndcg", "no cut-off; write ndcg@10"),
        ("ndcg@0", "no cut-off"),
        ("zzz@1", "there are precision"),
    ],
)
def test_refuses_measures(name, message):
    truth, predictions = tables()
    with pytest.raises(InputError, match=message):
        from_tables(truth, {"s": predictions}, [name])
    with pytest.raises(InputError, match="no systems"):
        from_tables(truth, {})


def test_refuses_files(tmp_path):
    (tmp_path / "qrels").write_text("q1 0 a 1\n\nq1 0 b\n")
    with pytest.raises(InputError, match="qrels:3: 3 fields where 4 are due"):
        from_trec(tmp_path / "qrels", [])
    (tmp_path / "qrels").write_text("q1 0 a 1\n")
    (tmp_path / "x.run").write_text("\nq1 Q0 a 1 much x\n")
    with pytest.raises(InputError, match=r"x\.run:2: score is 'much', not a number"):
        from_trec(tmp_path / "qrels", [tmp_path / "x.run"])
    (tmp_path / "x.run").write_text("q1 Q0 a 1 nan x\n")
    with pytest.raises(InputError, match=r"system 'x': score of row 0 \(request 'q1'\) is NaN"):
        from_trec(tmp_path / "qrels", [tmp_path / "x.run"])
    with pytest.raises(InputError, match=r"none\.run: cannot be read"):
        from_trec(tmp_path / "qrels", {"x": tmp_path / "none.run"})
    with pytest.raises(InputError, match="would both be system 'x'"):
        from_trec(tmp_path / "qrels", [tmp_path / "x.run", tmp_path / "x.txt"])


def test_pooled_measures_are_scikit_learns_with_missed_items_last():
    rng = np.random.default_rng(3)
    rows = [(q, i, float(rng.random())) for q in range(20) for i in rng.permutation(15)[:9]]
    truth = [(q, i) for q in range(20) for i in rng.permutation(15)[:3]]
    board = from_tables(
        pa.table({"request_id": [q for q, _ in truth], "item_id": [i for _, i in truth], "grade": np.ones(len(truth))}),
        {"s": pa.table(dict(zip(("request_id", "item_id", "score"), zip(*rows, strict=True), strict=True)))},
        ("auc", "ndcg@10", "accuracy", "f1"),
    )
    asked = {(q, i): s for q, i, s in rows} | {pair: -1.0 for pair in truth if pair not in {(q, i) for q, i, _ in rows}}
    label, score = [int(pair in truth) for pair in asked], np.array([*asked.values()])
    assert board.means("auc")[0] == pytest.approx(metrics.roc_auc_score(label, score), abs=1e-12)
    assert board.means("accuracy")[0] == pytest.approx(metrics.accuracy_score(label, score >= 0.5), abs=1e-12)
    assert board.means("f1")[0] == pytest.approx(metrics.f1_score(label, score >= 0.5), abs=1e-12)


def test_pooled_measures_refuse_what_they_cannot_mean():
    truth = pa.table({"request_id": [1, 2], "item_id": ["a", "a"], "grade": [1, 1]})
    ranked = pa.table({"request_id": [1, 1, 2], "item_id": ["a", "b", "b"], "score": [7.0, 1.0, 0.5]})
    with pytest.raises(InputError, match="a score of 7: f1 needs probabilities from 0 to 1; ask for auc"):
        from_tables(truth, {"s": ranked}, ("f1",))
    assert from_tables(truth, {"s": ranked}, ("auc",)).means("auc")[0] == pytest.approx(0.5)
    with pytest.raises(InputError, match="answers relevant items alone: auc needs others"):
        from_tables(truth, {"s": ranked.slice(0, 1)}, ("auc",))
