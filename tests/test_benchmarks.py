"""The benchmarks run; what they measure is nobody's test."""

import importlib.util
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

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


@pytest.mark.slow
def test_ranking_prints_a_verdict_a_target(monkeypatch, capsys):
    ranking = benchmark("ranking")
    monkeypatch.setattr(ranking, "REQUESTS", 20)
    monkeypatch.setattr(ranking, "OURS_LARGE", ranking.OURS_LARGE.replace("1_000_000", "100"))
    bootstrap = ranking.bootstrap
    monkeypatch.setattr(ranking, "bootstrap", lambda: bootstrap(50, 20))
    ranking.main(["--ours"])
    out = capsys.readouterr().out
    assert out.count("target") == 3
    assert "first call" in out


def test_off_policy_reads_the_open_bandit_sample(monkeypatch, tmp_path, capsys):
    off_policy = benchmark("off_policy")
    rng = np.random.default_rng(0)
    for policy in ("random", "bts"):
        for campaign in off_policy.CAMPAIGNS:
            place = tmp_path / policy / campaign
            place.mkdir(parents=True)
            table = {
                "item_id": rng.integers(0, 4, 200),
                "position": rng.integers(1, 4, 200),
                "click": rng.integers(0, 2, 200),
                "propensity_score": np.full(200, 0.25),
            }
            csv.write_csv(pa.table(table), place / f"{campaign}.csv")
    monkeypatch.setattr(off_policy, "folder", lambda: tmp_path)
    off_policy.main()
    out = capsys.readouterr().out
    assert out.count("its own log") == 6
    assert out.count("doubly_robust") == 6
    # Items are shown alike: the value is close to the mean click rate, a half.
    assert 400 < float(out.split("snips")[1].split()[0]) < 600
