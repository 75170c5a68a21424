"""Boards, requests and rankings, against the run's own scores."""

from math import log2
from pathlib import Path

import pyarrow as pa
import pytest

from assay.benchmark import freeze, leader_board
from assay.benchmark.of_run import benchmark
from assay.errors import NotThereError
from assay.serving.boards import Test
from assay.serving.living import Served


@pytest.fixture(scope="module")
def served(served_folder: Path) -> Served:
    return Served(served_folder)


@pytest.fixture(scope="module")
def own(served: Served) -> Test:
    return Test.of_run(served)


def ndcg(grades: list[float], relevant: int) -> float:
    best = sum(1 / log2(place + 2) for place in range(min(relevant, 10)))
    return sum(grade / log2(place + 2) for place, grade in enumerate(grades)) / best


def test_the_board_is_the_leader_board(served, own):
    scores = benchmark(served, served.config).scores
    page = own.board()
    assert page.measure == "ndcg@10"
    assert [line.model_dump() for line in page.leaders] == [
        {name: row[name] for name in page.leaders[0].model_dump()} for row in leader_board(scores, "ndcg@10").to_pylist()
    ]
    for measure, means in page.means.items():
        assert {name: one.value for name, one in means.items()} == dict(
            zip(scores.systems, scores.means(measure).tolist(), strict=True)
        )
    assert own.board("coverage@10").leaders == []
    with pytest.raises(NotThereError, match="did you mean 'ndcg@10'"):
        own.board("ndgc@10")


def test_rankings_have_the_scores_that_the_board_says(own):
    page = own.requests(1, 5)
    assert page.total == len(own.benchmark)
    for about in page.requests:
        request = own.request(str(about.request_id))
        assert request.relevant == len(request.truth) == about.relevant
        truth = {str(one.item_id) for one in request.truth}
        for system in request.systems:
            assert len(system.items) == 10
            assert [line.grade for line in system.items] == [float(str(line.item_id) in truth) for line in system.items]
            assert system.scores["ndcg@10"] == pytest.approx(ndcg([line.grade for line in system.items], request.relevant))


def test_pages_of_requests_go_through_all_of_them_once(own):
    found = []
    for page in range(1, 100):
        found += [one.request_id for one in own.requests(page, 17).requests]
    assert found == own.benchmark.requests.column("request_id").to_pylist()


def test_an_unknown_request_is_named(own):
    with pytest.raises(NotThereError, match="'nope'"):
        own.request("nope")


def test_a_kept_benchmark_shows_rankings_of_files_and_of_the_run_and_says_where_it_has_none(served, own, tmp_path):
    kept = freeze(benchmark(served, served.config), tmp_path / "kept")
    first = own.requests(1, 1).requests[0]
    items = own.request(str(first.request_id)).systems[0].items
    listed = own.benchmark.candidates.select(["request_id", "item_id"])
    backwards = pa.array([float(line) for line in range(len(listed))])
    predictions = {"mine": listed.append_column("score", backwards)}
    test = Test.of_kept(kept, served, predictions)
    request = test.request(str(first.request_id), depth=3)
    by_name = {one.system: one for one in request.systems}
    assert [line.item_id for line in by_name["popularity"].items] == [line.item_id for line in items[:3]]
    mine = [row["item_id"] for row in listed.to_pylist() if row["request_id"] == first.request_id]
    assert [line.item_id for line in by_name["mine"].items] == mine[::-1][:3]
    kept.score({"scored": predictions["mine"]})
    other = Test.of_kept(kept, served, {}).request(str(first.request_id))
    [scored] = [one for one in other.systems if one.system == "scored"]
    assert scored.items == []
    assert "--system" in scored.why_not
