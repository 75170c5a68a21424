"""The benchmarks run; what they measure is nobody's test."""

import importlib.util
from pathlib import Path

import pytest

from assay import pipeline
from assay.store import Run
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
