"""Files of any dialect, encoding and place are read as they are; what cannot be is named with what to do."""

import gzip
import json
from datetime import datetime

import boto3
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from assay import config
from assay.errors import ConfigError, SourceError
from assay.logs import canonical, sources
from assay.logs.collect import collect
from assay.logs.sources.csv import CsvFile, _Separated
from assay.logs.sources.json_lines import JsonLinesFile
from assay.logs.sources.parquet import ParquetFile
from assay.logs.sources.workbook import Workbook
from assay.logs.suggest import suggest
from assay.testing.sources import SourceTests

ROW = "00123,7,2024-01-01 10:00:00"


def events(section: config.Events) -> pa.Table:
    return pa.Table.from_batches(b for s in sources.open_sources(section) for b in canonical.events(s, section))


class TestTwoCharacters(SourceTests):
    def make(self, folder, names, rows):
        path = folder / "x.dat"
        lines = ["::".join('"' + (v or "").replace('"', '""') + '"' for v in row) for row in [names, *rows]]
        path.write_text("\n".join(lines), encoding="utf-8")
        return CsvFile(path, "::")


class TestAnotherEncoding(SourceTests):
    def make(self, folder, names, rows):
        path = folder / "x.csv.gz"
        lines = [",".join('"' + (v or "").replace('"', '""') + '"' for v in row) for row in [names, *rows]]
        path.write_bytes(gzip.compress("\n".join(lines).encode("utf-16")))
        return CsvFile(path, ",")  # the file's own mark says which


class TestWithoutHeader(SourceTests):
    def make(self, folder, names, rows):
        path = folder / "x.csv"
        path.write_text(
            "\n".join(",".join('"' + (v or "").replace('"', '""') + '"' for v in row) for row in rows), encoding="utf-8"
        )
        return CsvFile(path, ",", names=names)


class TestWorkbook(SourceTests):
    def make(self, folder, names, rows):
        book = openpyxl.Workbook()
        for row in [names, *rows]:
            book.active.append(list(row))
        book.save(folder / "x.xlsx")
        return Workbook(folder / "x.xlsx")


class TestArrayOfJson(SourceTests):
    def make(self, folder, names, rows):
        path = folder / "x.json"
        path.write_text(json.dumps([dict(zip(names, row, strict=True)) for row in rows]), encoding="utf-8")
        return JsonLinesFile(path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(*[st.text(st.characters(exclude_characters="\r\n\x00\x1f", exclude_categories=["Cs"]), min_size=1)] * 2),
        min_size=1,
    ),
    delimiter=st.sampled_from(["::", "||", "aab", "\t|"]),
    block=st.integers(1, 9),
)
def test_a_delimiter_of_several_characters_is_found_wherever_blocks_end(tmp_path, rows, delimiter, block):
    content = "\n".join(delimiter.join(row) for row in rows).encode()
    separated = _Separated(pa.BufferReader(content), delimiter.encode())
    whole = b""
    while part := separated.read(block):
        whole += part
    assert whole == content.replace(delimiter.encode(), b"\x1f")


def test_no_quotes_names_and_the_tail_of_a_grown_file(tmp_path, run):
    path = tmp_path / "x.dat"
    path.write_text('1::a "b::2024-01-01\n', encoding="utf-8")
    section = config.Events(
        path=str(path), format="csv", delimiter="::", quote="", names=["u", "i", "t"], event="view",
        columns={"user_id": "u", "item_id": "i", "timestamp": "t"},
    )  # fmt: skip
    log = config.Log(events=[section])
    assert collect(log, run).changes[0]["rows"] == 1
    with path.open("a", encoding="utf-8") as stream:
        stream.write('2::c"::2024-01-02\n')
    assert collect(log, run).changes == [{"name": str(path), "change": "appended", "rows": 2, "rows_read": 1}]
    assert run.read_table("log/events/part-00000.parquet")["item_id"].to_pylist() == ['a "b', 'c"']
    with pytest.raises(SourceError, match="names gives 2 columns, but the first row has 3"):
        events(section.model_copy(update={"names": ["u", "i"]}))


