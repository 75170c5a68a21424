"""Every source is conformant; bad files are named with file, row, column and value."""

import gzip
import json
import sqlite3
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay import config
from assay.errors import ConfigError, InputError, SourceError
from assay.logs import attributes, canonical, sources
from assay.logs.sources.csv import CsvFile
from assay.logs.sources.database import DatabaseTable
from assay.logs.sources.json_lines import JsonLinesFile
from assay.logs.sources.parquet import ParquetFile
from assay.testing.sources import SourceTests


def _field(value: str | None) -> str:
    return "" if value is None else '"' + value.replace('"', '""') + '"'


class TestCsv(SourceTests):
    def make(self, folder, names, rows):
        path = folder / "x.csv.gz"
        lines = [",".join(map(_field, row)) for row in [names, *rows]]
        path.write_bytes(gzip.compress(("\ufeff" + "\r\n".join(lines)).encode()))
        return CsvFile(path, ",")


class TestJsonLines(SourceTests):
    def make(self, folder, names, rows):
        path = folder / "x.jsonl"
        path.write_text("\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows), encoding="utf-8")
        return JsonLinesFile(path)


class TestParquet(SourceTests):
    def make(self, folder, names, rows):
        path = folder / "x.parquet"
        pq.write_table(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))), path)
        return ParquetFile(path)


class TestDatabase(SourceTests):
    def make(self, folder, names, rows):
        path = folder / "x.db"
        with sqlite3.connect(path) as c:
            c.execute(f"CREATE TABLE t ({', '.join(f'{n} TEXT' for n in names)})")
            c.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(names))})", rows)
        return DatabaseTable(config.SourceSection(url=f"sqlite:///{path}", table="t"))


def events(section: config.Events) -> pa.Table:
    return pa.Table.from_batches(b for s in sources.open_sources(section) for b in canonical.events(s, section))


ROW = "00123,7,2024-01-01 10:00:00"


def test_text_becomes_canonical(section):
    text = f"u,i,t,q,a\n{ROW},2,0.25\n{ROW},1,1.015\n{ROW},,\n{ROW},-2,-5\n{ROW},3,1e308\n{ROW},nan,inf\n"
    table = events(section(text, columns={"quantity": "q", "amount": "a"}))
    assert table["user_id"].to_pylist() == ["00123"] * 6
    assert table["price"].to_pylist()[:4] == [12, 102, None, 250]  # 12.5 and 101.5: half to even
    assert table["price"].to_pylist()[4:] == [canonical.TOO_LARGE] * 2
    assert table["timestamp"][0].as_py().isoformat() == "2024-01-01T10:00:00+00:00"


@pytest.mark.parametrize("money", ["price", "amount"])
def test_unknown_money_is_null(section, money):
    table = events(section(f"u,i,t,p\n{ROW},\n{ROW},NULL\n{ROW},0\n{ROW},-1e400\n", columns={money: "p"}))
    assert table["price"].to_pylist() == [None, None, 0, canonical.NOT_A_NUMBER]


def test_typed_ids_stay_whole_numbers(tmp_path):
    path = tmp_path / "x.parquet"
    at = pa.array([0, 1], pa.timestamp("ns"))
    pq.write_table(pa.table({"u": pa.array([1.0, None]), "i": pa.array([5, 6], pa.int32()), "t": at}), path)
    table = events(config.Events(path=str(path), event="view", columns={"user_id": "u", "item_id": "i", "timestamp": "t"}))
    assert table["user_id"].to_pylist() == [1, None]
    assert table.schema.field("item_id").type == pa.int64()


@pytest.mark.parametrize(
    ("times", "settings", "expected"),
    [
        (
            ["2024-07-01 10:00:00", "2024-01-01"],
            {"time_zone": "Europe/Rome"},
            ["2024-07-01T08:00", "2023-12-31T23:00"],
        ),
        (["2024-07-01T10:00:00+02:00", "2024-07-01T10:00:00Z"], {}, ["2024-07-01T08:00", "2024-07-01T10:00"]),
        (["1704067200", "x"], {"time_format": "epoch_s"}, ["2024-01-01T00:00", None]),
        (["1704067200000"], {"time_format": "epoch_ms"}, ["2024-01-01T00:00"]),
        (["31/12/2024 23:59"], {"time_format": "%d/%m/%Y %H:%M"}, ["2024-12-31T23:59"]),
        (
            ["2024-07-01 10:00Z", "2024-07-01 10:00"],
            {"time_zone": "Europe/Rome"},
            ["2024-07-01T10:00", "2024-07-01T08:00"],
        ),
    ],
)
def test_times_are_utc_instants(section, times, settings, expected):
    table = events(section("u,i,t\n" + "".join(f"a,b,{t}\n" for t in times), **settings))
    read = [t and t.isoformat()[:16] for t in table["timestamp"].to_pylist()]
    assert read == expected


