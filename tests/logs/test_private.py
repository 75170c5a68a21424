"""Ids that are stored hashed: nothing in the run's folder names a user or an item by the log's id."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from assay import config
from assay.app import cli
from assay.errors import ConfigError
from assay.logs.collect import collect, fingerprint
from assay.logs.private import hidden, hide
from assay.runs.store import Folder
from tests.conftest import run_in, shop_config, write_shop
from tests.test_entries import SMALL


def log(path: Path, **more) -> config.Log:
    columns = {"user_id": "who", "item_id": "what", "timestamp": "when"}
    events = [config.Events(path=str(path), event="purchase", columns=columns)]
    return config.Log(hash_ids=True, salt_env="SHOP_SALT", events=events, **more)


def test_what_is_unknown_stays_unknown():
    shown = hide(pa.array(["a", None, "", "a", "客"]), "s").to_pylist()
    assert shown == [hidden("a", "s"), None, "", hidden("a", "s"), hidden("客", "s")]
    assert hide(pa.array([7, None], pa.int64()), "s").to_pylist() == [hidden("7", "s"), None]
    assert hidden("a", "s") != hidden("a", "t")
    assert hide(pa.array([], pa.string()), "s").to_pylist() == []


@pytest.mark.slow
def test_no_id_of_the_log_is_in_the_folder_and_a_user_is_still_found(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SHOP_SALT", "tomato")
    write_shop(tmp_path / "log.csv", users=30, items=30, weeks=18)
    text = (tmp_path / "log.csv").read_text(encoding="utf-8")
    (tmp_path / "log.csv").write_text(text.replace("\nu", "\nclient-no-").replace("牛奶-", "article-no-"), encoding="utf-8")
    (tmp_path / "items.csv").write_text(
        "id,kind\n" + "".join(f"article-no-{k} 🥛,k{k % 3}\n" for k in range(30)), encoding="utf-8"
    )
    settings = shop_config(tmp_path / "log.csv", **SMALL)
    items = config.Items(path=str(tmp_path / "items.csv"), columns={"item_id": "id", "category": "kind"})
    changed = settings.log.model_copy(update={"hash_ids": True, "salt_env": "SHOP_SALT", "items": items})
    run = run_in(settings.model_copy(update={"log": changed}), tmp_path / "run")
    assert run.read_table("clean/items.parquet")["category"].null_count == 0
    assert cli.main(["report", str(run.folder)]) == 0
    for path in run.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"client-no-" not in content, path
            assert b"article-no-" not in content, path
            assert b"tomato" not in content, path
    capsys.readouterr()
    assert cli.main(["user", str(run.folder), "client-no-3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["known"] is True


def test_another_salt_is_another_log(tmp_path, monkeypatch):
    write_shop(tmp_path / "log.csv", users=5, items=6, weeks=3)
    run, prints, users = Folder(tmp_path / "run"), [], []
    for salt in ("a", "b"):
        monkeypatch.setenv("SHOP_SALT", salt)
        prints.append(fingerprint(log(tmp_path / "log.csv")))
        collect(log(tmp_path / "log.csv"), run)
        users.append(run.read_table("log/events/part-00000.parquet")["user_id"].to_pylist())
    assert prints[0] != prints[1]
    assert users[0] != users[1]


def test_a_salt_that_is_not_set_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("SHOP_SALT", raising=False)
    with pytest.raises(ConfigError, match="environment variable SHOP_SALT is not set"):
        collect(log(tmp_path / "log.csv"), Folder(tmp_path / "run"))


def test_what_may_be_the_salt_itself_is_not_printed(tmp_path):
    settings = log(tmp_path / "log.csv").model_copy(update={"salt_env": "s3cret-salt"})
    with pytest.raises(ConfigError, match="environment variable is not set") as refused:
        collect(settings, Folder(tmp_path / "run"))
    assert "s3cret" not in str(refused.value)
