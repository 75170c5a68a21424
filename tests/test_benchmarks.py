"""The benchmarks run; what they measure is nobody's test."""

import importlib.util
from pathlib import Path

import numpy as np
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


def test_a_whole_catalogue_is_ranked_for_every_user(run, capsys):
    module = benchmark("catalogue")
    for arguments in ([], [str(run.folder)]):
        module.main(arguments, users=40, items=300, most=50)
        out = capsys.readouterr().out
        assert all(name in out for name in ("item_knn", "als", "ease"))
        assert out.count("reached") + out.count("missed") == 3


def test_the_catalogues_measures_are_those_of_plain_counting(run):
    module = benchmark("catalogue")
    train, later = module.made_up(30, 80, each=100)
    users, truth, items = module.new_ones(train, later)
    model = module.ItemKnn(items=80).fit(train, rng=np.random.default_rng(0))
    found = module.measure(model, users, truth, items)
    recalls = []
    for user in users:
        had, took = (set(s.item[(s.user == user) & (s.label > 0)].tolist()) for s in (train, later))
        if took - had:
            (best,), _ = model.top_n(np.array([user]), 10)
            recalls.append(len((took - had) & set(best.tolist())) / len(took - had))
    assert found["recall@10"] == pytest.approx(np.mean(recalls))
