"""Clean: one SQL step a file takes out what cannot be learnt from, and the account says why."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from assay import config
from assay.engines import duckdb as engine
from assay.errors import ConfigError, InputError
from assay.logs.canonical import COLUMNS
from assay.pages.log import AboutLog, Cleaned, SourcesRead
from assay.progress import Report, silent
from assay.runs.store import Folder, write_json, write_parquet

Reasons = dict[str, int]

PACKAGE = "assay.logs.clean"
ROWS = 1 << 18
WHY = {
    "unreadable": "every event needs a user, an item, a known kind and a time",
    "times": "a time before clean.earliest or in the future is a fault of the clock or the format",
    "impossible": "prices, quantities and places outside the limits of [clean] cannot be",
    "duplicates": "a row equal to an earlier one in every column was written twice",
    "repeats": "the same user, item and kind again within clean.repeat_seconds is a double click",
    "returns": "what was brought back is taken off its purchase; the return itself is no purchase",
    "robots": "users with far more events a day than all others are programs",
    "rare": "users and items with too few events (k-core) are left out on request",
}


def _instant(key: str, value: str, *, end_of_day: bool) -> datetime:
    """A date (its start or its last microsecond) or a time; UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ConfigError(f"clean.{key}: {value!r} is not a date; write it as 2024-12-31") from None
    if end_of_day and len(value) == len("2024-12-31"):
        moment = datetime.combine(moment, time.max)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parameters(section: config.Clean, minor: float) -> dict[str, engine.Parameter]:
    latest = _instant("latest", section.latest, end_of_day=True) if section.latest else datetime.now(UTC)
    return {
        "earliest": _instant("earliest", section.earliest, end_of_day=False),
        "latest": latest,
        "min_price": round(section.min_price * minor),
        "max_price": round(section.max_price * minor),
        "max_quantity": section.max_quantity,
        "repeat_microseconds": round(timedelta(seconds=section.repeat_seconds) / timedelta(microseconds=1)),
        "return_days": section.return_days,
        "robot_z": section.robot_z,
        "robot_min_per_day": section.robot_min_per_day,
        "min_user_events": section.min_user_events,
        "min_item_events": section.min_item_events,
    }


