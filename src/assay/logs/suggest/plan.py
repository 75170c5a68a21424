"""What a config could be: which table is which, and which column is what; each guess with its reason."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay import presets
from assay.errors import InputError
from assay.logs.suggest import names
from assay.logs.suggest.facts import distinct
from assay.logs.suggest.look import LOOK, Look
from assay.logs.suggest.settle import settled
from assay.logs.suggest.times import time_format
from assay.presets import Preset
from assay.tables import EVENTS

_FEW = 20  # rows from which on values tell ids apart
_JOINED = 0.5  # share of the log's items that a table of items must hold


@dataclass
class Part:
    """A section of the config. keys: of it, in the order in which they are written; notes: why, by key or column."""

    keys: dict[str, Any]
    notes: dict[str, str] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)


@dataclass
class Plan:
    """The sections that are proposed. preset: what the log was recognised as. Either events, of files that are written in
    different ways, or table is there.
    """

    events: list[Part] = field(default_factory=list)
    items: Part | None = None
    users: Part | None = None
    table: Part | None = None
    preset: Preset | None = None


def plan(looks: Sequence[Look]) -> Plan:
    """The likeliest config of some tables: of a well-known log, of a log of events, or of a table with labels."""
    known = _well_known(looks)
    if known is not None:
        return known
    events = max(looks, key=lambda look: _as_events(look))
    label = _label(events)
    if label is not None and not {"user_id", "item_id"} <= set(names.event_columns(events.columns)):
        return Plan(table=_table(events, label))
    alike = [look for look in looks if list(look.columns) == list(events.columns) and "names" not in look.section]
    parts = [_events(look) for look in alike or [events]]
    part = parts[0]
    others = [look for look in looks if look is not events and look not in alike]
    ids = set(events.columns.get(part.keys["columns"].get("item_id", ""), ())) - {""}
    users = set(events.columns.get(part.keys["columns"].get("user_id", ""), ())) - {""}
    items = _described(others, names.item_columns, "item_id", ids) or _items_within(events, part)
    return Plan(parts, items, _described(others, names.user_columns, "user_id", users))


def _well_known(looks: Sequence[Look]) -> Plan | None:
    """What the presets say of some tables; None where none fits. The preset that asks for most is chosen."""
    fitting = [
        (preset, look)
        for preset in presets.read().values()
        for look in looks
        if preset.has_name(look.name)
        and preset.has_columns(look.columns)
        and all(_beside(looks, preset, p) for p in _needed(preset))
    ]
    if not fitting:
        return None
    preset, look = max(fitting, key=lambda pair: _asks(pair[0], looks))
    if "table" in preset.sections:
        return Plan(table=_of_preset(preset, "table", [look]), preset=preset)
    events = _of_preset(preset, "events", [look, *_beside(looks, preset, "more")])
    _add_time_format(events, preset, look)
    plan = Plan([events, *_together(preset, looks)], preset=preset)
    for part in ("items", "users"):
        beside = _beside(looks, preset, part) or ([] if preset.beside.get(part) else [look])
        if part in preset.sections and beside:
            setattr(plan, part, _of_preset(preset, part, beside))
    if "items" not in preset.sections:
        ids = set(look.columns.get(preset.sections["events"]["columns"]["item_id"], ())) - {""}
        plan.items = _described([other for other in looks if other is not look], names.item_columns, "item_id", ids)
    return plan


def _asks(preset: Preset, looks: Sequence[Look]) -> tuple[int, int, int]:
    """How much a preset that fits asks for: other files, columns, and names of files."""
    others = len(_needed(preset)) + len(_together(preset, looks))
    return others, len(preset.columns) + len(preset.values), len(preset.files)


def _together(preset: Preset, looks: Sequence[Look]) -> list[Part]:
    """Sections of events of the other logs that a preset is read with, of those of their files that are there."""
    others = [presets.read()[name] for name in preset.together]
    return [
        _of_preset(other, "events", [look])
        for other in others
        for look in looks
        if other.has_name(look.name) and other.has_columns(look.columns)
    ]


def _of_preset(preset: Preset, part: str, looks: Sequence[Look]) -> Part:
    """A section that a preset stands for, with where its tables lie and how they are written where the preset does not say."""
    where = looks[0].section
    if "path" not in where:
        return Part({"preset": preset.name, **{key: where[key] for key in ("url", "table")}})
    said = preset.sections[part]
    written = {key: value for key, value in where.items() if key not in said and key not in ("path", "names")}
    paths = [path for look in looks for path in _paths(look)]
    return Part({"preset": preset.name, "path": paths if len(paths) > 1 else paths[0], **written})


def _add_time_format(events: Part, preset: Preset, look: Look) -> None:
    """What times are written in, where that differs from copy to copy of a log."""
    column = preset.sections["events"]["columns"].get("timestamp", "")
    if "time_format" in preset.sections["events"] or column not in look.columns or column in look.typed_times:
        return
    if (shape := time_format(distinct(look, column))) is not None:
        events.keys["time_format"] = shape


def _needed(preset: Preset) -> list[str]:
    """Kinds of files without which a preset cannot be used: those that its SQL joins."""
    return ["more"] if preset.beside.get("more") else []


def _beside(looks: Iterable[Look], preset: Preset, part: str) -> list[Look]:
    """The tables whose names are those of a preset's files beside the events."""
    return [look for look in looks if any(_matches(look.name, pattern) for pattern in preset.beside.get(part, ()))]


