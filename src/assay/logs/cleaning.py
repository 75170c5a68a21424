"""Clean: SQL steps, one per file, take out what cannot be learnt from, and the account says why."""

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, time, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from assay import config, engines
from assay.engines.engine import Engine, Parameter, count, identifier, one, put, set_parameters, statement
from assay.errors import ConfigError, InputError
from assay.language import english
from assay.logs.canonical import COLUMNS
from assay.pages.log import AboutLog, Cleaned, CleaningStep, SourcesRead
from assay.progress import Report, silent
from assay.runs.store import Folder, write_json, write_parquet
from assay.tables import EVENT_KINDS, ITEMS

Reasons = dict[str, int]
# Steps whose rows are lost; others merge rows, match returns, or leave out what the config asks to leave out.
LOSING = ("unreadable", "times", "impossible", "duplicates", "repeats", "robots")
_SHOWN = 4  # reasons in an error
# Whether times are finer than a minute: where they are not, a row like another may well be another event.
_FINE = "SELECT COUNT(*) > 0 AS fine FROM events WHERE timestamp <> DATE_TRUNC('minute', timestamp)"

PACKAGE = "assay.logs.clean"
ROWS = 1 << 18
NONE = "SELECT CAST(NULL AS BIGINT) AS event_id"
_SQL_TYPES = {pa.string(): "VARCHAR", pa.float64(): "DOUBLE"}
WHY = {
    "unreadable": english("every event needs a user, an item, a known kind and a time"),
    "times": english("a time before clean.earliest or in the future is a fault of the clock or the format"),
    "impossible": english("prices, quantities and places outside the limits of [clean] cannot be"),
    "duplicates": english("a row equal to an earlier one in every column was written twice"),
    "lines": english(
        "lines of one order with the same item are one purchase: the first has the pieces and the mean price of all"
    ),
    "repeats": english("the same user, item and kind again within clean.repeat_seconds is a double click"),
    "returns": english("what was brought back is taken off its purchase; the return itself is no purchase"),
    "robots": english("users with far more events per day than all others are programs"),
    "rare": english("users and items with too few events (k-core) are left out on request"),
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


def _parameters(section: config.Clean, minor: float) -> dict[str, Parameter]:
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

    def __init__(self, run: Folder, engine: Engine) -> None:
        self.run, self.engine = run, engine
        self.steps: list[CleaningStep] = []
        self.attributes: dict[str, str] = {}  # columns of the tables of items and users, as SQL
        self.original = self._load()
        engine.keep("rejected", f"{NONE}, CAST(NULL AS VARCHAR) AS step, CAST(NULL AS VARCHAR) AS reason LIMIT 0")
        engine.keep("reduced", f"{NONE}, CAST(NULL AS DOUBLE) AS quantity LIMIT 0")
        self.read = self.left = count(engine, "events")

    def _load(self) -> str:
        """Make `events` of all parts in order and return its SELECT; ids are int64 only where every source has int64."""
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
            part = self.engine.parquet(self.run.path(record.part), number="row_number")
            selects.append(f"SELECT {offset} + row_number AS event_id, {', '.join(columns)} FROM ({part}) AS part")
            offset += record.rows
        everything = " UNION ALL ".join(selects)
        self.engine.keep("events", everything)
        return everything

    def reject(self, step: str) -> int:
        """Take the rows of the table `rejects` (event_id, reason) out of `events`; how many."""
        number = count(self.engine, "rejects")
        if number:
            self.engine.add("rejected", f"SELECT event_id, '{step}', reason FROM rejects")
            self.engine.keep("events", "SELECT * FROM events WHERE event_id NOT IN (SELECT event_id FROM rejects)")
        return number

    def account(self, step: str) -> None:
        """Add a step to the account, from what it rejected."""
        query = f"SELECT reason, COUNT(*) AS number FROM rejected WHERE step = '{step}' GROUP BY reason ORDER BY reason"
        reasons: Reasons = {row["reason"]: row["number"] for row in self.engine.table(query).to_pylist()}
        taken = sum(reasons.values())
        line = CleaningStep(
            step=step, why=WHY[step], rows_in=self.left, rows_out=self.left - taken, rejected=taken, reasons=reasons
        )
        self.left -= taken
        self.steps.append(line)

    def step(self, step: str) -> None:
        """Run a step that names rows and reasons."""
        self.engine.keep("rejects", statement(PACKAGE, step))
        self.reject(step)

    def lines(self) -> None:
        """Add the pieces of an order's lines of one item up, at the first of them."""
        engine = self.engine
        engine.keep("order_lines", statement(PACKAGE, "lines"))
        engine.keep(
            "rejects",
            """SELECT event_id, 'another line of the same order: its pieces are counted at the first' AS reason
            FROM order_lines WHERE event_id <> first_id""",
        )
        if not self.reject("lines"):
            return
        others = ", ".join(f"events.{column}" for column in COLUMNS if column not in ("quantity", "price"))
        engine.keep(
            "events",
            f"""SELECT events.event_id, {others}, COALESCE(totals.pieces, events.quantity) AS quantity,
            CASE WHEN totals.priced > 0 THEN CAST(ROUND(totals.paid / totals.priced) AS BIGINT) ELSE events.price END AS price
            FROM events LEFT JOIN (SELECT * FROM order_lines WHERE is_last) AS totals ON events.event_id = totals.first_id""",
        )

    def returns(self) -> None:
        """Match returns to purchases, round by round, until no round finds a match."""
        engine = self.engine
        engine.keep(
            "open_returns",
            """SELECT event_id, user_id, item_id, timestamp,
            COALESCE(ABS(quantity), 1.0) AS quantity, COALESCE(ABS(quantity), 1.0) AS wanted
            FROM events WHERE event = 'return' OR (event = 'purchase' AND quantity < 0)""",
        )
        if count(engine, "open_returns") == 0:
            return
        engine.keep(
            "open_purchases",
            """SELECT event_id, user_id, item_id, timestamp, COALESCE(quantity, 1.0) AS quantity FROM events
            WHERE event = 'purchase' AND COALESCE(quantity, 1.0) > 0 AND EXISTS (SELECT 1 FROM open_returns
            WHERE open_returns.user_id = events.user_id AND open_returns.item_id = events.item_id)""",
        )
        engine.keep("pending", "SELECT * FROM open_returns")
        while True:
            engine.keep("matched", statement(PACKAGE, "returns"))
            if count(engine, "matched") == 0:
                break
            for table, key, wanted in (("open_returns", "return_id", ", wanted"), ("open_purchases", "purchase_id", "")):
                engine.keep(
                    table,
                    f"""SELECT event_id, user_id, item_id, timestamp{wanted},
                    {table}.quantity - COALESCE(taken.quantity, 0) AS quantity
                    FROM {table} LEFT JOIN (SELECT {key}, SUM(quantity) AS quantity FROM matched GROUP BY {key}) AS taken
                    ON {table}.event_id = taken.{key}""",
                )
            engine.keep("open_returns", "SELECT * FROM open_returns WHERE quantity > 0")
        self._take_returns()

    def _take_returns(self) -> None:
        self.engine.keep(
            "rejects",
            """SELECT pending.event_id, CASE
                WHEN open_returns.event_id IS NULL THEN 'return, taken off its purchase'
                WHEN open_returns.quantity < open_returns.wanted THEN 'return, only partly bought before'
                ELSE 'return without a purchase' END AS reason
            FROM pending LEFT JOIN open_returns ON open_returns.event_id = pending.event_id
            UNION ALL SELECT event_id, 'purchase returned in full' FROM open_purchases WHERE quantity <= 0""",
        )
        self.engine.keep(
            "reduced",
            """SELECT open_purchases.event_id, open_purchases.quantity FROM open_purchases
            JOIN events ON events.event_id = open_purchases.event_id
            WHERE open_purchases.quantity > 0 AND open_purchases.quantity < COALESCE(events.quantity, 1.0)""",
        )
        self.reject("returns")
        others = ", ".join(f"events.{column}" for column in COLUMNS if column != "quantity")
        self.engine.keep(
            "events",
            f"""SELECT events.event_id, {others}, COALESCE(reduced.quantity, events.quantity) AS quantity
            FROM events LEFT JOIN reduced ON reduced.event_id = events.event_id""",
        )

    def rare(self) -> None:
        """Take rare users and items out until all have enough (the k-core)."""
        while True:
            self.engine.keep("rejects", statement(PACKAGE, "rare"))
            if self.reject("rare") == 0:
                return

    def finish(self) -> None:
        """Codes, dense and in order of id, and the tables that carry them."""
        for name, id_name in (("items", "item_id"), ("users", "user_id")):
            code, kind = f"{name[:-1]}_code", self.id_sql[id_name]
            part = f"log/{name}.parquet"
            if self.run.exists(part):
                described = self.engine.parquet(self.run.path(part))
                others = [column for column in pq.read_schema(self.run.path(part)).names if column != id_name]
            else:
                others = list(ITEMS)[1:] if name == "items" else []
                nulls = "".join(f", CAST(NULL AS {_SQL_TYPES[ITEMS[column][0]]}) AS {column}" for column in others)
                described = f"SELECT CAST(NULL AS {kind}) AS {id_name}{nulls} LIMIT 0"
            self.attributes[name] = "".join(f", described_{name}.{identifier(column)}" for column in others)
            listed = "".join(f", {identifier(column)}" for column in others)
            self.engine.keep(
                f"described_{name}",
                f"SELECT CAST({id_name} AS {kind}) AS {id_name}{listed}, TRUE AS is_described FROM ({described}) AS source",
            )
            self.engine.keep(
                f"all_{name}",
                f"""SELECT CAST(ROW_NUMBER() OVER (ORDER BY {id_name}) - 1 AS INTEGER) AS {code}, {id_name} FROM (
                SELECT {id_name} FROM events WHERE {id_name} IS NOT NULL
                UNION SELECT {id_name} FROM described_{name}) AS named""",
            )

    def save(self, name: str, select: str) -> int:
        """Stream the rows of a SELECT to an artefact; how many."""
        reader = self.engine.batches(select, ROWS)
        return write_parquet(self.run.path(name), reader, reader.schema)


def clean(section: config.Clean, run: Folder, report: Report = silent) -> list[str]:
    """Clean the collected log; returns the artefacts' names.

    clean/events.parquet: tables.EVENTS and user_code, item_code (int32; null for a search without item), by
    timestamp, user_id, item_id, event_id. clean/users.parquet, clean/items.parquet: every one that an event
    or its table names, dense codes in order of id. clean/rejected.parquet: the rows taken out as they came,
    with step and reason, by event_id. clean/account.json: what each step did. clean/log.json: what clean_log.CleanLog reads.
    min_price and max_price are in whole currency. InputError when nothing is left.
    """
    with closing(engines.connect()) as engine:
        work = _Cleaning(run, engine)
        put(engine, "kinds", pa.table({"event": [*EVENT_KINDS, *SourcesRead.read(run).own_kinds]}))
        set_parameters(engine, _parameters(section, 10 ** SourcesRead.read(run).minor_units))
        _do_steps(work, section, report)
        return _write(work, run)


def _do_steps(work: _Cleaning, section: config.Clean, report: Report) -> None:
    """Every step that the config wants; InputError when nothing is left, or too much would go."""
    fine = bool(one(work.engine, _FINE)[0])
    duplicates = fine if section.duplicates is None else section.duplicates
    steps: Sequence[tuple[str, bool, Callable[[], None]]] = (
        ("unreadable", True, lambda: work.step("unreadable")),
        ("times", True, lambda: work.step("times")),
        ("impossible", True, lambda: work.step("impossible")),
        ("duplicates", duplicates, lambda: work.step("duplicates")),
        ("lines", True, work.lines),
        ("repeats", fine and section.repeat_seconds > 0, lambda: work.step("repeats")),
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
        worst = max(work.steps, key=lambda step: step.rejected)
        raise InputError(
            f"nothing is left after cleaning: step {worst.step} took out {worst.rejected} of "
            f"{work.read} rows ({worst.reasons}); check the mapping and [clean] in the config"
        )
    _check_lost(work, section.most_lost)
    report("clean", len(steps), len(steps) + 1)


def _check_lost(work: _Cleaning, most: float) -> None:
    """InputError, with the reasons, where a larger share of the rows was lost than the config allows."""
    losing = [step for step in work.steps if step.step in LOSING]
    lost = sum(step.rejected for step in losing)
    if lost <= most * work.read:
        return
    reasons = sorted(
        ((count, reason) for step in losing for reason, count in step.reasons.items()), key=lambda pair: (-pair[0], pair[1])
    )
    shown = ", ".join(f"{reason} ({count:,} rows, {count / work.read:.0%})" for count, reason in reasons[:_SHOWN])
    enough = min(1.0, math.ceil(lost / work.read * 20) / 20)
    raise InputError(
        f"{lost:,} of {work.read:,} rows ({lost / work.read:.0%}) would be taken out, more than clean.most_lost allows "
        f"({most:.0%}): {shown}{', ...' if len(reasons) > _SHOWN else ''}; mend the mapping in [[log.events]], or, if these rows "
        f"are of no use, say most_lost = {enough} under [clean]"
    )


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
        f"""SELECT user_code, all_users.user_id{work.attributes["users"]} FROM all_users
        LEFT JOIN described_users ON described_users.user_id = all_users.user_id ORDER BY user_code""",
    )
    items = work.save(
        "clean/items.parquet",
        f"""SELECT item_code, all_items.item_id{work.attributes["items"]} FROM all_items
        LEFT JOIN described_items ON described_items.item_id = all_items.item_id ORDER BY item_code""",
    )
    originals = ", ".join(f"original.{c}" for c in ["event_id", *COLUMNS])
    rejected = work.save(
        "clean/rejected.parquet",
        f"""SELECT {originals}, step, reason
        FROM ({work.original}) AS original JOIN rejected USING (event_id) ORDER BY event_id""",
    )
    first, last = one(work.engine, "SELECT MIN(timestamp) AS first, MAX(timestamp) AS last FROM events")
    described = "all_items LEFT JOIN described_items USING (item_id)"
    cleaned = Cleaned(
        rows_read=work.read,
        steps=work.steps,
        events=events,
        users=users,
        items=items,
        from_=_iso(first),
        to=_iso(last),
        rejected=rejected,
        reduced_by_returns=count(work.engine, "reduced"),
        items_without_description=count(work.engine, f"{described} WHERE is_described IS NULL"),
    )
    read = SourcesRead.read(run)
    about = AboutLog(time_zone=read.time_zone, minor_units=read.minor_units)
    for page in (cleaned, about):
        write_json(run.path(page.path), page.content())
    names = ("events.parquet", "users.parquet", "items.parquet", "rejected.parquet")
    return [*(f"clean/{name}" for name in names), Cleaned.path, about.path]


def _iso(instant: datetime) -> str:
    """A time -> ISO 8601 in UTC."""
    return instant.astimezone(UTC).isoformat()
