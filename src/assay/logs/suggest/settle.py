"""What the whole columns of a log decide: what times are written in, the kinds of events, or the one kind of all rows."""

from collections.abc import Mapping
from typing import Any

from assay.logs.suggest import names, times
from assay.logs.suggest.facts import distinct
from assay.logs.suggest.look import Look
from assay.tables import EVENT_KINDS


def settled(look: Look, columns: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Keys of a section of events with these columns, and notes on them by key."""
    keys: dict[str, Any] = {}
    notes: dict[str, str] = {}
    if "event" in columns:
        mapping = names.kinds(distinct(look, columns["event"]))
        keys["kinds"] = mapping
    else:
        keys["event"], reason = _one_kind(look, columns)
        notes["event"] = f"the kind of every row ({reason}): {', '.join(EVENT_KINDS)}"
    if "timestamp" not in columns:
        keys["no_times"] = True
        notes["no_times"] = "no column of times: each event gets one of 20 days by chance, so nothing is told of later data"
    elif columns["timestamp"] not in look.typed_times:
        values = distinct(look, columns["timestamp"])
        if (shape := times.time_format(values)) is not None:
            keys["time_format"] = shape
            if times.day_or_month_first(values):
                notes["time_format"] = "not sure: no number is above 12, so day and month may change places"
    keys["time_zone"] = "UTC"
    notes["time_zone"] = 'of times without an offset, for example "Europe/Rome"'
    keys["minor_units"] = 2
    notes["minor_units"] = "decimals of the currency"
    return keys, notes


def _one_kind(look: Look, columns: Mapping[str, str]) -> tuple[str, str]:
    """What every row of a log without kinds is, and why."""
    spelt = {word for column in look.columns for word in names.words(column).split()}
    if "rating" in columns:
        return "review", "it has ratings"
    if "query" in columns and "item_id" not in columns:
        return "search", "it has queries and no items"
    if listened := sorted(spelt & set(names.LISTENED)):
        return "view", f"it speaks of {listened[0]}"
    if money := [name for name in ("amount", "quantity", "price") if name in columns]:
        return "purchase", f"it has {money[0]}"
    session = columns.get("session_id", "")
    if any(word in names.words(session) for word in names.ORDERS):
        return "purchase", f"it has {session}"
    return "view", "not sure: nothing says what the rows are"