@pytest.mark.parametrize(
    ("text", "encoding", "likely"),
    [
        ("用户ID,商品名称,价格\n张三,红色杯子,12\n", "gbk", "gb18030"),
        ("用戶,商品名稱\n張三,紅色杯子\n李四,茶壺\n", "big5", "big5"),
        ("пользователь,товар\nИван,чай\nМария,кофе\n", "cp1251", "cp1251"),
        ("Käufer,Artikel\nMüller,Tür\nWeiß,Stühle\n", "cp1252", "cp1252"),
        ("ユーザー,商品\n田中,お茶\n鈴木,コーヒー\n", "shift_jis", "cp932"),
        ("사용자,상품\n김민수,녹차\n", "euc_kr", "cp949"),
    ],
)
def test_the_advice_on_an_encoding_is_right(tmp_path, text, encoding, likely):
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode(encoding))
    header = text.split("\n")[0].split(",")
    with pytest.raises(SourceError, match=f"say encoding = '{likely}' in the config"):
        list(CsvFile(path, ",").read(header))
    table = pa.Table.from_batches(list(CsvFile(path, ",", encoding=likely).read(header[:1])))
    assert table[0].to_pylist() == [line.split(",")[0] for line in text.splitlines()[1:]]


def test_bytes_that_are_not_utf8_deep_in_a_file_are_named(section):
    content = b"u,i,t\n" + (ROW.encode() + b"\n") * 300_000 + "café,1,2024-01-01\n".encode("latin-1")
    with pytest.raises(SourceError, match=r"line 300002 is not UTF-8 \(byte 4 of the line\); say encoding = 'cp1252'"):
        events(section(content))


def test_a_wrong_encoding_is_named(section):
    with pytest.raises(SourceError, match=r"is not gb18030 .*; check encoding in the config"):
        events(section(b"u,i,t\n\xff\xff,1,2024-01-01\n", encoding="gb18030"))
    with pytest.raises(ValueError, match="unknown 'klingon'"):
        section("u,i,t\n", encoding="klingon")


def test_words_for_nothing_are_nulls_and_can_be_said_to_be_ids(section):
    text = "u,i,t,p\n" + "".join(
        f"{word},i1,2024-01-01 10:00:0{k},NaN\n" for k, word in enumerate(["NA", "NULL", r"\N", "nan", "None", ""])
    )
    table = events(section(text, columns={"price": "p"}))
    assert table["user_id"].to_pylist() == [None] * 6
    assert table["price"].to_pylist() == [None] * 6
    table = events(section(text, null_words=["nan", "NaN"], columns={"price": "p"}))
    assert table["user_id"].to_pylist() == ["NA", "NULL", r"\N", None, "None", None]


def test_a_decimal_comma(section):
    table = events(section(f"u;i;t;p\n{ROW.replace(',', ';')};1.234,50\n", columns={"price": "p"}, delimiter=";", decimal=","))
    assert table["price"].to_pylist() == [123450]
    with pytest.raises(SourceError, match="or say decimal = ',' in the config"):
        events(section(f"u;i;t;p\n{ROW.replace(',', ';')};1,50\n", columns={"price": "p"}, delimiter=";"))


@pytest.mark.parametrize(
    ("time", "shape", "expected"),
    [
        ("1704067200000000", "epoch_us", "2024-01-01T00:00"),
        ("1704067200000000000", "epoch_ns", "2024-01-01T00:00"),
        ("31.12.2024 23:59", "%d.%m.%Y %H:%M", "2024-12-31T23:59"),
        ("11/15/2019 8:55:22 PM", "%m/%d/%Y %I:%M:%S %p", "2019-11-15T20:55"),
        ("2024年1月5日", "%Y年%m月%d日", "2024-01-05T00:00"),
    ],
)
def test_times_as_tools_write_them(section, time, shape, expected):
    assert events(section(f"u,i,t\na,b,{time}\n", time_format=shape))["timestamp"][0].as_py().isoformat()[:16] == expected


@pytest.mark.parametrize(("shape", "says"), [("%d/%m/%", "cannot be read by"), ("epoch", "did you mean 'epoch_")])
def test_a_format_of_times_that_is_none_is_named(section, shape, says):
    with pytest.raises(ConfigError, match=says):
        events(section(f"u,i,t\n{ROW}\n", time_format=shape))


