"""Whole runs of graded and continuous labels: they end, speak of their own measures, explain, and keep grades."""

import html
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import assay
from assay import front
from assay.app import cli, report, terminal, words
from assay.benchmark.keep.folder import open_kept
from assay.benchmark.of_run import benchmark
from assay.config import parse
from assay.finished import Finished
from assay.samples import stored
from assay.task import ABSOLUTE, GRADED, SQUARED
from tests.amount_logs import KINDS, SPLITS, feed_config, write_feed
from tests.app.server.conftest import client_of
from tests.conftest import run_in

CHANCES = re.compile(r"log_loss|log-loss|\bnats\b|logistic|\bauc\b|\bf1\b")
SMALL = {"lightgbm_trees": 10, "subsample": 2000}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("feed") / "log.csv"
    write_feed(path)
    return path


@pytest.fixture(scope="module")
def graded(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    models = {**SMALL, "names": ["popularity", "logistic", "lightgbm", "lambdarank"]}
    return run_in(feed_config(log, samples={"grades": KINDS}, models=models), tmp_path_factory.mktemp("graded") / "run")


@pytest.fixture(scope="module")
def minutes(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    models = {**SMALL, "names": ["popularity", "ridge", "tree", "forest", "lightgbm"]}
    return run_in(feed_config(log, samples={"amount": "quantity"}, models=models), tmp_path_factory.mktemp("minutes") / "run")


def rows(seed: int = 0, n: int = 2_400) -> pa.Table:
    """Homes of two kinds and their rent; how well each suits who looked; who looked, and when."""
    rng = np.random.default_rng(seed)
    size, kind, day = rng.gamma(6.0, 12.0, n), rng.integers(0, 3, n), np.sort(rng.integers(0, 84, n))
    rent = 200 + 9 * size + 150 * kind + rng.normal(0, 60, n)
    suits = np.clip(np.rint(kind + (size > 70) + rng.normal(0, 0.5, n)), 0, 3)
    who = rng.integers(0, 60, n)
    return pa.table(
        {
            "rent": rent,
            "suits": suits.astype(np.int64),
            "size": size,
            "kind": pa.array(np.array(["flat", "house", "villa"])[kind]),
            "noise": rng.normal(size=n),
            "day": pa.array(np.datetime64("2024-01-01T00:00:00", "us") + day.astype("timedelta64[D]")),
            "who": [f"u{k}" for k in who],
            "what": [f"h{k}" for k in range(n)],
            "look": [f"{k}-{d // 7}" for k, d in zip(who, day, strict=True)],
        }
    )


def own(folder: Path, labels: str, *, without: list[str], samples: dict | None = None, **table: str) -> Finished:
    pq.write_table(rows().drop_columns(without), folder / "homes.parquet")
    section = {"path": str(folder / "homes.parquet"), "labels": labels, "timestamp": "day", "user": "who", "item": "what"}
    content = {
        "table": section | table,
        "samples": {"validation": 2, "tuning": 2, "test": 2, **(samples or {})},
        "models": SMALL,
        "evaluate": {"resamples": 50},
        "select": {"fractions": [0.01, 0.02]},
    }
    return run_in(parse(content), folder / "run")


@pytest.fixture(scope="module")
def rents(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("rents")
    return own(folder, "continuous", without=["suits", "look"], samples={"loss": "absolute"}, label="rent")


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return own(tmp_path_factory.mktemp("looks"), "graded", without=["rent"], label="suits", request="look")


def shown(run: Finished, capsys: pytest.CaptureFixture) -> str:
    """All that the report and the terminal say."""
    page = re.sub(r"<style.*?</style>", "", report.write(run).read_text(encoding="utf-8"), flags=re.DOTALL)
    terminal.show(run)
    terminal.print_lines(terminal.closing(run))
    return html.unescape(re.sub(r"<[^>]+>", "\n", page)) + capsys.readouterr().out


@pytest.mark.parametrize(("name", "kind"), [("minutes", SQUARED), ("rents", ABSOLUTE)])
def test_a_run_of_amounts_speaks_of_amounts_alone(name: str, kind, request: pytest.FixtureRequest, capsys) -> None:
    run = request.getfixturevalue(name)
    text = shown(run, capsys)
    assert not [line for line in text.splitlines() if CHANCES.search(line)]
    assert kind.loss in text
    assert "ridge" in text
    if kind is ABSOLUTE:
        assert not re.search(r"\bmse\b", text)
    summary = run.read_json("summary.json")
    assert set(summary["models"]) >= {"ridge", "tree", "forest", "lightgbm"}
    assert {kind.loss, "rmse", "r2", "spearman"} <= set(summary["models"]["ridge"]["test"])
    for page in ("evaluation/models.json", "selection/curve.json", "summary.json"):
        assert "log_loss" not in json.dumps(run.read_json(page))
    assert run.task.label == run.config.label_type == kind
    assert stored.load(run, "train").label_type == kind


@pytest.mark.parametrize(("name", "kind"), [("minutes", SQUARED), ("rents", ABSOLUTE)])
def test_a_sample_of_amounts_is_explained_in_the_labels_unit(name: str, kind, request: pytest.FixtureRequest, capsys) -> None:
    run = request.getfixturevalue(name)
    sample = int(run.train.sample_id[3])
    answer = front.explain(run, sample_id=sample)
    assert answer.label == run.train.response[3]
    terminal.show_explanation(answer, run)
    out = " ".join(capsys.readouterr().out.split())
    assert f"{kind.unit} per validation row" in out
    assert not CHANCES.search(out)
    values = run.read_table("importance/influence.parquet")
    stored_value = values["value"].to_numpy()[values["sample_id"].to_numpy() == sample][0]
    assert answer.value == pytest.approx(stored_value, rel=0.5, abs=0.05 * np.abs(values["value"].to_numpy()).max())


def test_a_score_of_amounts_is_explained_as_a_prediction(minutes: Finished, capsys) -> None:
    keys = minutes.samples(which="upcoming").keys
    answer = front.explain(minutes, user_id=keys["user_id"][0].as_py(), item_id=keys["item_id"][0].as_py())
    terminal.show_explanation(answer, minutes)
    out = " ".join(capsys.readouterr().out.split())
    assert "by the ridge regression" in out
    assert "chance" not in out
    predicted = minutes.model("ridge").predict(minutes.samples(which="upcoming"))[0]
    assert answer.probability == pytest.approx(predicted)


def test_what_is_learnt_of_rents_is_what_they_follow(rents: Finished) -> None:
    """The noise of a rent has a deviation of 60: its mean distance from what size and kind say is 48."""
    models = rents.read_json("summary.json")["models"]
    assert 45 < models["forest"]["test"]["mae"]["value"] < 90
    assert models["forest"]["test"]["spearman"]["value"] > 0.9
    assert rents.read_json("samples/account.json")["amounts"]["train"]["mean"] == pytest.approx(
        stored.load(rents, "train").response.mean(), abs=1e-2
    )
    observed = rents.read_json("evaluation/calibration.json")["models"]["forest"]
    assert all(abs(line["predicted"] - line["observed"]) < 100 for line in observed)


def test_a_graded_table_ranks_by_its_grades(looks: Finished, capsys) -> None:
    summary = looks.read_json("summary.json")
    measures = {name: model["test"] for name, model in summary["models"].items()}
    assert {"auc", "log_loss", "ndcg@10"} <= set(measures["logistic"])
    assert measures["lightgbm"]["ndcg@10"]["value"] > 0.8
    candidates = stored.load(looks, "test", "candidates")
    assert candidates.label_type == GRADED
    predicted = looks.model("logistic").predict(candidates)
    per_request = []
    for one in np.unique(candidates.request):
        at = np.flatnonzero(candidates.request == one)
        gain, discount = candidates.gain[at], 1 / np.log2(np.arange(2, len(at) + 2))
        if gain.any():
            order = np.lexsort(([-k for k in range(len(at))], -predicted[at]))
            per_request.append((gain[order] * discount)[:10].sum() / (np.sort(gain)[::-1] * discount)[:10].sum())
    assert measures["logistic"]["ndcg@10"]["value"] == pytest.approx(np.mean(per_request), abs=1e-3)
    text = shown(looks, capsys)
    assert "log_loss" in text
    assert "ridge" not in text


def test_a_log_of_grades_says_how_it_ranks(graded: Finished, capsys) -> None:
    text = shown(graded, capsys)
    assert "lambdarank" in text
    assert "ridge" not in text
    assert graded.task.label == GRADED
    gains = stored.load(graded, "train").gain
    assert set(np.unique(gains)) == {0.0, 1.0, 3.0}


def test_a_benchmark_of_a_graded_run_has_its_grades_and_measures(graded: Finished, tmp_path: Path, capsys) -> None:
    made = benchmark(graded, graded.config)
    assert set(made.truth.column("grade").to_pylist()) == {1.0, 3.0}
    tested = graded.read_json("evaluation/models.json")["models"]
    for model in made.scores.systems:
        assert made.scores.means("ndcg@10")[made.scores.number(model)] == pytest.approx(tested[model]["test"]["ndcg@10"]["value"])
    out = tmp_path / "kept"
    assert cli.main(["benchmark", "build", str(graded.folder), "--size", "40", "--out", str(out)]) == 0
    capsys.readouterr()
    kept = open_kept(out)
    assert set(kept.benchmark.truth.column("grade").to_pylist()) == {1.0, 3.0}
    ids = kept.benchmark.requests.column("request_id").combine_chunks()
    candidates = stored.load(graded, "test", "candidates")
    said = candidates.keys.select(["request_id", "item_id"])
    said = said.append_column("score", pa.array(candidates.chances(graded.model("lambdarank").predict(candidates))))
    again = kept.score({"again": said.filter(pa.compute.is_in(said.column("request_id"), ids))})
    own_scores = kept.benchmark.scores
    np.testing.assert_allclose(again.of("ndcg@10")[0], own_scores.of("ndcg@10")[own_scores.number("lambdarank")])


@pytest.mark.slow
def test_events_in_memory_make_a_run_of_amounts(log: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(log).rename(columns={"minutes": "quantity", "stars": "rating"})
    run = assay.run(
        events=frame[frame["kind"] == "view"],
        folder=tmp_path / "run",
        columns={"user_id": "who", "item_id": "what", "timestamp": "when", "event": "kind", "quantity": "quantity"},
        samples={"target": "view", "amount": "quantity", "loss": "absolute", **SPLITS},
        models={**SMALL, "names": ["ridge", "lightgbm"]},
        evaluate={"resamples": 50},
        select={"fractions": [0.01]},
    )
    assert run.task.label == ABSOLUTE
    assert run.read_json("summary.json")["models"]["ridge"]["test"]["mae"]["value"] > 0


@pytest.mark.parametrize(("name", "heading"), [("minutes", "quantity"), ("graded", "grade"), ("rents", "rent")])
def test_samples_are_shown_with_their_amounts(name: str, heading: str, request: pytest.FixtureRequest) -> None:
    run: Finished = request.getfixturevalue(name)
    table = pq.read_table(run.path("samples/samples.parquet"), columns=["sample_id", "label", "amount"])
    stored_amounts = {row["sample_id"]: row for row in table.to_pylist()}
    with client_of(run.folder) as client:
        answer = client.get("/api/samples", params={"label": 1, "size": 20}).json()
        page = client.get("/samples", params={"label": 1}, headers={"Accept": "text/html"}).text
    assert (answer["labels"], answer["unit"]) == (run.task.label.name, None if name == "graded" else heading)
    assert len({line["amount"] for line in answer["samples"]}) > 1
    for line in answer["samples"]:
        assert line["amount"] == stored_amounts[line["sample_id"]]["amount"]
        row = re.search(rf'<tr data-sample="{line["sample_id"]}">.*?</tr>', page, re.DOTALL)[0]
        assert re.findall(r'<td class="n">([^<]*)</td>', row)[0] == words.plain(line["amount"])
    assert re.search(rf'<th class="n">(<bdi>)?{heading}(</bdi>)?</th>', page)
