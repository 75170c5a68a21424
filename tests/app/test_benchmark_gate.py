"""`assay benchmark gate`: its exit codes, what it writes, what it counts, what it refuses; and the action that calls it."""

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from junitparser import Error, Failure, JUnitXml

from assay.app import cli
from assay.benchmark.board.gate import gate
from assay.benchmark.keep.folder import freeze, open_kept
from assay.testing.benchmarks import make_benchmark, predictions
from tests.app.benchmark_commands import called

ROOT = Path(__file__).parents[2]
POOL = make_benchmark(requests=200)
HOSTILE = "</script>|`x`\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}זה 🆕 @all"
# By the pool's own make, the higher a system's number the better it is: by about .07 a number.
PASSES, WORSE, UNDECIDED = ("s5", "system 1", "0.005"), ("s1", "system 5", "0.005"), ("s2", "system 2", "0.000000001")


@pytest.fixture
def kept(tmp_path):
    for k in range(6):
        pq.write_table(predictions(POOL, k), tmp_path / f"s{k}.parquet")
    return freeze(POOL, tmp_path / "kept", name="店 1")


def asked(kept, system, against, margin="0.005", *more):
    file = kept.folder.parent / f"{system}.parquet"
    return ["gate", kept.folder, "--system", f"new={file}", "--against", against, "--margin", margin, *more]


def answer(capsys, code, *arguments):
    assert cli.main(["benchmark", *map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def shuffled(kept):
    """System 2 with the lists of another system on a few requests: as good, but not the same."""
    own, other = predictions(POOL, 2), predictions(POOL, 1)
    few = np.arange(own.num_rows) % 400 < 40
    score = np.where(few, other["score"], own["score"])
    pq.write_table(own.set_column(2, "score", pa.array(score)), kept.folder.parent / "s2.parquet")


@pytest.mark.parametrize(
    ("case", "code", "title"), [(PASSES, 0, "Not worse"), (WORSE, 3, "Worse"), (UNDECIDED, 4, "Too few requests to tell")]
)
def test_the_exit_code_is_the_verdict(kept, capsys, case, code, title):
    if code == 4:
        shuffled(kept)
    files = [kept.folder.parent / name for name in ("gate.md", "gate.xml")]
    found = answer(capsys, code, *asked(kept, *case, "--markdown", files[0], "--junit", files[1]))
    board = kept.benchmark.score({"new": kept.folder.parent / f"{case[0]}.parquet"})
    joined = kept.benchmark.scores.take_systems([case[1]]).join(board)
    expected = asdict(gate(joined, "new", against=case[1], margin=float(case[2])))
    assert found == expected | {"benchmark": kept.label, "exit_code": code}
    assert files[0].read_text(encoding="utf-8").startswith(f"### {title}: `new` against `{case[1]}`\n")
    [suite] = JUnitXml.fromfile(str(files[1]))
    [test] = suite
    assert [type(result) for result in test.result] == {0: [], 3: [Failure], 4: [Error]}[code]
    assert (suite.tests, suite.failures, suite.errors) == (1, code == 3, code == 4)
    assert cli.main(["benchmark", *map(str, asked(kept, *case))]) == code
    assert title in capsys.readouterr().out


def test_too_few_requests_says_how_many_it_takes(kept, capsys):
    shuffled(kept)
    found = answer(capsys, 4, *asked(kept, "s2", "system 2", "0.003"))
    assert found["needed"] > 200
    assert cli.main(["benchmark", *map(str, asked(kept, "s2", "system 2", "0.003"))]) == 4
    said = " ".join(capsys.readouterr().out.split())
    assert f"{found['needed']:,} requests let a system that is as good pass with 80 % power; there are 200." in said


def test_enough_requests_whose_difference_lies_at_the_margin_say_so(kept, capsys):
    lost = -gate(POOL.scores, "system 0", against="system 3", margin=1.0).difference
    found = answer(capsys, 4, *asked(kept, "s0", "system 3", lost))
    assert found["needed"] < 200
    assert cli.main(["benchmark", *map(str, asked(kept, "s0", "system 3", lost))]) == 4
    assert "Too near the margin to tell" in capsys.readouterr().out


def test_a_gate_is_a_use_and_keeps_no_scores(kept, capsys):
    for _ in range(2):  # the same name again: nothing was kept under it
        called(capsys, *asked(kept, "s5", "system 1"))
    assert open_kept(kept.folder).uses()[1]["systems"] == ["system 1", "new"]
    assert [use["what"] for use in open_kept(kept.folder).uses()] == ["gate", "gate"]
    assert not (kept.folder / "results").exists()
    called(capsys, *asked(kept, "s5", "nobody"), code=2)
    assert len(open_kept(kept.folder).uses()) == 2


def test_the_other_system_may_be_a_file_and_the_measure_another(kept, capsys):
    more = ("--measure", "mrr@10")
    by_name = answer(capsys, 0, *asked(kept, "s5", "system 1", "0.005", *more))
    by_file = answer(capsys, 0, *asked(kept, "s5", f"system one={kept.folder.parent / 's1.parquet'}", "0.005", *more))
    assert by_name["measure"] == "mrr@10"
    assert by_file == by_name | {"against": "system one"}


def test_a_benchmark_without_scores_takes_two_files(tmp_path, capsys):
    bare = freeze(replace(POOL, scores=None), tmp_path / "bare")
    for k in (1, 5):
        pq.write_table(predictions(POOL, k), tmp_path / f"s{k}.parquet")
    assert answer(capsys, 0, *asked(bare, "s5", tmp_path / "s1.parquet"))["against"] == "s1"
    assert "there are none" in called(capsys, *asked(bare, "s5", "prod"), code=2)


def test_more_requests_are_cut_and_it_says_so(kept, capsys):
    some, table = freeze(POOL.take(range(150)), kept.folder.parent / "some"), predictions(POOL, 5)
    own = table.filter(pc.is_in(table["request_id"], some.benchmark.requests["request_id"].combine_chunks()))
    pq.write_table(own, kept.folder.parent / "own.parquet")
    assert cli.main(["benchmark", *map(str, asked(some, "s5", "system 1")), "--json"]) == 0
    found = capsys.readouterr()
    assert found.err == "new: 50 requests that the benchmark does not have were left out\n"
    assert cli.main(["benchmark", *map(str, asked(some, "own", "system 1")), "--json"]) == 0
    exact = capsys.readouterr()
    assert (exact.err, exact.out) == ("", found.out)


@pytest.mark.parametrize("code", [0, 3])
def test_hostile_names_stay_inert(kept, capsys, code):
    system, against = ("s5", "s1") if code == 0 else ("s1", "s5")
    files = [kept.folder.parent / name for name in ("gate.md", "gate.xml")]
    new, old = (f"{name}={kept.folder.parent / file}.parquet" for name, file in ((HOSTILE, system), ("\ufffe\x00", against)))
    options = ["--system", new, "--against", old, "--margin", "0.005", "--markdown", files[0], "--junit", files[1]]
    assert cli.main(["benchmark", "gate", *map(str, [kept.folder, *options])]) == code
    assert "\x1b" not in capsys.readouterr().out
    heading = files[0].read_text(encoding="utf-8").splitlines()[0]
    assert re.search(r": `` </script>\|`x`�\[2Jזה 🆕 @all `` against `", heading)
    [suite] = JUnitXml.fromfile(str(files[1]))
    assert [test.name for test in suite] == ["</script>|`x`�[2Jזה 🆕 @all against ��, ndcg@10"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"--against": "sistem 1"}, "'sistem 1' is no system that was scored there, and no file; did you mean 'system 1'"),
        ({"--against": "new=s1.parquet"}, "both systems are called 'new'; give the new one another name"),
        ({"--margin": "0"}, "margin is 0.0; give one above 0"),
        ({"--measure": "mrr@11"}, "'mrr@11' is not on this scoreboard; did you mean 'mrr@10'"),
        ({"--system": "new=nowhere.parquet"}, "nowhere.parquet cannot be read"),
    ],
)
def test_refuses(kept, capsys, changes, message):
    options = {"--system": f"new={kept.folder.parent / 's5.parquet'}", "--against": "system 1", "--margin": "0.005"} | changes
    said = called(capsys, "gate", kept.folder, *(part for pair in options.items() for part in pair), code=2)
    assert message in said
    assert not open_kept(kept.folder).uses()