class _Cleaning:
    """The events of a run in the engine, and what the steps took out of them."""

    def __init__(self, run: Folder) -> None:
        self.run = run
        self.connection: duckdb.DuckDBPyConnection = engine.connect()
        self.steps: list[dict[str, object]] = []
        self._load()
        self.execute("CREATE TEMP TABLE rejected (event_id BIGINT, step VARCHAR, reason VARCHAR)")
        self.execute("CREATE TEMP TABLE reduced (event_id BIGINT, quantity DOUBLE)")
        self.read = self.left = self.count("events")

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        return self.connection.execute(sql)

    def count(self, table: str) -> int:
        return int(self.one(f"SELECT COUNT(*) FROM {table}")[0])

    def one(self, sql: str) -> tuple[Any, ...]:
        """The only row of a result."""
        [row] = self.execute(sql).fetchall()
        return tuple(row)

    def _load(self) -> None:
        """`events`: all parts in order; ids are int64 only where every source has int64."""
        records = SourcesRead.read(self.run).sources
        types: dict[str, set[str]] = {"user_id": set(), "item_id": set()}
        for name in [*(source.part for source in records), "log/items.parquet", "log/users.parquet"]:
            if self.run.exists(name):
                for field in pq.read_schema(self.run.path(name)):
                    if field.name in types:
                        types[field.name].add("BIGINT" if field.type == pa.int64() else "VARCHAR")
        self.id_sql = {name: "BIGINT" if kinds == {"BIGINT"} else "VARCHAR" for name, kinds in types.items()}
        selects, offset = [], 0
        for record in records:
            columns = [f"CAST({c} AS {self.id_sql[c]}) AS {c}" if c in self.id_sql else c for c in COLUMNS]
            path = engine.literal(str(self.run.path(record.part)))
            selects.append(
                f"SELECT {offset} + file_row_number AS event_id, {', '.join(columns)} "
                f"FROM read_parquet({path}, file_row_number = true)"
            )
            offset += record.rows
        self.execute(f"CREATE TEMP TABLE events AS {' UNION ALL '.join(selects)}")
        self.execute("CREATE TEMP VIEW original AS " + " UNION ALL ".join(selects))

    def reject(self, step: str) -> int:
        """Take the rows of the table `found` (event_id, reason) out of `events`; how many."""
        self.execute(f"INSERT INTO rejected SELECT event_id, '{step}', reason FROM found")
        self.execute("DELETE FROM events WHERE event_id IN (SELECT event_id FROM found)")
        return self.count("found")

    def account(self, step: str) -> None:
        """Add a step to the account, from what it rejected."""
        query = f"SELECT reason, COUNT(*) FROM rejected WHERE step = '{step}' GROUP BY reason ORDER BY reason"
        reasons: Reasons = dict(self.execute(query).fetchall())
        taken = sum(reasons.values())
        entry = {"step": step, "rows_in": self.left, "rows_out": self.left - taken, "rejected": taken}
        self.left -= taken
        self.steps.append(entry | {"why": WHY[step], "reasons": reasons})

    def step(self, step: str) -> None:
        """Run a step that names rows and reasons."""
        engine.run_file(self.connection, PACKAGE, step, into="found")
        self.reject(step)

    def returns(self) -> None:
        """Match returns to purchases, round by round, until no round finds a match."""
        self.execute(
            """CREATE TEMP TABLE open_returns AS SELECT event_id, user_id, item_id, timestamp,
            COALESCE(ABS(quantity), 1.0) AS quantity, COALESCE(ABS(quantity), 1.0) AS wanted
            FROM events WHERE event = 'return' OR (event = 'purchase' AND quantity < 0)"""
        )
        if self.count("open_returns") == 0:
            return
        self.execute(
            """CREATE TEMP TABLE open_purchases AS SELECT event_id, user_id, item_id, timestamp,
            COALESCE(quantity, 1.0) AS quantity FROM events
            WHERE event = 'purchase' AND COALESCE(quantity, 1.0) > 0 AND EXISTS (SELECT 1 FROM open_returns
            WHERE open_returns.user_id = events.user_id AND open_returns.item_id = events.item_id)"""
        )
        self.execute("CREATE TEMP TABLE pending AS SELECT * FROM open_returns")
        while True:
            engine.run_file(self.connection, PACKAGE, "returns", into="matched")
            if self.count("matched") == 0:
                break
            for table, key in (("open_returns", "return_id"), ("open_purchases", "purchase_id")):
                self.execute(
                    f"""UPDATE {table} SET quantity = {table}.quantity - taken.quantity FROM
                    (SELECT {key}, SUM(quantity) AS quantity FROM matched GROUP BY {key}) AS taken
                    WHERE {table}.event_id = taken.{key}"""
                )
            self.execute("DELETE FROM open_returns WHERE quantity <= 0")
        self._take_returns()

    def _take_returns(self) -> None:
        self.execute(
            """CREATE OR REPLACE TEMP TABLE found AS
            SELECT pending.event_id, CASE
                WHEN open_returns.event_id IS NULL THEN 'return, taken off its purchase'
                WHEN open_returns.quantity < open_returns.wanted THEN 'return, only partly bought before'
                ELSE 'return without a purchase' END AS reason
            FROM pending LEFT JOIN open_returns ON open_returns.event_id = pending.event_id
            UNION ALL SELECT event_id, 'purchase returned in full' FROM open_purchases WHERE quantity <= 0"""
        )
        self.execute(
            """INSERT INTO reduced SELECT open_purchases.event_id, open_purchases.quantity FROM open_purchases
            JOIN events ON events.event_id = open_purchases.event_id
            WHERE open_purchases.quantity > 0 AND open_purchases.quantity < COALESCE(events.quantity, 1.0)"""
        )
        self.reject("returns")
        self.execute(
            """UPDATE events SET quantity = reduced.quantity FROM reduced
            WHERE events.event_id = reduced.event_id"""
        )

    def rare(self) -> None:
        """Take rare users and items out until all have enough (the k-core)."""
        while True:
            engine.run_file(self.connection, PACKAGE, "rare", into="found")
            if self.reject("rare") == 0:
                return

    def finish(self) -> None:
        """Codes, dense and in order of id, and the tables that carry them."""
        for name, id_name in (("items", "item_id"), ("users", "user_id")):
            code, kind = f"{name[:-1]}_code", self.id_sql[id_name]
            part = f"log/{name}.parquet"
            path = str(self.run.path(part)) if self.run.exists(part) else None
            described = None if path is None else f"SELECT * FROM read_parquet({engine.literal(path)})"
            if described is None:
                empty = ", CAST(NULL AS VARCHAR) AS ".join(["", "name", "department", "category", "brand"])
                described = f"SELECT CAST(NULL AS {kind}) AS {id_name}{empty if name == 'items' else ''} LIMIT 0"
            self.execute(
                f"""CREATE TEMP TABLE described_{name} AS
                SELECT * REPLACE (CAST({id_name} AS {kind}) AS {id_name}), TRUE AS is_described
                FROM ({described})"""
            )
            self.execute(
                f"""CREATE TEMP TABLE all_{name} AS
                SELECT CAST(ROW_NUMBER() OVER (ORDER BY {id_name}) - 1 AS INTEGER) AS {code}, {id_name} FROM (
                SELECT {id_name} FROM events WHERE {id_name} IS NOT NULL
                UNION SELECT {id_name} FROM described_{name})"""
            )

    def save(self, name: str, sql: str) -> int:
        """Stream the rows of a SELECT to an artefact; how many."""
        reader = self.connection.sql(sql).to_arrow_reader(ROWS)
        return write_parquet(self.run.path(name), reader, reader.schema)