def _matches(name: str, pattern: str) -> bool:
    return Preset("", "", files=(pattern,)).has_name(name)


def _paths(look: Look) -> list[str]:
    path = look.section["path"]
    return [path] if isinstance(path, str) else list(path)


def _as_events(look: Look) -> tuple[bool, bool, bool, int]:
    """How much a table looks like a log: it has users, items and times, and ids that come again."""
    columns = names.event_columns(look.columns)
    item = [value for value in look.columns.get(columns.get("item_id", ""), ()) if value]
    return {"user_id", "item_id"} <= set(columns), "timestamp" in columns, len(set(item)) < len(item), len(look.columns)


def _events(look: Look) -> Part:
    """The section of events."""
    columns = names.event_columns(look.columns)
    notes = {key: f"not sure: {why}" for key, why in look.unsure.items()}
    if "names" in look.section:
        return _headless(look, notes)
    for name in ("user_id", "item_id"):
        if name not in columns and (guess := _id_like(look, columns.values())) is not None:
            columns[name] = guess
            notes[name] = "not sure: by its values alone, which come again as ids do"
    if columns.get("user_id") == columns.get("session_id", ""):
        notes["user_id"] = "no column of users: each session counts as one"
    within = names.by_name({name: names.ITEM_NAMES[name] for name in names.ITEM_NAMES if name != "item_id"}, _free(look, columns))
    unused = [column for column in look.columns if column not in columns.values() and column not in within.values()]
    keys, more = settled(look, columns)
    return Part({**look.section, **keys, "columns": _ordered(columns)}, notes | more, unused)


def _headless(look: Look, notes: dict[str, str]) -> Part:
    """The section of a file without a header: its columns are named after what they seem to hold."""
    columns: dict[str, str] = {}
    texts = dict(look.columns)
    for name, test in (("timestamp", _are_times), ("event", _are_kinds)):
        if (column := next((c for c, values in texts.items() if test(values)), None)) is not None:
            columns[name] = column
            del texts[column]
    for name in ("user_id", "item_id"):
        if (column := next((c for c, values in texts.items() if _are_ids(values)), None)) is not None:
            columns[name] = column
            del texts[column]
            notes[name] = f"not sure: {column}, by its place; users come before items as a rule"
    known = {column: name for name, column in columns.items()}
    named = [known.get(column, column) for column in look.columns]
    keys, more = settled(look, columns)
    section = {**look.section, "names": named, **keys, "columns": _ordered({name: name for name in columns})}
    return Part(section, notes | more, [name for name in named if name not in columns])


def _are_times(values: Sequence[str]) -> bool:
    some = [value for value in values if value]
    dated = bool(some) and all(len(value) >= 10 and value[:4].isdigit() and value[4] == "-" for value in some)
    return dated or time_format(some) is not None


def _are_kinds(values: Sequence[str]) -> bool:
    some = {value for value in values if value}
    return bool(some) and any(names.kind_of(value) for value in some) and len(some) <= 20


def _are_ids(values: Sequence[str]) -> bool:
    """Whether values may be ids: short, without spaces, no fractions, several of them."""
    some = [value for value in values if value]
    return bool(some) and all(len(value) <= 64 and " " not in value and "." not in value for value in some) and len(set(some)) > 1


def _id_like(look: Look, taken: Iterable[str]) -> str | None:
    """The first column that is no other and whose values come again as ids do."""
    for column, values in look.columns.items():
        some = [value for value in values if value]
        comes_again = len(some) >= _FEW and 5 <= len(set(some)) <= len(some) / 2
        spelt = names.words(column)
        if column not in taken and comes_again and _are_ids(some) and spelt.split()[-1:] in (["id"], ["key"], ["code"], ["no"]):
            return column
    return None


