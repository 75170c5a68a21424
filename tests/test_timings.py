"""The timings run; what they measure is nobody's test."""

import importlib.util
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from assay import front
from assay.benchmark.board.scoreboard import Scoreboard
from assay.config import parse
from assay.finished import Finished
from assay.testing.scores import make_scores
from tests.conftest import STAGES, run_in, shop_config, write_shop
from tests.importance.games import semivalue, subsets
from tests.test_entries import SMALL

FOLDER = Path(__file__).parent.parent / "timings"


def benchmark(name: str):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("benchmark")
    write_shop(folder / "log.csv", users=30, items=30, weeks=18)
    return run_in(shop_config(folder / "log.csv", **SMALL), folder / "run")


def test_the_stage_table_has_a_line_a_stage_and_a_verdict_a_target(run, capsys):
    benchmark("stages").main([str(run.folder)])
    out = capsys.readouterr().out
    assert all(stage in out for stage in STAGES)
    assert out.count("target") == 4
    assert "2,100,000: reached" in out


def test_influence_is_timed_on_a_finished_run(run, capsys):
    benchmark("influence").main(run.folder)
    out = capsys.readouterr().out
    assert f"{run.read_json('summary.json')['samples']['train']:,} training samples" in out
    assert "target 45 s: reached" in out


def test_seeds_have_a_line_a_valuer_and_chance(run, capsys, monkeypatch):
    module = benchmark("seeds")
    monkeypatch.setattr(module, "SEEDS", 2)
    module.main(run.folder, "logistic", ["influence"])
    out = capsys.readouterr().out
    assert "logistic, 2 seeds" in out
    assert [line.split(" by ")[1].split(":")[0] for line in out.splitlines() if " by " in line] == ["influence", "random"]


@pytest.mark.slow
def test_serving_has_a_verdict_for_searches_and_recommendations(tmp_path, capsys, monkeypatch):
    write_shop(tmp_path / "log.csv", users=20, items=30, weeks=18)
    (tmp_path / "items.csv").write_text("item_id,name\n" + "".join(f"牛奶-{k} 🥛,rye bread {k}\n" for k in range(30)))
    content = shop_config(tmp_path / "log.csv", **SMALL).model_dump(exclude_none=True, exclude_defaults=True)
    content["log"]["items"] = {"path": str(tmp_path / "items.csv"), "columns": {"item_id": "item_id", "name": "name"}}
    run_in(parse(content), tmp_path / "run", until="recommend")
    front.add(tmp_path / "run", "search")
    serving = benchmark("serving")
    commands: list[str] = []
    monkeypatch.setattr(serving, "in_its_own_process", lambda command, *_: commands.append(command))
    serving.main(tmp_path / "run", 8)
    out = capsys.readouterr().out
    assert commands == ["user", "search"]
    assert out.count("target 50 ms") == 2
    assert out.count("times one retrieval by BM25") == 2


PAST = {1: "abc", 2: "bd", 3: "ca", 4: "bda", 5: "xy", 6: "aab", 7: "cdb"}  # the higher, the later
NEW = {11: "abd", 12: "acbb", 13: "qa", 14: "ab"}


def reciprocal_rank(there, prefix, target, k):
    """Session-kNN by its definition, for the sessions that are there."""
    similarity = {
        s: sum(max(i for i, x in enumerate(prefix, 1) if x == item) for item in set(prefix) & set(PAST[s])) for s in there
    }
    near = sorted((s for s in there if similarity[s]), key=lambda s: (-similarity[s], -s))[:k]
    score = {item: sum(similarity[s] for s in near if item in PAST[s]) for item in "abcdxyq"}
    better, level = (sum(test(score[item]) for item in score) for test in (score[target].__lt__, score[target].__eq__))
    return 1 / (better + (level + 1) / 2) if score[target] else 0.0


