"""Bad input, end to end: exit code 2 and one line that names the place and the remedy; or it works, and says so."""

import errno
import os
import re
import sqlite3
from pathlib import Path

import pytest

from assay.app import cli
from assay.finished import Finished
from tests.conftest import write_shop

HEAD = "who,what,when,pieces,paid"
ROWS = [f"u{k % 6},i{k % 4},2024-0{1 + k // 28}-{1 + k % 28:02d} 10:00:{k % 60:02d},1,2.50" for k in range(140)]
CONFIG = """
[[log.events]]
path = "log.csv"
event = "purchase"
columns = {user_id = "who", item_id = "what", timestamp = "when", quantity = "pieces", price = "paid"}
"""
SHORT = "[samples]\nperiod_days = 7\nwarm_up = 2\nvalidation = 2\ntuning = 2\ntest = 2\n[encode]\nrare = 5\nbins = 3\n"


def put(folder: Path, rows: list[str] = ROWS, head: str = HEAD, config: str = CONFIG, encoding: str = "utf-8") -> Path:
    (folder / "log.csv").write_bytes(("\n".join([head, *rows]) + "\n").encode(encoding))
    (folder / "shop.toml").write_text(config, encoding="utf-8")
    return folder / "shop.toml"


def fails(config: Path, capsys: pytest.CaptureFixture, stage: str = "collect") -> str:
    assert cli.main([stage, str(config), "--folder", str(config.parent / "run")]) == 2
    err = capsys.readouterr().err
    assert re.fullmatch(r"error: [^\n]+\n", err), err
    assert "Traceback" not in err
    return err


def works(config: Path, stage: str = "clean") -> Finished:
    assert cli.main([stage, str(config), "--folder", str(config.parent / "run")]) == 0
    return Finished(config.parent / "run")


def changed(row: int, column: int, value: str) -> list[str]:
    cells = ROWS[row - 1].split(",")
    cells[column] = value
    return [*ROWS[: row - 1], ",".join(cells), *ROWS[row:]]


LOGS = {
    "empty file": (b"", "log.csv: is empty"),
    "header only": (HEAD.encode(), "log.csv: has a header but no rows"),
    "wrong delimiter": ("\n".join([HEAD, *ROWS]).replace(",", ";").encode(), "log.csv.*delimiter = ';'"),
    "broken UTF-8": ("\n".join([HEAD, *ROWS]).encode() + b"\n\xff\xfe,i1,2024-01-01 00:00:00,1,2\n", "line 142 is not UTF-8"),
    "missing column": ("\n".join([HEAD.replace("paid", "payd"), *ROWS]).encode(), "no column 'paid'; did you mean 'payd'"),
    "ragged row": ("\n".join([HEAD, *ROWS[:3], "u1,i1", *ROWS[3:]]).encode(), "row 4 has 2 fields"),
}


@pytest.mark.parametrize("case", LOGS)
def test_a_file_that_cannot_be_read_is_named(case, tmp_path, capsys):
    content, says = LOGS[case]
    config = put(tmp_path)
    (tmp_path / "log.csv").write_bytes(content)
    err = fails(config, capsys, "samples")
    assert re.search(says, err), err


def test_a_missing_file_and_a_glob_without_files(tmp_path, capsys):
    config = put(tmp_path)
    (tmp_path / "log.csv").unlink()
    assert "log.csv: no such file" in fails(config, capsys)
    config.write_text(CONFIG.replace("log.csv", "logs/*.csv"))
    assert "no file matches" in fails(config, capsys)


@pytest.mark.parametrize(("column", "value"), [(3, "two"), (4, "cheap")])
def test_a_wrong_type_names_its_row_and_column(column, value, tmp_path, capsys):
    err = fails(put(tmp_path, changed(37, column, value)), capsys)
    assert "row 37" in err
    assert repr(HEAD.split(",")[column]) in err
    assert value in err


def test_times_with_and_without_zones_are_not_mixed(tmp_path, capsys):
    err = fails(put(tmp_path, changed(5, 2, "2024-01-05T10:00:00+02:00")), capsys)
    assert "mixes times with a UTC offset (row 5) and without (row 1)" in err


