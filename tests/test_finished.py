"""A finished run is read without a lock, without its log, and never as a mixture of two."""

import json
import sys
from pathlib import Path

import pytest

from assay import front
from assay.errors import InputError
from assay.finished import Finished
from assay.runs.manifest import alone
from tests.conftest import run_in, shop_config, write_shop
from tests.test_entries import SMALL


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A small run whose log is gone since."""
    folder = tmp_path_factory.mktemp("finished")
    write_shop(folder / "log.csv", users=30, items=30, weeks=18)
    run_in(shop_config(folder / "log.csv", **SMALL), folder / "run")
    (folder / "log.csv").unlink()
    return Finished(folder / "run")


def test_it_needs_neither_the_log_nor_the_lock(run):
    with alone(run.folder):
        opened = Finished(run.folder)
        assert len(opened.train) == opened.read_json("summary.json")["samples"]["train"]
        assert len(opened.importance().value) == len(opened.train)
        assert opened.model("logistic").predict(opened.samples("test")).shape == (len(opened.samples("test")),)
        assert opened.items.num_rows == 30
        sample = str(opened.train.keys.column("sample_id")[0].as_py())
        assert front.explain(opened, sample_id=sample)


def test_stages_beside_it_need_no_log_but_a_free_folder(run):
    with alone(run.folder), pytest.raises(InputError, match="another run is at work there"):
        front.add(run.folder, "anomalies")
    assert front.add(run.folder, "anomalies").ran == ("anomalies",)
    assert Finished(run.folder).exists("anomalies/found.json")
    assert not run.exists("anomalies/found.json")  # the one that was opened before is as it was


def test_what_no_stage_of_the_manifest_made_is_not_there(run):
    (run.folder / "importance" / "stray.parquet").write_bytes(b"x")
    opened = Finished(run.folder)
    assert not opened.exists("importance/stray.parquet")
    for read in (opened.read_table, opened.read_json, opened.path):
        with pytest.raises(InputError, match="not there; run the earlier stages first"):
            read("importance/stray.parquet")
    with pytest.raises(InputError, match="holds no model 'forest'"):
        opened.model("forest")


@pytest.mark.slow
def test_a_run_made_anew_while_it_is_read_is_said(tmp_path: Path):
    write_shop(tmp_path / "log.csv", users=30, items=30, weeks=18)
    run_in(shop_config(tmp_path / "log.csv", **SMALL), tmp_path / "run")
    opened = Finished(tmp_path / "run")
    assert opened.read_json("selection/curve.json")["chosen"]
    front.execute(shop_config(tmp_path / "log.csv", **SMALL | {"encode": {"rare": 10, "bins": 3}}), tmp_path / "run")
    opened.read_table("clean/items.parquet")  # the same bytes as before
    with pytest.raises(InputError, match="made again while it was read; wait for it to end, then open it again"):
        opened.read_json("selection/curve.json")
    with pytest.raises(InputError, match="made again while it was read; wait for it to end, then open it again"):
        opened.model("logistic")
    assert Finished(tmp_path / "run").read_json("selection/curve.json")["chosen"]


def test_no_code_that_the_config_names_is_loaded(run, tmp_path, monkeypatch):
    """A folder from somebody else may name anything: measures, estimators, valuers, families of features."""
    import shutil

    shutil.copytree(run.folder, tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["evaluate"]["measures"] = {"mine": "trap:measure"}
    config["models"]["estimators"] = {"theirs": "trap.Estimator"}
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    (tmp_path / "trap.py").write_text("raise SystemExit('run')")
    monkeypatch.syspath_prepend(str(tmp_path))
    opened = Finished(tmp_path / "run")
    assert len(opened.train)
    assert opened.importance() is not None
    from assay.app import report, terminal

    report.write(opened)
    terminal.show(opened)
    assert "trap" not in sys.modules


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: None, "no such folder; make a run first"),
        (lambda p: p.write_text(""), "is a file; give the folder of a run"),
        (lambda p: p.mkdir(), "holds no run; make one"),
    ],
)
def test_where_no_run_is(tmp_path, make, says):
    make(tmp_path / "x")
    with pytest.raises(InputError, match=says):
        Finished(tmp_path / "x")


def test_the_config_is_that_of_the_time_when_it_was_opened(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"table": {"path": "x", "label": "y"}, "seed": 3}')
    opened = Finished(tmp_path)
    (tmp_path / "config.json").write_text('{"table": {"path": "x", "label": "y"}, "seed": 4}')
    assert opened.config.seed == 3
