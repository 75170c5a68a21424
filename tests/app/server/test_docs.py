"""Every curl line of docs/serve.md is answered, and every endpoint has one, there or on the page of its theme."""

import re
import shlex
from pathlib import Path

import pytest

from assay.serving.events import EventStore
from assay.serving.giving import Giving
from tests.app.server.conftest import client_of
from tests.app.server.judging import judged_by

DOCS = Path(__file__).parents[3] / "docs"
LINE = re.compile(r"^curl (.+)$", re.MULTILINE)
LINES = LINE.findall((DOCS / "serve.md").read_text(encoding="utf-8"))
THEMES = ("marks.md", "events.md", "benchmark/judge.md")  # their tests ask their lines
WITHOUT = ("/api/similar/{item}", "/api/benchmarks/{benchmark}")  # as /api/similar?item=; a sentence beside its line


@pytest.fixture(scope="module")
def whole(served_folder, tmp_path_factory):
    """A client of a server that keeps events and has something to judge."""
    folder = tmp_path_factory.mktemp("docs")
    giving = Giving(EventStore(f"sqlite:///{folder / 'events.db'}"), 0.05)
    with client_of(served_folder, giving=giving, judging=judged_by(folder)) as client:
        yield client


@pytest.mark.parametrize("line", LINES)
def test_curl_lines_are_answered(whole, line):
    words = shlex.split(line)
    address = words[-1].split("/", 3)[3]
    if body := {"-d", "--json"}.intersection(words):
        question = whole.get("/api/judgements/next?judge=Ada").json()["question"]
        said = words[words.index(body.pop()) + 1].replace("REQUEST", question["request"]).replace("ITEM", question["item"]["id"])
        headers = {"Content-Type": "application/json" if "--json" in words else "application/x-www-form-urlencoded"}
        headers |= dict([words[words.index("-H") + 1].split(": ")]) if "-H" in words else {}
        answer = whole.post(f"/{address}", content=said.encode(), headers=headers)
    else:
        first = whole.get("/api/requests?size=1").json()["requests"][0]["request_id"]
        answer = whole.get("/" + address.replace("REQUEST", str(first)))
    assert answer.status_code == 200, answer.text


def test_every_endpoint_is_on_a_page(whole):
    asked = [re.sub(r"\?.*", "", shlex.split(line)[-1].split(":8000")[1]) for line in LINES]
    themes = "".join((DOCS / page).read_text(encoding="utf-8") for page in THEMES)
    for path in whole.get("/openapi.json").json()["paths"]:
        shape = re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(path)) + "$")
        assert path in WITHOUT or path in themes or any(shape.match(one) for one in asked), path