def _free(look: Look, columns: Mapping[str, str]) -> dict[str, list[str]]:
    return {column: values for column, values in look.columns.items() if column not in columns.values()}


def _ordered(columns: Mapping[str, str]) -> dict[str, str]:
    """Columns in the order of the canonical table."""
    return {name: columns[name] for name in (*EVENTS, "amount") if name in columns}


def _items_within(look: Look, events: Part) -> Part | None:
    """Items that the log itself describes: titles, categories, brands in its rows."""
    columns = events.keys["columns"]
    if "item_id" not in columns or "names" in look.section:
        return None
    wanted = {name: names.ITEM_NAMES[name] for name in ("brand", "category", "department", "name")}
    described = names.by_name(wanted, _free(look, columns))
    if not described:
        return None
    notes = {"repeats": "the log's own rows describe its items: the last value that an item has counts"}
    return Part({**look.section, "repeats": "last", "columns": {"item_id": columns["item_id"], **described}}, notes)


def _described(looks: Iterable[Look], columns_of: Any, key: str, ids: set[str]) -> Part | None:
    """The table that describes most of the ids of a log; None where none describes half of them."""
    best: tuple[float, Part] | None = None
    for look in looks:
        columns = columns_of(look.columns)
        if key not in columns or len(columns) < 2 or not ids:
            continue
        held = _held(look, columns[key], ids)
        if held >= _JOINED and (best is None or held > best[0]):
            notes = {key: f"holds {held:.0%} of the ids that the first {LOOK:,} events name"}
            best = held, Part({**look.section, "columns": columns}, notes)
    return best[1] if best else None


def _held(look: Look, column: str, ids: set[str]) -> float:
    """The share of ids that a column of a table holds."""
    wanted, seen = pa.array(sorted(ids), pa.string()), pa.array([], pa.string())
    try:
        for source in look.sources():
            for batch in source.read([column]):
                here = pc.cast(batch.column(0), pa.string())
                seen = pc.unique(pa.chunked_array([seen, here.filter(pc.is_in(here, wanted))]))
    except (InputError, pa.ArrowException):
        return 0.0
    return len(seen) / len(ids)


def _label(look: Look) -> str | None:
    """The column of a label: of two values, by its name, or the last one; None where there is none."""
    two = [column for column, values in look.columns.items() if _is_binary(values)]
    named = [column for name in names.LABELS for column in two if names.words(column) == name]
    return named[0] if named else two[-1] if two and two[-1] == list(look.columns)[-1] else None


def _is_binary(values: Sequence[str]) -> bool:
    some = {value.strip().lower() for value in values if value.strip()}
    return some in ({"0", "1"}, {"true", "false"}, {"yes", "no"}, {"0.0", "1.0"})


def _table(look: Look, label: str) -> Part:
    """The section of a table of features."""
    values = look.columns[label]
    keys: dict[str, Any] = {**look.section, "label": label}
    notes = {key: f"not sure: {why}" for key, why in look.unsure.items()}
    notes["label"] = f"two values, {' and '.join(sorted(set(values) - {''})[:2])}; the other columns are features"
    if {value.lower() for value in values if value} <= {"yes", "no"}:
        positive = next(value for value in values if value.lower() == "yes")
        keys["positive"] = f"\"{label}\" = '{positive}'"
    split = next((c for c in look.columns if _is_split(look.columns[c])), None)
    time = names.by_name({"timestamp": names.NAMES["timestamp"]}, {c: v for c, v in look.columns.items() if _are_times(v)}).get(
        "timestamp"
    )
    user = names.by_name({"user_id": names.NAMES["user_id"]}, _free(look, {"label": label})).get("user_id")
    if user is not None:
        keys["user"], notes["user"] = user, "intervals are over users"
    if split is not None:
        keys["split"], notes["split"] = split, "says which split a row is in"
    elif time is not None:
        keys["timestamp"], notes["timestamp"] = time, "the split is by time"
    else:
        keys["random_split"] = user or ""
        notes["random_split"] = "no column of times: rows are split by chance, which says nothing of later data"
    return Part(keys, notes)


def _is_split(values: Sequence[str]) -> bool:
    some = {value.strip().lower() for value in values if value}
    return bool(some) and "train" in some and some <= {"train", "validation", "valid", "val", "dev", "tuning", "tune", "test"}
