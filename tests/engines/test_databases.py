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


@pytest.mark.parametrize(
    "table", ["recs-2024", "2024recs", "", "a.b", "r" * 44, "assay_tables", "Assay_Tables", "x; DROP TABLE log", "é"]
)
def test_an_output_table_s_name_is_checked_without_a_database(table):
    with pytest.raises(ConfigError, match=r"table .*use at most 43 letters, digits and underscores"):
        databases.check_output("postgresql://nobody@127.0.0.1:1/x", table)


def test_an_output_that_can_be_written_is_left_as_it_was(database, execute):
    databases.check_output(database, "r" * 43)
    databases.check_output(database, "scores")
    with pytest.raises(SourceError, match="no table 'scores'"):
        read(database, table="scores")
    databases.write_table(database, "scores", pa.table({"n": [1, 2]}))
    databases.write_table(database, "scores_values", pa.table({"n": [3]}))
    databases.check_output(database, "scores")
    assert execute("SELECT n FROM scores ORDER BY n") == [(1,), (2,)]
    assert execute("SELECT n FROM scores_values") == [(3,)]


@pytest.mark.parametrize("name", ["best", "best_values", "best__assay_new", "best_values__assay_old"])
@pytest.mark.parametrize("kind", ["TABLE {} (note TEXT)", "VIEW {} AS SELECT 'mine' AS note"])
def test_an_output_table_of_another_s_is_refused(database, execute, name, kind):
    execute(f"CREATE {kind.format(name)}")
    with pytest.raises(SourceError, match=rf"table '{name}' was not made by Assay; pick another name; nothing was written"):
        databases.check_output(database, "best")


def test_a_table_made_after_the_check_is_not_taken_for_assay_s(database, execute):
    databases.check_output(database, "best")
    execute("CREATE TABLE best (note VARCHAR(9))")
    execute("INSERT INTO best VALUES ('mine')")
    with pytest.raises(SourceError, match="not made by Assay"):
        databases.write_table(database, "best", pa.table({"n": [1]}))
    assert execute("SELECT note FROM best") == [("mine",)]


def test_a_name_that_differs_in_case_is_the_same_table_in_sqlite(tmp_path):
    url = f"sqlite:///{tmp_path}/x.db"
    databases.write_table(url, "Best", pa.table({"n": [1]}))
    databases.check_output(url, "best")
    databases.write_table(url, "best", pa.table({"n": [2]}))
    assert read(url, table="best")["n"].to_pylist() == [2]


def test_outputs_that_cannot_be_reached_or_written_are_said(database, execute, tmp_path):
    if database.startswith("sqlite"):
        with pytest.raises(SourceError, match=r"there is no folder .*none; make it"):
            databases.check_output(f"sqlite:///{tmp_path}/none/x.db", "best")
        databases.check_output(f"sqlite:///{tmp_path}/new.db", "best")
        assert not (tmp_path / "new.db").exists()
        (tmp_path / "text.db").write_text("no database, but long enough to be read as one " * 20)
        with pytest.raises(SourceError, match="not a database"):
            databases.check_output(f"sqlite:///{tmp_path}/text.db", "best")
        return
    home, _, name = database.rpartition("/")
    with pytest.raises(SourceError, match=r"no_such_db.*nothing was written. Check url"):
        databases.check_output(f"{home}/no_such_db", "best")
    with pytest.raises(SourceError, match="refused"):
        databases.check_output(f"{home.replace(':3306', ':1').replace(':5432', ':1')}/{name}", "best")
    user = f"{name}_r"
    mysql = database.startswith("mysql")
    account = f"'{user}'@'127.0.0.1'" if mysql else user
    execute(f"CREATE USER {account}")
    try:
        execute(
            f"GRANT SELECT, CREATE, INSERT, DROP ON {name}.* TO {account}"
            if mysql
            else f"GRANT CONNECT ON DATABASE {name} TO {user}"
        )
        with pytest.raises(SourceError, match=r"(?i)denied.*Check url"):
            databases.check_output(database.replace("root@", f"{user}@"), "best")
    finally:
        execute(f"DROP USER {account}" if mysql else f"REVOKE ALL ON DATABASE {name} FROM {user}")
        if not mysql:
            execute(f"DROP USER {user}")
