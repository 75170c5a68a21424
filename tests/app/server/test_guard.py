"""Who may ask, from where, and how much: what no route has to look after."""

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from assay.app.server.guard import BODY, Guard
from assay.app.server.site import Reach
from assay.errors import InputError
from tests.app.server.conftest import LOCAL, client_of

TOKEN = "a-token-of-32-characters-0123456"


def echoing(reach: Reach) -> TestClient:
    app = FastAPI()

    @app.post("/change")
    async def change(request: Request) -> int:
        return len(await request.body())

    @app.get("/healthz")
    def healthz() -> str:
        return "ok"

    @app.get("/read")
    def read() -> str:
        return "read"

    return TestClient(Guard(app, reach), base_url=LOCAL)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000"])
def test_this_machine_s_names_are_answered(host):
    assert echoing(Reach()).get("/read", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[evil]", "192.168.0.1"])
def test_other_hosts_are_not(host):
    answer = echoing(Reach()).get("/read", headers={"Host": host})
    assert answer.status_code == 400
    assert "host" in answer.json()["error"]


def test_a_name_that_is_allowed_is_answered():
    assert echoing(Reach(names=("Assay.example",))).get("/read", headers={"Host": "assay.example"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # no browser: these say where a POST comes from
        ({"Origin": "http://127.0.0.1:8000"}, 200),
        ({"Origin": "https://127.0.0.1:8000"}, 200),  # a proxy ends TLS
        ({"Origin": "http://127.0.0.1:8001"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_what_changes_something_comes_from_the_same_site(headers, status):
    assert echoing(Reach()).post("/change", content=b"x", headers=headers).status_code == status


def test_with_a_token_only_who_has_it_is_answered():
    client = echoing(Reach(token=TOKEN))
    assert client.get("/read").status_code == 401
    assert client.get("/healthz").status_code == 200
    wrong = [f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer", "Basic !", "Basic eA==", f"Token {TOKEN}", "Bearer \xff"]
    for given in wrong:
        assert client.get("/read", headers={"Authorization": given.encode("latin-1")}).status_code == 401, given
    assert client.get("/read", headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200
    assert client.get("/read", auth=("anybody", TOKEN)).status_code == 200
    assert client.get("/read", auth=("anybody", "x")).status_code == 401


def test_the_token_as_bearer_may_change_things_from_anywhere_and_a_browser_s_password_may_not():
    client, elsewhere = echoing(Reach(token=TOKEN)), {"Origin": "http://evil.example"}
    assert client.post("/change", headers=elsewhere | {"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.post("/change", headers=elsewhere, auth=("anybody", TOKEN)).status_code == 403


def test_bodies_are_bounded_whether_their_length_is_said_or_not():
    client = echoing(Reach())
    assert client.post("/change", content=b"x" * BODY).json() == BODY
    assert client.post("/change", content=b"x" * (BODY + 1)).status_code == 413
    assert client.post("/change", content=(b"x" * 65_536 for _ in range(17))).status_code == 413
    assert client.post("/change", content=(b"x" * 65_536 for _ in range(16))).json() == BODY
    assert client.post("/change", content=b"x", headers={"Content-Length": "9" * 30}).status_code == 413


@pytest.mark.parametrize("path", ["/", "/run", "/shop", "/docs", "/api/recommend", "/static/assay.css", "/none", "/metrics"])
@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example"])
def test_every_answer_tells_the_browser_what_it_may_do(client, path, host):
    answer = client.get(path, headers={"Host": host})
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "::"])
def test_an_address_that_others_reach_needs_a_token(host):
    with pytest.raises(InputError, match="--token-env"):
        Reach(host)
    assert Reach(host, token=TOKEN)


def test_a_short_token_is_refused():
    with pytest.raises(InputError, match="16 or more"):
        Reach(token="short")


def test_a_fault_is_a_sentence_and_tells_nothing(served_folder, monkeypatch):
    def broken(*_arguments, **_more):
        raise RuntimeError(f"secret of {served_folder}")

    monkeypatch.setattr("assay.serving.lists.recommend", broken)
    with client_of(served_folder) as client:
        answer = client.get("/api/recommend")
        assert answer.status_code == 500
        assert answer.json() == {"error": "a fault of Assay's own; the server's log says more"}
        assert "content-security-policy" in answer.headers
        page = client.get("/shop", headers={"Accept": "text/html"})
        assert page.status_code == 500
        assert "secret" not in page.text
