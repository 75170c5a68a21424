"""Cleaning: every step against what a loop in Python says, and SQL that Spark reads too."""

import datetime as dt
import re
from importlib.resources import files

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay import config
from assay.errors import ConfigError, InputError
from assay.finished import Finished
from assay.logs import canonical
from assay.logs.cleaning import clean
from assay.runs.store import write_json, write_parquet

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
USERS = ["00123", "ключ", "🛒", "שלום"]


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def event(user="u", item="i", seconds=0.0, kind="purchase", **more) -> dict:
    return {"user_id": user, "item_id": item, "timestamp": at(seconds), "event": kind, **more}


def cleaned(run: Finished, rows: list[dict], **limits) -> tuple[list[dict], list[tuple[int, str, str]]]:
    """Events that stay, and (event_id, step, reason) of those that do not."""
    schema = canonical.schema(pa.string(), pa.string())
    table = pa.Table.from_pylist(rows, schema)
    write_parquet(run.path("log/events/part-00000.parquet"), table)
    source = {"name": "log", "section": "", "part": "log/events/part-00000.parquet", "part_sha256": "", "rows": len(rows)}
    write_json(
        run.path("log/collect.json"), {"rows": len(rows), "time_zone": "Asia/Tokyo", "minor_units": 2, "sources": [source]}
    )
    clean(config.Clean(**({"most_lost": 1.0} | limits)), run)
    rejected = run.read_table("clean/rejected.parquet").to_pylist()
    return (
        run.read_table("clean/events.parquet").to_pylist(),
        [(r["event_id"], r["step"], r["reason"]) for r in rejected],
    )


def ids(events: list[dict]) -> list[int]:
    return sorted(row["event_id"] for row in events)


GOOD = event(user="good", item="good", seconds=10**6)


@pytest.mark.parametrize("name", sorted(f.name for f in files("assay.logs.clean").iterdir() if f.name.endswith(".sql")))
def test_every_step_is_sql_that_spark_reads(name):
    text = files("assay.logs.clean").joinpath(name).read_text(encoding="utf-8")
    [spark] = sqlglot.transpile(text, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
    assert sqlglot.parse_one(spark, dialect="spark")
    assert not re.search(r"ASOF|QUALIFY|MACRO|LIST_\w+\s*\(", text.upper())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"user_id": None}, "no user id"),
        ({"user_id": " "}, "no user id"),
        ({"item_id": ""}, "no item id"),
        ({"event": "bought"}, "unknown kind"),
        ({"event": None}, "no kind of event"),
        ({"timestamp": None}, "no readable time"),
        ({"timestamp": dt.datetime(1970, 1, 1, tzinfo=dt.UTC)}, "earliest"),
        ({"timestamp": dt.datetime(2261, 1, 1, tzinfo=dt.UTC)}, "future"),
        ({"price": -1}, "min_price"),
        ({"price": canonical.NOT_A_NUMBER}, "no number"),
        ({"price": canonical.TOO_LARGE}, "max_price"),
        ({"quantity": 0.0}, "quantity is 0"),
        ({"quantity": float("nan")}, "quantity is no number"),
        ({"quantity": float("inf")}, "quantity"),
        ({"quantity": 10_001.0}, "max_quantity"),
        ({"quantity": -1.0, "event": "cart"}, "negative"),
        ({"position": 0}, "position"),
        ({"propensity": 1.5}, "propensity"),
        ({"quantity": -1.0}, "return without a purchase"),
        ({"event": "return"}, "return without a purchase"),
    ],
)
def test_what_cannot_be_is_taken_out_with_its_reason(run, change, reason):
    kept, rejected = cleaned(run, [event() | change, GOOD])
    assert ids(kept) == [1]
    assert [r[0] for r in rejected] == [0]
    assert reason in rejected[0][2]


def test_searches_need_no_item_and_nulls_are_not_impossible(run):
    kept, rejected = cleaned(run, [event(item=None, kind="search", query="чай"), event(quantity=None, price=None)])
    assert rejected == []
    assert {row["item_code"] for row in kept} == {None, 0}


def test_what_is_sold_by_volume_may_have_large_quantities(run):
    fuel = [event(item="fuel", seconds=n * 1e5, quantity=q) for n, q in enumerate([9_000.0, 12_000.0, 30_000.0])]
    kept, rejected = cleaned(run, [*fuel, event(item="egg", quantity=12.0), event(item="egg", seconds=9e5, quantity=99_999.0)])
    assert ids(kept) == [0, 1, 2, 3]
    assert rejected[0][0] == 4


