"""What stands beside a run - verify, slices, anomalies, weights, explain - from the command line, on logs of several shapes."""

import contextlib
import json
import os
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay import front
from assay.app import cli, progress
from assay.config import parse
from assay.finished import Finished
from assay.runs.store import file_digest
from tests.conftest import run_in
from tests.programs import started
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


def signalling(command, folder, step, how, errors):
    """The command line, in a process that signals itself as its stage reports a step."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal, also where the tests run in the background
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)

    @contextlib.contextmanager
    def bars():
        def report(stage, done, total):
            if stage == command and done >= step:
                os.kill(os.getpid(), how)

        yield report

    progress.bars = bars
    raise SystemExit(cli.main([command, str(folder)]))


@pytest.mark.slow
@pytest.mark.parametrize(("command", "steps"), [("verify", (0, 30, 55)), ("slices", (0,))])
def test_killed_in_the_middle_it_ends_with_the_same_bytes(command, steps, tmp_path):
    content = views(tmp_path / "log.tsv")
    run = run_in(parse(content), tmp_path / "run")

    errors = tmp_path / "errors.txt"

    def signalled(step, how):
        process = started(signalling, command, run.folder, step, how, errors)
        process.join()
        return process.exitcode

    for step in steps:
        assert signalled(step, signal.SIGKILL) == -signal.SIGKILL
        assert signalled(step, signal.SIGINT) == 130
        assert (
            errors.read_text(encoding="utf-8").splitlines()[-1] == "error: interrupted; the same command goes on where it stopped"
        )
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
