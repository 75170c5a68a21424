import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.benchmark.judged.combined import by_pair, median, of_record, read
from assay.benchmark.judged.record import PairJudged, Record
from assay.benchmark.judged.truth import judged_benchmark, truth_of
from assay.benchmark.keep.contents import Benchmark
from assay.benchmark.keep.folder import freeze, open_kept
from assay.benchmark.plan.build import build
from assay.errors import InputError
from assay.numerics.agreement import agreement
from assay.testing.benchmarks import make_benchmark, predictions

JUDGED = h.dictionaries(
    h.tuples(h.sampled_from(["q1", "q2", "别的"]), h.sampled_from(["tea", "茶", "cup"]), h.sampled_from(["Ada", "Bo", "Ci"])),
    h.none() | h.integers(0, 3),
    min_size=1,
)
TRUTH = pa.table({"request_id": ["q1", "q1", "q2"], "item_id": ["tea", "pot", "cup"], "grade": [1.0, 2.0, 1.0]})


def recorded(folder, judged, highest=3) -> Record:
    record = Record(folder)
    for (request, item, judge), grade in judged.items():
        record.append(
            PairJudged(judge=judge, benchmark="shop version 1 (ab)", request=request, item=item, grade=grade, highest=highest)
        )
    return record


@given(h.lists(h.integers(0, 9), min_size=1, max_size=9))
def test_the_median_of_grades_is_one_of_them_with_half_at_most_on_either_side(grades):
    middle = median(grades)
    assert middle in grades
    assert sum(g < middle for g in grades) <= len(grades) / 2
    assert sum(g > middle for g in grades) <= len(grades) / 2
    if len(grades) == 2:
        assert middle == min(grades)


