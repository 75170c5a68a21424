"""Every public log that we know is recognised, and collected as a count by hand says."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest

from assay import config, presets
from assay.logs.collect import collect
from assay.logs.suggest import suggest
from tests.logs.public_logs import LOGS


@pytest.mark.parametrize("name", LOGS)
def test_a_public_log_is_collected_as_a_count_by_hand_says(name, tmp_path, run):
    write, expected = LOGS[name]
    folder = tmp_path / "日志 log"
    folder.mkdir()
    write(folder)
    text = suggest(expected.address.format(folder=folder))
    (tmp_path / "log.toml").write_text(text, encoding="utf-8")
    settings = config.read(tmp_path / "log.toml")
    assert settings.log is not None, text
    if name in presets.read():
        assert settings.log.events[0].preset == name, text
    else:
        assert settings.log.events[0].preset is None
    collect(settings.log, run)
    parts = sorted(run.path("log/events").iterdir())
    rows = [row for part in parts for row in run.read_table(f"log/events/{part.name}").to_pylist()]
    assert Counter(row["event"] for row in rows) == expected.events, text
    assert len({row["user_id"] for row in rows} - {None}) == expected.users, text
    assert len({row["item_id"] for row in rows} - {None}) == expected.items, text
    assert all(row["timestamp"] is not None for row in rows)
    first = min(rows, key=lambda row: (row["timestamp"], row["item_id"] is None))
    for column, value in expected.first.items():
        shown = first[column].isoformat().removesuffix("+00:00") if column == "timestamp" else first[column]
        if value is None and column in ("rating", "position"):  # a log without times: which is first is chance
            assert all(row[column] is not None for row in rows)
        else:
            assert shown == value, (column, text)
    items = run.read_table("log/items.parquet").to_pylist() if run.exists("log/items.parquet") else []
    assert sum(row["name"] is not None for row in items) == expected.names, text
    assert sum(row["category"] is not None for row in items) == expected.categories, text


def test_every_preset_has_a_fixture():
    assert set(presets.read()) - set(LOGS) == {"criteo"}  # a table of features: tests/samples/test_own_table.py


@pytest.mark.parametrize("name", presets.read())
def test_a_preset_stands_for_the_keys_that_a_section_does_not_give(name):
    for part, keys in presets.read()[name].sections.items():
        filled = presets.filled({"preset": name, "path": "x", "columns": {"query": "q"}}, part)
        assert filled == {**keys, "preset": name, "path": "x", "columns": {**keys.get("columns", {}), "query": "q"}}


def test_an_unknown_preset_is_named_with_those_that_there_are():
    with pytest.raises(config.ConfigError, match=r"none of .* is called 'movielense'; there are: .*movielens"):
        config.parse({"log": {"events": [{"preset": "movielense", "path": "x"}]}})


def test_the_page_of_formats_names_every_preset():
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    for name in presets.read():
        assert f"`{name}`" in page


def test_clicks_and_purchases_of_one_folder_are_read_together(tmp_path):
    """Whatever the order of the files, and each alone as before."""
    LOGS["yoochoose"][0](tmp_path)
    LOGS["yoochoose_buys"][0](tmp_path)
    content = tomllib.loads(suggest(tmp_path))
    assert [events["preset"] for events in content["log"]["events"]] == ["yoochoose", "yoochoose_buys"]
    assert content["samples"]["target"] == "view"
    (tmp_path / "yoochoose-clicks.dat").unlink()
    alone = tomllib.loads(suggest(tmp_path))
    assert [events["preset"] for events in alone["log"]["events"]] == ["yoochoose_buys"]
