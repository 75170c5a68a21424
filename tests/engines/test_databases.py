"""Databases, on real servers: what is read is what was written, and nothing else can happen."""

import datetime as dt

import pyarrow as pa
import pytest

from assay.engines import databases, urls
from assay.errors import ConfigError, InputError, SourceError
from assay.runs.store import Folder

IDS = ["00123", "ключ", "🛒", "שלום", "a'b\"c", "50%:x"]


@pytest.fixture
def filled(database: str, execute) -> str:
    execute("CREATE TABLE log (id INTEGER, who VARCHAR(50), price DOUBLE PRECISION, at TIMESTAMP NULL)")
    rows = [
        {"id": n, "who": who, "price": None if n == 2 else n + 0.25, "at": dt.datetime(2024, 1, 1 + n, 12)}
        for n, who in enumerate(IDS)
    ]
    execute("INSERT INTO log VALUES (:id, :who, :price, :at)", *rows)
    return database


def read(url: str, **place) -> pa.Table:
    return pa.Table.from_batches(list(databases.stream(url, **place)))


def test_a_table_and_a_query_give_what_was_written(filled):
    table = read(filled, table="log")
    assert table["who"].to_pylist() == IDS
    assert table["id"].type == pa.int64()
    assert table["price"].to_pylist() == [0.25, 1.25, None, 3.25, 4.25, 5.25]
    query = "SELECT id AS n, who FROM log WHERE who LIKE '%:x' OR id > 4 ORDER BY id;"
    assert read(filled, query=query).to_pylist() == [{"n": 5, "who": "50%:x"}]
    assert databases.columns(filled, table="log", query=None) == ["id", "who", "price", "at"]
    assert databases.columns(filled, table=None, query="SELECT id AS n FROM log") == ["n"]


def test_only_rows_beyond_the_watermark_are_read(filled):
    assert read(filled, table="log", grows_by="id", after=3)["id"].to_pylist() == [4, 5]
    assert databases.state(filled, table="log", query=None, grows_by="id") == (6, "5")


def test_batches_are_bounded(filled, monkeypatch):
    monkeypatch.setattr(databases, "BATCH_ROWS", 4)
    assert [batch.num_rows for batch in databases.stream(filled, table="log")] == [4, 2]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM log",
        "SELECT 1; DROP TABLE log",
        "WITH gone AS (DELETE FROM log RETURNING *) SELECT * FROM gone",
        "SELECT * INTO other FROM log",
        "SELECT * FROM log FOR UPDATE",
        "not sql at all (",
        "",
    ],
)
def test_a_query_that_is_no_single_select_is_refused(filled, execute, query):
    with pytest.raises(ConfigError, match="query"):
        read(filled, query=query)
    assert execute("SELECT COUNT(*) FROM log") == [(6,)]


def test_the_transaction_is_read_only(filled):
    with (
        pytest.raises(SourceError, match=r"(?i)read.?only"),
        databases._connection(filled, None) as connection,
    ):
        connection.exec_driver_sql("DELETE FROM log")


@pytest.mark.parametrize("name", ["log; DROP TABLE log", 'log"--', "log`", "lgo", "x.log"])
def test_a_table_that_is_not_there_is_named_and_never_run(filled, execute, name):
    with pytest.raises(SourceError, match="no table"):
        read(filled, table=name)
    assert execute("SELECT COUNT(*) FROM log") == [(6,)]


def test_a_close_name_is_suggested(filled):
    with pytest.raises(SourceError, match="did you mean 'log'"):
        read(filled, table="lgo")


def test_write_replaces_only_what_assay_made(filled, execute):
    rows = pa.table({"user_id": IDS, "value": [1.0, float("nan"), 3.0, 4.0, 5.0, 6.0], "n": list(range(6))})
    for _ in range(2):
        assert databases.write_table(filled, "scores", rows) == 6
        assert execute("SELECT user_id FROM scores ORDER BY n") == [(i,) for i in IDS]
    databases.write_table(filled, "scores", rows.slice(0, 1))
    assert execute("SELECT COUNT(*) FROM scores") == [(1,)]
    with pytest.raises(SourceError, match="not made by Assay"):
        databases.write_table(filled, "log", rows)
    assert execute("SELECT COUNT(*) FROM log") == [(6,)]
    with pytest.raises(ConfigError):
        databases.write_table(filled, "x; DROP TABLE log", rows)


def test_a_failed_write_leaves_the_old_table(filled, execute):
    databases.write_table(filled, "scores", pa.table({"n": [1]}))
    with pytest.raises(InputError):
        databases.write_table(filled, "scores", pa.table({"n": pa.array([2**63], pa.uint64())}))
    assert execute("SELECT n FROM scores") == [(1,)]


@pytest.mark.parametrize("kind", ["mysql", "postgresql"])
def test_passwords_are_in_no_message(kind, monkeypatch):
    url = f"{kind}://nobody:hush-hush@127.0.0.1:1/x?password=hush-hush"
    with pytest.raises(InputError) as caught:
        read(url, table="log")
    assert "hush-hush" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
    monkeypatch.setenv("SHOP_PASSWORD", "hush-hush")
    with pytest.raises(InputError) as caught:
        read(f"{kind}://nobody@127.0.0.1:1/x", table="log", password_env="SHOP_PASSWORD")
    assert "hush-hush" not in str(caught.value)
    assert "hush" not in urls.redact("not a://u:hush-hush@url?x=hush")