def test_an_unreadable_time_is_kept_with_its_reason(tmp_path):
    run = works(put(tmp_path, changed(9, 2, "soon")))
    rejected = run.read_table("clean/rejected.parquet").to_pylist()
    assert [row["event_id"] for row in rejected] == [8]
    assert "time" in rejected[0]["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("value", ["1e308", "nan", "inf", "-inf", "-3"])
@pytest.mark.parametrize("column", [3, 4])
def test_impossible_prices_and_quantities_are_taken_out_with_a_reason_or_named(column, value, tmp_path):
    run = works(put(tmp_path, changed(20, column, value)))
    rejected = {row["event_id"]: row for row in run.read_table("clean/rejected.parquet").to_pylist()}
    events = run.read_table("clean/events.parquet")
    if 19 in rejected:
        assert rejected[19]["reason"]
    else:
        assert column == 3 or value == "nan"
        kept = events.filter(events["event_id"].to_numpy() == 19).to_pylist()
        assert kept == [] or kept[0]["quantity" if column == 3 else "price"] is None
    assert events.num_rows + len(rejected) == len(ROWS)


def test_ids_of_any_length_and_script_and_a_byte_order_mark_work(tmp_path):
    rows = changed(1, 0, "x" * 10_000)
    rows = [*rows[:1], rows[1].replace("i1", "شاي 🍵"), *rows[2:]]
    run = works(put(tmp_path, rows, head="\ufeff" + HEAD))
    assert "x" * 10_000 in run.read_table("clean/users.parquet")["user_id"].to_pylist()
    assert "شاي 🍵" in run.read_table("clean/items.parquet")["item_id"].to_pylist()


def test_other_encodings_are_refused_by_line(tmp_path, capsys):
    assert "line 2 is not UTF-8" in fails(put(tmp_path, ["café" + ROWS[0], *ROWS[1:]], encoding="latin-1"), capsys)


def test_items_may_be_unknown_but_not_twice(tmp_path, capsys):
    (tmp_path / "items.csv").write_text("id,kind\ni0,tea\ni1,coffee\n")
    config = put(tmp_path, config=CONFIG + '[log.items]\npath = "items.csv"\ncolumns = {item_id = "id", category = "kind"}\n')
    run = works(config)
    items = run.read_table("clean/items.parquet").to_pylist()
    assert {row["item_id"]: row["category"] for row in items} == {"i0": "tea", "i1": "coffee", "i2": None, "i3": None}
    (tmp_path / "items.csv").write_text("id,kind\ni0,tea\ni1,coffee\ni0,milk\n")
    err = fails(config, capsys)
    assert "items.csv" in err
    assert "i0" in err


def test_splits_need_rows_and_both_classes(tmp_path, capsys):
    long = put(tmp_path, config=CONFIG + "[samples]\nwarm_up = 30\n")
    assert "whole periods of 7 days, but 43 are needed" in fails(long, capsys, "samples")
    one = [f"u1,i1,2024-0{1 + k // 28}-{1 + k % 28:02d} 10:00:00,1,2.50" for k in range(140)]
    err = fails(put(tmp_path, one, config=CONFIG + SHORT), capsys, "samples")
    assert "are positive" in err
    config = put(tmp_path, config=CONFIG + SHORT + '[clean]\nlatest = "2024-01-20"\nmost_lost = 1\n')
    assert "lower these or period_days" in fails(config, capsys, "samples")
    no_target = CONFIG + SHORT.replace("[samples]", '[samples]\ntarget = "cart"')
    assert "no 'cart' event in the log" in fails(put(tmp_path, config=no_target), capsys, "samples")


def test_a_constant_feature_is_left_out_and_said(tmp_path):
    run = works(put(tmp_path, config=CONFIG + SHORT), "samples")
    assert "user_views_4" in run.read_json("samples/account.json")["constant_features_left_out"]


DATABASES = {
    "a server that refuses": ('url = "mysql://root:hunter2@127.0.0.1:1/shop"\ntable = "log"', "127.0.0.1:1"),
    "no SELECT": ('url = "sqlite:///{db}"\nquery = "DELETE FROM log"', "SELECT"),
    "two statements": ('url = "sqlite:///{db}"\nquery = "SELECT 1; DROP TABLE log"', "(one|single) SELECT"),
    "injection": ('url = "sqlite:///{db}"\ntable = "log; DROP TABLE log"', "no table"),
    "a table that is not there": ('url = "sqlite:///{db}"\ntable = "lgo"', "did you mean 'log'"),
    "an unknown database": ('url = "oracle://x"\ntable = "log"', "oracle"),
}


@pytest.mark.parametrize("case", DATABASES)
def test_a_database_that_cannot_be_read_is_named_without_its_password(case, tmp_path, capsys):
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE log (who TEXT, what TEXT, moment TEXT)")
    connection.close()
    source, says = DATABASES[case]
    source = source.replace("{db}", str(tmp_path / "shop.db"))
    columns = 'columns = {user_id = "who", item_id = "what", timestamp = "moment"}'
    config = put(tmp_path, config=f'[[log.events]]\n{source}\nevent = "purchase"\n{columns}\n')
    err = fails(config, capsys)
    assert re.search(says, err), err
    assert "hunter2" not in err
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        assert connection.execute("SELECT COUNT(*) FROM log").fetchone() == (0,)
    connection.close()


CONFIGS = {
    "a misspelt section": (CONFIG + "[sampels]\ntest = 2\n", "unknown key 'sampels'; did you mean 'samples'"),
    "a misspelt key": (CONFIG + "[samples]\ntset = 2\n", "unknown key 'samples.tset'; did you mean 'test'"),
    "a wrong type": (CONFIG + '[samples]\ntest = "two"\n', "samples.test"),
    "out of bounds": (CONFIG + "[select]\nfloor = 1.5\n", "select.floor"),
    "no TOML": ("[log", "not TOML"),
    "nothing": ("", r"give either \[log\].*or \[table\]"),
    "an unknown model": (CONFIG + SHORT + '[models]\nnames = ["lightgmb"]\n', "did you mean 'lightgbm'"),
    "an unknown valuer": (CONFIG + SHORT + '[value]\nvaluers = ["influense"]\n', "did you mean 'influence'"),
    "an unknown zone": (CONFIG + 'time_zone = "Mars/Olympus"\n', "Mars/Olympus"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CONFIGS)
def test_a_wrong_config_says_which_key(case, tmp_path, capsys):
    text, says = CONFIGS[case]
    if "unknown" in case and "zone" not in case:
        write_shop(tmp_path / "log.csv", users=12, items=12, weeks=16)
        (tmp_path / "shop.toml").write_text(text)
        err = fails(tmp_path / "shop.toml", capsys, "value")
    else:
        err = fails(put(tmp_path, config=text), capsys, "samples")
    assert re.search(says, err), err


def test_a_full_disk_is_named_and_the_command_goes_on_later(tmp_path, monkeypatch, capsys):
    config, real = put(tmp_path), os.fsync
    calls = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    assert "cannot write (No space left on device)" in fails(config, capsys, "clean")
    monkeypatch.setattr(os, "fsync", real)
    assert not list((tmp_path / "run").rglob("*.partial"))
    assert works(config).read_json("clean/account.json")["read"] == len(ROWS)
