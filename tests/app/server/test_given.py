"""What a server that keeps events gives out and takes in: lists with their chances, and what is done with them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from assay.app import cli
from assay.serving.events import EventStore, Exploration
from assay.serving.giving import Giving
from tests.app.server.conftest import client_of
from tests.app.server.judging import judged_by
from tests.app.server.test_pages import page

VIEW = {"event": "view", "user_id": "u7", "item_id": "x/y z"}


def rows(folder: Path) -> list[dict]:
    """Events in the order of their numbers."""
    with closing(sqlite3.connect(folder / "events.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM assay_events ORDER BY event_no")]


def keeping(run: Path, folder: Path, chance: float = 0.0) -> TestClient:
    return client_of(run, giving=Giving(EventStore(f"sqlite:///{folder / 'events.db'}"), chance))


def post(client: TestClient, key: str, event: object):
    return client.post("/api/events", json=event, headers={"Idempotency-Key": key})


def test_lists_without_chance_are_the_run_s_and_each_is_kept(served_folder, tmp_path):
    with keeping(served_folder, tmp_path) as client:
        answers = [client.get("/api/recommend", params={"user": user, "session_id": "s"}).json() for user in ("u7", "nobody")]
    table = pq.read_table(served_folder / "recommendations.parquet").to_pylist()
    stored = sorted((row["rank"], row["item_id"], row["score"]) for row in table if row["user_id"] == "u7")
    assert [(line["rank"], line["item_id"], line["score"]) for line in answers[0]["recommendations"]] == stored
    for answer, model in zip(answers, (None, "most_taken"), strict=True):
        kept = [row for row in rows(tmp_path) if row["list_id"] == answer["list_id"]]
        assert [(row["position"], row["item_id"]) for row in kept] == [
            (line["rank"], line["item_id"]) for line in answer["recommendations"]
        ]
        assert {(row["event"], row["propensity"], row["user_id"], row["session_id"]) for row in kept} == {
            ("exposure", 1.0, answer["user"], "s")
        }
        assert {row["model"] == model for row in kept} == {model is not None}
        assert len({row["run"] for row in kept}) == 1


LISTS = {
    "/api/recommend/u7": "recommendations",
    "/api/search?q=rye%20bread&user=u7": "items",
    "/api/similar?item=x%2Fy%20z&user=u7": "items",
    "/api/session?item=x%2Fy%20z&user=u7": "items",
}


@pytest.mark.parametrize("path", LISTS)
def test_with_chance_each_list_says_where_its_items_stood_and_how_likely(served_folder, tmp_path, path):
    with client_of(served_folder) as plain:
        best = plain.get(path + ("&" if "?" in path else "?") + "n=8").json()[LISTS[path]]
    chances = Exploration(1.0).propensities(len(best), 4)
    place = {line["item_id"]: rank for rank, line in enumerate(best)}
    orders = []
    with keeping(served_folder, tmp_path, 1.0) as client:
        answers = [client.get(path + ("&" if "?" in path else "?") + "n=4").json() for _ in range(8)]
    for answer in answers:
        lines = answer[LISTS[path]]
        assert [line["rank"] for line in lines] == [1, 2, 3, 4]
        kept = [row for row in rows(tmp_path) if (row["list_id"], row["event"]) == (answer["list_id"], "exposure")]
        assert [row["item_id"] for row in kept] == [line["item_id"] for line in lines]
        ranks = [place[line["item_id"]] for line in lines]
        assert [row["propensity"] for row in kept] == pytest.approx([chances[r, k] for k, r in enumerate(ranks)], rel=1e-12)
        assert all(line["score"] == best[rank]["score"] for line, rank in zip(lines, ranks, strict=True))
        orders.append(ranks)
    assert sum(order != [0, 1, 2, 3] for order in orders) > 4  # each was swapped or drawn; a draw may leave all as it was
    searches = [row["query"] for row in rows(tmp_path) if row["event"] == "search"]
    assert searches == (["rye bread"] * 8 if "search" in path else [])


def test_the_shop_page_says_the_list_s_id_and_keeps_it(served_folder, tmp_path):
    with keeping(served_folder, tmp_path) as client:
        for path, more in (("/shop", {}), ("/shop/search", {"q": "牛奶"}), ("/shop/item", {"item": "x/y z"})):
            read = page(client, path, user="u7", **more)
            attributes = dict(read.attributes)
            assert attributes["data-user"] == "u7"
            given = attributes["data-list"]
            items = [value for name, value in read.attributes if name == "data-item"]
            assert "Put in the cart" in read.text
            assert post(client, f"view.{given}.1", VIEW | {"item_id": items[0], "list_id": given}).status_code == 200
            kept = [row["item_id"] for row in rows(tmp_path) if (row["list_id"], row["event"]) == (given, "exposure")]
            assert kept == items
    with client_of(served_folder) as plain:
        assert "data-list" not in dict(page(plain, "/shop", user="u7").attributes)


def test_events_are_acknowledged_counted_and_refused_as_every_answer_of_the_server(served_folder, tmp_path):
    with keeping(served_folder, tmp_path) as client:
        assert post(client, "a", [VIEW, VIEW]).json() == {"key": "a", "events": 2, "repeated": False}
        assert post(client, "a", [VIEW, VIEW]).json()["repeated"]
        refused = post(client, "b", {**VIEW, "price": "1.234"})  # the run's currency has two decimals
        assert (refused.status_code, set(refused.json())) == (400, {"error"})
        assert post(client, "a", VIEW).status_code == 409
        other = client.post("/api/events", json=VIEW, headers={"Origin": "http://elsewhere.example"})
        assert other.status_code == 403
        counts = client.get("/metrics").text
        assert "POST /api/events" in page(client, "/docs").text
    assert "assay_events_stored_total 2.0" in counts
    assert 'assay_event_batches_total{outcome="repeated"} 1.0' in counts
    assert 'assay_event_batches_total{outcome="taken"} 1.0' in counts
    assert [row["event"] for row in rows(tmp_path)] == ["view", "view"]


def test_reads_go_on_while_the_database_is_away_and_events_are_not_acknowledged(served_folder, tmp_path):
    with keeping(served_folder, tmp_path, 0.5) as client:
        assert post(client, "before", VIEW).status_code == 200
        for path in tmp_path.iterdir():
            path.unlink()
        (tmp_path / "events.db").mkdir()
        assert len(client.get("/api/recommend/u7").json()["recommendations"]) == 10
        assert client.get("/shop", params={"user": "u7"}).status_code == 200
        answer = post(client, "while", VIEW)
        assert (answer.status_code, answer.headers["retry-after"], set(answer.json())) == (503, "1", {"error"})
        assert str(tmp_path) not in answer.text
        (tmp_path / "events.db").rmdir()
        assert post(client, "while", VIEW).json()["repeated"] is False
        assert "assay_events_waiting 0.0" in client.get("/metrics").text


def test_a_server_that_keeps_no_events_says_so(client):
    answer = post(client, "k", VIEW)
    assert answer.status_code == 404
    assert "--events" in answer.json()["error"]
    assert "/api/events" not in client.get("/openapi.json").json()["paths"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--explore", "0.05"], "add --events"),
        (["--explore", "2", "--events", "events.db"], "from 0 to 1"),
        (["--events", "oracle://host/shop"], "oracle"),
        (["--events", "missing/events.db"], "missing/events.db"),
    ],
)
def test_options_that_cannot_be_are_refused_in_a_sentence(served_folder, tmp_path, capsys, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["serve", str(served_folder), "--port", "0", *options]) != 0
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert not (tmp_path / "events.db").exists()


def test_people_judge_where_two_systems_are_served_and_else_are_told_what_it_takes(client, served_folder, tmp_path):
    empty = page(client, "/judge")
    assert "--benchmark KEPT --system old=old.parquet" in empty.text
    assert client.get("/api/judgements").status_code == 404
    with client_of(served_folder, judging=judged_by(tmp_path)) as judged:
        assert "Your name" in page(judged, "/judge").text
        assert "POST /api/judgements" in page(judged, "/docs").text
        question = judged.get("/api/judgements/next?judge=Ada").json()["question"]
        sent = {"kind": "pair", "judge": "Ada", "request": question["request"], "item": question["item"]["id"], "grade": 2}
        assert judged.post("/api/judgements", json=sent).status_code == 200
        assert judged.get("/api/judgements").json()["judges"] == {"Ada": 1}
        refused = judged.post("/api/judgements", json=sent | {"item": "none"})
        assert (refused.status_code, set(refused.json())) == (400, {"error"})
