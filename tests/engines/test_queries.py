"""A query that is written again selects what its own text would have; what may do more than compute is refused."""

import re
from collections.abc import Callable
from pathlib import Path

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from assay.engines.functions import HARMLESS
from assay.engines.queries import one_select
from assay.errors import ConfigError

ROWS = {
    "mysql": """CREATE TABLE log (id INT, who VARCHAR(50), price DOUBLE, exact DECIMAL(9, 2), at DATETIME, day DATE,
        page TEXT, flag BOOL) CHARACTER SET utf8mb4""",
    "postgresql": """CREATE TABLE log (id INT, who VARCHAR(50), price DOUBLE PRECISION, exact NUMERIC(9, 2), at TIMESTAMP,
        day DATE, page JSONB, flag BOOL, many INT[], "Odd ""Name" TEXT)""",
    "sqlite": "CREATE TABLE log (id INT, who TEXT, price DOUBLE, exact DECIMAL(9, 2), at TEXT, day DATE, page TEXT, flag BOOL)",
}
VALUES = (
    (1, "a'b\\c", 0.25, "1.10", "2024-01-01 10:20:30", "2024-01-01", '{"a": [1, 2, "x"]}', True),
    (2, "Zoë 🛒", None, "2.25", "2024-02-29 23:59:59", "2024-02-29", None, False),
    (3, None, 3.5, None, None, None, "{}", None),
    (4, "50%:x", 1e30, "-7.50", "1999-12-31 00:00:00", "1999-12-31", "[1]", True),
)
QUERIES = Path(__file__).parent / "queries"  # one a line: every.sql for all databases, and those of each


def kind_of(url: str) -> str:
    return url.partition(":")[0]


@pytest.fixture
def results(database: str, execute: Callable):
    """What a SELECT gives on a log of four rows: rows with their types, and the driver's codes of the columns."""
    kind = kind_of(database)
    execute(ROWS[kind])
    names = ("id", "who", "price", "exact", "at", "day", "page", "flag")
    types = {"at": "TIMESTAMP", "day": "DATE", "page": "JSONB"} if kind == "postgresql" else {}
    marks = ", ".join(f"CAST(:{name} AS {types[name]})" if name in types else f":{name}" for name in names)
    execute(f"INSERT INTO log ({', '.join(names)}) VALUES ({marks})", *(dict(zip(names, row, strict=True)) for row in VALUES))
    if kind == "postgresql":
        execute("UPDATE log SET many = ARRAY[id, 2]")
    driver = {"mysql": "mysql+pymysql", "postgresql": "postgresql+psycopg"}
    engine = sa.create_engine(database.replace(kind, driver.get(kind, kind), 1), poolclass=sa.NullPool)
    with engine.connect() as connection:

        def run(sql: str) -> tuple[list[str], list[object]]:
            result = connection.execute(sa.text(re.sub(r"(?<!\\):", r"\\:", sql)))
            assert result.cursor is not None
            codes = [column[1] for column in result.cursor.description]
            return [repr(row) for row in result], codes

        yield kind, run


def test_ordinary_queries_select_the_same(results):
    kind, run = results
    for name in ("every", kind):
        for query in (QUERIES / f"{name}.sql").read_text(encoding="utf-8").splitlines():
            assert run(one_select(query, kind)) == run(query), query


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
PIECES = st.sampled_from(["'", '"', "\\", "`", "--", "/*", "*/", "#", ";", "%", ":x", "$$", "\n", "E'", "{"])
GAP = st.sampled_from([" ", " /* why */ ", "\n-- so\n"])
# What an expression is made of, by what it is: number (n), text (t) or truth (b).
LEAVES = {"n": ["id", "price", "exact", "1", "2.50", "0"], "t": ["who", "NULL"], "b": ["flag", "id < 3"]}
SHAPES = {
    "n": ["({n} +{gap}{n})", "({n} - {n})", "{n} *{gap}{n}", "-({n})", "coalesce({n}, {n})", "length({t})"],
    "t": ["CASE WHEN {b} THEN {t} ELSE {t} END", "coalesce({t},{gap}upper({t}))", "concat({t}, {t})", "({t})"],
    "b": ["{n} < {n}", "{n}{gap}<> {n}", "({t}) = {t}", "({b}) AND NOT ({b})", "({b}) OR {b}", "{n} IN (1, {n})"],
}


