"""What commands read back from a run: with its log gone, and while another process works in its folder."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import assay
from assay import front
from assay.app import cli, report
from assay.app.sections.facts import Facts
from assay.config import parse
from assay.runs.manifest import alone
from tests.conftest import run_in, shop_config, write_shop
from tests.test_entries import SMALL


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its search, whose log and table of items are gone since."""
    folder = tmp_path_factory.mktemp("stored")
    write_shop(folder / "log.csv", users=30, items=30, weeks=18)
    (folder / "items.csv").write_text("\n".join(["item_id,name", *(f"牛奶-{k} 🥛,tea {k}" for k in range(30))]) + "\n")
    content = shop_config(folder / "log.csv", **SMALL).model_dump(exclude_none=True, exclude_defaults=True)
    content["log"]["items"] = {"path": str(folder / "items.csv"), "columns": {"item_id": "item_id", "name": "name"}}
    run_in(parse(content), folder / "run")
    front.add(folder / "run", "search")
    for name in ("log.csv", "items.csv"):
        (folder / name).unlink()
    return folder / "run"


def sample(folder: Path) -> str:
    return str(pq.read_table(folder / "importance" / "influence.parquet")["sample_id"][0].as_py())


@pytest.mark.parametrize(
    "arguments",
    [
        ("show",),
        ("report",),
        ("graph",),
        ("user", "u3"),
        ("user", "nobody"),
        ("explain",),
        ("search", "tea", "--user", "u3"),
        ("benchmark", "audit"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_they_answer_without_the_log_in_a_folder_where_another_works(arguments, form, folder, capsys):
    commands = 2 if arguments[0] == "benchmark" else 1
    more = (sample(folder),) if arguments[0] == "explain" else ()
    with alone(folder):
        called = [*arguments[:commands], str(folder), *arguments[commands:], *more, *form]
        assert cli.main(called) == 0, capsys.readouterr().err
    shown = capsys.readouterr()
    assert shown.err == ""
    assert json.loads(shown.out) if form else shown.out


@pytest.mark.parametrize("user", ["9" * 30, "-" + "9" * 30, "9" * 5000, "-1", "0x1"])
def test_an_id_that_no_column_can_hold_is_nobody_s(user, run, capsys):
    assert cli.main(["user", str(run.folder), user]) == 0  # whose ids are whole numbers
    assert "has no list in this run" in " ".join(capsys.readouterr().out.split())


def test_the_graph_names_only_stages_that_have_something_to_do(folder, capsys):
    assert cli.main(["graph", str(folder)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    shown = {line[0] for line in lines}
    assert "features" not in shown  # no feature selection was asked for
    assert {name.strip(",") for line in lines for name in line[2:]} <= shown


@pytest.mark.slow
def test_with_hashed_ids_no_answer_shows_an_id_of_the_log(tmp_path, capsys):
    """Items have no names here, so that their ids are all that there is to call them by."""
    write_shop(tmp_path / "log.csv", users=30, items=30, weeks=18)
    run_in(shop_config(tmp_path / "log.csv", **SMALL, show={"hash_ids": True}), tmp_path / "run")
    run = assay.open(tmp_path / "run")
    page = report.write(run).read_text(encoding="utf-8")
    assert run.log is not None
    users = run.log.users["user_id"].to_pylist()
    user = Facts(run).shown(users[0])
    listed = run.recommend(user)
    answers = [listed, run.explain(int(sample(tmp_path / "run"))), run.explain(user=user, item=listed[0]["item_id"])]
    assert cli.main(["explain", str(tmp_path / "run"), sample(tmp_path / "run")]) == 0
    shown = page + json.dumps(answers, ensure_ascii=False) + " ".join(capsys.readouterr().out.split())
    assert "牛奶" not in shown
    assert not set(users) & set(re.findall(r"\bu\d+\b", shown))