@settings(max_examples=40, deadline=None)
@given(JUDGED)
def test_judgements_become_truth_and_the_rest_stays(tmp_path_factory, judged):
    folder = tmp_path_factory.mktemp("judged")
    graded = {key: grade for key, grade in judged.items() if grade is not None}
    record = recorded(folder, judged)
    if not graded:
        with pytest.raises(InputError, match="no pair has a grade yet"):
            of_record(record)
        return
    combined = of_record(record)
    benchmark = Benchmark.of(TRUTH)
    if not any(request in ("q1", "q2") for request, _, _ in graded):
        with pytest.raises(InputError, match="no judgement is for a request of this benchmark"):
            judged_benchmark(benchmark, combined)
        return
    result = judged_benchmark(benchmark, combined)
    expected = {(row["request_id"], row["item_id"]): row["grade"] for row in TRUTH.to_pylist()}
    by = {}
    for (request, item, _), grade in graded.items():
        by.setdefault((request, item), []).append(grade)
    own = {pair: sorted(grades)[(len(grades) - 1) // 2] for pair, grades in by.items() if pair[0] != "别的"}
    assert {(r["request_id"], r["item_id"]): r["grade"] for r in result.truth.to_pylist()} == expected | own
    about = result.about["judging"]
    assert about["judges"] == {n: sum(key[2] == n for key in graded) for n in sorted({key[2] for key in graded})}
    assert about["pairs"] == len(by)
    assert about["elsewhere"] == len(by) - len(own)
    assert about["added"] == len(own.keys() - expected.keys())
    assert about["changed"] == sum(own[pair] != expected[pair] for pair in own.keys() & expected.keys())
    assert about["doubled"] == sum(len(grades) > 1 for grades in by.values())
    assert about["differing"] == sum(len(set(grades)) > 1 for grades in by.values())
    assert about["versions"] == {"shop version 1 (ab)": len(graded)}
    assert result.judgements.num_rows == sum(request != "别的" for request, _, _ in graded)
    unit = [f"{request}|{item}" for request, item, _ in graded]
    alpha = agreement(unit, [judge for _, _, judge in graded], list(graded.values()), resamples=2).alpha
    assert about["alpha"] == (None if np.isnan(alpha) else pytest.approx(alpha))
    assert bool(about["problem"]) == (about["low"] is None)


def test_who_judged_when_is_kept_in_the_frozen_folder(tmp_path):
    record = recorded(tmp_path, {("q1", "茶", "Ada"): 3, ("q1", "茶", "李雷"): 1, ("q2", "cup", "Ada"): 0})
    kept = freeze(build(judged_benchmark(Benchmark.of(TRUTH), read(tmp_path))), tmp_path / "shop-2")
    again = open_kept(kept.folder)
    rows = again.benchmark.judgements.to_pylist()
    assert [(row["request_id"], row["item_id"], row["judge"], row["grade"]) for row in rows] == [
        ("q1", "茶", "Ada", 3.0), ("q1", "茶", "李雷", 1.0), ("q2", "cup", "Ada", 0.0),
    ]  # fmt: skip
    assert rows[0]["when"] == record.graded()[0].when
    assert {row["highest"] for row in rows} == {3}
    card = again.card.judging
    assert card.judges == {"Ada": 2, "李雷": 1}
    assert card.first <= card.last
    assert card.rule.startswith("the median")
    assert again.benchmark.truth.to_pylist()[-1] == {"request_id": "q1", "item_id": "茶", "grade": 1.0}


def test_systems_are_scored_on_what_people_said(tmp_path):
    """The best ranking of the judged truth scores 1 on it, and what was scored before is left out."""
    pool = make_benchmark(60)
    listed = pool.candidates.slice(0, 20).to_pylist()
    recorded(tmp_path, {(row["request_id"], row["item_id"], "Ada"): n % 4 for n, row in enumerate(listed)})
    result = judged_benchmark(pool, read(tmp_path))
    assert result.scores is None
    ids = result.requests.column("request_id")
    grades = {(r["request_id"], r["item_id"]): r["grade"] for r in result.truth.to_pylist()}
    best = [
        (r["request_id"], r["item_id"], grades.get((r["request_id"], r["item_id"]), 0.0)) for r in pool.candidates.to_pylist()
    ]
    table = pa.table(dict(zip(("request_id", "item_id", "score"), zip(*best, strict=True), strict=True)))
    board = result.score({"best": table, "other": predictions(pool, 1)})
    assert board.of("ndcg@10")[0] == pytest.approx(np.ones(len(ids)))
    assert board.of("ndcg@10")[1][0] < 1


def test_ids_that_are_numbers_stay_numbers(tmp_path):
    truth = pa.table({"request_id": [7, 8], "item_id": [1, 2], "grade": [1, 1]})
    recorded(tmp_path, {("7", "3", "Ada"): 2})
    result = judged_benchmark(Benchmark.of(truth), read(tmp_path))
    assert result.truth.to_pylist()[-1] == {"request_id": 7, "item_id": 3, "grade": 2.0}
    assert result.take([0]).judgements.num_rows == 1
    assert result.take([1]).judgements.num_rows == 0
    recorded(tmp_path, {("7", "tea", "Ada"): 2})
    with pytest.raises(InputError, match="item_id holds text, and the benchmark's truth int64"):
        judged_benchmark(Benchmark.of(truth), read(tmp_path))


def test_files_of_others_are_taken_too(tmp_path):
    file = tmp_path / "ratings.csv"
    file.write_text("query,docid,rating\nq1,tea,3\nq1,茶,0\n", encoding="utf-8")
    combined = read(file)
    result = judged_benchmark(Benchmark.of(TRUTH), combined)
    assert {(r["item_id"], r["grade"]) for r in result.truth.to_pylist() if r["request_id"] == "q1"} == {
        ("tea", 3.0), ("pot", 2.0), ("茶", 0.0),
    }  # fmt: skip
    assert result.about["judging"]["problem"] == "the file does not say who judged"
    assert result.judgements.column("judge").null_count == 2
    assert truth_of(combined).to_pylist()[0] == {"request_id": "q1", "item_id": "tea", "grade": 3.0}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("other.jsonl", "", "people's are in judgements.jsonl"),
        ("ratings.csv", "query,docid,rating\nq1,tea,3\nq1,tea,2\n", "is there twice"),
        ("ratings.csv", "query,docid,rating\nq1,tea,\n", "no pair has a grade there"),
        ("notes.md", "x", "is no file of judgements"),
    ],
)
def test_what_is_none_is_said(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=said):
        read(tmp_path / name)


def test_a_folder_without_judgements_and_one_with_two_scales(tmp_path):
    with pytest.raises(InputError, match="nobody judged there yet"):
        read(tmp_path)
    recorded(tmp_path, {("q1", "tea", "Ada"): 1})
    recorded(tmp_path, {("q1", "cup", "Ada"): 1}, highest=1)
    with pytest.raises(InputError, match="several scales \\(0 to 1 and 0 to 3\\)"):
        read(tmp_path)


def test_grades_by_pair_need_no_order():
    judged = [
        PairJudged(judge=j, benchmark="b", request="q", item="i", grade=g, highest=3) for j, g in (("a", 3), ("b", 0), ("c", 1))
    ]
    assert by_pair(judged) == by_pair(judged[::-1]) == {("q", "i"): 1}
