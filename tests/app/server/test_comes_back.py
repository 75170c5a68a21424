"""What a server gave out and took in is the next log; and a server that is killed loses nothing that it acknowledged."""

import datetime as dt
import http.client
import json
import random
import signal
import sqlite3
import threading
import time
import tomllib
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import pytest

from assay.app import cli
from assay.benchmark.board.off_policy import policy_value
from assay.finished import Finished
from assay.logs.clean_log import CleanLog
from assay.serving import giving
from assay.serving.events import EventStore, Exploration, outcomes
from assay.serving.giving import Giving
from tests.app.server.conftest import client_of
from tests.app.server.served import serving, started

pytestmark = pytest.mark.slow
START = dt.datetime(2025, 1, 6, 9, tzinfo=dt.UTC)
WEEKS, USERS, SHOWN = 20, [f"u{k}" for k in range(2, 30)], 6
SMALL = """
[models]
lightgbm_trees = 5
names = ["popularity", "buy_it_again", "logistic", "lightgbm"]
[evaluate]
resamples = 20
[select]
fractions = [0.01]
"""


class Clock(dt.datetime):
    """What the server takes for now."""

    moment = START

    @classmethod
    def now(cls, tz=None):
        return cls.moment


def test_a_shop_that_is_served_comes_back_as_a_log_that_runs(served_folder, tmp_path, monkeypatch, capsys):
    url, rng = f"sqlite:///{tmp_path / 'events.db'}", np.random.default_rng(0)
    chances, given, bought = Exploration(0.3).propensities(2 * SHOWN, SHOWN), {}, 0
    with client_of(served_folder) as plain:
        best = {user: ids(plain.get("/api/recommend", params={"user": user, "n": 2 * SHOWN}).json()) for user in USERS}
    monkeypatch.setattr(giving, "datetime", Clock)
    with client_of(served_folder, giving=Giving(EventStore(url), 0.3)) as client:
        for week in range(WEEKS):
            now = START + dt.timedelta(weeks=week)
            monkeypatch.setattr(Clock, "moment", now)
            for user in USERS:
                answer = client.get("/api/recommend", params={"user": user, "n": SHOWN}).json()
                items = ids(answer)
                given[answer["list_id"]] = (user, items)
                taken = [k for k in range(SHOWN) if rng.random() < 0.8 / (1 + k)]
                when = (now + dt.timedelta(hours=1)).isoformat()
                events = [
                    {"event": "purchase", "user_id": user, "item_id": items[k], "price": "1.50", "quantity": 1}
                    | {"list_id": answer["list_id"], "position": k + 1, "timestamp": when}
                    for k in taken
                ]
                if events:
                    posted = client.post("/api/events", json=events, headers={"Idempotency-Key": answer["list_id"]})
                    assert posted.json()["events"] == len(events)
                    bought += len(events)
    assert cli.main(["init", url, "--out", str(tmp_path / "shop.toml")]) == 0
    config = tmp_path / "shop.toml"
    assert tomllib.loads(config.read_text(encoding="utf-8"))["log"]["events"][0]["preset"] == "assay_events"
    config.write_text(config.read_text(encoding="utf-8") + SMALL, encoding="utf-8")
    assert cli.main(["run", str(config), "--folder", str(tmp_path / "run")]) == 0, capsys.readouterr().err
    run = Finished(tmp_path / "run")
    [source] = run.read_json("log/collect.json")["sources"]
    assert source["rows"] == len(given) * SHOWN + bought
    places = outcomes(CleanLog.read(run), "purchase").to_pylist()
    assert len(places) == len(given) * SHOWN
    assert sum(line["reward"] for line in places) == bought
    for line in places:
        user, items = given[line["list_id"]]
        assert line["propensity"] == pytest.approx(chances[best[user].index(items[line["position"] - 1]), line["position"] - 1])
    target = np.array([float(best[given[x["list_id"]][0]].index(x["item_id"]) == x["position"] - 1) for x in places])
    reward, propensity = (np.array([line[name] for line in places]) for name in ("reward", "propensity"))
    value = policy_value(reward, propensity, target, user=np.array([line["user_id"] for line in places]))
    assert (
        abs(value.value - bought / len(places)) < 5 * value.stderr
    )  # users took by place alone, so that each ranking earns as much
    assert len(json.loads(said(capsys, "user", str(tmp_path / "run"), "u7", "--json"))["recommendations"]) > 0


def ids(answer: dict) -> list[str]:
    return [line["item_id"] for line in answer["recommendations"]]


def said(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    capsys.readouterr()
    assert cli.main(list(command)) == 0
    return capsys.readouterr().out


def load(address: str, name: str, acknowledged: dict[str, int], end: threading.Event) -> None:
    """Post batches and ask for lists, until the server is gone; note what was acknowledged."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    number = 0
    try:
        while not end.is_set():
            key, size, number = f"{name}.{number}", 1 + number % 7, number + 1
            event = {"event": "view", "user_id": "u7", "item_id": "x/y z"}
            connection.request("POST", "/api/events", json.dumps([event] * size), {"Idempotency-Key": key})
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                acknowledged[key] = size
            connection.request("GET", f"/api/recommend/{quote(f'u{number % 40}')}")
            connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return


def test_kill_9_under_load_loses_no_acknowledged_event_and_the_next_start_answers(served_folder, tmp_path):
    path, acknowledged, end = tmp_path / "events.db", dict[str, int](), threading.Event()
    options = (served_folder, "--port", 0, "--events", path, "--explore", 0.5)
    for start in range(3):
        program, address = started(*options)
        workers = [threading.Thread(target=load, args=(address, f"{start}.{k}", acknowledged, end)) for k in range(6)]
        before = len(acknowledged)
        for worker in workers:
            worker.start()
        while len(acknowledged) < before + 10:
            assert program.poll() is None, program.stderr.read()
            time.sleep(0.02)
        time.sleep(random.Random(start).uniform(0, 0.5))
        program.send_signal(signal.SIGKILL)
        program.communicate()
        for worker in workers:
            worker.join()
    rows = batches(path)
    assert {key: rows.get(key) for key in acknowledged} == acknowledged
    with serving(*options[:1], *options[3:]) as address:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        connection.request("GET", "/api/recommend/u7")
        assert connection.getresponse().status == 200
        connection.close()
        load_once(address, next(iter(acknowledged)), acknowledged)
    again = batches(path)
    assert {key: again[key] for key in rows} == rows


def load_once(address: str, key: str, acknowledged: dict[str, int]) -> None:
    """A batch that was acknowledged before the kill is known after it."""
    event = {"event": "view", "user_id": "u7", "item_id": "x/y z"}
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request("POST", "/api/events", json.dumps([event] * acknowledged[key]), {"Idempotency-Key": key})
    assert json.loads(connection.getresponse().read()) == {"key": key, "events": acknowledged[key], "repeated": True}
    connection.close()


def batches(path: Path) -> dict[str, int]:
    """Rows by the key of their batch; each batch is there whole, and the file is sound."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = dict(connection.execute("SELECT batch_key, COUNT(*) FROM assay_events GROUP BY batch_key"))
        assert rows == dict(connection.execute("SELECT batch_key, row_count FROM assay_event_batches"))
    return rows