def literal(draw: st.DrawFn, kind: str) -> str:
    """A text as SQL: any characters, those among them that quote, escape and comment."""
    text = "".join(draw(st.lists(TEXTS | PIECES, max_size=4))).replace("'", "''")
    return "'" + (text.replace("\\", "\\\\") if kind == "mysql" else text) + "'"


def expression(draw: st.DrawFn, kind: str, of: str, depth: int) -> str:
    if depth == 0:
        leaf = draw(st.sampled_from(["literal", *LEAVES[of]] if of == "t" else LEAVES[of]))
        return literal(draw, kind) if leaf == "literal" else leaf
    shape = draw(st.sampled_from(SHAPES[of]))
    if kind == "sqlite":
        shape = shape.replace("concat({t}, {t})", "({t} || {t})")
    filled = re.sub(r"\{([ntb])\}", lambda slot: expression(draw, kind, slot[1], depth - 1), shape)
    return filled.replace("{gap}", draw(GAP))


@st.composite
def selects(draw: st.DrawFn, kind: str) -> str:
    quote = "`" if kind == "mysql" else '"'
    letters = st.characters(max_codepoint=0xFFFF, categories=["L", "N", "P"], exclude_characters=".:%" + quote)
    columns = []
    for n, of in enumerate(draw(st.lists(st.sampled_from("ntb"), min_size=1, max_size=3))):
        name = f"c{n} {draw(st.text(letters, max_size=4))}c"
        columns.append(f"{expression(draw, kind, of, draw(st.integers(0, 3)))} AS {quote}{name}{quote}")
    sql = f"SELECT {', '.join(columns)} FROM log WHERE {expression(draw, kind, 'b', 2)} ORDER BY id"
    return f"WITH log AS (SELECT * FROM log WHERE id > 1) {sql} LIMIT 2" if kind == "postgresql" and draw(st.booleans()) else sql


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_was_read_and_written_again_selects_the_same(results, data):
    kind, run = results
    query = data.draw(selects(kind))
    assert run(one_select(query, kind)) == run(query)


HARMFUL = """
lo_import lo_export lo_unlink loread pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file pg_reload_conf pg_rotate_logfile
pg_advisory_lock pg_advisory_xact_lock_shared pg_try_advisory_lock set_config pg_terminate_backend pg_cancel_backend dblink
dblink_exec nextval setval pg_sleep pg_sleep_for pg_notify query_to_xml database_to_xml ts_stat crosstab setseed load_file
get_lock release_lock release_all_locks is_free_lock sleep benchmark master_pos_wait sys_exec load_extension readfile writefile
edit fts3_tokenizer my_own_function
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", HARMLESS)
@pytest.mark.parametrize("name", HARMFUL.split())
def test_functions_that_do_more_than_compute_are_refused(kind, name):
    quote = "`" if kind == "mysql" else '"'
    calls = [f"{name}('x', 1)", f"{name.upper()} ('x')", f"{quote}{name}{quote}('x')", f"{name}/* */('x')"]
    calls += [f"pg_catalog.{name}('x')", f"PG_CATALOG.{quote}{name}{quote}('x')", f"shop.{name}('x')"]
    for call in calls:
        for query in (
            f"SELECT {call}",
            f"SELECT id FROM log WHERE id = 1 OR {call} IS NULL",
            f"SELECT count(*) FROM log GROUP BY coalesce(({call}), 1) ORDER BY upper({call})",
            f"WITH x AS (SELECT {call} AS a) SELECT a FROM x",
            f"SELECT * FROM log JOIN (SELECT {call} AS a) b ON true",
            f"SELECT 1 UNION SELECT {call}",
            f"SELECT CASE WHEN {call} = 1 THEN 1 END, row_number() OVER (ORDER BY {call})",
        ):
            with pytest.raises(ConfigError, match=rf"(?i)function '(pg_catalog\.|shop\.)?{name}' may do more"):
                one_select(query, kind)
    if kind == "postgresql":
        for place in (f"{name}('x')", f"pg_catalog.{name}('x') AS t(a)", f"LATERAL {name}('x') f", f"ROWS FROM ({name}('x'))"):
            with pytest.raises(ConfigError, match="may do more"):
                one_select(f"SELECT * FROM {place}", kind)


# Places of an expression that have a syntax of their own, by database; {f} is a call that does more than compute.
WITHIN = {
    "mysql": """
