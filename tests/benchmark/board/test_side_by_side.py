import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.benchmark.board.side_by_side import DEPTH, side_by_side
from assay.benchmark.readers import from_tables
from assay.errors import InputError

REQUESTS = ["q1", "q2", "q3", "שאלה"]
ITEMS = [f"i{k}" for k in range(30)] + ["牛奶", "9", "10"]
GRADES = st.dictionaries(
    st.tuples(st.sampled_from(REQUESTS), st.sampled_from(ITEMS)), st.integers(-2, 3), min_size=1, max_size=60
)


def scores(requests):
    pair = st.tuples(st.sampled_from(requests), st.sampled_from(ITEMS))
    return st.dictionaries(pair, st.sampled_from([0.5, 1.0, 1.5, 2.0]), min_size=2, max_size=60)


def table(values, number):
    columns = {"request_id": [q for q, _ in values], "item_id": [i for _, i in values], number: list(values.values())}
    return pa.table(columns).take(pa.array(range(len(values) - 1, -1, -1)))  # in no order of requests


@given(st.data(), GRADES, st.integers(1, 5))
@settings(max_examples=80, deadline=None)
def test_it_is_what_sorting_by_hand_gives(data, grades, most):
    if max(grades.values()) < 1:
        return
    judged = sorted({q for q, _ in grades})
    runs = {name: data.draw(scores(judged)) for name in ("one", "two")}
    if any(len(set(run.values())) == 1 for run in runs.values()):
        return
    tables = {name: table(run, "score") for name, run in runs.items()}
    board = from_tables(table(grades, "grade"), tables, ["ndcg@10"])
    found = side_by_side(board, table(grades, "grade"), tables, "ndcg@10", most=most)

    apart = dict(zip(board.request.to_pylist(), abs(board.of("ndcg@10")[0] - board.of("ndcg@10")[1]), strict=True))
    requests = board.request.take(pa.array(found.rows)).to_pylist()
    assert requests == sorted(judged, key=lambda q: -apart[q])[:most]
    items = found.items.to_pylist()
    for n, q in enumerate(requests):
        lists = []
        for system, run in enumerate(runs.values()):
            ranked = sorted(((s, i) for (of, i), s in run.items() if of == q), reverse=True)[:DEPTH]
            lists.append([i for _, i in ranked])
            codes = found.lists[system, n]
            assert [items[code] for code in codes if code >= 0] == lists[-1]
            assert (codes >= 0).sum() == (codes[: len(lists[-1])] >= 0).sum()
        own = {i: g for (of, i), g in grades.items() if of == q}
        listed = {i for one in lists for i in one}
        shown = {items[i]: g for r, i, g in zip(*found[4:7], strict=True) if r == n}
        left = sorted((g for i, g in own.items() if g > 0 and i not in listed), reverse=True)[:10]
        assert {i: g for i, g in shown.items() if i in listed} == {i: g for i, g in own.items() if i in listed}
        assert sorted((g for i, g in shown.items() if i not in listed), reverse=True) == left
        assert shown.items() <= own.items()
        assert found.relevant[n] == sum(g > 0 for g in own.values())
    assert len(set(items)) == len(items)


def test_ids_may_be_numbers_here_and_text_there():
    truth = pa.table({"request_id": [7, 8], "item_id": [1, 2], "grade": [1, 1]})
    text = pa.table({"request_id": ["7", "8"], "item_id": ["1", "3"], "score": [2.0, 1.0]})
    tables = {
        "a": text,
        "b": truth.rename_columns(["request_id", "item_id", "score"]).set_column(2, "score", pa.array([1.0, 2.0])),
    }
    found = side_by_side(from_tables(truth, tables), truth, tables, "mrr@10", most=9)
    assert [found.items[int(code)].as_py() for code in found.lists[:, 0, 0]] == ["3", "2"]  # of request 8, on which they differ
    with pytest.raises(InputError, match=r"predictions of 1 system\(s\)"):
        side_by_side(from_tables(truth, tables), truth, {"a": text}, "mrr@10", most=9)
