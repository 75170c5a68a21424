"""Marking over HTTP: what was acknowledged is what stands, and pages of any ids are inert and lead somewhere."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.runs.store import Folder
from assay.selection.marks import DECISIONS, FILE, Marks
from tests.app.server.conftest import client_of
from tests.app.server.test_pages import HOSTILE, Read

SAMPLES = "/api/samples"


@pytest.fixture(scope="module")
def folder(served_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one's own, which may be marked."""
    copy = tmp_path_factory.mktemp("marked") / "run"
    shutil.copytree(served_folder, copy)
    return copy


@pytest.fixture(scope="module")
def asked(folder: Path) -> Iterator[TestClient]:
    with client_of(folder) as client:
        yield client


@pytest.fixture
def client(asked: TestClient, folder: Path) -> TestClient:
    (folder / FILE).unlink(missing_ok=True)
    return asked


def page(client: TestClient, path: str, status: int = 200, **parameters: object) -> Read:
    answer = client.get(path, params=parameters or None, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text[:300]
    read = Read(answer.text)
    assert read.open == []
    assert "style" not in {name for name, _ in read.attributes}
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert read.tags.count("script") == len([link for link in read.links if link.endswith(".js")])
    return read


def marked(client: TestClient, **body: object) -> dict:
    answer = client.post("/api/marks", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_samples_are_marked_and_seen_as_marked(client, folder):
    first, second = (one["sample_id"] for one in client.get(SAMPLES, params={"size": 2}).json()["samples"])
    made = marked(client, who="安 <b>", decision="drop", samples=[str(first), second])  # JavaScript's numbers would round them
    assert (made["number"], made["samples"], made["who"], made["asked"]) == (1, 2, "安 <b>", {})
    marked(client, who="Bo", decision="wrong_label", samples=[second])
    assert [one["mark"] for one in client.get(SAMPLES, params={"size": 2}).json()["samples"]] == ["drop", "wrong_label"]
    assert client.get(SAMPLES, params={"mark": "any"}).json()["total"] == 2
    assert [one["sample_id"] for one in client.get(SAMPLES, params={"mark": "drop"}).json()["samples"]] == [first]
    every = client.get(SAMPLES).json()["total"]
    assert client.get(SAMPLES, params={"mark": "none"}).json()["total"] == every - 2
    listed = client.get("/api/marks").json()
    assert listed["standing"] == {"keep": 0, "halve": 0, "drop": 1, "wrong_label": 1}
    assert [one["number"] for one in listed["marks"]] == [2, 1]
    assert (listed["tried"], listed["chosen"]) == (False, False)
    assert client.post("/api/marks/undo", json={"who": "Bo", "number": 2}).json()["undone"] is True
    assert [one["mark"] for one in client.get(SAMPLES, params={"size": 2}).json()["samples"]] == ["drop", "drop"]
    assert [line.number for line in Marks(folder).lines()] == [1, 2, 3]
    # Another process marks in the same folder; the server sees it.
    Marks(folder).add("Cy", "keep", [first])
    assert client.get(SAMPLES, params={"size": 1}).json()["samples"][0]["mark"] == "keep"


ENDS = st.none() | st.floats(-2, 2)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    user=st.none() | st.sampled_from(["u7", "a/b?c", "..", "nobody"]),
    item=st.none() | st.sampled_from(["x/y z", "牛奶-7 🥛"]),
    category=st.none() | st.sampled_from(["A & B", "乳制品"]),
    label=st.none() | st.sampled_from([0, 1]),
    z_max=ENDS,
    decision=st.sampled_from(DECISIONS),
)
def test_a_slice_is_what_the_same_filter_shows(client, folder, user, item, category, label, z_max, decision):
    asked = {"user": user, "item": item, "category": category, "label": label, "z_max": z_max}
    asked = {name: value for name, value in asked.items() if value is not None}
    answer = client.get(SAMPLES, params=asked)
    assert answer.status_code == 200, answer.text
    total = answer.json()["total"]
    body = {"who": "Ann", "decision": decision, "filter": asked, "expected": total}
    before = len(Marks(folder).lines())
    if not asked or not total:
        assert client.post("/api/marks", json=body).status_code == 400
        return
    refused = client.post("/api/marks", json=body | {"expected": total + 1})
    assert refused.status_code == 400
    assert f"selects {total:,} samples now" in refused.json()["error"]
    assert len(Marks(folder).lines()) == before
    made = marked(client, **body)
    assert (made["samples"], made["asked"]) == (total, asked)
    shown = client.get(SAMPLES, params={**asked, "size": 500}).json()["samples"]
    assert {one["mark"] for one in shown} == {decision}
    assert set(Marks(folder).lines()[-1].samples) >= {one["sample_id"] for one in shown}


def test_a_rule_selects_the_rows_that_the_run_counted(client, folder):
    rules = Folder(folder).read_json("selection/rules.json")["lines"]
    assert rules
    for rule in rules[:2]:
        assert client.get(SAMPLES, params={"rule": rule["rule"]}).json()["total"] == rule["rows"]
    body = {"who": "Ann", "decision": "halve", "filter": {"rule": rules[0]["rule"]}, "expected": rules[0]["rows"]}
    assert marked(client, **body)["samples"] == rules[0]["rows"]
    assert client.get(SAMPLES, params={"rule": "no such"}).status_code == 404


WRONG = [
    ({"who": "A", "decision": "drop", "samples": [1]}, 404),
    ({"who": "A", "decision": "drop", "samples": []}, 422),
    ({"who": "A", "decision": "drop", "samples": [1 << 63]}, 422),
    ({"who": "A", "decision": "drop", "samples": ["x"]}, 422),
    ({"who": "A", "decision": "burn", "samples": [1]}, 422),
    ({"who": "A", "decision": "drop"}, 422),
    ({"who": "A", "decision": "drop", "samples": [1], "filter": {"user": "u7"}}, 422),
    ({"who": "A", "decision": "drop", "filter": {"user": "u7"}}, 422),
    ({"who": "A", "decision": "drop", "filter": {"who": "u7"}, "expected": 1}, 422),
    ({"who": "A", "decision": "drop", "filter": {"user": "nobody"}, "expected": 0}, 400),
    ({"who": "A", "decision": "drop", "filter": {}, "expected": 3}, 400),
    ({"decision": "drop", "samples": [1]}, 422),
    ({"who": "\ud800", "decision": "drop", "samples": [1]}, 422),
    ({"who": "A", "decision": "drop", "filter": {"rule": "\ud800"}, "expected": 1}, 422),
    ([], 422),
]


@pytest.mark.parametrize(("body", "status"), WRONG)
def test_what_cannot_be_marked_is_refused_with_a_sentence(client, folder, body, status):
    answer = client.post("/api/marks", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["error"]
    assert not (folder / FILE).exists()


def test_nobody_marks_without_a_name_and_nothing_is_undone_twice(client):
    [one] = client.get(SAMPLES, params={"size": 1}).json()["samples"]
    body = {"who": " ", "decision": "drop", "samples": [one["sample_id"]]}
    assert client.post("/api/marks", json=body).status_code == 400
    marked(client, **body | {"who": "Ann"})
    assert client.post("/api/marks/undo", json={"who": "Ann", "number": 2}).status_code == 404
    assert client.post("/api/marks/undo", json={"who": "Ann", "number": 1}).status_code == 200
    assert client.post("/api/marks/undo", json={"who": "Ann", "number": 1}).status_code == 400


def test_a_slice_of_a_run_that_hashes_ids_names_them_hashed(served_folder, tmp_path):
    shutil.copytree(served_folder, tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))
    config["show"]["hash_ids"] = True
    (tmp_path / "run" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    shown = hashlib.sha256(b"u7").hexdigest()[:12]
    with client_of(tmp_path / "run") as hashing:
        for user in ("u7", shown):
            total = hashing.get(SAMPLES, params={"user": user}).json()["total"]
            made = marked(hashing, who="Ann", decision="drop", filter={"user": user, "z_max": 99}, expected=total)
            assert made["asked"] == {"user": shown, "z_max": 99}
    assert "u7" not in (tmp_path / "run" / FILE).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ["/api/marks", "/api/marks/undo", "/samples/mark", "/samples/undo"])
def test_other_sites_mark_nothing(client, folder, path):
    assert client.post(path, content=b"say=drop%3A1", headers={"Origin": "http://evil.example"}).status_code == 403
    assert not (folder / FILE).exists()


def test_a_disk_that_takes_nothing_is_a_503_and_names_no_path(client, folder, monkeypatch):
    [one] = client.get(SAMPLES, params={"size": 1}).json()["samples"]

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    answer = client.post("/api/marks", json={"who": "Ann", "decision": "drop", "samples": [one["sample_id"]]})
    assert answer.status_code == 503
    assert str(folder) not in answer.text


def test_a_mark_changes_nothing_of_the_run(client, served_folder, folder):
    [one] = client.get(SAMPLES, params={"size": 1}).json()["samples"]
    marked(client, who="Ann", decision="drop", samples=[one["sample_id"]])
    assert (folder / "manifest.json").read_bytes() == (served_folder / "manifest.json").read_bytes()


SHOWN = [
    ("/samples", {}),
    ("/samples", {"user": HOSTILE, "item": "牛奶-3 🥛", "who": HOSTILE}),
    ("/samples", {"user": "a/b?c", "sort": "-z", "page": "1"}),
    ("/samples", {"category": "A & B", "label": "1", "value_max": "0", "z_min": "", "mark": "none"}),
    ("/samples", {"page": "999999"}),
    ("/samples", {"done": "77"}),
    ("/samples/slice", {"category": "乳制品", "say": "halve", "who": HOSTILE}),
    ("/samples/marks", {}),
]


@pytest.mark.parametrize(("path", "parameters"), SHOWN)
def test_pages_are_whole_inert_and_lead_somewhere(client, path, parameters):
    [one] = client.get(SAMPLES, params={"size": 1}).json()["samples"]
    marked(client, who=HOSTILE, decision="drop", samples=[one["sample_id"]])
    marked(client, who="安", decision="keep", filter={"user": "..", "category": "A & B"}, expected=_total(client))
    read = page(client, path, **parameters)
    assert all(link.startswith(("/", "#")) for link in read.links), read.links
    sent = ("/samples/why", "/samples/mark", "/samples/undo", "/samples/slice")  # with what is filled in, or for seconds
    for link in {link for link in read.links if link.startswith("/") and not link.startswith(sent)}:
        assert client.get(link).status_code in (200, 307), link


def _total(client: TestClient) -> int:
    total: int = client.get(SAMPLES, params={"user": "..", "category": "A & B"}).json()["total"]
    return total


def test_forms_mark_without_a_script(client, folder):
    """What the buttons of the page send; then the list as it was, which tells of the mark."""
    fields = {"user": "u7", "sort": "z", "page": "1", "who": "安 <b>", "category": "", "run": ""}
    [one, *_] = client.get(SAMPLES, params={"user": "u7", "sort": "z"}).json()["samples"]
    answer = client.post("/samples/mark", data={**fields, "say": f"wrong_label:{one['sample_id']}"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/samples?")
    read = page(client, answer.headers["location"])
    assert "Mark 1: wrong label, 1 sample, by 安 <b>" in read.text
    assert ("value", "u7") in read.attributes
    total = client.get(SAMPLES, params={"user": "u7"}).json()["total"]
    confirm = page(client, "/samples/slice", user="u7", say="drop", who="Bo")
    assert f"Mark {total:,} samples: drop?" in confirm.text
    assert client.post("/samples/mark", data={**fields, "say": "drop", "expected": str(total - 1)}).status_code == 400
    answer = client.post("/samples/mark", data={**fields, "say": "drop", "expected": str(total)})
    assert f"Mark 2: drop, {total:,} samples" in page(client, answer.headers["location"]).text
    answer = client.post("/samples/undo", data={**fields, "number": "2"})
    assert "Mark 2 is undone" in page(client, answer.headers["location"]).text
    [standing] = Marks(folder).standing().sample_id.tolist()
    assert standing == one["sample_id"]
    text = page(client, "/samples/marks").text
    assert "assay run CONFIG --folder FOLDER" in text
    assert "安 <b>" in text


def test_why_says_what_a_value_is_made_of(client):
    [one] = client.get(SAMPLES, params={"size": 1}).json()["samples"]
    marked(client, who="Ann", decision="halve", samples=[one["sample_id"]])
    why = client.get("/api/explain", params={"sample": one["sample_id"]}).json()
    read = page(client, "/samples/why", sample=one["sample_id"])
    assert " ".join(why["sentence"].split()) in read.text
    assert why["columns"][0]["column"] in read.text
    assert "half weight" in read.text


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/samples/mark", "say=drop%3Ax&who=A"),
        ("POST", "/samples/mark", "say=drop%3A99999999999999999999&who=A"),
        ("POST", "/samples/mark", "say=drop%3A5&who=A"),
        ("POST", "/samples/mark", "say=burn&who=A&user=u7&expected=1"),
        ("POST", "/samples/mark", "say=drop&who=A&user=u7"),
        ("POST", "/samples/mark", "say=drop&who=A&expected=5"),
        ("POST", "/samples/mark", "&".join(f"a{k}=1" for k in range(99))),
        ("POST", "/samples/mark", b"\xff\xfe=%ff"),
        ("POST", "/samples/undo", "who=A"),
        ("POST", "/samples/undo", "who=A&number=-1"),
        ("GET", "/samples?page=0", ""),
        ("GET", "/samples?week=tomorrow", ""),
        ("GET", "/samples?value_min=nan", ""),
        ("GET", "/samples?sort=name", ""),
        ("GET", "/samples/slice?say=drop", ""),
        ("GET", "/samples/slice?say=burn&user=u7", ""),
        ("GET", "/samples/why?sample=x", ""),
    ],
)
def test_forms_that_cannot_be_are_pages_with_a_sentence(client, folder, method, path, content):
    headers = {"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded"}
    answer = client.request(method, path, content=content, headers=headers)
    assert answer.status_code in (400, 404), answer.text[:300]
    assert "No answer" in Read(answer.text).text
    assert str(folder) not in answer.text
    assert not (folder / FILE).exists()
