"""The API's answers are those of the run's files and of the command line, to the byte of ids."""

import hashlib
import json
import time
from contextlib import contextmanager
from threading import Event, Thread
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from assay.app import cli
from assay.app.server.app import guarded, make
from assay.app.server.site import Site, named
from assay.runs.store import Folder, write_json
from tests.app.conftest import run as run  # a hand-made folder with whole numbers as ids
from tests.app.server.conftest import LOCAL, client_of, whole


def said(capsys: pytest.CaptureFixture[str], *command: str) -> dict:
    assert cli.main([*command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def got(client: TestClient, path: str, **parameters) -> dict:
    answer = client.get(path, params=parameters or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("user", ["u7", "a/b?c", "..", "nobody", "牛"])
def test_recommendations_equal_the_runs_and_the_command_s(client, served_folder, user, capsys):
    command = said(capsys, "user", str(served_folder), user)
    by_query = got(client, "/api/recommend", user=user)
    assert by_query["recommendations"] == command["recommendations"]
    assert by_query["known"] == command["known"]
    table = pq.read_table(served_folder / "recommendations.parquet").to_pylist()
    stored = sorted((row["rank"], row["item_id"], row["score"]) for row in table if row["user_id"] == user)
    if stored:
        assert [(line["rank"], line["item_id"], line["score"]) for line in by_query["recommendations"]] == stored
    if user != "..":  # which a client takes out of a path
        assert got(client, f"/api/recommend/{quote(user, safe='')}") == by_query


def test_whole_numbers_stay_whole_numbers(run):
    with client_of(whole(run)) as client:
        for path in ("/api/recommend/3", "/api/recommend?user=3"):
            answer = got(client, path)
            assert answer["known"]
            assert all(isinstance(line["item_id"], int) for line in answer["recommendations"])
        assert not got(client, "/api/recommend?user=99999999999999999999")["known"]


@pytest.mark.parametrize(("query", "user"), [("rye bread", None), ("牛奶", "u7"), ("חלב", "nobody")])
def test_searches_equal_the_command_s(client, served_folder, query, user, capsys):
    more = ("--user", user) if user else ()
    command = said(capsys, "search", str(served_folder), query, *more)
    answer = got(client, "/api/search", q=query, **({"user": user} if user else {}))
    assert answer["items"]
    assert answer == {**command, "list_id": None}


def test_explanations_equal_the_command_s(client, served_folder, capsys):
    sample = str(got(client, "/api/samples", size=1)["samples"][0]["sample_id"])
    assert got(client, "/api/explain", sample=sample) == said(capsys, "explain", str(served_folder), sample)
    item = got(client, "/api/recommend/u7")["recommendations"][0]["item_id"]
    command = said(capsys, "explain", str(served_folder), "--user", "u7", "--item", item)
    assert got(client, "/api/explain", user="u7", item=item) == command


def test_the_rest_answers(client):
    [run] = got(client, "/api/runs")["runs"]
    assert (run["name"], run["request"], run["users"], run["items"]) == ("run", "user", 30, 30)
    assert got(client, "/api/similar", item="x/y z") == got(client, "/api/similar/x%2Fy%20z")
    assert got(client, "/api/session", item=["x/y z", "none"])["unknown"] == ["none"]
    assert got(client, "/api/items", item="x/y z")["price"] == 1.5
    assert got(client, "/api/suggest", q="ry")["suggestions"]
    board = got(client, "/api/board")
    assert board["leaders"][0]["tier"] == 1
    first = got(client, "/api/requests", size=1)["requests"][0]["request_id"]
    assert len(got(client, f"/api/requests/{first}")["systems"]) == len(board["leaders"])
    assert client.get("/healthz").text == "ok\n"


def test_requests_are_counted_by_route_and_name_no_one(client):
    client.get("/api/recommend/somebody-special")
    text = client.get("/metrics").text
    assert 'assay_requests_total{route="/api/recommend/{user:path}",status="200"}' in text
    assert "somebody-special" not in text


def test_one_of_several_runs_is_asked_by_name(served_folder, run):
    with client_of(served_folder, whole(run)) as client:
        names = [one["name"] for one in got(client, "/api/runs")["runs"]]
        assert len(set(names)) == 2
        assert got(client, "/api/recommend", user="u7", run=names[0])["known"]
        assert not got(client, "/api/recommend", user="u7", run=names[1])["known"]
        assert client.get("/api/recommend", params={"run": "none"}).status_code == 404


BAD = {
    "/api/recommend?n=0": 422,
    "/api/recommend?n=101": 422,
    "/api/recommend?n=many": 422,
    "/api/recommend?category=none": 404,
    "/api/similar/none": 404,
    "/api/similar": 422,
    "/api/session": 422,
    "/api/session?item=none": 400,
    "/api/search": 422,
    "/api/search?q=": 422,
    "/api/search?q=%20%20": 400,
    "/api/search?q=" + 1_001 * "a": 422,
    "/api/search?q=" + 10_000 * "a": 414,
    "/api/explain": 400,
    "/api/explain?sample=x": 400,
    "/api/explain?user=u7": 400,
    "/api/explain?user=u7&item=none": 400,
    "/api/samples?week=yesterday": 422,
    "/api/samples?value_min=nan": 422,
    "/api/samples?page=0": 422,
    "/api/samples?valuer=none": 404,
    "/api/board?measure=none": 404,
    "/api/board?benchmark=none": 404,
    "/api/requests/none": 404,
    "/api/runs?run=" + 9_000 * "a": 414,
    "/nothing": 404,
    "/static/../app.py": 404,
    "/static/%2e%2e%2fapp.py": 404,
    "/static/none.css": 404,
}


@pytest.mark.parametrize(("path", "status"), BAD.items(), ids=[path[:40] for path in BAD])
def test_what_cannot_be_answered_gets_a_sentence(client, served_folder, path, status):
    answer = client.get(path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert len(answer.json()["error"]) > 10
    assert str(served_folder.parent) not in answer.text
    assert "Traceback" not in answer.text


def test_methods_that_nothing_takes_get_a_sentence(client):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = client.request(method, "/api/recommend")
        assert (answer.status_code, set(answer.json())) == (405, {"error"})


def test_who_asks_for_what_takes_long_is_told_to_come_again_when_several_wait(client, served_folder):
    site = Site(named([served_folder]))
    with TestClient(guarded(make(site)), base_url=LOCAL) as asked, taken_places(site, 4):
        answer = asked.get("/api/explain?user=u7&item=x")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert asked.get("/api/recommend/u7").status_code == 200
    assert client.get("/api/explain?user=u7&item=x").status_code == 400


@contextmanager
def taken_places(site: Site, number: int):
    """Threads that do, or wait for, what takes long, until the block ends."""
    end = Event()

    def work():
        with site.alone():
            end.wait()

    threads = [Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join()


def test_with_hashed_ids_no_answer_shows_an_id(run):
    content = Folder(run.folder).read_json("config.json")
    write_json(run.folder / "config.json", {**content, "show": {**content["show"], "hash_ids": True}})
    with client_of(whole(run)) as client:
        answer = got(client, "/api/recommend", user="3")
        assert answer["known"]
        hashed = {hashlib.sha256(str(k).encode()).hexdigest()[:12] for k in range(1, 6)}
        assert {line["item_id"] for line in answer["recommendations"]} <= hashed
        shown = hashlib.sha256(b"3").hexdigest()[:12]
        assert got(client, "/api/recommend", user=shown)["recommendations"] == answer["recommendations"]