@pytest.mark.slow
@pytest.mark.parametrize("k", [2, 3, 50])
def test_sampled_values_of_the_reciprocal_rank_against_every_subset(k):
    def table(sessions):
        rows = [(s, "abcdxyq".index(item), 100.0 * s) for s, items in sessions.items() for item in items]
        return pa.table(dict(zip(("session_id", "item_id", "timestamp"), zip(*rows, strict=True), strict=True)))

    queries = [(items[:n], items[n]) for items in NEW.values() for n in range(1, len(items))]
    ids = list(PAST)
    utility = []
    for inside in subsets(len(ids)):
        there = [s for s, here in zip(ids, inside, strict=True) if here]
        utility.append(np.mean([reciprocal_rank(there, *query, k) for query in queries]))
    script = benchmark("sessions")
    found, prefixes = script.values(*script.problem(table(PAST), table(NEW)), k, 40_000)
    assert prefixes == len(queries)
    estimate = (found[script.FIRST] + found[script.SECOND]) / 2
    np.testing.assert_allclose(estimate, semivalue(utility, len(ids)), atol=0.003)
    np.testing.assert_allclose(found[[script.FIRST, script.SECOND]].sum(axis=1), utility[-1], rtol=1e-12)  # of any order
    np.testing.assert_allclose(found[script.LEFT_OUT], semivalue(utility, len(ids), "loo"), atol=1e-12)
    assert (found[:, ids.index(5)] == 0).all()
    assert np.ptp(estimate) > 0.05


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
    names = tuple(f"system {s}" for s in range(6))
    made = Scoreboard(np.arange(300), board.users, names, tuple(map(str, board.families)), {"ndcg@10": board.scores})
    made.write(tmp_path / "scores.parquet")
    benchmark("compact").main(tmp_path / "scores.parquet", redraws=20)
    out = capsys.readouterr().out
    assert "6 systems in 3 families, 300 requests" in out
    assert out.count("target 0.7") == out.count("target 0.5") == 4
    assert "anchors, greedy" in out
    assert "on the mean of 5 pairs" in out


def test_the_search_benchmark_has_a_line_a_method(capsys):
    benchmark("search").main(1, users=15)
    out = capsys.readouterr().out
    for method in ("no weights", "clicks by place", "logged propensity", "harvested", "regression EM"):
        assert method in out


def test_the_judgements_benchmark_has_a_line_a_set_of_pairs(monkeypatch, capsys):
    judgements = benchmark("judgements")
    monkeypatch.setattr(judgements, "SETTINGS", {"default": {"weeks": 8}})
    judgements.main(["1"])
    out = capsys.readouterr().out
    assert [name for name in judgements.SETS if out.count(name) == 1] == list(judgements.SETS)


def test_judging_has_a_line_an_order(monkeypatch, capsys):
    judging = benchmark("judging")
    monkeypatch.setattr(judging, "SETTINGS", {"far apart": {"gap": 2.0}})
    judging.main(["2"], requests=8, items=14)
    lines = capsys.readouterr().out.splitlines()[2:]
    assert sum("of the intervals" in line for line in lines) == 4
    assert [line[22:40].strip() for line in lines[:5]] == ["matters most", "of a window", "top first", "any that differs", "any"]


@pytest.mark.slow
def test_the_text_benchmark_has_a_verdict_a_target(capsys):
    benchmark("text").main([], texts=20, count=150, queries=10)
    out = capsys.readouterr().out
    assert "BM25 of 150 products" in out
    assert out.count("reached") + out.count("missed") == (2 if "pip install" in out else 8)
    assert "memory of the whole process" in out


def test_intervals_of_all_lists_together_have_a_line_a_size_and_measure(monkeypatch, capsys):
    module = benchmark("coverage")
    monkeypatch.setattr(module, "SIZES", ((60, 12),))
    monkeypatch.setattr(module, "DRAWS", 60)
    module.main(["12"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[4] for line in lines] == ["coverage@5", "gini@5"]
    assert all(float(line.split("held")[1].split()[0]) > 0.5 > float(line.split("drawn")[1]) for line in lines)


def test_events_have_a_line_a_number_of_threads_and_the_plain_loop(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    benchmark("events").main(seconds=0.1)
    out = capsys.readouterr().out
    assert out.count("single events") == 3
    assert out.count("target 2,000") == 2
    assert "an fsync each" in out
    assert list(tmp_path.iterdir()) == []


def test_the_loop_has_a_line_a_traffic(monkeypatch, capsys):
    loop = benchmark("loop")
    monkeypatch.setattr(loop, "TRAFFIC", ((50, 0.2), (100, 0.2)))
    loop.main(30)
    _, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["1,000", "20%"], ["2,000", "20%"]]
    assert all(float(line.split()[-1].rstrip("%")) > 70 for line in lines)
