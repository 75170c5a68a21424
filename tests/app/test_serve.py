"""The command: what it says, and what it refuses."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from assay.app import cli
from assay.app.server import app as server
from assay.app.server.site import Reach
from tests.test_extras import without


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["serve", *arguments]) == 2
    return " ".join(capsys.readouterr().err.split())


def test_it_says_its_address_answers_and_ends_when_it_is_interrupted(served_folder: Path):
    command = [sys.executable, "-m", "assay.app.cli", "serve", str(served_folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}) as going:
        [address] = re.findall(r"^(http://127\.0\.0\.1:\d+/)  \(Ctrl-C ends it\)$", going.stdout.readline())
        with urlopen(f"{address}healthz") as answer:
            assert answer.read() == b"ok\n"
        going.send_signal(signal.SIGINT)
        assert going.wait() == 0


def test_a_port_in_use_is_a_sentence(served_folder, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = refused(capsys, str(served_folder), "--port", port)
    assert said.startswith(f"error: 127.0.0.1, port {port}: cannot be listened at (Address already in use)")


@pytest.mark.parametrize("host", ["203.0.113.7", "no such host", "a" * 300])
def test_an_address_that_is_not_this_machine_s_is_a_sentence(served_folder, capsys, monkeypatch, host):
    monkeypatch.setenv("TOKEN", "0123456789abcdef")
    said = refused(capsys, str(served_folder), "--host", host, "--token-env", "TOKEN", "--port", "0")
    assert "cannot be listened at" in said


def test_another_address_needs_a_token(served_folder, capsys, monkeypatch):
    monkeypatch.delenv("TOKEN", raising=False)
    assert "--token-env" in refused(capsys, str(served_folder), "--host", "0.0.0.0")
    assert "TOKEN is not set" in refused(capsys, str(served_folder), "--token-env", "TOKEN")
    monkeypatch.setenv("TOKEN", "short")
    assert "16 or more" in refused(capsys, str(served_folder), "--token-env", "TOKEN")


def test_what_is_no_run_and_what_is_no_benchmark_are_named(served_folder, tmp_path, capsys):
    assert "no such folder" in refused(capsys, str(tmp_path / "none"), "--port", "0")
    for folder in (tmp_path, served_folder):  # an empty one, and a run's
        assert "holds no benchmark" in refused(capsys, str(served_folder), "--benchmark", str(folder), "--port", "0")
    assert "--benchmark" in refused(capsys, str(served_folder), "--system", "mine=mine.csv", "--port", "0")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_address_is_one_that_a_browser_takes(host):
    reach = Reach(host, 0)
    with server.listen(reach) as listening:
        port = listening.getsockname()[1]
        assert server.address(reach, listening) == f"http://{'[::1]' if ':' in host else host}:{port}/"


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "prometheus_client"])
def test_without_the_extra_it_says_what_to_install(package):
    code = """
from assay.app import cli
from assay.errors import InputError
from assay.app.serve import serve
try:
    serve([], port=0)
except InputError as error:
    print(error)
"""
    assert without(package, code) == f"assay serve needs the package {package}: pip install 'assay[web]'\n"