def test_nested_fields_are_named_by_their_paths(tmp_path):
    rows = [{"who": {"id": "u1", "a.b": 1}, "what": [1, 2], "t": "2024-01-01", "x.y": "flat"}, {"who": None, "t": "2024-01-02"}]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for source in (JsonLinesFile(tmp_path / "x.jsonl"), as_parquet(tmp_path / "x.parquet", rows)):
        assert source.columns()[0] == "who.id"
        table = pa.Table.from_batches(list(source.read(["who.id", "x.y"])))
        assert [column.to_pylist() for column in table.columns] == [["u1", None], ["flat", None]]
        with pytest.raises(SourceError, match=r"no column 'who.idd'; did you mean 'who.id'"):
            list(source.read(["who.idd"]))


def as_parquet(path, rows):
    pq.write_table(pa.Table.from_pylist(rows), path)
    return ParquetFile(path)


def test_text_in_parquet_that_is_not_utf8_is_named(tmp_path):
    raw = pa.array([b"a", b"b\xff"], pa.binary())
    bad = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    pq.write_table(pa.table({"u": bad}), tmp_path / "x.parquet")
    with pytest.raises(SourceError, match=r"row 2, column 'u': the text is not UTF-8"):
        list(ParquetFile(tmp_path / "x.parquet").read(["u"]))


def test_a_lone_carriage_return_in_a_field_is_kept_in_quotes_and_named_without(section):
    table = events(section(f'u,i,t\n"a\rb",7,2024-01-01\n{ROW}\n'))
    assert table["user_id"].to_pylist() == ["a\rb", "00123"]
    with pytest.raises(SourceError, match=r"row \d (has|cannot)"):
        events(section(f"u,i,t\n{ROW}\na\rb,7,2024-01-01\n"))


def test_a_workbook_gives_whole_numbers_and_times_as_text(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["u", "i", "t", "n"])
    book.active.append([1.0, "a", datetime(2024, 1, 1, 10, 30), 2.5])
    book.active.append([None, None, None, None])
    book.create_sheet("more").append(["other"])
    book.save(tmp_path / "x.xlsx")
    table = pa.Table.from_batches(list(Workbook(tmp_path / "x.xlsx").read(["u", "t", "n"])))
    assert [column.to_pylist() for column in table.columns] == [["1"], ["2024-01-01 10:30:00"], ["2.5"]]
    assert Workbook(tmp_path / "x.xlsx", sheet="more").columns() == ["other"]
    with pytest.raises(ConfigError, match="no sheet 'mor'; did you mean 'more'"):
        Workbook(tmp_path / "x.xlsx", sheet="mor").columns()
    (tmp_path / "y.xlsx").write_bytes(b"PK\x03\x04 no book")
    with pytest.raises(SourceError, match=r"y\.xlsx: cannot be read"):
        Workbook(tmp_path / "y.xlsx").columns()


COLUMNS = {"user_id": "u", "item_id": "i", "timestamp": "t"}


class TestSelection:
    def section(self, folder, sql, **more):
        (folder / "orders.csv").write_text("id,u,t\n1,a,2024-01-01\n2,b,2024-01-02\n", encoding="utf-8")
        (folder / "lines.csv").write_text("id,i\n1,tea\n2,tea\n1,pot\n", encoding="utf-8")
        return config.Events(
            path=[str(folder / "orders.csv"), str(folder / "lines.csv")], sql=sql, event="purchase", columns=COLUMNS, **more
        )

    def test_files_are_tables_and_rows_come_in_order_of_their_values(self, tmp_path):
        table = events(self.section(tmp_path, "SELECT u, i, t FROM lines JOIN orders USING (id)"))
        assert list(zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True)) == [
            ("a", "pot"),
            ("a", "tea"),
            ("b", "tea"),
        ]
        together = events(self.section(tmp_path, "SELECT u, 'x' AS i, t FROM files WHERE u IS NOT NULL"))
        assert len(together) == 2

    @pytest.mark.parametrize(
        ("sql", "says"),
        [
            ("DROP TABLE orders", "not one SELECT"),
            ("SELECT 1 AS u; SELECT 2 AS u", "not one SELECT"),
            ("COPY orders TO '/tmp/x.csv'", "not one SELECT"),
            ("SELECT * FROM read_csv('/etc/passwd')", "file system operations are disabled|Permission"),
            ("SELECT getenv('HOME') AS u", "check sql in the config"),
            ("SELECT nothing FROM orders", "nothing"),
            ("SELECT u, t FROM orders", "no column 'i'"),
            ("SELEC", "check sql in the config"),
        ],
    )
    def test_what_is_no_select_over_these_files_is_refused(self, tmp_path, sql, says):
        with pytest.raises((SourceError, ConfigError), match=says):
            events(self.section(tmp_path, sql))

    def test_it_is_read_again_when_a_file_changed_and_only_then(self, tmp_path, run):
        section = self.section(tmp_path, "SELECT u, i, t FROM lines JOIN orders USING (id)")
        log = config.Log(events=[section])
        assert [collect(log, run).changes[0]["change"] for _ in range(2)] == ["new", "unchanged"]
        with (tmp_path / "lines.csv").open("a") as stream:
            stream.write("2,pot\n")
        [change] = collect(log, run).changes
        assert (change["change"], change["rows"], change["rows_read"]) == ("changed", 4, 4)
        assert run.read_table("log/events/part-00000.parquet").num_rows == 4

    def test_other_encodings_and_dialects(self, tmp_path):
        (tmp_path / "x.csv").write_bytes("张三;1;2024-01-01\n".encode("gbk"))
        section = config.Events(
            path=str(tmp_path / "x.csv"), sql="SELECT upper(u) AS u, i, t FROM x", delimiter=";", names=["u", "i", "t"],
            encoding="gbk", event="view", columns=COLUMNS,
        )  # fmt: skip
        assert events(section)["user_id"].to_pylist() == ["张三"]


