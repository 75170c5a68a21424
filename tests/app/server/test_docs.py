"""Every curl line of docs/serve.md is answered, and every endpoint has one."""

import re
import shlex
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "serve.md"
LINES = re.findall(r"^curl (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("line", LINES)
def test_curl_lines_are_answered(client, line):
    address = shlex.split(line)[-1].split("/", 3)[3]
    first = client.get("/api/requests?size=1").json()["requests"][0]["request_id"]
    answer = client.get("/" + address.replace("REQUEST", str(first)))
    assert answer.status_code == 200, answer.text


def test_every_endpoint_has_a_line(client):
    asked = [re.sub(r"\?.*", "", shlex.split(line)[-1].split(":8000")[1]) for line in LINES]
    for path in client.get("/openapi.json").json()["paths"]:
        shape = re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(path)) + "$")
        alike = path in ("/api/similar/{item}",)  # as /api/similar?item=
        assert alike or any(shape.match(one) for one in asked), path
