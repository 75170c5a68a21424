"""Measures beyond ranks on a scoreboard, made from tables: against ir_measures, and against loops over the lists."""

import ir_measures
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h
from ir_measures import Judged

from assay.benchmark.board.comparison import mean_intervals
from assay.benchmark.readers import from_tables
from assay.errors import InputError
from assay.evaluation.rankings import evaluate_rankings
from assay.numerics.ranking import tie_order

BEYOND = ("coverage", "gini", "novelty", "popularity_lift", "popularity_share", "serendipity", "diversity")


def columns(nested, number):
    rows = [(q, d, float(v)) for q, docs in nested.items() for d, v in docs.items()]
    return pa.table({"request_id": [r[0] for r in rows], "item_id": [r[1] for r in rows], number: [r[2] for r in rows]})


DOC = h.sampled_from("abcdefgh") | h.text("é牛10", min_size=1, max_size=2)
ANSWERS = h.dictionaries(DOC, h.sampled_from([0.0, 0.5, 0.5 + 1e-9, 2.0]), min_size=1, max_size=9)
TRUTH = h.dictionaries(DOC, h.integers(-2, 3), min_size=1, max_size=9)


def ranked(docs):
    return sorted(docs, key=lambda doc: (docs[doc], doc.encode()), reverse=True)


@given(h.lists(h.tuples(TRUTH, ANSWERS), min_size=1, max_size=5))
@settings(max_examples=80, deadline=None)
def test_graded_measures_by_their_formulas(requests):
    truth = {f"q{r}": grades for r, (grades, _) in enumerate(requests)}
    run = {f"q{r}": docs for r, (_, docs) in enumerate(requests)}
    grades = [grade for docs in truth.values() for grade in docs.values()]
    if max(grades) <= 0 or len({s for docs in run.values() for s in docs.values()}) < 2:
        return
    board = from_tables(
        columns(truth, "grade"), {"s": columns(run, "score")}, ("err@3", "err(max=4)@3", "rbp(p=0.6)@9", "judged@3")
    )
    for r, (q, docs) in enumerate(run.items()):
        order = ranked(docs)
        gains = [max(truth[q].get(doc, 0), 0) for doc in order]
        for name, highest in (("err@3", max(grades)), ("err(max=4)@3", 4)):
            stops = [(2**gain - 1) / 2**highest for gain in gains[:3]]
            expected = sum(np.prod([1 - s for s in stops[:n]]) * stop / (n + 1) for n, stop in enumerate(stops))
            assert board.of(name)[0, r] == pytest.approx(expected)
        assert board.of("rbp(p=0.6)@9")[0, r] == pytest.approx(0.4 * sum(0.6**n for n, gain in enumerate(gains) if gain > 0))
        assert board.of("judged@3")[0, r] == pytest.approx(np.mean([doc in truth[q] for doc in order[:3]]))


def test_judged_counts_grades_of_zero_and_below_as_ir_measures_does():
    truth = {"q1": {"a": 1, "b": 0, "c": -2}, "q2": {"a": 1}}
    run = {"q1": {"a": 4.0, "b": 3.0, "c": 2.0, "z": 1.0}, "q2": {"z": 2.0, "a": 1.0}}
    board = from_tables(columns(truth, "grade"), {"s": columns(run, "score")}, ("judged@4",))
    theirs = {one.query_id: one.value for one in ir_measures.iter_calc([Judged @ 4], truth, run)}
    assert board.of("judged@4")[0].tolist() == [theirs["q1"], theirs["q2"]] == [0.75, 0.5]


def shop(seed=0, requests=80, items=40):
    rng = np.random.default_rng(seed)
    user = rng.integers(25, size=requests)
    listed = [rng.permutation(items)[: rng.integers(3, 9)] for _ in range(requests)]
    request = np.repeat(np.arange(requests), list(map(len, listed)))
    item = np.concatenate(listed)
    relevant = rng.random(len(item)) < 0.4
    relevant[0] = True
    score = rng.random(len(item)).round(1)
    train = [
        (u, i) for u in range(22) for i in rng.choice(items, rng.integers(1, 9), p=np.arange(items) / np.arange(items).sum())
    ]
    return user, request, item, relevant, score, train


