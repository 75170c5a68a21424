"""`assay benchmark` and the report's two sections on a run: its test, its models, its ids."""

import html
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from assay.app import benchmark_terminal, cli, report
from assay.benchmark.keep.folder import open_kept
from assay.benchmark.of_run import benchmark, scoreboard
from assay.pages.trust import Audit, Board, Compact
from assay.samples import stored
from assay.stages import trust
from assay.testing.benchmarks import make_benchmark
from tests.app.benchmark_commands import asked, called
from tests.conftest import run_in, shop_config


@pytest.fixture(scope="module")
def run(shop, tmp_path_factory):
    return run_in(shop_config(shop), tmp_path_factory.mktemp("run") / "shop")


def test_a_run_says_how_far_its_test_can_be_trusted(run):
    audit, board, compact = (page.read(run).content() for page in (Audit, Board, Compact))
    assert {"future_items", "shares", "unreachable_truth", "samples"} <= set(audit["checked"])
    assert not [line for line in audit["findings"] if line["severity"] == "error"]
    assert (board["systems"], board["families"], board["measure"]) == (4, 4, "ndcg@10")
    assert board["decide"] in board["report"]
    assert {"auc", "f1", "accuracy"} <= {line["measure"] for line in board["measures"]}
    assert [one["design"] for one in compact["designs"]] == ["mean", "simple", "stratified", "neyman"]
    assert all(len(widths) == len(compact["sizes"]) for widths in compact["half_widths"].values())


def test_the_report_says_so_in_two_sections(run):
    page = html.unescape(report.write(run).read_text(encoding="utf-8"))
    assert '<section id="trust">' in page
    assert '<section id="small">' in page
    assert "The audit found nothing: future items" in page
    board = run.read_json(Board.path)
    assert f"{board['requests']:,} requests of {board['users']} users" in page
    assert all(plan["words"] in page for plan in board["sizes"].values())


def test_pooled_measures_of_a_run_are_those_of_its_evaluation(run):
    board, tested = scoreboard(run, run.config), run.read_json("evaluation/models.json")["models"]
    for name in ("auc", "f1", "accuracy", "precision", "recall"):
        for s, model in enumerate(board.systems):
            assert board.means(name)[s] == pytest.approx(tested[model]["test"][name]["value"])


def test_a_run_gates_a_system_against_its_own_models(run, tmp_path, capsys):
    """One that knows the truth passes by far, one that guesses does not."""
    own, rng = benchmark(run, run.config), np.random.default_rng(0)
    pairs = own.candidates.join(own.truth, ["request_id", "item_id"], join_type="left outer").sort_by("request_id")
    knows = pairs.column("grade").fill_null(0.0).to_numpy() + rng.random(pairs.num_rows) / 2
    for name, score in (("knows", knows), ("guesses", rng.random(pairs.num_rows))):
        pq.write_table(
            pairs.select(["request_id", "item_id"]).append_column("score", pa.array(score)), tmp_path / f"{name}.parquet"
        )
    for name, code in (("knows", 0), ("guesses", 3)):
        given = ["--system", tmp_path / f"{name}.parquet", "--against", "lightgbm", "--margin", "0.01"]
        assert cli.main(["benchmark", "gate", *map(str, [run.folder, *given]), "--json"]) == code
        assert json.loads(capsys.readouterr().out)["benchmark"] == str(run.folder)
    given = ["--system", tmp_path / "guesses.parquet", "--against", "lightgbm"]
    [line] = [one for one in asked(capsys, "compare", run.folder, *given)["comparisons"] if one["b"] == "guesses"]
    assert line["high"] < 0


@pytest.mark.slow
def test_a_run_as_a_source_of_everything(run, tmp_path, capsys):
    assert "ndcg@10" in called(capsys, "measures", run.folder)
    assert "lightgbm" in called(capsys, "compare", run.folder)
    assert "The audit found nothing" in called(capsys, "audit", run.folder)
    made = asked(capsys, "build", run.folder, "--size", "60", "--out", tmp_path / "b")
    assert made["about"]["of"] == "the test requests of shop"
    attributes = {line["attribute"] for line in made["about"]["shares"]}
    assert {"hour", "items", "price", "taken"} <= attributes
    now = asked(capsys, "status", tmp_path / "b", "--traffic", run.folder)
    assert {line["attribute"] for line in now["drift"]} == attributes - {"period"}
    called(capsys, "compact", run.folder, "--budget", "30", "--redraws", "10", "--out", tmp_path / "c")
    kept = open_kept(tmp_path / "b")
    ids = kept.benchmark.requests.column("request_id").combine_chunks()
    model = run.model("lightgbm")
    rows = stored.load(run, "test", "candidates")
    said = rows.keys.select(["request_id", "item_id"]).append_column("score", pa.array(model.predict(rows)))
    again = kept.score({"again": said.filter(pc.is_in(said.column("request_id"), ids))})
    own = kept.benchmark.scores
    np.testing.assert_allclose(again.of("ndcg@10")[0], own.of("ndcg@10")[own.number("lightgbm")])


def test_systems_that_are_equal_make_no_run_fail():
    scores = make_benchmark(requests=200).scores
    board = replace(scores, scores={"ndcg@10": scores.of("ndcg@10")[[0, 0, 0, 0, 0, 1]]})
    pages = [trust.told_apart(Board, board), trust.compacted(Compact, board)]
    assert [page.why_not for page in pages] == [None, None]
    contents = json.loads(json.dumps([page.content() for page in pages], allow_nan=False))
    assert contents[0]["measures"][0]["requests_needed"] is None
    flat = replace(board, scores={"ndcg@10": scores.of("ndcg@10")[[0] * 6]})
    assert "same for all systems" in trust.told_apart(Board, flat).why_not
    json.dumps(trust.compacted(Compact, flat).content(), allow_nan=False)


def test_ids_of_a_run_are_shown_as_its_report_may_show_them(capsys):
    finding = {
        "check": "x",
        "severity": "error",
        "message": "m",
        "mend": "M",
        "rows": 1,
        "examples": [{"user_id": "李", "price": 2}],
    }
    page = {"findings": [finding], "checked": [], "skipped": {}, "facts": {}}
    benchmark_terminal.show_audit(Audit.model_validate(page), lambda ident: "hidden")
    said = capsys.readouterr().out
    assert "user_id hidden, price 2" in said
    assert "李" not in said
