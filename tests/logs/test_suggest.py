"""A suggested config is accepted and collects the file it was made from."""

import json
import sqlite3
import tomllib
from pathlib import Path

import numpy as np
import pytest

from assay import config
from assay.errors import SourceError
from assay.logs.collect import collect
from assay.logs.suggest import event_columns, suggest, time_format
from tests.conftest import run_in

FILES = {
    "a.csv": "customer_id;sku;invoice_date;qty;unit price;colour\nü;🛒1;31/12/2023 10:00;1;2.5;red\n",
    "b.jsonl": '{"userId": "1", "productId": "2", "ts": "1704067200", "event_type": "addtocart"}\n',
    "c.tsv": "visitor_id\titem_id\twhen\taction\n1\t2\t2024-01-01 10:00:00\tbuy\n",
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_suggested_runs(tmp_path, run, name):
    (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    (tmp_path / "assay.toml").write_text(suggest(tmp_path / name), encoding="utf-8")
    read = config.read(tmp_path / "assay.toml")
    assert read.log is not None
    names = collect(read.log, run).files
    row = run.read_table(names[0]).to_pylist()[0]
    assert row["timestamp"] is not None
    assert row["event"] in ("purchase", "cart")
    assert row["event"] == {"a.csv": "purchase", "b.jsonl": "cart", "c.tsv": "purchase"}[name]


def test_what_is_not_found_is_said(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    text = suggest(tmp_path / "x.csv")
    assert "NOT FOUND" in text
    tomllib.loads(text)
    (tmp_path / "x.csv").write_text("", encoding="utf-8")
    with pytest.raises(SourceError, match="empty"):
        suggest(tmp_path / "x.csv")


def test_a_log_of_sessions_has_one_user_a_session_and_its_own_target_and_periods(tmp_path):
    lines = ["session_id,product_id,time,event_type"]
    lines += [f"s{day}-{k},p{k},2024-01-{day:02d} 1{k}:00:00,click" for day in range(1, 13) for k in range(9)]
    (tmp_path / "log.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "assay.toml").write_text(suggest(tmp_path / "log.csv"), encoding="utf-8")
    read = config.read(tmp_path / "assay.toml")
    assert read.log is not None
    assert read.log.events[0].columns["user_id"] == read.log.events[0].columns["session_id"] == "session_id"
    assert (read.samples.request, read.samples.candidates) == ("session", 100)
    assert read.samples.target == "view"
    assert (read.samples.period_days, read.samples.warm_up, read.samples.test) == (1, 2, 1)


def test_a_log_too_short_to_run_is_said_to_be(tmp_path):
    (tmp_path / "a.csv").write_text("user,item,time\n1,2,2024-01-01\n1,3,2024-01-02\n", encoding="utf-8")
    text = suggest(tmp_path / "a.csv")
    assert "# the log is too short to be run: 1 whole days; a run needs 5" in text
    tomllib.loads(text)


@pytest.mark.slow
def test_a_log_of_twelve_days_runs_as_it_is_suggested(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["user,item,time"]
    for day in range(12):
        for user in range(60):
            for _ in range(1 + int(rng.poisson(2))):
                item = (user + int(rng.geometric(0.3))) % 25
                lines.append(f"u{user},p{item},2024-03-{day + 1:02d}T{int(rng.integers(24)):02d}:{int(rng.integers(60)):02d}:00")
    (tmp_path / "log.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "assay.toml").write_text(suggest(tmp_path / "log.csv"), encoding="utf-8")
    run = run_in(config.read(tmp_path / "assay.toml"), tmp_path / "run")
    assert run.read_json("summary.json")["standing"]["rules"]["chance"]["test"]["ndcg@10"]["value"] > 0


def test_sessions_of_items_without_kinds_or_money_are_clicks(tmp_path):
    for header, row, kind in (
        ("session_id,item_id,timestamp", "{s},{i},{t}", "view"),
        ("session_id,item_id,timestamp,price", "{s},{i},{t},3", "purchase"),
    ):
        lines = [
            header,
            *(row.format(s=f"{d}-{k // 2}", i=k, t=1_700_000_000 + 86_400 * d + k) for d in range(9) for k in range(8)),
        ]
        (tmp_path / "log.csv").write_text("\n".join(lines), encoding="utf-8")
        (tmp_path / "assay.toml").write_text(suggest(tmp_path / "log.csv"), encoding="utf-8")
        read = config.read(tmp_path / "assay.toml")
        assert (read.log.events[0].event, read.samples.target, read.samples.request) == (kind, kind, "session")


def test_a_folder_is_joined_by_what_its_tables_hold(tmp_path):
    lines = [f"c{k % 7};a{k % 5};0{1 + k % 9}.01.2024 10:{k % 60:02d};2" for k in range(60)]
    (tmp_path / "Bestellungen.csv").write_text("\n".join(["Kunde;Artikel;Datum;Menge", *lines]), encoding="utf-8")
    articles = [f"a{k};Tee {k};Getränke" for k in range(5)]
    (tmp_path / "Artikel.csv").write_text("\n".join(["id;Bezeichnung;Warengruppe", *articles]), encoding="utf-8")
    (tmp_path / "other.csv").write_text("\n".join(["id;name", *(f"x{k};n" for k in range(5))]), encoding="utf-8")
    (tmp_path / "kunden.jsonl").write_text(
        "\n".join(json.dumps({"id": f"c{k}", "Stadt": "Köln"}) for k in range(7)), encoding="utf-8"
    )
    (tmp_path / "README.md").write_text("no log")
    (tmp_path / "i.txt").write_text(suggest(tmp_path), encoding="utf-8")
    read = config.read(tmp_path / "i.txt").log
    assert read.events[0].columns == {"user_id": "Kunde", "item_id": "Artikel", "timestamp": "Datum", "quantity": "Menge"}
    assert (read.events[0].event, read.events[0].time_format) == ("purchase", "%d.%m.%Y %H:%M")
    assert read.items.columns == {"item_id": "id", "name": "Bezeichnung", "category": "Warengruppe"}
    assert read.items.path.endswith("Artikel.csv")
    assert read.users.columns == {"user_id": "id", "Stadt": "Stadt"}


def test_a_glob_is_one_section_and_files_of_one_folder_that_are_alike_too(tmp_path):
    for day in (1, 2):
        (tmp_path / f"day-{day}.csv").write_text(f"user,item,time\n1,2,2024-01-0{day}\n1,3,2024-01-0{day}\n")
    assert f'path = "{tmp_path}/day-*.csv"' in suggest(f"{tmp_path}/day-*.csv")
    text = suggest(tmp_path)
    assert tomllib.loads(text)["log"]["events"][0]["path"] == [f"{tmp_path}/day-1.csv", f"{tmp_path}/day-2.csv"]


def test_a_database_is_looked_at_table_by_table(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE orders (customer TEXT, sku TEXT, moment TEXT, price REAL)")
        rows = [(f"c{k % 5}", f"s{k % 3}", f"2024-01-{1 + k % 28:02d}", 1.5) for k in range(60)]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
        connection.execute("CREATE TABLE goods (sku TEXT, title TEXT)")
        connection.executemany("INSERT INTO goods VALUES (?, ?)", [(f"s{k}", f"Tea {k}") for k in range(3)])
    connection.close()
    url = f"sqlite:///{tmp_path}/shop.db"
    read = config.parse(tomllib.loads(suggest(url))).log
    assert (read.events[0].url, read.events[0].table) == (url, "orders")
    assert read.events[0].columns == {"user_id": "customer", "item_id": "sku", "timestamp": "moment", "price": "price"}
    assert (read.items.table, read.items.columns["name"]) == ("goods", "title")
    assert config.parse(tomllib.loads(suggest(url, "orders"))).log.items is None
    with pytest.raises(SourceError, match="no table 'ordrs'; did you mean 'orders'"):
        suggest(url, "ordrs")


def test_a_table_on_a_server_is_looked_at(database, execute):
    execute("CREATE TABLE visits (client_id INTEGER, product_id INTEGER, event_type VARCHAR(20), created_at TIMESTAMP)")
    execute("INSERT INTO visits VALUES (1, 2, 'click', '2024-01-01 10:00:00'), (1, 3, 'add_to_cart', '2024-01-02 10:00:00')")
    read = config.parse(tomllib.loads(suggest(database, "visits"))).log.events[0]
    assert read.columns == {"user_id": "client_id", "item_id": "product_id", "event": "event_type", "timestamp": "created_at"}
    assert read.kinds == {"add_to_cart": "cart", "click": "view"}


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ("user,movie,rating,time", "review"),
        ("user,artist,time", "view"),
        ("user,track,plays,time", "view"),
        ("user,item,quantity,time", "purchase"),
        ("order_id,item,time", "purchase"),
        ("user,item,time", "view"),
    ],
)
def test_ratings_and_music_are_never_purchases(tmp_path, columns, kind):
    lines = [columns]
    for k in range(40):
        known = {"time": f"2024-01-{1 + k % 28:02d}", "rating": "4", "plays": "3", "quantity": "1"}
        lines.append(",".join(known.get(column, f"{column}{k % 6}") for column in columns.split(",")))
    (tmp_path / "log.csv").write_text("\n".join(lines))
    assert tomllib.loads(suggest(tmp_path / "log.csv"))["log"]["events"][0]["event"] == kind


@pytest.mark.parametrize(
    ("dates", "shape"),
    [
        (["1/1/2024", "1/21/2024"], "%m/%d/%Y"),
        (["1/1/2024", "21/1/2024"], "%d/%m/%Y"),
        (["1/1/2024", "1/9/2024", "1/12/2024"], "%m/%d/%Y"),  # eleven days, or eleven months
        (["31.12.2024 10:05"], "%d.%m.%Y %H:%M"),
        (["2024年1月5日 10:02"], "%Y年%m月%d日 %H:%M"),
        (["11/15/2019 8:55:22 AM"], "%m/%d/%Y %I:%M:%S %p"),
        (["1/12/10 8:26", "13/12/10 9:00"], "%d/%m/%y %H:%M"),
        (["20240105"], "%Y%m%d"),
        (["1604000000000000"], "epoch_us"),
        (["2024-01-01", "01/02/2024"], None),
        ([""], None),
    ],
)
def test_what_times_are_written_in(dates, shape):
    assert time_format(dates) == shape


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["visitorid", "itemid", "ts"], {"user_id": "visitorid", "item_id": "itemid", "timestamp": "ts"}),
        (
            ["query_id", "user_query", "client_id", "product_id"],
            {"user_id": "client_id", "item_id": "product_id", "query": "user_query"},
        ),
        (["customerNumber", "productRelated", "orderDate"], {"timestamp": "orderDate"}),
        (
            ["会员编号", "商品编号", "下单时间", "实付金额"],
            {"item_id": "商品编号", "timestamp": "下单时间", "amount": "实付金额"},
        ),
        (
            ["Kundennummer", "Artikelnummer", "Stückpreis"],
            {"user_id": "Kundennummer", "item_id": "Artikelnummer", "price": "Stückpreis"},
        ),
    ],
)
def test_columns_by_their_names(columns, expected):
    values = {"user_query": ["tea"], "query_id": ["1"]}
    numbers = {name: ["1", "2"] for name in columns}
    assert event_columns(numbers | {name: value for name, value in values.items() if name in columns}) == expected


def test_files_of_one_log_that_are_written_in_different_ways_are_sections_of_their_own(tmp_path, run):
    (tmp_path / "a.csv").write_text("session_id\titem_id\ttimestamp\n1\tx\t1700000000\n2\tx\t1700000100\n")
    (tmp_path / "b.tsv").write_text("session_id\titem_id\ttimestamp\n1\ty\t1700000200\n3\ty\t1700600000\n")
    (tmp_path / "c.txt").write_text(suggest(tmp_path), encoding="utf-8")
    read = config.read(tmp_path / "c.txt")
    assert [Path(events.path).name for events in read.log.events] == ["a.csv", "b.tsv"]
    assert read.log.events[0].delimiter == "\t"
    assert read.samples.request == "session"
    collect(read.log, run)
    assert run.read_json("log/collect.json")["rows"] == 4


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04 and more", "is an archive or a workbook"),
        (b"a,b\x00\xff\n1,2\n", "is no text"),
        (b"a,b\n", "header but no rows"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, content, says):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(SourceError, match=says):
        suggest(tmp_path / "x.csv")