def clean(section: config.Clean, run: Folder, report: Report = silent) -> list[str]:
    """Clean the collected log; returns the artefacts' names.

    clean/events.parquet: tables.EVENTS and user_code, item_code (int32; null for a search without item), by
    timestamp, user_id, item_id, event_id. clean/users.parquet, clean/items.parquet: every one that an event
    or its table names, dense codes in order of id. clean/rejected.parquet: the rows taken out as they came,
    with step and reason, by event_id. clean/account.json: what each step did. clean/log.json: what clean_log.CleanLog reads.
    min_price and max_price are in whole currency. InputError when nothing is left.
    """
    work = _Cleaning(run)
    engine.parameters(work.connection, _parameters(section, 10 ** SourcesRead.read(run).minor_units))
    steps: Sequence[tuple[str, bool, Callable[[], None]]] = (
        ("unreadable", True, lambda: work.step("unreadable")),
        ("times", True, lambda: work.step("times")),
        ("impossible", True, lambda: work.step("impossible")),
        ("duplicates", section.duplicates, lambda: work.step("duplicates")),
        ("repeats", section.repeat_seconds > 0, lambda: work.step("repeats")),
        ("returns", True, work.returns),
        ("robots", section.robot_z > 0, lambda: work.step("robots")),
        ("rare", section.min_user_events > 0 or section.min_item_events > 0, work.rare),
    )
    for done, (name, wanted, act) in enumerate(steps):
        report("clean", done, len(steps) + 1)
        if wanted:
            act()
            work.account(name)
    if work.left == 0:
        worst = max(work.steps, key=lambda s: int(str(s["rejected"])))
        raise InputError(
            f"nothing is left after cleaning: step {worst['step']} took out {worst['rejected']} of "
            f"{work.read} rows ({worst['reasons']}); check the mapping and [clean] in the config"
        )
    report("clean", len(steps), len(steps) + 1)
    return _write(work, run)


def _write(work: _Cleaning, run: Folder) -> list[str]:
    work.finish()
    columns = ", ".join(f"events.{c}" for c in ["event_id", *COLUMNS])
    events = work.save(
        "clean/events.parquet",
        f"""SELECT {columns}, user_code, item_code FROM events
        JOIN all_users ON all_users.user_id = events.user_id
        LEFT JOIN all_items ON all_items.item_id = events.item_id
        ORDER BY timestamp, user_code, item_code NULLS FIRST, event_id""",
    )
    users = work.save(
        "clean/users.parquet",
        """SELECT all_users.*, described_users.* EXCLUDE (user_id, is_described) FROM all_users
        LEFT JOIN described_users USING (user_id) ORDER BY user_code""",
    )
    items = work.save(
        "clean/items.parquet",
        """SELECT item_code, all_items.item_id, name, department, category, brand FROM all_items
        LEFT JOIN described_items USING (item_id) ORDER BY item_code""",
    )
    originals = ", ".join(f"original.{c}" for c in ["event_id", *COLUMNS])
    rejected = work.save(
        "clean/rejected.parquet",
        f"""SELECT {originals}, step, reason
        FROM original JOIN rejected USING (event_id) ORDER BY event_id""",
    )
    bounds = work.one("SELECT MIN(timestamp)::VARCHAR, MAX(timestamp)::VARCHAR FROM events")
    undescribed = work.one("SELECT COUNT(*) FROM all_items LEFT JOIN described_items USING (item_id) WHERE is_described IS NULL")
    account = {
        "read": work.read,
        "steps": work.steps,
        "events": events,
        "users": users,
        "items": items,
        "from": _iso(bounds[0]),
        "to": _iso(bounds[1]),
        "rejected": rejected,
        "reduced_by_returns": work.count("reduced"),
        "items_without_description": undescribed[0],
    }
    read = SourcesRead.read(run)
    about = AboutLog(time_zone=read.time_zone, minor_units=read.minor_units)
    for page in (Cleaned.model_validate(account), about):
        write_json(run.path(page.path), page.content())
    names = ("events.parquet", "users.parquet", "items.parquet", "rejected.parquet")
    return [*(f"clean/{name}" for name in names), Cleaned.path, about.path]


def _iso(text: str) -> str:
    """A UTC time as the engine prints it -> ISO 8601."""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat()
