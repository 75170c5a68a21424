"""Measures beyond accuracy where people see them: the report of a run, `assay benchmark`, the page of a comparison."""

import html
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.app import report
from assay.app.sections import beyond_accuracy, models
from assay.app.sections.facts import Facts
from assay.benchmark.keep.folder import open_kept
from assay.benchmark.of_run import benchmark, scoreboard
from assay.numerics.names import BEYOND, is_beyond
from assay.testing.benchmarks import make_benchmark, predictions
from tests.app.benchmark_commands import asked, called
from tests.conftest import run_in, shop_config

POOL = make_benchmark(requests=90)
OF_A_RUN = {f"{name}@10" for name in BEYOND} - {"judged@10", "diversity@10"}  # a log grades nothing, this one names no categories


@pytest.fixture(scope="module")
def run(shop, tmp_path_factory):
    return run_in(shop_config(shop), tmp_path_factory.mktemp("run") / "shop")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Truth, items of hostile categories, a training log, and two systems."""
    folder, rng = tmp_path_factory.mktemp("tables"), np.random.default_rng(1)
    users = POOL.requests.column("user_id").to_numpy()
    of_request = dict(zip(POOL.requests["request_id"].to_pylist(), users.tolist(), strict=True))
    user = pa.array([of_request[request] for request in POOL.truth["request_id"].to_pylist()])
    pq.write_table(POOL.truth.append_column("user_id", user), folder / "truth.parquet")
    items = {"item_id": [f"item {k}" for k in range(200)], "category": [["<b>茶</b>", "杯", None][k % 3] for k in range(200)]}
    pq.write_table(pa.table(items), folder / "items.parquet")
    train = {"user_id": rng.choice(users, 900), "item_id": [f"item {int(200 * share**2)}" for share in rng.random(900)]}
    pq.write_table(pa.table(train), folder / "train.parquet")
    for k in range(2):
        pq.write_table(predictions(POOL, k), folder / f"系统 {k}.parquet")
    return folder


def tables(folder, *extra):
    systems = [part for k in range(2) for part in ("--system", folder / f"系统 {k}.parquet")]
    return ["--truth", folder / "truth.parquet", *systems, *extra]


def known(folder):
    return ["--items", folder / "items.parquet", "--train", folder / "train.parquet"]


def test_a_runs_report_has_them_in_a_table_of_their_own(run):
    facts = Facts(run)
    section, accuracy = beyond_accuracy.of_run(facts), models.models(facts)
    [table], [every] = section.tables, accuracy.tables
    assert {column.heading for column in table.columns} == {"model", *OF_A_RUN}
    assert [row[0] for row in table.rows] == ["buy_it_again", "lightgbm", "logistic", "popularity"]
    assert all(" to " in cell for row in table.rows for cell in row[1:])  # an interval each
    assert [point.partition(":")[0] for point in section.points] == [column.heading for column in table.columns[1:]]
    assert not any("better" in point for point in section.points)
    assert not any(is_beyond(row[0]) for row in every.rows)
    assert {"err@10", "rbp@10"} < {row[0] for row in every.rows}
    assert not section.findings
    assert "names no categories" in section.lead
    text = html.unescape(report.write(run).read_text(encoding="utf-8"))
    [shown] = re.findall(r'<section id="beyond">.*?</section>', text, re.DOTALL)
    assert "nothing is chosen by it" in shown
    assert not re.search(r'class="[^"]*(good|bad|better|worse)', shown)


def test_what_decides_in_a_run_has_none_of_them(run):
    board, choice = scoreboard(run, run.config), run.read_json("trust/board.json")
    assert {*board.measures} > OF_A_RUN
    assert not any(is_beyond(line["measure"]) for line in choice["measures"])
    tested = run.read_json("evaluation/models.json")["models"]
    for name in OF_A_RUN:
        for s, model in enumerate(board.systems):
            assert board.means(name)[s] == pytest.approx(tested[model]["test"][name]["value"])
    differences = run.read_json("evaluation/differences.json")["models"]
    assert differences
    assert not any(is_beyond(name) for one in differences.values() for name in one)


def test_a_benchmark_of_a_run_knows_its_items(run):
    made = benchmark(run, run.config)
    assert made.items.column_names == ["item_id", "popularity"]
    assert made.items.num_rows == run.log.items.num_rows
    past = made.requests.column("past_popularity").to_numpy()
    assert np.nanmin(past) > 0
    assert np.nanmax(past) <= 1
    popularity = made.items.column("popularity").to_numpy()
    assert 0 < popularity.max() <= 1


def test_compare_shows_them_apart_and_without_tiers(files, capsys):
    names = [part for name in ("ndcg@10", "coverage@10", "gini@10", "novelty@10") for part in ("--measure", name)]
    found = asked(capsys, "compare", *tables(files, *known(files)), *names)
    assert [*found["boards"]] == ["ndcg@10"]
    assert [*found["beyond_accuracy"]] == ["coverage@10", "gini@10", "novelty@10"]
    for lines in found["beyond_accuracy"].values():
        assert [line["system"] for line in lines] == ["系统 0", "系统 1"]
        assert all(line["low"] <= line["value"] <= line["high"] for line in lines)
    assert {line["measure"] for line in found["comparisons"]} == {"ndcg@10", "coverage@10", "gini@10", "novelty@10"}
    text = called(capsys, "compare", *tables(files, *known(files)), *names)
    assert "Beyond accuracy" in text
    assert "nothing is chosen by it" in re.sub(r"\s+", " ", text)


def test_graded_ones_need_grades_alone(files, capsys):
    names = [part for name in ("err@10", "rbp(p=0.5)@10", "judged@10") for part in ("--measure", name)]
    found = asked(capsys, "compare", *tables(files), *names)
    assert [*found["boards"]] == ["err@10", "rbp(p=0.5)@10"]
    assert 0 < found["beyond_accuracy"]["judged@10"][0]["value"] < 0.5  # two of twenty candidates have a grade


@pytest.mark.parametrize(
    ("measure", "given", "told"),
    [
        ("coverage@10", [], "coverage@10 needs the items that could be ranked; give items (--items: item_id), or train"),
        ("diversity@10", ["--train"], "diversity@10 needs items' categories; give items (--items: item_id, category)"),
        ("popularity_lift@10", ["--items"], "popularity_lift@10 needs what each user took in training; give train (--train"),
        ("gini", [], "measure 'gini' has no cut-off; write gini@10"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(files, capsys, measure, given, told):
    more = [part for option in given for part in (option, files / f"{option[2:]}.parquet")]
    assert told in called(capsys, "compare", *tables(files, *more), "--measure", measure, code=2)


def test_a_kept_benchmark_keeps_what_they_need(files, tmp_path, capsys):
    names = [part for name in ("ndcg@10", "coverage@10", "popularity_lift@10") for part in ("--measure", name)]
    called(capsys, "build", *tables(files, *known(files)), *names, "--size", "60", "--out", tmp_path / "kept")
    kept = open_kept(tmp_path / "kept")
    assert kept.benchmark.items.num_rows == 200
    # The pool's systems have no coverage on fewer requests; the card does not show it.
    assert "coverage@10" not in (tmp_path / "kept" / "card.html").read_text(encoding="utf-8")
    board = tables(files)[2:]
    found = asked(capsys, "compare", tmp_path / "kept", *board, *names, "--measure", "novelty@10", "--measure", "err@10")
    assert {*found["beyond_accuracy"]} == {"coverage@10", "popularity_lift@10", "novelty@10"}
    assert {*found["boards"]} == {"ndcg@10", "err@10"}
    refused = called(capsys, "compare", tmp_path / "kept", *board, *known(files), code=2)
    assert "--items and --train go with --truth" in refused


def test_scores_and_card_show_them_apart(files, tmp_path, capsys):
    names = [part for name in ("ndcg@10", "novelty@10", "judged@10") for part in ("--measure", name)]
    called(capsys, "build", *tables(files, *known(files)), *names, "--out", tmp_path / "kept")
    card = (tmp_path / "kept" / "card.html").read_text(encoding="utf-8")
    [shown] = re.findall(r'<section id="beyond">.*?</section>', card, re.DOTALL)
    assert "novelty@10" in shown
    text = called(capsys, "score", tmp_path / "kept", "--system", f"新={files / '系统 1.parquet'}")
    assert text.index("ndcg@10") < text.index("Beyond accuracy") < text.index("novelty@10")


def test_they_decide_nothing(files, tmp_path, capsys):
    everything = tables(files, *known(files))
    only = called(capsys, "build", *everything, "--measure", "novelty@10", "--size", "60", "--out", tmp_path / "b", code=2)
    assert "novelty@10 says nothing of good or bad" in only
    plan = called(capsys, "plan", *tables(files), "--measure", "judged@10", "--difference", "0.1", code=2)
    assert "judged@10 says nothing of good or bad" in plan
    page = called(capsys, "compare", *everything, "--measure", "gini@10", "--html", tmp_path / "page.html", code=2)
    assert "add one, as --measure ndcg@10" in page


def test_the_page_of_a_comparison_has_them_in_a_table(files, tmp_path, capsys):
    names = ["--measure", "ndcg@10", "--measure", "novelty@10"]
    called(capsys, "compare", *tables(files, *known(files)), *names, "--html", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    [shown] = re.findall(r'<section id="beyond">.*?</section>', text, re.DOTALL)
    assert "novelty@10" in shown
    [pairs] = re.findall(r'<section id="pairs">.*?</section>', text, re.DOTALL)
    assert "novelty@10" not in pairs