CAST({f} AS CHAR) | GROUP_CONCAT({f} SEPARATOR ',') | EXTRACT(YEAR FROM {f}) | SUBSTRING({f} FROM 1) | TRIM({f} FROM 'a')
CHAR(1, {f} USING utf8) | (SELECT a FROM JSON_TABLE({f}, '$[*]' COLUMNS(a INT PATH '$')) j) | now() + INTERVAL {f} DAY
CONVERT({f}, CHAR) | CONVERT({f} USING utf8) | POSITION({f} IN 'a') | JSON_VALUE({f}, '$') | JSON_OBJECTAGG('a', {f})
sum(1) OVER (PARTITION BY {f}) | @a := {f} | IF({f}, 1, 2) | who REGEXP {f} | BINARY {f} | {f} DIV 2 | count(DISTINCT {f})
""",
    "postgresql": """
{f}::text | ({f}).x | ARRAY[{f}] | (ARRAY[1])[{f}] | {f} AT TIME ZONE 'UTC' | now() AT TIME ZONE {f} | 1 = ANY({f})
count(*) FILTER (WHERE {f} IS NULL) | string_agg(who, ',' ORDER BY {f}) | percentile_cont({f}) WITHIN GROUP (ORDER BY id)
OVERLAY({f} PLACING 'x' FROM 1) | XMLELEMENT(NAME foo, {f}) | EXTRACT(epoch FROM {f}) | make_interval(days => {f}) | ROW({f})
lower(VARIADIC {f}) | id OPERATOR(pg_catalog.+) {f} | page -> {f} | page ? {f} | ARRAY(SELECT {f}) | {f} IS DISTINCT FROM 1
(SELECT x FROM LATERAL (SELECT {f} AS x) q) | (SELECT a FROM (VALUES ({f})) AS v(a)) | (SELECT u FROM unnest({f}) AS u)
""",
    "sqlite": """