def test_kinds_are_mapped(section):
    text = f"u,i,t,k\n{ROW},buy\n{ROW},view\n{ROW},odd\n"
    table = events(section(text, columns={"event": "k"}, kinds={"buy": "purchase"}))
    assert table["event"].to_pylist() == ["purchase", "view", "odd"]


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        ("", {}, "is empty"),
        ("u,i,t\n", {}, "header but no rows"),
        ("u;i;t\n1;2;3\n", {}, "delimiter = ';'"),
        (f"user,i,t\n{ROW}\n", {"user_id": "usr"}, r"no column 'usr'; did you mean 'user'"),
        (f"u,i,t\n{ROW}\n{ROW},extra\n", {}, r"row 2 has 4 fields where the header has 3"),
        (f"u,i,t,p\n{ROW},1\n{ROW},abc\n", {"price": "p"}, r"row 2, column 'p': 'abc' is not a number"),
        (f'u,i,t,p\n{ROW},"1,5"\n', {"price": "p"}, "point for decimals"),
        (b"u,i,t\n1,2,2024-01-01\n\xff\xfe,2,2024-01-01\n", {}, "line 3 is not UTF-8"),
        (f"u,i,t\n{ROW}\n1,2,2024-01-01 10:00:00+01:00\n", {}, r"offset \(row 2\) and without \(row 1\)"),
        ("u,i,t\n1,2,yesterday\n", {}, "no time could be read; row 1, column 't': 'yesterday'"),
        (f"u,u,i,t\n1,{ROW}\n", {}, "is there 2 times"),
    ],
)
def test_bad_files_are_named_in_one_line(section, content, columns, message):
    with pytest.raises(SourceError, match=message) as caught:
        events(section(content, columns=columns))
    assert "log.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"u":1,"i":2,"t":"2024-01-01"}\n{"u":\n', "row 2 is not a JSON object"),
        ("[1]\n", "row 1 is not a JSON object"),
        (b'{"u":"\xff","i":2,"t":"2024-01-01"}\n', "line 1 is not UTF-8"),
        ('{"usr":1}\n', "no column 'u'"),
    ],
)
def test_bad_json_lines(section, content, message):
    with pytest.raises(SourceError, match=message):
        events(section(content, name="log.jsonl"))


def test_other_bad_inputs(section, tmp_path):
    for text, name, message in [
        ("PAR1", "x.parquet", "not a Parquet"),
        ("x", "x.gz", "unknown kind|damaged"),
        ("x", "y.csv.gz", "damaged"),
    ]:
        with pytest.raises(SourceError, match=message):
            events(section(text, name=name))
    with pytest.raises(SourceError, match="no such file"):
        events(
            config.Events(
                path=str(tmp_path / "none.csv"),
                event="view",
                columns={"user_id": "u", "item_id": "i", "timestamp": "t"},
            )
        )
    with pytest.raises(SourceError, match="no file matches"):
        events(config.Events(path=str(tmp_path / "none*.csv"), event="view", columns={}))
    for more, message in [
        ({"usr_id": "u"}, "did you mean 'user_id'"),
        ({"price": "p", "amount": "a"}, "not both"),
    ]:
        with pytest.raises(ConfigError, match=message):
            events(section(f"u,i,t\n{ROW}\n", columns=more))
    with pytest.raises(ConfigError, match="did you mean 'purchase'"):
        events(section(f"u,i,t\n{ROW}\n", event="purchas"))
    with pytest.raises(ConfigError, match="time_zone"):
        events(section(f"u,i,t\n{ROW}\n", time_zone="Europe/Atlantis"))


def test_items_are_joined_and_unique(tmp_path: Path):
    path = tmp_path / "items.csv"
    path.write_text("id,kind,size,b\n7,tea,,x\n8,tea,1 kg,\n", encoding="utf-8")
    section = config.Items(path=str(path), columns={"item_id": "id", "name": ["kind", "size"], "brand": "b"})
    table = attributes.items(section)
    assert table["item_id"].to_pylist() == ["7", "8"]
    assert table["name"].to_pylist() == ["tea", "tea 1 kg"]
    path.write_text("id,kind,size,b\n7,tea,,x\n8,tea,1 kg,\n7,,,\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"item_id '7' .* 2 times, rows 1, 3"):
        attributes.items(section)
    users = config.Users(path=str(path), columns={"user_id": "b", "kind": "kind"})
    with pytest.raises(InputError, match="row 2 has no user_id"):
        attributes.users(users)


def test_stock_is_a_number_or_true_or_false(tmp_path: Path):
    path = tmp_path / "items.csv"
    section = config.Items(path=str(path), columns={"item_id": "id", "stock": "left"})
    path.write_text("id,left\n1,12\n2, 0 \n3,TRUE\n4,false\n5,\n6,-2\n7,1.5\n", encoding="utf-8")
    assert attributes.items(section)["stock"].to_pylist() == [12, 0, 1, 0, None, -2, 1.5]
    path.write_text("id,left\n1,12\n2,plenty\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"stock: 'plenty', of item '2', is no number"):
        attributes.items(section)
    table = pa.table({"id": [1, 2], "left": [True, False]})
    pq.write_table(table, tmp_path / "items.parquet")
    typed = config.Items(path=str(tmp_path / "items.parquet"), columns={"item_id": "id", "stock": "left"})
    assert attributes.items(typed)["stock"].to_pylist() == [1, 0]
