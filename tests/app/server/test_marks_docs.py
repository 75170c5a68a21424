"""The curl lines of docs/marks.md, one after another, are answered."""

import json
import re
import shlex
import shutil
from pathlib import Path

from tests.app.server.conftest import client_of

PAGE = Path(__file__).parents[3] / "docs" / "marks.md"
LINES = re.findall(r"^curl (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_curl_lines_are_answered_and_name_every_endpoint(served_folder, tmp_path):
    shutil.copytree(served_folder, tmp_path / "run")
    asked = set()
    with client_of(tmp_path / "run") as client:
        sample = client.get("/api/samples?size=1").json()["samples"][0]["sample_id"]
        total = client.get("/api/samples?user=u29&z_max=-1").json()["total"]
        for line in LINES:
            *options, address = shlex.split(line.replace("SAMPLE", str(sample)).replace("TOTAL", str(total)))
            path = "/" + address.split("/", 3)[3]
            asked.add(path.partition("?")[0])
            answer = client.post(path, json=json.loads(options[1])) if options else client.get(path)
            assert answer.status_code == 200, (line, answer.text)
        assert asked >= {path for path in client.get("/openapi.json").json()["paths"] if path.startswith("/api/marks")}
