"""The benchmarks run; what they measure is nobody's test."""

import importlib.util
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay import pipeline
from assay.store import Run
from assay.testing.scores import make_scores
from tests.conftest import shop_config, write_shop
from tests.test_entries import SMALL

FOLDER = Path(__file__).parent.parent / "benchmarks"


def benchmark(name: str):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("benchmark")
    write_shop(folder / "log.csv", users=30, items=30, weeks=18)
    return pipeline.execute(shop_config(folder / "log.csv", **SMALL), folder / "run")


def test_the_stage_table_has_a_line_a_stage_and_a_verdict_a_target(run, capsys):
    benchmark("stages").main([str(run.folder)])
    out = capsys.readouterr().out
    assert all(stage in out for stage in pipeline.STAGES)
    assert out.count("target") == 4
    assert "2,000,000: missed" in out


def test_influence_is_timed_on_a_finished_run(run, capsys):
    benchmark("influence").main(run.folder)
    out = capsys.readouterr().out
    assert f"{run.read_json('summary.json')['samples']['train']:,} training samples" in out
    assert "target 45 s: reached" in out


def test_the_compact_set_is_judged_on_a_table_of_scores(tmp_path, capsys):
    board = make_scores(300, 100, 6, 3)
    columns = {"system": [], "family": [], "request": [], "user": [], "ndcg@10": []}
    for s, (family, row) in enumerate(zip(board.families, board.scores, strict=True)):
        for i, score in enumerate(row):
            for name, value in zip(columns, (f"system {s}", str(family), i, int(board.users[i]), score), strict=True):
                columns[name].append(value)
    pq.write_table(pa.table(columns), tmp_path / "scores.parquet")
    benchmark("compact").main(tmp_path / "scores.parquet", redraws=20)
    out = capsys.readouterr().out
    assert "6 systems in 3 families, 300 requests" in out
    assert out.count("target 0.7") == out.count("target 0.5") == 4
    assert "anchors, greedy" in out
    assert "on the mean of 5 pairs" in out