def tables_of(user, request, item, relevant, score, train, items=40):
    """Truth grades all that is listed, so that both ways of reading have the same requests."""
    truth = pa.table(
        {"request_id": request, "item_id": [f"i{i}" for i in item], "grade": relevant.astype(int), "user_id": user[request]}
    )
    run = pa.table({"request_id": request, "item_id": [f"i{i}" for i in item], "score": score})
    took = pa.table({"user_id": [u for u, _ in train], "item_id": [f"i{i}" for _, i in train]})
    known = pa.table(
        {"item_id": [f"i{i}" for i in range(items)], "category": [None if i % 7 == 0 else f"类{i % 3}" for i in range(items)]}
    )
    return truth, run, took, known


def test_a_board_says_what_a_runs_evaluation_says():
    """Where every request has truth the two read the same lists."""
    user, request, item, relevant, score, train = shop()
    relevant |= np.append(True, request[1:] != request[:-1])
    truth, run, took, known = tables_of(user, request, item, relevant, score, train)
    names = [f"{name}@5" for name in BEYOND]
    board = from_tables(truth, {"s": run}, names, items=known, train=took)
    takers = [{u for u, i in train if i == one} for one in range(40)]
    popularity = np.array([len(one) for one in takers]) / len({u for u, _ in train})
    past = {u: np.mean([popularity[i] for i in {i for v, i in train if v == u}]) for u in {u for u, _ in train}}
    table, found = evaluate_rankings(
        request, user[request], item, score, relevant, np.bincount(request, relevant)[request].astype(int),
        tie_order([f"i{i}" for i in range(40)]), (5,), popularity=popularity,
        category=np.array([-1 if i % 7 == 0 else i % 3 for i in range(40)]),
        past=np.array([past.get(u, np.nan) for u in user[request]]), resamples=2000,
    )  # fmt: skip
    for name in names:
        assert board.means(name)[0] == pytest.approx(found[name]["value"]), name
        (low,), (high,) = mean_intervals(board, name)
        width = found[name]["high"] - found[name]["low"]
        assert high - low == pytest.approx(width, rel=0.25), name  # CR2 with t, against percentiles of resampled users
    undefined = np.isnan(table["popularity_lift@5"].to_numpy())
    assert undefined.any()
    lift = board.means("popularity_lift@5")[0]
    np.testing.assert_allclose(board.of("popularity_lift@5")[0, undefined], lift)


def test_a_request_without_an_answer():
    """It scores 0 in what is right, lists nothing, and has no share of judged documents."""
    truth = pa.table({"request_id": [1, 2], "item_id": ["a", "a"], "grade": [1, 1]})
    run = pa.table({"request_id": [1, 1], "item_id": ["a", "b"], "score": [1.0, 0.5]})
    board = from_tables(truth, {"s": run}, ("rbp@2", "judged@2", "coverage@2"), items=pa.table({"item_id": ["a", "b", "c", "d"]}))
    np.testing.assert_allclose(board.of("rbp@2")[0], [0.2, 0])
    assert board.means("judged@2")[0] == pytest.approx(0.5)
    assert board.means("coverage@2")[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("coverage@5", (), r"coverage@5 needs the items that could be ranked; give items \(--items: item_id\), or train"),
        ("gini@5", (), "gini@5 needs the items that could be ranked"),
        ("novelty@5", ("items",), "novelty@5 needs items' popularity; give train"),
        ("serendipity@5", (), "serendipity@5 needs items' popularity"),
        ("popularity_lift@5", ("items",), "popularity_lift@5 needs what each user took in training; give train"),
        ("diversity@5", ("train",), "diversity@5 needs items' categories; give items"),
        ("novelty", (), "no cut-off; write novelty@10"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(name, given, message):
    truth, run, took, known = tables_of(*shop())
    tables = {"items": known, "train": took}
    with pytest.raises(InputError, match=message):
        from_tables(truth, {"s": run}, [name], **{key: tables[key] for key in given})


def test_lists_that_have_no_measure_and_items_that_are_in_no_catalogue():
    truth, run, took, known = tables_of(*shop())
    with pytest.raises(InputError, match="diversity@1 is defined for no request"):
        from_tables(truth, {"s": run}, ["diversity@1"], items=known)
    with pytest.raises(InputError, match=r"system 's' ranks \d+ items among its first that the catalogue does not have, as 'i"):
        from_tables(truth, {"s": run}, ["coverage@5"], items=known.slice(0, 20))
    # Without a table of items, those that train and truth name are the catalogue.
    assert 0.9 < from_tables(truth, {"s": run}, ["coverage@9"], train=took).means("coverage@9")[0] <= 1
