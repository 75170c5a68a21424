"""Every curl line of docs/serve.md is answered, and every endpoint has one, there or on the page of its theme."""

import re
import shlex
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"
LINE = re.compile(r"^curl (.+)$", re.MULTILINE)
LINES = LINE.findall((DOCS / "serve.md").read_text(encoding="utf-8"))
THEMES = ("marks.md", "events.md", "benchmark/judge.md")  # their tests ask their lines
WITHOUT = ("/api/similar/{item}", "/api/benchmarks/{benchmark}")  # as /api/similar?item=; a sentence beside its line


@pytest.mark.parametrize("line", LINES)
def test_curl_lines_are_answered(client, line):
    address = shlex.split(line)[-1].split("/", 3)[3]
    first = client.get("/api/requests?size=1").json()["requests"][0]["request_id"]
    answer = client.get("/" + address.replace("REQUEST", str(first)))
    assert answer.status_code == 200, answer.text


def test_every_endpoint_is_on_a_page(client):
    asked = [re.sub(r"\?.*", "", shlex.split(line)[-1].split(":8000")[1]) for line in LINES]
    themes = "".join((DOCS / page).read_text(encoding="utf-8") for page in THEMES)
    for path in client.get("/openapi.json").json()["paths"]:
        shape = re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(path)) + "$")
        assert path in WITHOUT or path in themes or any(shape.match(one) for one in asked), path