def test_a_name_that_is_taken_a_compact_set_and_a_missing_package_are_refused(kept, capsys, monkeypatch):
    file = kept.folder.parent / "s5.parquet"
    taken = ["gate", kept.folder, "--system", f"system 1={file}", "--against", "system 1", "--margin", "0.1"]
    assert "both systems are called 'system 1'" in called(capsys, *taken, code=2)
    small = kept.folder.parent / "small"
    called(capsys, "compact", kept.folder, "--budget", "40", "--redraws", "10", "--out", small)
    said = called(capsys, "gate", small, *asked(kept, "s5", "system 1")[2:], code=2)
    assert "is a compact set, plain means of it mislead" in said
    monkeypatch.setitem(sys.modules, "junitparser", None)
    said = called(capsys, *asked(kept, "s5", "system 1", "0.005", "--junit", file.with_suffix(".xml")), code=2)
    assert "pip install 'assay[gate]'" in said
    assert not open_kept(kept.folder).uses()


ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


def test_the_action_takes_what_the_gate_needs():
    assert ACTION["runs"]["using"] == "composite"
    assert set(ACTION["inputs"]) == {"kept", "system", "against", "margin"}
    assert all(one["required"] is True and one["description"] for one in ACTION["inputs"].values())
    *_, last = ACTION["runs"]["steps"]
    assert last["env"] == {name.upper(): f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]}
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")  # an input is never part of a script
        assert "uses" in step or step["shell"] == "bash"


@pytest.mark.slow
@pytest.mark.parametrize(("case", "code"), [(PASSES, 0), (WORSE, 3)])
def test_the_actions_last_step_ends_with_the_gates_exit_code(kept, case, code):
    folder = kept.folder.parent
    (folder / "assay").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m assay.app.cli "$@"\n')
    (folder / "assay").chmod(0o755)
    inputs = {"KEPT": "kept", "SYSTEM": f'a "b" $(touch x)={folder / case[0]}.parquet', "AGAINST": case[1], "MARGIN": case[2]}
    given = os.environ | inputs | {"PATH": f"{folder}:{os.environ['PATH']}", "RUNNER_TEMP": str(folder)}
    given |= {"GITHUB_STEP_SUMMARY": str(folder / "summary.md"), "PYTHONPATH": str(ROOT / "src")}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", ACTION["runs"]["steps"][-1]["run"]]
    done = subprocess.run(command, env=given, cwd=folder, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert (folder / "summary.md").read_text(encoding="utf-8").startswith("### ")
    assert not (folder / "x").exists()
