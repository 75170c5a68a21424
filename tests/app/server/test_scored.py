"""Systems that are scored on a kept benchmark while it is served are on its board soon, and nobody is refused meanwhile."""

import threading
import time

import pytest

from assay.app import cli
from assay.benchmark.keep.folder import open_kept
from tests.app.server.conftest import client_of
from tests.app.server.served import to_judge

PATHS = ["/api/board", "/api/benchmarks", "/benchmarks", "/compare", "/api/systems"]


def test_what_is_scored_meanwhile_is_shown_and_no_answer_fails(served_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("assay.serving.living.SECONDS", 0.01)
    to_judge(served_folder, tmp_path)
    kept, statuses, end = open_kept(tmp_path / "kept"), set[tuple[str, int]](), threading.Event()

    def ask(client) -> None:
        while not end.is_set():
            statuses.update((path, client.get(path).status_code) for path in PATHS)

    with client_of(served_folder, benchmarks=[kept]) as client:
        before = set(client.get("/api/board").json()["means"]["ndcg@10"])
        asking = threading.Thread(target=ask, args=(client,))
        asking.start()
        command = ["benchmark", "score", str(kept.folder), "--system", f"新={tmp_path / 'good.parquet'}"]
        assert cli.main(command) == 0
        after = waited_for(client, "新")
        end.set()
        asking.join()
        assert "新" in client.get("/benchmarks").text
    assert set(after) == before | {"新"}
    assert after["新"]["value"] == pytest.approx(1.0)  # it ranks by what is right
    assert statuses == {(path, 200) for path in PATHS}


def waited_for(client, system: str) -> dict:
    """Means on the board, once it has the system."""
    for _ in range(1_000):
        means = client.get("/api/board").json()["means"]["ndcg@10"]
        if system in means:
            break
        time.sleep(0.01)
    return means
