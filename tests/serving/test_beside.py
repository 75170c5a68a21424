"""Two systems side by side, against the commands, the run's tables, and rankings sorted by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.app import cli
from assay.benchmark import freeze
from assay.benchmark.keep.contents import Benchmark
from assay.errors import InputError, NotThereError
from assay.serving.beside import Beside, pair, side, sides
from assay.serving.boards import Test
from assay.serving.living import Served
from assay.testing.benchmarks import make_benchmark, predictions

FIGURES = ("difference", "stderr", "low", "high", "p", "detectable", "requests", "users")


@pytest.fixture(scope="module")
def served(served_folder: Path) -> Served:
    return Served(served_folder)


@pytest.fixture(scope="module")
def own(served: Served) -> Test:
    return Test.of_run(served)


@pytest.fixture(scope="module")
def made(served: Served) -> Test:
    """Systems on made-up requests, the rankings of two of which are known."""
    whole = make_benchmark(90, systems=3)
    return Test("made", served, whole, {f"system {k}": predictions(whole, k) for k in (0, 2)})


def beside(tests: dict[str, Test], a: str, b: str) -> Beside:
    return Beside(*pair({name: (test,) for name, test in tests.items()}, a, b))


def said(capsys, *command) -> list[dict]:
    assert cli.main(["benchmark", "compare", *map(str, command), "--json"]) == 0
    return json.loads(capsys.readouterr().out)["comparisons"]


def same(line, row):
    for name in FIGURES:
        assert getattr(line, name) == pytest.approx(row[name], abs=1e-12), name


def test_differences_are_those_of_the_command(served_folder, own, capsys):
    page = beside({"run": own}, "popularity", "lightgbm").page()
    options = [part for name in page.measures for part in ("--measure", name)]
    rows = said(capsys, served_folder, "--against", "popularity", *options)
    rows = {row["measure"]: row for row in rows if row["b"] == "lightgbm"}
    assert set(rows) == {line.measure for line in page.differences} >= {"ndcg@10", "mrr@10"}
    for line in page.differences:
        same(line, rows[line.measure])
        assert line.difference == pytest.approx(line.mean_b - line.mean_a, abs=1e-12)


def test_slices_are_the_command_s_groups(served, own, tmp_path, capsys):
    freeze(own.benchmark, tmp_path / "kept")
    for attribute in ("category", "items", "taken"):
        rows = said(capsys, tmp_path / "kept", "--against", "popularity", "--group", attribute, "--measure", "mrr@10")
        rows = {row["group"]: row for row in rows if row["b"] == "lightgbm"}
        slices = beside({"run": own}, "popularity", "lightgbm").page("mrr@10").slices
        lines = {line.level: line for line in slices if line.attribute == attribute}
        assert set(lines) == set(rows)
        for level, line in lines.items():
            same(line, rows[level])


def test_requests_have_the_scores_of_the_run_s_tables(served_folder, own):
    both = beside({"run": own}, "popularity", "lightgbm")
    for measure in ("ndcg@10", "recall@10"):
        tables = [
            pq.read_table(served_folder / f"evaluation/requests/{name}.parquet").to_pylist()
            for name in ("popularity", "lightgbm")
        ]
        a, b = ({row["request"]: row[measure] for row in table} for table in tables)
        page = both.page(measure, size=500)
        assert page.total == len(page.requests) == len(own.benchmark)
        for line in page.requests:
            assert (line.a, line.b) == (
                pytest.approx(a[line.request_id], abs=1e-12),
                pytest.approx(b[line.request_id], abs=1e-12),
            )
            assert line.difference == line.b - line.a


@pytest.mark.parametrize(
    ("sort", "key"),
    [("apart", lambda one: -abs(one.difference)), ("better", lambda one: -one.difference), ("worse", lambda one: one.difference)],
)
def test_pages_go_through_all_requests_once_in_order(own, sort, key):
    both = beside({"run": own}, "popularity", "lightgbm")
    lines = [line for page in range(1, 9) for line in both.page(sort=sort, page=page, size=17).requests]
    assert len({line.request_id for line in lines}) == len(lines) == len(own.benchmark)
    assert [line.request_id for line in lines] == [line.request_id for line in sorted(lines, key=key)]


def test_wins_and_losses_are_counted_in_every_slice_and_its_requests_listed(own):
    both = beside({"run": own}, "popularity", "buy_it_again")
    slices = both.page().slices
    assert {line.attribute for line in slices} >= {"category", "hour", "price"}
    for line in slices:
        listed = both.page(attribute=line.attribute, level=line.level, size=500)
        differences = [one.difference for one in listed.requests]
        assert listed.total == line.requests == len(differences)
        assert line.better == sum(one > 0 for one in differences)
        assert line.worse == sum(one < 0 for one in differences)
        assert line.better + line.equal + line.worse == line.requests
        assert line.difference == pytest.approx(np.mean(differences), abs=1e-12)
        assert line.p_holm >= line.p


def test_an_attribute_that_is_not_known_of_some_has_a_level_of_its_own(served):
    whole = make_benchmark(60, systems=2)
    device = pa.array([None if k % 3 == 0 else "phone" for k in range(60)], pa.string())
    test = Test("made", served, replace(whole, scores=replace(whole.scores, attributes={"device": device})))
    both = beside({"made": test}, "system 0", "system 1")
    assert {line.level: line.requests for line in both.page().slices} == {"phone": 40, None: 20}
    assert both.page(attribute="device").total == 20
    with pytest.raises(NotThereError, match="no request has device 'tablet'"):
        both.page(attribute="device", level="tablet")


def ranked(table: pa.Table, request: str) -> list[str]:
    """Items by score, equal ones by id, both the highest first."""
    rows = [row for row in table.to_pylist() if row["request_id"] == request]
    return [row["item_id"] for row in sorted(rows, key=lambda row: (row["score"], row["item_id"]), reverse=True)]


def test_lists_are_aligned_by_where_each_item_stands_in_both(made):
    both = beside({"made": made}, "system 0", "system 2")
    for line in both.page(size=9).requests:
        lists = [ranked(made.predictions[name], line.request_id) for name in ("system 0", "system 2")]
        one = both.request(line.request_id, depth=7)
        for own, items, other in ((one.a, lists[0], lists[1]), (one.b, lists[1], lists[0])):
            assert own.of == 20
            assert [item.item_id for item in own.items] == items[:7]
            assert [item.rank for item in own.items] == list(range(1, 8))
            assert [item.other for item in own.items] == [other.index(item) + 1 for item in items[:7]]
        right = {item.item_id for item in one.truth}
        truth = [row["item_id"] for row in made.benchmark.truth.to_pylist() if row["request_id"] == line.request_id]
        assert right == set(truth)
        assert len(right) == one.relevant == 2
        for item in one.truth:
            assert (item.rank_a, item.rank_b) == tuple(items.index(item.item_id) + 1 for items in lists)
        assert {item.item_id for item in one.b.items if item.grade > 0} == right & set(lists[1][:7])
        assert one.b.scores["ndcg@10"] - one.a.scores["ndcg@10"] == pytest.approx(line.difference, abs=1e-12)


def test_neighbours_lead_through_the_list(made):
    both = beside({"made": made}, "system 0", "system 2")
    listed = [one.request_id for one in both.page(sort="worse", attribute="device", level="桌面", size=100).requests]
    walked, at = [], listed[0]
    assert both.request(at, sort="worse", attribute="device", level="桌面").before is None
    while at is not None:
        walked.append(at)
        at = both.request(at, sort="worse", attribute="device", level="桌面").after
    assert walked == listed
    with pytest.raises(NotThereError, match="not of this kind"):
        both.request(
            next(one.request_id for one in both.page(size=90).requests if one.request_id not in listed),
            level="桌面",
            attribute="device",
        )


def test_a_ranking_that_is_not_kept_is_said_and_the_other_is_shown(made):
    one = beside({"made": made}, "system 1", "system 2").request("request 00003")
    assert "--system" in one.a.why_not
    assert one.a.items == []
    assert len(one.b.items) == 10
    assert all(item.other is None for item in one.b.items)
    assert {item.rank_a for item in one.truth} == {None}


def test_any_two_places_are_compared_on_what_they_share(served, made):
    whole = made.benchmark
    fewer = replace(whole.take(range(30, 90)), scores=None)
    moved = whole.take(range(30, 90)).truth.to_pylist()
    for row in moved[:1]:
        row["item_id"] = "another"
    other = Benchmark.of(pa.Table.from_pylist(moved), requests=fewer.requests, candidates=None, measures=whole.measures)
    tables = {"system 2": predictions(whole, 2)}
    other = replace(other, scores=other.score(other.cut(tables)[0]))
    both = beside({"made": made, "new version": Test("new", served, other, tables)}, "made/system 2", "new version/system 2")
    page = both.page(size=100)
    assert page.total == 59
    assert {line.difference for line in page.requests} == {0.0}
    assert "59 requests that both have; made has 30 others, new version 0" in page.notes[0]
    assert "another truth is kept in each: 1 of" in page.notes[1]
    assert "For 59 of the compared" in page.notes[2]
    first = str(page.requests[0].request_id)
    assert [item.other for item in both.request(first).b.items] == list(range(1, 11))
    with pytest.raises(NotThereError, match="no request that both"):
        both.request("request 00000")


def test_a_run_s_models_rank_a_kept_benchmark_of_its_requests(served, own, tmp_path):
    kept = freeze(own.benchmark.take(range(20)), tmp_path / "kept")
    tests = {"run": own, kept.label: Test.of_kept(kept, served, {})}
    both = beside(tests, "run/lightgbm", f"{kept.label}/lightgbm")
    assert both.page().total == 20
    one = both.request(str(both.page().requests[0].request_id))
    assert one.a.items == one.b.items


def test_systems_are_found_by_address_whatever_their_names(served):
    whole = make_benchmark(30, systems=3)
    names = ("a/b", "100%", "牛奶 <b>")
    test = Test("made", served, replace(whole, scores=replace(whole.scores, systems=names)))
    every = sides({"x/y": (test,), "z": (test,)})
    addresses = [one.about.address for one in every]
    assert len(set(addresses)) == 6
    for address, one in zip(addresses, every, strict=True):
        assert side(every, address) is one
    assert side(every, "牛奶 <b>").where == "x/y"
    with pytest.raises(NotThereError, match=r"did you mean 'z/a%2Fb'"):
        side(every, "z/a%2fb")


def test_the_best_two_are_chosen_where_none_is_named(own):
    leaders = [line.system for line in own.board().leaders]
    a, b = pair({"run": (own,)})
    assert [b.system, a.system] == leaders[:2]
    a, b = pair({"run": (own,)}, b=leaders[2])
    assert (a.system, b.system) == (leaders[0], leaders[2])


def test_what_cannot_be_compared_is_refused(own, served):
    with pytest.raises(InputError, match="two"):
        pair({})
    with pytest.raises(InputError, match="both"):
        beside({"run": own}, "lightgbm", "lightgbm")
    strange = make_benchmark(20, systems=2)
    with pytest.raises(InputError, match="share no request"):
        beside({"run": own, "made": Test("made", served, strange)}, "lightgbm", "system 0")
    both = beside({"run": own}, "popularity", "lightgbm")
    for call in (
        lambda: both.page("auc"),
        lambda: both.page("ndgc@10"),
        lambda: both.page(attribute="nope"),
        lambda: both.request("nope"),
    ):
        with pytest.raises(NotThereError):
            call()


def test_one_user_s_requests_say_no_interval(served):
    whole = make_benchmark(20, systems=2)
    alone = replace(whole, scores=replace(whole.scores, user=np.zeros(20, np.int64)))
    page = beside({"made": Test("made", served, alone)}, "system 0", "system 1").page()
    assert page.differences[0].low is None
    assert page.differences[0].difference == pytest.approx(np.mean([one.difference for one in page.requests]))


@settings(max_examples=25)
@given(
    a=st.lists(st.tuples(st.integers(0, 9), st.sampled_from("xyz")), min_size=1, max_size=20, unique=True),
    b=st.lists(st.tuples(st.integers(0, 9), st.sampled_from("xyz")), min_size=1, max_size=20, unique=True),
)
def test_shared_requests_are_those_with_the_same_truth(served, a, b):
    def test(pairs, name):
        truth = pa.table(
            {
                "request_id": [f"r{request}" for request, _ in pairs],
                "item_id": [item for _, item in pairs],
                "grade": [1.0] * len(pairs),
                "user_id": [request for request, _ in pairs],
            }
        )
        whole = Benchmark.of(truth, measures=["mrr@10"])
        scores = whole.score({"s": truth.select(["request_id", "item_id"]).append_column("score", pa.array(range(len(pairs))))})
        return Test(name, served, replace(whole, scores=scores))

    truths = [{f"r{request}": {i for r, i in pairs if r == request} for request, _ in pairs} for pairs in (a, b)]
    shared = {request for request in truths[0] if truths[1].get(request) == truths[0][request]}
    tests = {"a": test(a, "a"), "b": test(b, "b")}
    if not shared:
        with pytest.raises(InputError, match="share no request"):
            beside(tests, "a/s", "b/s")
    else:
        assert {one.request_id for one in beside(tests, "a/s", "b/s").page(size=50).requests} == shared