def test_bad_urls_say_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'mysql'"):
        read("mysq://x/y", table="t")
    with pytest.raises(ConfigError, match="password_env"):
        read("mysql://x@h/y", table="t", password_env="NOT_SET_ANYWHERE")
    with pytest.raises(SourceError, match="no such file"):
        read(f"sqlite:///{tmp_path}/none.db", table="t")
    assert not (tmp_path / "none.db").exists()


def test_mixed_types_in_a_sqlite_column_name_row_and_value(tmp_path):
    import sqlite3

    path = tmp_path / "x.db"
    with sqlite3.connect(path) as c:
        c.execute("CREATE TABLE t (n)")
        c.executemany("INSERT INTO t VALUES (?)", [(1,)] * 70_000 + [("x",)])
    with pytest.raises(SourceError, match=r"row 70001, column 'n': 'x'"):
        read(f"sqlite:///{path}", table="t")


def test_instants_are_utc_and_times_make_watermarks(filled, execute, tmp_path):
    """A collected database gives the events that were written, and later only those after the last time."""
    from assay import config
    from assay.logs.collect import collect

    columns = {"user_id": "who", "item_id": "id", "timestamp": "at", "price": "price"}
    section = config.Events(url=filled, table="log", grows_by="at", event="view", columns=columns)
    run = Folder(tmp_path / "run")
    collect(config.Log(events=[section]), run)
    last = {"id": 9, "who": "late", "price": 1.0, "at": dt.datetime(2024, 2, 1, 12)}
    execute("INSERT INTO log VALUES (:id, :who, :price, :at)", last)
    collected = collect(config.Log(events=[section]), run)
    table = run.read_table(collected.files[0])
    assert table["user_id"].to_pylist() == [*IDS, "late"]
    assert table["timestamp"].to_pylist()[-1] == dt.datetime(2024, 2, 1, 12, tzinfo=dt.UTC)
    assert table["price"].to_pylist() == [25, 125, None, 325, 425, 525, 100]
    [source] = collected.changes
    assert (source["change"], source["rows_read"]) == ("appended", 1)
    again = Folder(tmp_path / "again")
    collect(config.Log(events=[section]), again)
    assert again.path(collected.files[0]).read_bytes() == run.path(collected.files[0]).read_bytes()


def test_a_database_is_collected_on_from_the_stored_url(database, execute, tmp_path, monkeypatch):
    """A run keeps the URL without its password; with the password from elsewhere only the new rows are read."""
    from assay import config
    from assay.logs.collect import collect, fingerprint

    if not database.startswith("mysql"):
        pytest.skip("SQLite has no passwords, and this PostgreSQL asks for none")
    name = database.rpartition("/")[2]
    execute("CREATE TABLE log (id INT, who VARCHAR(9), at DATETIME)")
    execute("INSERT INTO log VALUES (1, 'a', '2024-01-01'), (2, 'b', '2024-01-02')")
    execute(f"CREATE USER '{name}'@'127.0.0.1' IDENTIFIED BY 'p@ss:w/rd'")
    execute(f"GRANT SELECT ON {name}.* TO '{name}'@'127.0.0.1'")
    try:
        whole = f"mysql://{name}:p%40ss%3Aw%2Frd@127.0.0.1:3306/{name}?charset=utf8mb4"
        columns = {"user_id": "who", "item_id": "id", "timestamp": "at"}
        place = {"table": "log", "grows_by": "id", "event": "view", "columns": columns}
        run = Folder(tmp_path)
        first = config.Log(events=[config.Events(url=whole, **place)])
        collect(first, run)
        stored = urls.redact(whole)
        assert stored == f"mysql://{name}@127.0.0.1:3306/{name}?charset=utf8mb4"
        with pytest.raises(SourceError, match=r"no password is known: .*password_env"):
            collect(config.Log(events=[config.Events(url=stored, **place)]), run)
        monkeypatch.setenv("SHOP_PASSWORD", "p@ss:w/rd")
        later = config.Log(events=[config.Events(url=stored, password_env="SHOP_PASSWORD", **place)])
        assert fingerprint(later) == fingerprint(first)
        before = run.path("log/collect.json").read_bytes()
        assert [change["change"] for change in collect(later, run).changes] == ["unchanged"]
        assert run.path("log/collect.json").read_bytes() == before
        execute("INSERT INTO log VALUES (3, 'c', '2024-01-03')")
        [change] = collect(later, run).changes
        assert (change["change"], change["rows_read"]) == ("appended", 1)
    finally:
        execute(f"DROP USER '{name}'@'127.0.0.1'")


def test_a_server_that_reads_sql_in_its_own_way_gets_no_query(filled):
    other = {"mysql": "sql_mode=ANSI_QUOTES", "postgresql": "options=-c%20standard_conforming_strings%3Doff"}
    kind = filled.partition(":")[0]
    if kind not in other:
        pytest.skip("SQLite has one way")
    url = f"{filled}?{other[kind]}"
    with pytest.raises(ConfigError, match=r"(ANSI_QUOTES|standard_conforming_strings = off).* put it into a view"):
        read(url, query="SELECT id FROM log")
    assert read(url, table="log").num_rows == len(IDS)


def test_a_file_is_never_written_by_a_comment(filled, execute, tmp_path):
    """MariaDB runs the comment; with the rest of the query it would write a file where the server's data lie."""
    if not filled.startswith("mysql"):
        pytest.skip("MySQL's and MariaDB's comments")
    target = tmp_path / "written.txt"
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigError, match="is run by the server"):
        read(filled, query=f"SELECT 1 AS a /*!) AS asked INTO OUTFILE '{target}' */ -- x")
    assert not target.exists()
