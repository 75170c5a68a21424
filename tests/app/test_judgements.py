"""`assay judgements`: its table, its files, its errors."""

import json
from pathlib import Path

import pytest

import assay
from assay.app import cli
from assay.testing.search import make_search_log, search_config


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("judged")
    assay.run(search_config(place / "shop", make_search_log(users=40, weeks=13)), folder=place / "run", until="clean")
    return place / "run"


def said(capsys, *arguments: str) -> str:
    assert cli.main(["judgements", *arguments]) == 0
    return capsys.readouterr().out


def test_the_table_says_how_many_and_how(folder, capsys):
    out = " ".join(said(capsys, str(folder)).split())
    account = assay.judgements(folder).account
    assert f"{account['pairs']} of query and item" in out
    assert f"{account['graded']} pairs of {account['graded_queries']} queries" in out
    assert f"{account['too_few']} have too few looks" in out
    assert "intervention harvesting (AllPairs), from all searches" in out
    assert "nothing; --out FILE writes" in out
    assert max(map(len, said(capsys, str(folder)).splitlines())) <= 80


@pytest.mark.parametrize(("format", "name"), [(None, "j.csv"), (None, "j.qrels"), ("rre", "j.json"), ("opensearch", "j.json")])
def test_files_are_written_and_read_again(folder, tmp_path, capsys, format, name):
    options = [] if format is None else ["--format", format]
    out = json.loads(said(capsys, str(folder), "--out", str(tmp_path / name), "--grades", "2", "--json", *options))
    rows = assay.read_judgements(tmp_path / name).to_pylist()
    assert len(rows) == out["graded"] == sum(row["grade"] is not None for row in out["table"])
    assert {row["grade"] for row in rows} == {0.0, 1.0, 2.0}
    assert out["files"][0] == str(tmp_path / name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--by", "look"], "by 'look' is not known"),
        (["--grades", "0"], "the highest grade is 1 to 100"),
        (["--format", "rre"], "give --out"),
        (["--out", "x.json"], "its suffix names no format of judgements"),
        (["--out", "x.json", "--format", "xml"], "format 'xml' is not known"),
    ],
)
def test_bad_options_are_said_in_a_line(folder, tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["judgements", str(folder), *options]) == 2
    said_of = capsys.readouterr().err
    assert message in said_of
    assert said_of.count("\n") == 1
    assert not list(tmp_path.iterdir())