@pytest.fixture(scope="module")
def store():
    """A local server that speaks S3, with one bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y"
    )
    client.create_bucket(Bucket="shop")
    yield client, f"?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
    server.stop()


class TestObjects:
    @pytest.fixture(autouse=True)
    def credentials(self, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def test_objects_are_read_like_files(self, store, run, tmp_path):
        client, settings_of_store = store
        client.put_object(Bucket="shop", Key="log/a.csv", Body=f"u,i,t\n{ROW}\n".encode())
        client.put_object(Bucket="shop", Key="log/b.csv.gz", Body=gzip.compress(f"u,i,t\n{ROW}\n{ROW}\n".encode()))
        pq.write_table(pa.table({"u": ["x"], "i": ["y"], "t": [datetime(2024, 1, 1)]}), tmp_path / "c.parquet")
        client.upload_file(str(tmp_path / "c.parquet"), "shop", "other/c.parquet")
        sections = [
            config.Events(path=f"s3://shop/{key}{settings_of_store}", event="view", columns=COLUMNS)
            for key in ("log/*.csv*", "other/c.parquet")
        ]
        collected = collect(config.Log(events=sections), run)
        assert [(change["change"], change["rows"]) for change in collected.changes] == [("new", 1), ("new", 2), ("new", 1)]
        assert {change["change"] for change in collect(config.Log(events=sections), run).changes} == {"unchanged"}
        client.put_object(Bucket="shop", Key="log/a.csv", Body=f"u,i,t\n{ROW}\n{ROW}\n{ROW}\n".encode())
        assert [change["rows"] for change in collect(config.Log(events=sections), run).changes] == [3, 2, 1]

    def test_sql_workbooks_and_init_read_objects_too(self, store, tmp_path):
        client, settings_of_store = store
        client.put_object(Bucket="shop", Key="s/a.csv", Body=f"u,i,t\n{ROW}\n".encode())
        path = f"s3://shop/s/a.csv{settings_of_store}"
        assert len(events(config.Events(path=path, sql="SELECT * FROM a", event="view", columns=COLUMNS))) == 1
        client.put_object(Bucket="shop", Key="i/log.csv", Body=b"user_id,item_id,timestamp\na,b,2024-01-01 10:00:00\n")
        assert 'user_id = "user_id"' in suggest(f"s3://shop/i/log.csv{settings_of_store}")

    def test_what_is_not_there_is_named(self, store):
        _, settings_of_store = store
        for key, says in (("none.csv", "no such file"), ("none/*.csv", "no file matches")):
            with pytest.raises(SourceError, match=says):
                events(config.Events(path=f"s3://shop/{key}{settings_of_store}", event="view", columns=COLUMNS))
        with pytest.raises(ValueError, match="write a database's address as url"):
            config.Events(path="ftp://x/y.csv", event="view", columns=COLUMNS)
