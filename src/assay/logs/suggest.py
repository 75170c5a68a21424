"""A first config from a look at the user's file: columns guessed by name, then by content."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from assay import config
from assay.errors import SourceError
from assay.logs import sources
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
KINDS = {
    "view": ("view", "pageview", "page_view", "pv", "click", "detail"),
    "cart": ("cart", "addtocart", "add_to_cart", "basket"),
    "purchase": ("purchase", "buy", "transaction", "order", "sale", "bought"),
    "return": ("return", "refund", "cancel", "cancellation"),
    "review": ("review", "rate", "rating"),
    "search": ("search", "query"),
    "exposure": ("exposure", "impression", "show"),
}
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


def _guess(look: dict[str, list[str]]) -> dict[str, str]:
    """Canonical name -> column."""
    found: dict[str, str] = {}
    for target, known in NAMES.items():
        free = [c for c in look if c not in found.values() and _fits(target, look[c])]
        match = next((c for name in known for c in free if _words(c) == name), None)
        match = match or next((c for name in known for c in free if f" {name} " in f" {_words(c)} "), None)
        if match is not None and not (target == "price" and "amount" in found):
            found[target] = match
    if "timestamp" not in found:
        for column, values in look.items():
            dated = [v for v in values if re.match(r"\d{4}-\d\d-\d\d", v)]
            if dated and len(dated) == len([v for v in values if v]) and column not in found.values():
                found["timestamp"] = column
                break
    return found


def _time_format(values: Sequence[str]) -> str | None:
    """What times are written in, where it is not ISO 8601."""
    some = [value.strip() for value in values if value.strip()]
    if some and all(re.fullmatch(r"\d{9,10}(\.\d+)?", value) for value in some):
        return "epoch_s"
    if some and all(re.fullmatch(r"\d{12,13}", value) for value in some):
        return "epoch_ms"
    if some and all(re.match(r"\d{1,2}/\d{1,2}/\d{4}", value) for value in some):
        first, second = (max(int(v.split("/")[n]) for v in some) for n in (0, 1))
        day_first = first > 12 or second <= 12
        clock = {0: "", 1: " %H:%M", 2: " %H:%M:%S"}[min(2, some[0].count(":"))]
        return ("%d/%m/%Y" if day_first else "%m/%d/%Y") + clock
    return None


def _kinds(values: Sequence[str]) -> dict[str, str]:
    """The log's words for kinds of events that are not ours."""
    words = sorted({value for value in values if value and value not in EVENT_KINDS})
    return {
        word: kind for word in words for kind, known in KINDS.items() if word.lower().replace("-", "_").replace(" ", "_") in known
    }


def _open(path: Path) -> tuple[Source, str | None]:
    """The file and, for text with another delimiter than its name says, that delimiter."""
    section = config.Source(path=str(path))
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
    rows = first.slice(0, LOOK)
    typed_time = {n for n, c in zip(names, rows.columns, strict=True) if pa.types.is_temporal(c.type)}
    look = {
        name: ["" if v is None else str(v) for v in column.to_pylist()] for name, column in zip(names, rows.columns, strict=True)
    }
    return _toml(path, look, _guess(look), delimiter, typed_time)


def _toml(path: Path, look: dict[str, list[str]], found: dict[str, str], delimiter: str | None, typed_time: set[str]) -> str:
    def text(value: str) -> str:
        return json.dumps(value, ensure_ascii=False)

    lines = [
        "# Suggested from a look at the first rows; check every line, then: assay run THIS_FILE",
        "[[log.events]]",
        f"path = {text(str(path.resolve()))}",
    ]
    if delimiter:
        lines.append(f"delimiter = {text(delimiter)}")
    kinds = _kinds(look[found["event"]]) if "event" in found else {}
    if "event" not in found:
        lines.append('event = "purchase"  # the kind of every row: ' + ", ".join(EVENT_KINDS))
    time = found.get("timestamp")
    if time and time not in typed_time and (shape := _time_format(look[time])):
        note = "  # or month first?" if shape.startswith("%d/%m") else ""
        lines.append(f"time_format = {text(shape)}{note}")
    lines += [
        'time_zone = "UTC"  # of times without an offset, for example "Europe/Rome"',
        "minor_units = 2  # decimals of the currency",
        "",
        "[log.events.columns]  # canonical name = your column",
    ]
    for name, (_, meaning) in {**EVENTS, "amount": (None, "money for the whole line")}.items():
        if name in found:
            lines.append(f"{name} = {text(found[name])}  # {meaning}")
        elif name in ("user_id", "item_id", "timestamp"):
            lines.append(f'{name} = "?"  # NOT FOUND: {meaning}')
    unused = [column for column in look if column not in found.values()]
    if unused:
        lines.append(f"# not used: {', '.join(map(text, unused))}")
    if kinds:
        lines += ["", "[log.events.kinds]  # your word = kind"]
        lines += [f"{text(word)} = {text(kind)}" for word, kind in kinds.items()]
    lines += [
        "",
        "# [log.items]  # one row an item, if you have such a table",
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
