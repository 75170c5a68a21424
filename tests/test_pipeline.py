import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from assay import front
from assay.benchmark.board.scoreboard import Scoreboard
from assay.errors import ConfigError, InputError
from assay.finished import Finished
from assay.runs.manifest import alone
from assay.runs.store import file_digest
from assay.trials.systems import catalogue
from tests.conftest import STAGES, run_in, shop_config
from tests.programs import started


def artefacts(folder: Path) -> dict[str, str]:
    """Digest of every data artefact: costs and the history of collecting differ by nature."""
    left_out = {"cost.json", "report.html", ".lock"}
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in left_out)
    return {str(p.relative_to(folder)): file_digest(p) for p in files}


@pytest.fixture(scope="module")
def finished(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return run_in(shop_config(shop), tmp_path_factory.mktemp("run"))


def test_the_summary_has_exactly_the_promised_keys(finished: Finished) -> None:
    summary = finished.read_json("summary.json")
    parts = {"log", "samples", "models", "standing", "left_out", "selection", "subsample", "recommendations"}
    assert set(summary) == parts
    assert set(summary["log"]) == {"events", "users", "items", "from", "to", "rejected"}
    assert set(summary["samples"]) == {"train", "validation", "tuning", "test"}
    assert set(summary["selection"]["logistic"]["test"]) == {"full", "selected", "random", "recency", "popularity", "loss"}
    assert set(summary["selection"]["lightgbm"]["test"]) == {"full", "selected"}
    assert set(summary["selection"]["logistic"]["difference"]["auc"]) == {"value", "low", "high", "p", "needs"}
    assert set(summary["subsample"]["test"]) == {"uniform", "weighted", "all"}
    for model in ("popularity", "buy_it_again", "logistic", "lightgbm"):
        for measure in ("auc", "user_auc", "log_loss", "f1", "calibration_error", "ndcg@10", "mrr@10", "coverage@10"):
            assert set(summary["models"][model]["test"][measure]) == {"value", "low", "high"}
    assert summary["recommendations"] == {"users": 80, "per_user": 10}


def test_the_served_model_stands_beside_the_simple_rules(finished: Finished) -> None:
    standing = finished.read_json("evaluation/models.json")["standing"]
    served = finished.read_json("recommendations.json")["model"]
    assert (standing["served"], standing["measure"], standing["users"], standing["with_past"]) == (served, "ndcg@10", 80, 1.0)
    assert set(standing["rules"]) == {"chance", "popularity", "buy_it_again"}
    own = finished.read_table(f"evaluation/requests/{served}.parquet")
    for name in {"popularity", "buy_it_again"} - {served}:
        rule = finished.read_table(f"evaluation/requests/{name}.parquet")
        gap = np.array(own["ndcg@10"]) - np.array(rule["ndcg@10"])
        gap = gap[np.array(own["truth_count"]) > 0]
        change = standing["difference"][name]["ndcg@10"]
        assert change["value"] == pytest.approx(gap.mean())
        assert change["low"] < gap.mean() < change["high"]
    assert served not in standing["difference"]
    assert (
        0 < standing["rules"]["chance"]["test"]["ndcg@10"]["value"] < standing["rules"]["popularity"]["test"]["ndcg@10"]["value"]
    )
    assert finished.read_json("summary.json")["standing"] == standing


def test_a_log_where_nobody_comes_back_runs_without_buy_it_again(tmp_path: Path) -> None:
    rng, lines = np.random.default_rng(0), ["who,what,when,pieces,paid"]
    for week in range(12):
        for session in range(40):
            for event in range(4):
                item = min(int(rng.geometric(0.2)), 20) if event else session % 20
                day = np.datetime64("2024-01-01T08:00:00") + np.timedelta64(7 * week + session % 7, "D")
                lines.append(f"s{week}-{session},p{item},{day + np.timedelta64(event, 'm')},1,1.50")
    (tmp_path / "log.csv").write_text("\n".join(lines), encoding="utf-8")
    samples = {"warm_up": 2, "validation": 2, "tuning": 2, "test": 2}
    run = run_in(shop_config(tmp_path / "log.csv", samples=samples), tmp_path / "run")
    summary = run.read_json("summary.json")
    assert set(summary["models"]) == {"popularity", "logistic", "lightgbm"}
    assert set(summary["left_out"]) == {"buy_it_again"}
    assert "pair_times_bought" in summary["left_out"]["buy_it_again"]
    assert summary["standing"]["with_past"] == 0
    assert set(summary["standing"]["rules"]) == {"chance", "popularity"}


def test_taste_is_learnt(finished: Finished) -> None:
    models = finished.read_json("summary.json")["models"]
    assert models["logistic"]["test"]["auc"]["value"] > models["popularity"]["test"]["auc"]["value"] + 0.02


def test_weights_are_keyed_and_there_is_one_a_training_row(finished: Finished) -> None:
    weights = finished.read_table("selection/weights.parquet")
    assert weights.num_rows == finished.read_json("summary.json")["samples"]["train"]
    lines = finished.path("selection/lightgbm.weight").read_text().split()
    assert [float(line) for line in lines] == weights.column("weight").to_pylist()


def test_a_second_run_does_nothing(finished: Finished, shop: Path) -> None:
    before = artefacts(finished.folder)
    again = run_in(shop_config(shop), finished.folder)
    assert again.reused == list(STAGES)
    assert artefacts(finished.folder) == before


def test_no_password_is_stored(shop: Path, tmp_path: Path) -> None:
    config = shop_config(shop, recommend={"url": "mysql://root:hunter2@127.0.0.1/x", "table": "t"})
    run_in(config, tmp_path, until="clean")
    assert not any(b"hunter2" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_an_unknown_stage_is_named(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no stage 'trian'"):
        run_in(shop_config(shop), tmp_path, until="trian")


@pytest.mark.slow
def test_stages_one_by_one_end_with_the_same_bytes(finished: Finished, shop: Path, tmp_path: Path) -> None:
    for stage in STAGES:
        run = run_in(shop_config(shop), tmp_path, until=stage)
        assert run.ran == [stage]  # all that it needs was there
        assert set(run.reused) <= set(STAGES[: STAGES.index(stage)])
    assert artefacts(tmp_path) == artefacts(finished.folder)


@pytest.mark.slow
def test_the_study_tries_every_valuer_on_every_model_that_learns(
    finished: Finished, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = ("popularity", "buy_it_again", "item_knn", "ease", "als", "tree", "logistic", "session_knn")
    every = {system.family: system for system in catalogue(shop_config(shop).models) if system.family in quick}
    monkeypatch.setattr("assay.stages.systems.catalogue", lambda section: list(every.values()))
    shutil.copytree(finished.folder, tmp_path / "run")
    done = front.study(shop_config(shop), tmp_path / "run")
    assert done.reused == tuple(STAGES)
    assert done.ran == ("weights", "systems", "study")
    run = Finished(done.folder)
    curves, models = (run.read_json(f"study/{name}.json")["lines"] for name in ("curves", "models"))
    valuers = ["probability", "loss", "influence", None]  # None: by chance
    assert [(c["valuer"], c["fraction"]) for c in curves] == [(v, f) for v in valuers for f in (0.01, 0.02)]
    assert [(m["valuer"], m["model"]) for m in models] == [(v, "lightgbm") for v in valuers]
    assert {"auc", "log_loss", "ndcg@10"} == set(models[0]["difference"])
    compared, scores = run.read_json("systems/systems.json"), Scoreboard.read(run.path("systems/scores.parquet"))
    made = [line["system"] for line in compared["systems"] if line["why_not"] is None]
    assert [line["family"] for line in compared["systems"]] == list(every)
    assert len(made) >= 7
    assert (list(scores.systems), len(scores.request)) == (made, compared["requests"]["test"]["judged"])
    assert {"ndcg@10", "map@10"} <= set(scores.measures)
    assert run.read_json("systems/board.json")["systems"] == len(made)  # what the larger field says of the test
    assert run.read_json("trust/board.json") == finished.read_json("trust/board.json")
    assert front.study(shop_config(shop), run.folder).reused == (*STAGES, "weights", "systems", "study")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["mutual_information", "l1"])
def test_feature_selection_says_what_it_saved_and_cost(method: str, shop: Path, tmp_path: Path) -> None:
    config = shop_config(shop)
    models = config.models.model_copy(update={"feature_selection": method, "features": 6, "names": ["buy_it_again", "logistic"]})
    config = config.model_copy(update={"models": models})
    run = run_in(config, tmp_path, until="value")
    page = run.read_json("features/kept.json")
    assert len(page["kept"]) <= 6
    assert page["columns"]["kept"] < page["columns"]["all"]
    assert page["entries_a_row"]["kept"] < page["entries_a_row"]["all"]
    assert set(page["difference"]["log_loss"]) == {"value", "low", "high", "p", "needs"}
    cost = run.costs()["feature_selection"]
    assert set(cost) == {"seconds_all", "seconds_kept"}
    learnt = run.read_json("models/logistic/model.json")["names"]
    assert learnt
    hidden = page["hidden"]
    assert not any(name == feature or name.startswith((f"{feature}=", f"{feature} ")) for name in learnt for feature in hidden)


def test_two_runs_in_one_folder_do_not_meet(shop: Path, tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(InputError, match="another run is at work there"):
        run_in(shop_config(shop), tmp_path, until="collect")
    assert run_in(shop_config(shop), tmp_path, until="collect").reused == []
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        run_in(shop_config(shop), tmp_path / "file")


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_bytes(finished: Finished, shop: Path, tmp_path: Path) -> None:
    draw, codes = random.Random(5), []
    for _ in range(4):
        process = started(front.execute, shop_config(shop), tmp_path / "run")
        time.sleep(draw.uniform(0.5, 3.0))
        process.kill()
        process.join()
        codes.append(process.exitcode)
    assert -signal.SIGKILL in codes
    last = started(front.execute, shop_config(shop), tmp_path / "run")
    last.join()
    assert last.exitcode == 0
    assert artefacts(tmp_path / "run") == artefacts(finished.folder)
