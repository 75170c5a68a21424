"""A first config from a look at the user's file: columns guessed by name, then by content."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from assay import config
from assay.errors import SourceError
from assay.logs import sources
from assay.logs.schedule import schedule, span
from assay.logs.sources.base import Source, require_file
from assay.logs.sources.csv import DELIMITERS, CsvFile
from assay.tables import EVENT_KINDS, EVENTS

LOOK = 1_000  # rows
# What logs call the canonical columns, best first; a name matches when its words contain these in order.
NAMES: dict[str, tuple[str, ...]] = {
    "user_id": (
        "user id",
        "customer id",
        "household id",
        "visitor id",
        "client id",
        "member id",
        "user",
        "customer",
        "client",
        "visitor",
        "member",
    ),
    "item_id": (
        "item id",
        "product id",
        "sku",
        "article id",
        "asin",
        "stock code",
        "movie id",
        "item",
        "product",
    ),
    "timestamp": ("timestamp", "event time", "datetime", "created at", "invoice date", "time", "date", "ts"),
    "session_id": (
        "session id",
        "basket id",
        "order id",
        "invoice no",
        "invoice",
        "transaction id",
        "session",
    ),
    "event": ("event type", "event name", "behavior", "behaviour", "action", "event"),
    "query": ("search query", "query", "search term", "keyword"),
    "quantity": ("quantity", "qty", "units", "pieces", "count"),
    "amount": ("sales value", "line total", "amount", "total", "revenue"),
    "price": ("unit price", "price"),
    "rating": ("rating", "stars", "score"),
    "position": ("position", "rank"),
    "propensity": ("propensity", "pscore"),
}
ITEM_NAMES: dict[str, tuple[str, ...]] = {
    "item_id": (*NAMES["item_id"], "id"),
    "brand": ("brand", "maker", "manufacturer"),
    "category": ("category", "product category", "product type", "genres", "genre", "shelf"),
    "department": ("department",),
    "name": ("name", "title", "product name", "item name", "description"),
}
USER_NAMES = {"user_id": (*NAMES["user_id"], "id")}
KINDS = {
    "view": ("view", "pageview", "page_view", "pv", "click", "detail"),
    "cart": ("cart", "addtocart", "add_to_cart", "basket"),
    "purchase": ("purchase", "buy", "transaction", "order", "sale", "bought"),
    "return": ("return", "refund", "cancel", "cancellation"),
    "review": ("review", "rate", "rating"),
    "search": ("search", "query"),
    "exposure": ("exposure", "impression", "show"),
}
TARGETS = ("cart", "view", "review")  # what makes a positive where nothing is bought, best first
NUMERIC = ("quantity", "amount", "price", "rating", "position", "propensity")


def _words(name: str) -> str:
    """A column's name as lower-case words."""
    return " ".join(re.findall(r"[a-z]+|\d+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _fits(target: str, values: Sequence[str]) -> bool:
    return target not in NUMERIC or all(_is_number(value) for value in values if value)


def _by_name(names: Mapping[str, Sequence[str]], look: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Canonical name -> the column whose own name is the likeliest and whose values fit."""
    columns: dict[str, str] = {}
    for target, words in names.items():
        free = [c for c in look if c not in columns.values() and _fits(target, look[c])]
        match = next((c for name in words for c in free if _words(c) == name), None)
        match = match or next((c for name in words for c in free if f" {name} " in f" {_words(c)} "), None)
        if match is not None and not (target == "price" and "amount" in columns):
            columns[target] = match
    return columns


def event_columns(values: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Canonical name of events -> column, by the columns' names and their values as text."""
    columns = _by_name(NAMES, values)
    if "timestamp" not in columns:
        for column, texts in values.items():
            dated = [v for v in texts if re.match(r"\d{4}-\d\d-\d\d", v)]
            if dated and len(dated) == len([v for v in texts if v]) and column not in columns.values():
                columns["timestamp"] = column
                break
    if "user_id" not in columns and "session_id" in columns:
        columns["user_id"] = columns["session_id"]  # of anonymous sessions each is its own user
    return columns


def item_columns(values: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Canonical name of items -> column, by the columns' names."""
    return _by_name(ITEM_NAMES, values)


def user_columns(values: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """user_id -> its column, by the columns' names; every other column is an attribute under its own name."""
    columns = _by_name(USER_NAMES, values)
    return columns | {name: name for name in values if name not in columns.values() and name not in columns}


def look(rows: pa.Table) -> dict[str, list[str]]:
    """The values of each column as text, empty where there is none."""
    columns = zip(rows.column_names, rows.columns, strict=True)
    return {name: ["" if v is None else str(v) for v in column.to_pylist()] for name, column in columns}


def time_format(values: Iterable[str]) -> str | None:
    """What times are written in, where it is not ISO 8601. Dates that may begin with the day or the month begin with the day."""
    some = [value.strip() for value in values if value.strip()]
    if some and all(re.fullmatch(r"\d{9,10}(\.\d+)?", value) for value in some):
        return "epoch_s"
    if some and all(re.fullmatch(r"\d{12,13}", value) for value in some):
        return "epoch_ms"
    if some and all(re.match(r"\d{1,2}/\d{1,2}/\d{4}", value) for value in some):
        first, second = _largest(some)
        day_first = first > 12 or second <= 12
        clock = {0: "", 1: " %H:%M", 2: " %H:%M:%S"}[min(2, some[0].count(":"))]
        return ("%d/%m/%Y" if day_first else "%m/%d/%Y") + clock
    return None


def day_or_month_first(values: Iterable[str]) -> bool:
    """Whether times are dates with slashes that read either way: no first or second number is above 12."""
    some = [value.strip() for value in values if value.strip()]
    return bool(some) and all(re.match(r"\d{1,2}/\d{1,2}/\d{4}", value) for value in some) and max(_largest(some)) <= 12


def _largest(dates: Iterable[str]) -> tuple[int, int]:
    """The largest first and the largest second number of dates with slashes."""
    numbers = [(int(first), int(second)) for first, second, *_ in (date.split("/") for date in dates)]
    return max(first for first, _ in numbers), max(second for _, second in numbers)


def kinds(values: Iterable[str]) -> dict[str, str]:
    """The log's words for kinds of events that are not ours."""
    words = sorted({value for value in values if value and value not in EVENT_KINDS})
    return {
        word: kind
        for word in words
        for kind, spellings in KINDS.items()
        if word.lower().replace("-", "_").replace(" ", "_") in spellings
    }


def _open(path: Path) -> tuple[Source, str | None]:
    """The file and, for text with another delimiter than its name says, that delimiter."""
    section = config.SourceSection(path=str(path))
    source = sources.open_file(path, section)
    if isinstance(source, CsvFile):
        best = max(DELIMITERS, key=lambda d: len(CsvFile(path, d).columns()))
        if best != source.delimiter:
            return CsvFile(path, best), best
    return source, None


def suggest(path: Path | str) -> str:
    """A commented TOML config for a log file (CSV, TSV, JSON Lines, Parquet); config.read accepts it.

    Columns that could not be guessed are said so in a comment, with a placeholder that collecting will name.
    Raises SourceError when the file cannot be read.
    """
    path = Path(path)
    require_file(path)
    source, delimiter = _open(path)
    names = source.columns()
    first = next(iter(source.read(names)), None)
    if first is None:
        raise SourceError(f"{path}: has a header but no rows; export it again")
    rows = pa.Table.from_batches([first.slice(0, LOOK)]).rename_columns(names)
    typed_time = {field.name for field in rows.schema if pa.types.is_temporal(field.type)}
    values = look(rows)
    columns = event_columns(values)
    time = columns.get("timestamp")
    shape = time_format(values[time]) if time is not None and time not in typed_time else None
    return _toml(path, values, columns, delimiter, shape, _samples(source, columns, shape))


def _samples(source: Source, columns: Mapping[str, str], shape: str | None) -> list[str]:
    """Lines of [samples]: what makes a positive where nothing is bought, and periods that fit the log; of all of its rows."""
    lines = []
    if _clicks(columns):
        lines.append('target = "view"  # the event that makes a positive')
    if "event" in columns:
        seen = {kind for batch in source.read([columns["event"]]) for kind in pc.unique(batch.column(0)).to_pylist()}
        words = kinds(str(kind) for kind in seen)
        here = {words.get(str(kind), str(kind)) for kind in seen}
        if "purchase" not in here and (target := next((kind for kind in TARGETS if kind in here), None)):
            lines.append(f'target = "{target}"  # the event that makes a positive; the log has no purchase')
    ends = span((batch.column(0) for batch in source.read([columns["timestamp"]])), shape) if "timestamp" in columns else None
    if ends is not None:
        try:
            fitting = schedule(*ends)
        except ValueError as error:
            return [*lines, f"# the log is too short to be run: {error}"]
        if fitting is not None:
            lines.append(f"# for the {ends[1] - ends[0] + 1} days of this log; a longer one needs none of these lines")
            lines += [f"{key} = {value}" for key, value in asdict(fitting).items()]
    if _sessions(columns):
        lines += ['request = "session"  # what is ranked for: a session\'s next step; of such a user nothing else is known']
        lines += ["candidates = 100  # of a request"]
    return lines


def _sessions(columns: Mapping[str, str]) -> bool:
    """Whether sessions stand in for users."""
    return columns.get("user_id") == columns.get("session_id") is not None


def _clicks(columns: Mapping[str, str]) -> bool:
    """Whether every row is likely a click: a session and an item, and neither a kind nor anything that a purchase has."""
    return _sessions(columns) and not {"event", "price", "amount", "quantity"} & set(columns)


def _toml(
    path: Path,
    look: Mapping[str, Sequence[str]],
    columns: Mapping[str, str],
    delimiter: str | None,
    shape: str | None,
    samples: Sequence[str],
) -> str:
    def text(value: str) -> str:
        return json.dumps(value, ensure_ascii=False)

    lines = [
        "# Suggested from a look at the first rows; check every line, then: assay run THIS_FILE",
        "[[log.events]]",
        f"path = {text(str(path.resolve()))}",
    ]
    if delimiter:
        lines.append(f"delimiter = {text(delimiter)}")
    words = kinds(look[columns["event"]]) if "event" in columns else {}
    if "event" not in columns:
        kind = "view" if _clicks(columns) else "purchase"
        lines.append(f'event = "{kind}"  # the kind of every row: ' + ", ".join(EVENT_KINDS))
    if shape:
        note = "  # or month first?" if shape.startswith("%d/%m") else ""
        lines.append(f"time_format = {text(shape)}{note}")
    lines += [
        'time_zone = "UTC"  # of times without an offset, for example "Europe/Rome"',
        "minor_units = 2  # decimals of the currency",
        "",
        "[log.events.columns]  # canonical name = your column",
    ]
    for name, (_, meaning) in {**EVENTS, "amount": (None, "money for the whole line")}.items():
        if name == "user_id" and columns.get(name) == columns.get("session_id", ""):
            lines.append(f"{name} = {text(columns[name])}  # no column of users: each session counts as one")
        elif name in columns:
            lines.append(f"{name} = {text(columns[name])}  # {meaning}")
        elif name in ("user_id", "item_id", "timestamp"):
            lines.append(f'{name} = "?"  # NOT FOUND: {meaning}')
    unused = [column for column in look if column not in columns.values()]
    if unused:
        lines.append(f"# not used: {', '.join(map(text, unused))}")
    if words:
        lines += ["", "[log.events.kinds]  # your word = kind"]
        lines += [f"{text(word)} = {text(kind)}" for word, kind in words.items()]
    if samples:
        lines += ["", "[samples]", *samples]
    lines += [
        "",
        "# [log.items]  # one row per item, if you have such a table",
        '# path = "items.csv"',
        "# [log.items.columns]",
        '# item_id = "item_id"',
        '# name = ["title"]  # one column, or several joined by a space',
        '# department = "department"',
        '# category = "category"',
        '# brand = "brand"',
        "",
    ]
    return "\n".join(lines)
