"""Kept benchmarks on the shelf, against what their own functions say."""

from dataclasses import replace
from pathlib import Path

import pytest

from assay.benchmark import freeze
from assay.benchmark.board.comparison import values_of
from assay.benchmark.keep.folder import Kept
from assay.benchmark.keep.renewal import status
from assay.errors import NotThereError
from assay.pages.trust import Audit
from assay.serving.boards import Test
from assay.serving.kept import Shelf, use
from assay.serving.living import Served
from assay.testing.benchmarks import make_benchmark, predictions


@pytest.fixture(scope="module")
def served(served_folder: Path) -> Served:
    return Served(served_folder)


def shelf(served: Served, *kept: Kept, own: bool = True) -> Shelf:
    tests = {one.label: Test.of_kept(one, served, {}) for one in kept}
    return Shelf({one.label: one for one in kept}, tests, {"run": Test.of_run(served)} if own else {})


def test_versions_of_a_name_stand_together_the_newest_first(served, tmp_path):
    first = freeze(make_benchmark(40, systems=3), tmp_path / "v1", name="商店")
    second = freeze(make_benchmark(60, systems=2), tmp_path / "v2", replaces=tmp_path / "v1")
    other = freeze(make_benchmark(30), tmp_path / "other")
    board = shelf(served, first, other, second)
    assert [one.benchmark for one in board.listed().benchmarks] == [other.label, second.label, first.label]
    page = board.page(first.label)
    assert [(one.version, one.requests) for one in page.versions] == [(2, 60), (1, 40)]
    assert page.versions[1].shared == 40
    assert page.versions[0].replaces == first.fingerprint
    with pytest.raises(NotThereError, match="did you mean"):
        board.page(f"{first.label} ")


def test_history_has_each_version_s_means_and_intervals(served, tmp_path):
    whole = make_benchmark(90, systems=3)
    first = freeze(whole.take(range(40)), tmp_path / "v1", name="shop")
    second = freeze(whole, tmp_path / "v2", replaces=tmp_path / "v1")
    second.score({"new": predictions(whole, 5)})
    page = shelf(served, first, second).page(second.label, "mrr@10")
    assert {one.version: one.shared for one in page.versions} == {1: 40, 2: 90}
    lines = {(one.version, one.system): (one.value, one.low, one.high) for one in page.history}
    expected = {}
    for kept in (first, second):
        for row in values_of(kept.results(), "mrr@10").to_pylist():
            expected[kept.version, row["system"]] = (row["value"], row["low"], row["high"])
    assert set(lines) == set(expected)
    assert (2, "new") in lines
    assert (1, "new") not in lines
    for key, figures in lines.items():
        assert figures == pytest.approx(expected[key], abs=1e-12)
    assert [one.version for one in page.history] == sorted(one.version for one in page.history)


def test_uses_are_those_that_were_counted_the_latest_first(tmp_path):
    kept = freeze(make_benchmark(40), tmp_path / "b")
    assert (use(kept).total, use(kept).times, use(kept).first) == (0, [], None)
    for number in range(25):
        kept.consulted("compare" if number % 2 else "serve", (f"系统 {number}",))
    pages = [use(kept, page=page, size=10) for page in (1, 2, 3, 4)]
    assert [one.systems for page in pages for one in page.times] == [[f"系统 {number}"] for number in range(24, -1, -1)]
    told = status(kept)
    assert (pages[0].counts, pages[0].consulting, pages[0].renew) == (
        {"serve": 13, "compare": 12},
        told.systems,
        list(told.renew),
    )
    assert pages[0].flattered == told.flattered


def test_the_audit_is_that_of_the_run_whose_test_holds_the_requests(served, tmp_path):
    own = Test.of_run(served).benchmark
    kept = freeze(own.take(range(0, 30, 2)), tmp_path / "own")
    strange = freeze(make_benchmark(30), tmp_path / "strange")
    board = shelf(served, kept, strange)
    assert board.page(kept.label).audited == "run"
    assert board.page(kept.label).audit == Audit.read(served)
    assert board.page(strange.label).audit is None
    assert shelf(served, kept, own=False).page(kept.label).audit is None


def test_a_benchmark_without_systems_has_no_board_and_no_history(served, tmp_path):
    kept = freeze(replace(make_benchmark(30), scores=None), tmp_path / "b")
    page = shelf(served, kept).page(kept.label)
    assert (page.board, page.history, page.systems) == (None, [], 0)
    assert page.card["of"] == "made-up requests"
