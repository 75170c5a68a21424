"""A plan as TOML with comments: what was found, what is not sure and why."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assay.logs.suggest.plan import Part, Plan
from assay.tables import EVENTS

_MEANINGS = {name: meaning for name, (_, meaning) in EVENTS.items()} | {
    "amount": "money for the whole line",
    "event": "what happened; kinds says what its words mean",
    "price": "money for one piece",
}
_NEEDED = ("user_id", "item_id", "timestamp")
_WIDTH = 120


def toml(plan: Plan, heading: Sequence[str], samples: Sequence[str], clean: Sequence[str]) -> str:
    """The text of a config. heading: sentences on top; samples, clean: lines of these sections."""
    lines = [f"# {sentence}" for sentence in heading]
    if plan.table is not None:
        lines += ["[table]", *_keys(plan.table)]
    for place, events in enumerate(plan.events):
        lines += [""] * (place > 0) + ["[[log.events]]", *_keys(events), *_columns(events, "log.events", _MEANINGS)]
    for name, part in (("items", plan.items), ("users", plan.users)):
        if part is not None:
            lines += ["", f"[log.{name}]", *_keys(part), *_columns(part, f"log.{name}", {})]
    for name, section in (("samples", samples), ("clean", clean)):
        if section:
            lines += ["", f"[{name}]", *section]
    if plan.events and plan.items is None:
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
        ]
    return "\n".join(lines) + "\n"


def value(content: Any) -> str:
    """A value as TOML."""
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, list):
        return f"[{', '.join(map(value, content))}]"
    return json.dumps(content, ensure_ascii=False).replace("\x7f", "\\u007f")


def listed(before: str, words: Iterable[str]) -> list[str]:
    """Comment lines of words after one another, none longer than fits."""
    lines, line = [], f"# {before}"
    for word in words:
        if len(line) + len(word) > _WIDTH:
            lines.append(line.rstrip())
            line = "#  "
        line += f" {word}"
    return [*lines, line.rstrip()]


def _note(part: Part, key: str) -> str:
    return f"  # {part.notes[key]}" if key in part.notes else ""


def _keys(part: Part) -> list[str]:
    """Lines of all keys but those that are tables."""
    return [
        f"{key} = {value(content)}{_note(part, key)}" for key, content in part.keys.items() if not isinstance(content, Mapping)
    ]


def _columns(part: Part, section: str, meanings: Mapping[str, str]) -> list[str]:
    """Lines of a part's columns and kinds."""
    lines: list[str] = []
    if "columns" in part.keys:
        lines += ["", f"[{section}.columns]  # canonical name = your column"]
        columns = part.keys["columns"]
        absent = [
            name for name in _NEEDED if meanings and name not in columns and not (name == "timestamp" and "no_times" in part.keys)
        ]
        for name in [*absent, *columns]:
            note = f"NOT FOUND: {meanings[name]}" if name in absent else part.notes.get(name) or meanings.get(name)
            lines.append(f"{_key(name)} = {value(columns.get(name, '?'))}" + (f"  # {note}" if note else ""))
    if part.unused:
        lines += listed("not used:", [*(f"{value(name)}," for name in part.unused[:-1]), value(part.unused[-1])])
    if part.keys.get("kinds"):
        lines += ["", f"[{section}.kinds]  # your word = kind"]
        lines += [f"{value(word)} = {value(kind)}{_note(part, word)}" for word, kind in part.keys["kinds"].items()]
    return lines


def _key(name: str) -> str:
    """A bare key where TOML lets it be one."""
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() and name else value(name)
