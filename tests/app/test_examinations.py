"""What stands beside a run - verify, slices, anomalies, weights, explain - from the command line, on logs of several shapes."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay import front
from assay.app import cli
from assay.config import parse
from assay.finished import Finished
from assay.runs.store import file_digest
from tests.conftest import run_in
from tests.test_entries import SMALL

COMMANDS = {"verify": "verdict.json", "slices": "found.json", "anomalies": "found.json", "weights": "learnt.json"}


def views(path: Path) -> dict:
    """A log of views alone, under other column names, with ids of several scripts; the config's content."""
    rng = np.random.default_rng(3)
    lines = ["客户\tartikel\tmoment"]
    for week in range(18):
        for user in range(40):
            for _ in range(rng.poisson(5)):
                item = (user % 5) + 5 * int(min(rng.geometric(0.35) - 1, 7)) if rng.random() < 0.7 else int(rng.integers(40))
                when = np.datetime64("2024-01-01T00:00:00") + np.timedelta64(week * 10_080 + int(rng.integers(10_000)), "m")
                lines.append(f"משתמש {user} 🐝\t茶-{item}\t{when}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    columns = {"user_id": "客户", "item_id": "artikel", "timestamp": "moment"}
    log = {"events": [{"path": str(path), "format": "tsv", "event": "view", "columns": columns}]}
    return SMALL | {"log": log, "samples": SMALL["samples"] | {"target": "view"}}


def clicks(path: Path) -> dict:
    """A table of labelled samples, no users' requests in it; the config's content."""
    rng = np.random.default_rng(4)
    n = 4_000
    x = rng.normal(size=n)
    columns = {
        "row": np.arange(n),
        "client": rng.integers(60, size=n),
        "day": np.datetime64("2024-01-01") + np.sort(rng.integers(140, size=n)).astype("timedelta64[D]"),
        "x": x,
        "colour": np.where(rng.random(n) < 0.5, "rot", "粉色"),
        "clicked": (x + rng.logistic(size=n) > 0).astype(int),
    }
    pq.write_table(pa.table(columns), path)
    table = {"path": str(path), "label": "clicked", "key": "row", "timestamp": "day", "user": "client"}
    return {k: v for k, v in SMALL.items() if k != "models"} | {"table": table, "models": {"names": ["logistic"]}}


@pytest.fixture(scope="module", params=[views, clicks])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("examined")
    content = request.param(folder / ("log.tsv" if request.param is views else "table.parquet"))
    return run_in(parse(content), folder / "run")


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_each_is_done_once_shown_and_in_the_report(command, run, capsys):
    assert cli.main([command, str(run.folder), "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    run = Finished(run.folder)
    assert page == run.read_json(f"{command}/{COMMANDS[command]}")
    before = {path.name: file_digest(path) for path in (run.folder / command).iterdir()}
    assert cli.main([command, str(run.folder)]) == 0
    assert "report.html" in capsys.readouterr().out
    assert {path.name: file_digest(path) for path in (run.folder / command).iterdir()} == before
    section = {"verify": "verification"}.get(command, command)
    assert f'<section id="{section}">' in (run.folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_sample_is_explained(run, capsys):
    ident = run.read_table("importance/influence.parquet")["sample_id"][0].as_py()
    assert cli.main(["explain", str(run.folder), str(ident), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["columns"]
    assert cli.main(["explain", str(run.folder), "12345"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


# The command line, in a process that signals itself as its stage reports a step.
SIGNALLED = """
import contextlib, os, signal, sys
from assay.app import cli, progress

signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal, also where the tests run in the background

@contextlib.contextmanager
def bars():
    def report(stage, done, total):
        if stage == sys.argv[1] and done >= int(sys.argv[3]):
            os.kill(os.getpid(), int(sys.argv[4]))
    yield report

progress.bars = bars
sys.exit(cli.main(sys.argv[1:3]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("command", "steps"), [("verify", (0, 30, 55)), ("slices", (0,))])
def test_killed_in_the_middle_it_ends_with_the_same_bytes(command, steps, tmp_path):
    content = views(tmp_path / "log.tsv")
    run = run_in(parse(content), tmp_path / "run")

    def signalled(step, how):
        called = [sys.executable, "-c", SIGNALLED, command, str(run.folder), str(step), str(int(how))]
        return subprocess.run(called, capture_output=True, text=True)

    for step in steps:
        assert signalled(step, signal.SIGKILL).returncode == -signal.SIGKILL
        stopped = signalled(step, signal.SIGINT)
        assert stopped.returncode == 130
        assert stopped.stderr.splitlines()[-1] == "error: interrupted; the same command goes on where it stopped"
        assert not (run.folder / command).exists()
    assert cli.main([command, str(run.folder)]) == 0
    other = run_in(parse(content), tmp_path / "other")
    front.add(other.folder, command)
    ended = {path.name: path.read_bytes() for path in (run.folder / command).iterdir()}
    assert ended == {path.name: path.read_bytes() for path in (other.folder / command).iterdir()}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_run_is_said(command, tmp_path, capsys):
    assert cli.main([command, str(tmp_path / "nowhere")]) == 2
    assert "no such folder; make a run first" in capsys.readouterr().err
    assert cli.main([command, str(tmp_path)]) == 2
    assert capsys.readouterr().err.endswith(f"holds no run; make one: assay run CONFIG --folder {tmp_path}\n")
    (tmp_path / "file").write_text("")
    assert cli.main([command, str(tmp_path / "file")]) == 2
    assert "is a file; give the folder of a run" in capsys.readouterr().err
