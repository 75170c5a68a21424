"""The benchmarks run; what they measure is nobody's test."""

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

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


def test_the_reciprocal_rank_estimate_is_the_mean_over_all_orders():
    sessions = benchmark("sessions")
    train = {1: (0, 1, 2), 2: (0, 2), 3: (1, 3), 4: (0, 3, 1), 5: (4, 5)}
    events = [(s, item, 10 * s + k) for s, items in train.items() for k, item in enumerate(items)]
    columns = ("session_id", "item_id", "timestamp")
    log, new = (pa.table(dict(zip(columns, zip(*rows, strict=True), strict=True))) for rows in (events, [(9, 0, 1), (9, 1, 2)]))
    found, ids, prefixes = sessions.reciprocal_rank_values(log, new, 2, 4_000)

    def utility(kept):
        near = sorted((s for s in kept if 0 in train[s]), key=lambda s: -s)[:2]  # all are equally similar: the latest win
        score = {item: sum(item in train[s] for s in near) for item in range(6)}
        above = sum(v > score[1] for v in score.values())
        equal = sum(v == score[1] for v in score.values())
        return 1.0 / (above + (equal + 1) / 2) if score[1] else 0.0

    expected = dict.fromkeys(train, 0.0)
    for order in itertools.permutations(train):
        for k, s in enumerate(order):
            expected[s] += (utility(order[: k + 1]) - utility(order[:k])) / 120
    assert prefixes == 1
    np.testing.assert_allclose(found.mean(axis=0), [expected[s] for s in ids], atol=0.02)
    assert found.mean(axis=0)[4] == 0
    assert found.mean(axis=0).sum() == pytest.approx(utility(tuple(train)))


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
