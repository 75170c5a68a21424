"""A shop of anonymous sessions: a session's next step is what is ranked for, from the config to the lists."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from assay.app import cli
from assay.config import Config, parse
from assay.finished import Finished
from assay.pages.evaluation import ModelsTested, Summary
from assay.pages.samples import SamplesMade
from tests.conftest import run_in

ITEMS, GROUPS, DAYS, SESSIONS = 60, 6, 9, 250
RIVALS = ("popularity", "item_knn", "session_knn")


def write_log(path: Path, seed: int = 0) -> None:
    """Sessions that stay in a group or go back, and mostly go on to the item that follows the last one; fame changes by day."""
    rng = np.random.default_rng(seed)
    followers = np.stack([rng.permutation(ITEMS)[:3] for _ in range(ITEMS)])
    lines = ["session,item,when"]
    for day in range(DAYS):
        fame = rng.dirichlet(np.full(ITEMS, 0.5))
        for session in range(SESSIONS):
            at = dt.datetime(2024, 3, 4 + day) + dt.timedelta(seconds=int(rng.integers(80_000)))
            path_so_far = [int(rng.choice(ITEMS, p=fame))]
            for _ in range(int(rng.integers(1, 7))):
                chance = rng.random()
                if chance < 0.55:
                    item = int(followers[path_so_far[-1], rng.integers(3)])
                elif chance < 0.75:
                    item = int(rng.integers(ITEMS // GROUPS)) * GROUPS + path_so_far[-1] % GROUPS
                elif chance < 0.85:
                    item = path_so_far[int(rng.integers(len(path_so_far)))]
                else:
                    item = int(rng.choice(ITEMS, p=fame))
                path_so_far.append(item)
            for item in path_so_far:
                lines.append(f"شd{day}🛒{session},物{item},{at.isoformat()}Z")
                at += dt.timedelta(seconds=int(rng.integers(3, 300)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def config(log: Path, names: tuple[str, ...] | None) -> Config:
    columns = {"user_id": "session", "session_id": "session", "item_id": "item", "timestamp": "when"}
    return parse(
        {
            "log": {"events": [{"path": str(log), "columns": columns, "event": "view"}]},
            "samples": {
                "target": "view", "period_days": 1, "warm_up": 2, "validation": 1, "tuning": 1, "test": 1, "candidates": 30,
            },
            "encode": {"rare": 20, "bins": 6},
            "models": {"names": None if names is None else list(names), "l2": 3.0},
            "evaluate": {"resamples": 200},
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sessions")
    write_log(folder / "log.csv")
    run_in(config(folder / "log.csv", None), folder / "run", until="summary")
    return folder / "run"


@pytest.mark.slow
def test_the_next_step_is_ranked_better_than_by_any_simple_rule(folder: Path) -> None:
    summary = Summary.read(Finished(folder))
    served = summary.standing
    assert served.served not in RIVALS
    assert {"popularity", "chance"} <= set(served.difference)
    assert all(rule["ndcg@10"].low > 0.05 for rule in served.difference.values())
    ndcg = {name: tested.test["ndcg@10"] for name, tested in summary.models.items()}
    assert set(RIVALS) < set(ndcg)
    assert all(ndcg[served.served].low > ndcg[rival].high for rival in RIVALS)
    assert ndcg["session_knn"].low > ndcg["popularity"].high


@pytest.mark.slow
def test_what_comes_again_in_a_session_and_what_is_new_are_told_apart(folder: Path) -> None:
    tested = ModelsTested.read(Finished(folder))
    parts = {name: tested.models[name].parts for name in ("popularity", tested.standing.served)}
    assert all(set(each) == {"repeat", "new"} for each in parts.values())
    table = Finished(folder).read_table("samples/requests.parquet")
    assert 0 < sum(table.column("new_count").to_pylist()) < sum(table.column("truth_count").to_pylist())
    account = SamplesMade.read(Finished(folder))
    assert account.sessions is not None
    assert account.sessions["visits"] == DAYS * SESSIONS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["user", "{run}", "شd8🛒7"], "物"),
        (["show", "{run}"], "ndcg@10"),
        (["benchmark", "build", "{run}", "--out", "{kept}"], ""),
    ],
)
def test_the_commands_know_sessions(
    command: list[str], says: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = [word.format(run=folder, kept=tmp_path / "kept") for word in command]
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert says in out
    assert "week" not in out


def test_sessions_that_stand_in_for_users_are_asked_for_their_next_step(tmp_path: Path) -> None:
    assert config(tmp_path / "log.csv", None).samples.request == "session"
    columns = {"user_id": "u", "session_id": "s", "item_id": "i", "timestamp": "t"}
    given = {"log": {"events": [{"path": "log.csv", "columns": columns}]}}
    assert parse(given).samples.request == "user"
    both = {"log": {"events": [{"path": "log.csv", "columns": {**columns, "user_id": "s"}}]}}
    assert parse(both).samples.request == "session"
    assert parse(both | {"samples": {"request": "user"}}).samples.request == "user"
    mixed = {"log": {"events": [*both["log"]["events"], *given["log"]["events"]]}}
    assert parse(mixed).samples.request == "user"
