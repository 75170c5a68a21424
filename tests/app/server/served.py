"""`assay serve` as a program of its own, as users start it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from assay.app import cli
from assay.benchmark import of_run
from assay.finished import Finished


def started(*arguments: object) -> tuple[subprocess.Popen, str]:
    """The program and its address, without the last slash."""
    command = [sys.executable, "-m", "assay.app.cli", "serve", *map(str, arguments)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    line = program.stdout.readline()
    if not line:
        raise AssertionError(program.stderr.read())
    return program, re.findall(r"^(http://\S+)/  ", line)[0]


@contextmanager
def serving(*arguments: object) -> Iterator[str]:
    """The address of a server that ends with the block, having complained of nothing."""
    program, address = started(*arguments, "--port", 0)
    try:
        yield address
    finally:
        program.send_signal(signal.SIGINT)
        _, complaints = program.communicate(timeout=60)
    assert program.returncode == 0, complaints
    assert not complaints, complaints


def to_judge(run: Path, folder: Path) -> list[object]:
    """Options with a benchmark of a run's test, and two systems: one ranks by the truth, one the other way round."""
    kept = folder / "kept"
    assert cli.main(["benchmark", "build", str(run), "--size", "20", "--out", str(kept)]) == 0
    finished = Finished(run)
    own = of_run.benchmark(finished, finished.config)
    pairs = own.candidates.join(own.truth, ["request_id", "item_id"], join_type="left outer").sort_by("request_id")
    grade = pairs.column("grade").fill_null(0.0).to_numpy()
    options: list[object] = ["--benchmark", kept]
    for name, score in (("good", grade), ("bad", -grade)):
        pq.write_table(
            pairs.select(["request_id", "item_id"]).append_column("score", pa.array(score)), folder / f"{name}.parquet"
        )
        options += ["--system", f"{name}={folder / name}.parquet"]
    return options