def test_duplicates_and_repeats(run):
    rows = [
        event(quantity=1.0, price=5, session_id="a"),
        event(quantity=1.0, price=5, session_id="a"),  # equal: a duplicate
        event(seconds=1, quantity=1.0, price=5, session_id="a"),  # a repeat
        event(seconds=1, session_id="b"),  # another session
        event(seconds=4, session_id="a"),  # late enough
        event(seconds=1, item="j", session_id="a"),  # another line of the basket
        event(seconds=0, kind="view", session_id="a"),
    ]
    kept, rejected = cleaned(run, rows)
    assert ids(kept) == [0, 3, 4, 5, 6]
    assert [(r[0], r[1]) for r in rejected] == [(1, "duplicates"), (2, "repeats")]
    kept, rejected = cleaned(run, rows, repeat_seconds=0, duplicates=False)
    assert [(r[0], r[1]) for r in rejected] == [(1, "lines")]  # an order's line that is there twice is two lines
    assert kept[0]["quantity"] == 2.0


def test_where_times_are_whole_minutes_a_row_like_another_is_another_event(run):
    views = [event(kind="view"), event(kind="view"), event(user="v", seconds=60)]
    lines = [event(user="v", seconds=60)]
    kept, rejected = cleaned(run, [*views, *lines])
    assert ids(kept) == [0, 1, 2]
    assert [(row["event_id"], row["quantity"]) for row in kept if row["event"] == "purchase"] == [(2, 2.0)]
    assert [(r[0], r[1]) for r in rejected] == [(3, "lines")]
    assert {(r[0], r[1]) for r in cleaned(run, [*views, *lines], duplicates=True)[1]} == {(1, "duplicates"), (3, "duplicates")}


def test_lines_of_one_order_are_summed_and_of_another_quantity_no_double_click(run):
    rows = [
        event(quantity=1.0, price=250, session_id="I1"),
        event(quantity=12.0, price=210, session_id="I1"),
        event(seconds=1, quantity=3.0, price=210, session_id="I1"),  # another purchase, a second later
        event(item="j", quantity=2.0, session_id="I1"),  # another item
        event(quantity=-1.0, price=250, session_id="I1"),  # a return at the same instant
    ]
    kept, rejected = cleaned(run, rows)
    assert [(row["event_id"], row["quantity"], row["price"]) for row in kept] == [
        (0, 12.0, 213),  # (1 x 250 + 12 x 210) / 13, one piece brought back
        (3, 2.0, None),
        (2, 3.0, 210),
    ]
    assert {(r[0], r[1]) for r in rejected} == {(1, "lines"), (4, "returns")}


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(USERS), st.sampled_from("ab"), st.integers(0, 2), st.sampled_from([None, 1.0, 2.5]),
            st.sampled_from([None, 100, 333]), st.sampled_from([None, "x"]),
        ),
        max_size=25,
    )
)  # fmt: skip
def test_lines_are_summed_as_a_loop_does(run, drawn):
    rows = [event(u, i, hour * 3_600, quantity=q, price=p, session_id=s) for u, i, hour, q, p, s in drawn]
    kept, rejected = cleaned(run, [*rows, GOOD], duplicates=False, repeat_seconds=0)
    orders: dict[tuple, list[int]] = {}
    for n, (u, i, hour, _, _, s) in enumerate(drawn):
        orders.setdefault((u, i, hour, s), []).append(n)
    expected = {}
    for lines in orders.values():
        pieces = sum(drawn[n][3] or 1.0 for n in lines)
        priced = [n for n in lines if drawn[n][4] is not None]
        paid = sum((drawn[n][3] or 1.0) * drawn[n][4] for n in priced)
        price = paid / sum(drawn[n][3] or 1.0 for n in priced) if priced else None
        expected[lines[0]] = (pieces if len(lines) > 1 else drawn[lines[0]][3], price)
    assert {row["event_id"] for row in kept} == {*expected, len(rows)}
    for row in kept:
        if row["event_id"] < len(rows):
            pieces, price = expected[row["event_id"]]
            assert row["quantity"] == pieces
            assert (row["price"] is None) == (price is None)
            assert price is None or abs(row["price"] - price) <= 0.5
    assert len(kept) + len(rejected) == len(rows) + 1


def test_a_run_stops_where_more_than_a_fifth_of_the_rows_would_go(run):
    rows = [event(f"u{n}", seconds=10 * n, kind="purchase" if n % 3 else "odd_kind") for n in range(30)]
    with pytest.raises(
        InputError, match=r"10 of 30 rows \(33%\) would be taken out.*unknown kind of event: odd_kind.*most_lost = 0.35"
    ):
        cleaned(run, rows, most_lost=0.2)
    kept, rejected = cleaned(run, rows, most_lost=0.35)
    assert (len(kept), len(rejected)) == (20, 10)


def test_returns_are_taken_off_their_purchase(run):
    day = 86_400
    rows = [
        event(seconds=0, quantity=5.0),
        event(seconds=day, quantity=1.0),
        event(seconds=2 * day, quantity=-3.0),
        event(seconds=200 * day, kind="return", quantity=1.0),
    ]
    kept, rejected = cleaned(run, rows)
    assert [(row["event_id"], row["quantity"]) for row in kept] == [(0, 3.0)]
    assert [(r[0], r[2]) for r in rejected] == [
        (1, "purchase returned in full"),
        (2, "return, taken off its purchase"),
        (3, "return without a purchase"),
    ]