CAST({f} AS TEXT) | group_concat({f}, ',') | who GLOB {f} | {f} -> '$' | who COLLATE NOCASE = {f} | {f} ISNULL
total(1) FILTER (WHERE {f}) | iif({f}, 1, 2) | 1 IN ({f})
""",
}


@pytest.mark.parametrize(("kind", "name"), [("mysql", "sleep"), ("postgresql", "pg_sleep"), ("sqlite", "readfile")])
def test_a_call_is_found_wherever_it_stands(kind, name):
    for place in WITHIN[kind].strip().replace("\n", " | ").split(" | "):
        with pytest.raises(ConfigError, match=f"function '{name}' may do more"):
            one_select(f"SELECT {place.replace('{f}', name + '(1)')} AS a FROM log", kind)
    for tail in (
        "LIMIT {f}",
        "OFFSET {f}",
        "GROUP BY {f}",
        "HAVING {f} > 1",
        "WINDOW w AS (ORDER BY {f})",
        "JOIN log b ON {f} = 1",
    ):
        with pytest.raises(ConfigError, match=f"function '{name}' may do more"):
            one_select(f"SELECT count(*) FROM log {tail.replace('{f}', name + '(1)')}", kind)


@pytest.mark.parametrize("kind", HARMLESS)
@pytest.mark.parametrize("call", ["shop.lower(who)", "shop.count(*)", '"LOWER"(who)', "`LOWER`(who)"])
def test_a_function_of_somebody_s_own_is_not_taken_for_one_of_the_database_s(kind, call):
    if ("`" in call) != (kind == "mysql") and ("`" in call or '"' in call):
        call = "shop.upper(who)"
    with pytest.raises(ConfigError, match="may do more"):
        one_select(f"SELECT {call} FROM log", kind)
    if kind == "postgresql":
        with pytest.raises(ConfigError, match="may do more"):
            one_select("SELECT * FROM shop.generate_series(1, 2)", kind)


@pytest.mark.parametrize("kind", HARMLESS)
@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 AS a /*!) AS asked INTO OUTFILE 'x.txt' */ -- x",
        "SELECT 1 AS a /*M!) AS asked INTO OUTFILE 'x.txt' */ -- x",
        "SELECT 1 /*!50000 , sleep(1) */",
        "/*! SELECT 1; */ SELECT 2",
        "SELECT 1 /* a */ /*!*/",
        "SELECT 'x' FROM log WHERE id IN (1, /*M!100100 2, */ 3)",
    ],
)
def test_comments_that_a_server_runs_are_refused(kind, query):
    with pytest.raises(ConfigError, match=r"/\*! or /\*M! is run by the server"):
        one_select(query, kind)


@pytest.mark.parametrize("kind", HARMLESS)
@pytest.mark.parametrize(
    "query",
    [
        "SELECT id INTO OUTFILE 'x.txt' FROM log",
        "SELECT id FROM log INTO OUTFILE 'x.txt'",
        "SELECT id FROM log INTO DUMPFILE 'x.txt'",
        "SELECT id INTO other FROM log",
        "SELECT id FROM log FOR UPDATE",
        "SELECT id FROM log LOCK IN SHARE MODE",
        "SELECT id FROM log FOR NO KEY UPDATE SKIP LOCKED",
        "SELECT * FROM (SELECT id FROM log FOR SHARE) AS x",
        "WITH gone AS (DELETE FROM log RETURNING *) SELECT * FROM gone",
        "WITH a AS (UPDATE log SET id = 1 RETURNING *) SELECT * FROM a",
        "WITH a AS (INSERT INTO log VALUES (1) RETURNING *) SELECT * FROM a",
        "WITH a AS (SELECT 1) INSERT INTO log SELECT * FROM a",
        "SELECT NEXT VALUE FOR numbers",
        "SELECT 1; SELECT 2",
        "CREATE TABLE x AS SELECT 1",
        "CALL clean()",
        "COPY log TO 'x'",
        "SET a = 1",
        "PRAGMA writable_schema = 1",
        "ATTACH 'x.db' AS x",
        "EXPLAIN ANALYZE SELECT 1",
        "REPLACE INTO log VALUES (1)",
        "-- nothing",
    ],
)
def test_what_is_no_plain_select_is_refused(kind, query):
    with pytest.raises(ConfigError, match="query: "):
        one_select(query, kind)


def test_comments_and_hints_do_not_reach_a_server():
    written = one_select("SELECT /*+ SET_VAR(sort_buffer_size = 1) */ 1 /* a */ AS a -- b\n# c\n", "mysql")
    assert written == "SELECT 1 AS a"


@pytest.mark.database
def test_postgresql_itself_says_that_the_functions_only_compute(database: str, execute: Callable):
    """A volatile function may do anything; of those that are called here it only gives other values each time."""
    if kind_of(database) != "postgresql":
        pytest.skip("PostgreSQL's own catalogue")
    names = ", ".join(f"'{name}'" for name in HARMLESS["postgresql"])
    volatile = execute(f"SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'v' AND proname IN ({names})")
    assert {name for (name,) in volatile} <= {"random", "random_normal", "clock_timestamp", "timeofday", "gen_random_uuid"}


def test_sqlite_itself_does_not_keep_the_functions_from_queries():
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        listed = connection.exec_driver_sql("SELECT name FROM pragma_function_list WHERE flags & 0x80000").scalars().all()
    assert "load_extension" in listed  # SQLITE_DIRECTONLY: has side effects
    assert not HARMLESS["sqlite"] & set(listed)
