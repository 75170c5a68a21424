"""POST /api/events: acknowledged when stored, refused in a sentence, never an error of the server's own."""

import json
import sqlite3
from contextlib import closing

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.app.server import events
from assay.serving.events import EventStore, Rules, store
from tests.serving.events.test_event import ANY, FIELDS, GOOD


@pytest.fixture
def kept(tmp_path):
    """The store."""
    opened = EventStore(f"sqlite:///{tmp_path / 'e.db'}")
    yield opened
    opened.close()


@pytest.fixture
def client(kept) -> TestClient:
    app = FastAPI()
    app.include_router(events.router(kept, lambda: Rules(frozenset({"like"}), 2)))
    return TestClient(app)


def post(client: TestClient, body: object, key: str | None = "k"):
    return client.post("/api/events", content=json.dumps(body), headers={"Idempotency-Key": key} if key else {})


def rows(tmp_path) -> list[tuple]:
    with closing(sqlite3.connect(tmp_path / "e.db")) as connection:
        return list(connection.execute("SELECT event, item_id, batch_key FROM assay_events ORDER BY event_no"))


def test_one_a_list_and_a_batch_are_stored_once(client, tmp_path):
    assert post(client, GOOD, "a").json() == {"key": "a", "events": 1, "repeated": False}
    assert post(client, GOOD, "a").json() == {"key": "a", "events": 1, "repeated": True}
    assert post(client, [GOOD, GOOD | {"event": "like"}], "b").json()["events"] == 2
    assert post(client, {"key": "c", "events": [GOOD]}, None).json() == {"key": "c", "events": 1, "repeated": False}
    assert post(client, {"key": "c", "events": [GOOD]}, "c").json()["repeated"]
    assert post(client, GOOD | {"key": "d"}, None).json()["key"] == "d"
    assert post(client, [GOOD | {"event": "view"}] * 1_000, "e").json()["events"] == 1_000
    assert rows(tmp_path) == [
        ("purchase", "7", "a"), ("purchase", "7", "b"), ("like", "7", "b"), ("purchase", "7", "c"), ("purchase", "7", "d"),
        *[("view", "7", "e")] * 1_000,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "key", "sentence"),
    [
        (GOOD, None, "idempotency key"),
        (GOOD | {"key": "x"}, "k", "differ"),
        ({"events": GOOD}, "k", "events alone, a list"),
        ({"events": [GOOD], "more": 1}, "k", "events alone, a list"),
        ({"events": []}, "k", "1 to 1,000"),
        (5, "k", "an event as an object"),
        ([GOOD, {}], "k", "event 2: event is missing"),
    ],
)
def test_what_cannot_be_stored_is_refused_in_a_sentence(client, tmp_path, body, key, sentence):
    answer = post(client, body, key)
    assert answer.status_code == 400
    assert sentence in answer.json()["detail"]
    assert rows(tmp_path) == []


def test_the_same_key_with_other_events_is_a_conflict(client):
    post(client, GOOD)
    answer = post(client, GOOD | {"item_id": 8})
    assert answer.status_code == 409
    assert "'k'" in answer.json()["detail"]


def test_a_body_is_bounded_whatever_its_header_says(client):
    def parts():
        for _ in range(40):
            yield b" " * (1 << 16)

    answer = client.post("/api/events", content=parts(), headers={"Idempotency-Key": "k"})
    assert answer.status_code == 413
    assert "1,048,576 bytes" in answer.json()["detail"]


def test_a_database_that_is_away_is_503_without_a_word_of_the_machine(client, tmp_path, caplog):
    assert post(client, GOOD, "before").status_code == 200
    for path in list(tmp_path.iterdir()):
        path.unlink()
    (tmp_path / "e.db").mkdir()
    answer = post(client, GOOD, "while")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert str(tmp_path) not in answer.text
    assert str(tmp_path) in caplog.text
    (tmp_path / "e.db").rmdir()
    assert post(client, GOOD, "while").json()["repeated"] is False


def test_a_database_that_hangs_is_503_in_time(client, tmp_path, monkeypatch):
    monkeypatch.setattr(events, "PATIENCE", 0.05)
    with closing(sqlite3.connect(tmp_path / "e.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = post(client, GOOD)
        other.execute("ROLLBACK")
    assert answer.status_code == 503
    monkeypatch.setattr(events, "PATIENCE", 10.0)
    assert post(client, GOOD).status_code == 200
    assert len(rows(tmp_path)) == 1


def test_more_than_may_wait_is_503(client, monkeypatch):
    monkeypatch.setattr(store, "MOST_WAITING", 0)
    assert post(client, GOOD).status_code == 503


def test_openapi_says_what_may_be_sent(client):
    path = client.get("/openapi.json").json()["paths"]["/api/events"]["post"]
    assert set(path["responses"]) >= {"200", "400", "409", "413", "503"}
    alone, many, keyed = path["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    assert set(alone["properties"]) == {*GOOD, "key"} | set(many["items"]["properties"])
    assert keyed["required"] == ["events"]
    assert path["parameters"][0]["name"] == "idempotency-key"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    body=st.binary() | (ANY | FIELDS | FIELDS.map(lambda fields: GOOD | fields)).map(lambda said: json.dumps(said).encode()),
    key=st.none() | st.text(st.characters(codec="ascii", min_codepoint=32), max_size=200),
)
def test_anything_is_answered_with_a_sentence(client, body, key):
    answer = client.post("/api/events", content=body, headers={"Idempotency-Key": key} if key is not None else {})
    assert answer.status_code in (200, 400, 409)
    if answer.status_code != 200:
        assert 20 < len(answer.json()["detail"]) < 600