def returned(rows: list[dict], days: int) -> dict[int, float]:
    """Pieces left of each purchase, one return after the other, last purchase first."""
    left = {n: row["quantity"] for n, row in enumerate(rows) if row["quantity"] > 0}
    order = sorted(range(len(rows)), key=lambda n: (rows[n]["timestamp"], n))
    for place, n in enumerate(order):
        wanted = -rows[n]["quantity"]
        for p in reversed(order[:place]):
            same = all(rows[p][k] == rows[n][k] for k in ("user_id", "item_id"))
            recent = rows[p]["timestamp"] >= rows[n]["timestamp"] - dt.timedelta(days=days)
            if wanted > 0 and p in left and same and recent:
                taken = min(wanted, left[p])
                left[p], wanted = left[p] - taken, wanted - taken
    return {n: quantity for n, quantity in left.items() if quantity > 0}


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(USERS),
            st.sampled_from("ab"),
            st.integers(0, 20),
            st.sampled_from([-3, -2, -1, 1, 2, 4]),
        ),
        max_size=25,
    )
)
def test_returns_match_as_a_loop_does(run, drawn):
    rows = [event(u, i, day * 86_400 + n, quantity=float(q)) for n, (u, i, day, q) in enumerate(drawn)]
    kept, rejected = cleaned(run, [*rows, GOOD], return_days=9, repeat_seconds=0, duplicates=False)
    left = {row["event_id"]: row["quantity"] for row in kept if row["event_id"] < len(rows)}
    assert left == returned(rows, 9)
    assert len(kept) + len(rejected) == len(rows) + 1


def test_robots_are_far_out_and_busy(run):
    people = [event(f"p{n}", f"i{k}", n * 60 + k * 3600) for n in range(20) for k in range(4 + n % 3)]
    robot = [event("robot", f"i{k}", k * 10) for k in range(2_000)]
    kept, rejected = cleaned(run, people + robot)
    assert {row["user_id"] for row in kept} == {row["user_id"] for row in people}
    assert {r[1] for r in rejected} == {"robots"}
    assert len(cleaned(run, people + robot, robot_z=0)[1]) == 0
    assert len(cleaned(run, people + robot, robot_min_per_day=3_000)[1]) == 0


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.tuples(st.sampled_from(USERS), st.sampled_from("abcde")), min_size=1))
def test_rare_is_the_k_core(run, pairs):
    rows = [event(u, i, 60 * n) for n, (u, i) in enumerate(sorted(pairs))]
    left = set(pairs)
    while True:
        core = {(u, i) for u, i in left if sum(x[0] == u for x in left) >= 2 and sum(x[1] == i for x in left) >= 2}
        if core == left:
            break
        left = core
    if not left:
        with pytest.raises(InputError, match="nothing is left"):
            cleaned(run, rows, min_user_events=2, min_item_events=2)
        return
    kept, _ = cleaned(run, rows, min_user_events=2, min_item_events=2)
    assert {(row["user_id"], row["item_id"]) for row in kept} == left


def test_codes_are_dense_and_in_order_of_id_and_the_account_adds_up(run):
    rows = [event(u, i, 60 * n) for n, (u, i) in enumerate((u, i) for i in ("z", "é", "🛒") for u in USERS)]
    items = pa.table(
        {
            "item_id": ["é", "unsold"],
            "name": ["tea", None],
            **{c: pa.nulls(2, pa.string()) for c in ("department", "category", "brand")},
        }
    )
    run.path("log").mkdir(parents=True)
    pq.write_table(items, run.path("log/items.parquet"))
    kept, _ = cleaned(run, [*rows, event(user=None)])
    for name, id_name, expected in (
        ("users", "user_id", USERS),
        ("items", "item_id", ["z", "é", "🛒", "unsold"]),
    ):
        table = run.read_table(f"clean/{name}.parquet").to_pydict()
        assert table[id_name] == sorted(expected, key=lambda i: i.encode())
        assert table[f"{name[:-1]}_code"] == list(range(len(expected)))
    assert [(r["timestamp"], r["user_code"], r["item_code"]) for r in kept] == sorted(
        (r["timestamp"], r["user_code"], r["item_code"]) for r in kept
    )
    assert run.read_json("clean/log.json") == {"time_zone": "Asia/Tokyo", "minor_units": 2}
    account = run.read_json("clean/account.json")
    assert account["read"] == account["events"] + account["rejected"] == 13
    assert account["items_without_description"] == 2
    for before, after in zip(account["steps"], account["steps"][1:], strict=False):
        assert before["rows_out"] == after["rows_in"]


def test_dates_are_checked_and_the_last_day_is_included(run):
    assert ids(cleaned(run, [event(seconds=86_399), event(seconds=86_400)], latest="2024-01-01")[0]) == [0]
    with pytest.raises(ConfigError, match=r"clean\.latest"):
        cleaned(run, [event()], latest="soon")
