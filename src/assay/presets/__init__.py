"""What is known of public logs and of the tools that write them: one TOML file each.

`preset = "movielens"` in a section of the config stands for the keys that the file has for that section; a key that the section
gives itself counts instead, and `columns`, `kinds` and `own_kinds` are put over the preset's one by one.

A file has `about` (one line), what the log is recognised by, and a table for each section that it speaks of:

- `files`: patterns of names of the file of events, none where any name will do; `beside.items`, `beside.users` and `beside.more`:
  of the files that stand beside it. `together`: presets whose files are read too, where they lie in the same folder.
- `columns`: names that the file of events has, all of them; or, of a file without a header, `values`: a regular expression for
  each column in turn, which its values match whole.
- `events`, `items`, `users`, `table`: keys of these sections.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files
from typing import Any

SECTIONS = ("events", "items", "users", "table")
_MERGED = ("columns", "kinds", "own_kinds")


@dataclass(frozen=True)
class Preset:
    """One file of presets. sections: by name, the keys that it stands for."""

    name: str
    about: str
    files: tuple[str, ...] = ()
    beside: Mapping[str, list[str]] = field(default_factory=dict)
    together: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    sections: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def has_name(self, file: str) -> bool:
        """Whether a file's name, without folder and compression, is one that this log's file of events has."""
        return not self.files or any(fnmatch(file.lower(), pattern.lower()) for pattern in self.files)

    def has_columns(self, columns: Mapping[str, list[str]]) -> bool:
        """Whether a file's columns are this log's: by their names, or by their values where the file has no header."""
        if self.values:
            return len(columns) == len(self.values) and all(
                any(texts) and all(re.fullmatch(pattern, text) for text in texts if text)
                for pattern, texts in zip(self.values, columns.values(), strict=True)
            )
        return bool(self.columns) and set(self.columns) <= set(columns)


@cache
def read() -> dict[str, Preset]:
    """Every preset by its name, in order of name."""
    presets = {}
    for file in sorted(files("assay.presets").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            name = file.name.removesuffix(".toml")
            content = tomllib.loads(file.read_text(encoding="utf-8"))
            sections = {part: content.pop(part) for part in SECTIONS if part in content}
            presets[name] = Preset(
                name, content.pop("about"), tuple(content.pop("files", ())), content.pop("beside", {}),
                tuple(content.pop("together", ())),
                tuple(content.pop("columns", ())), tuple(content.pop("values", ())), sections,
            )  # fmt: skip
            assert not content, f"{file.name}: unknown keys {list(content)}"
    return presets


def filled(section: Mapping[str, Any], part: str) -> dict[str, Any]:
    """A section of the config with the keys of the preset that it names, its own over them. ValueError: no such preset."""
    name = section["preset"]
    known = [preset.name for preset in read().values() if part in preset.sections]
    if name not in known:
        raise ValueError(f"preset: none of [{part}] is called {name!r}; there are: {', '.join(known)}")
    keys = read()[name].sections[part]
    merged = {key: {**keys[key], **section[key]} for key in _MERGED if key in keys and isinstance(section.get(key), Mapping)}
    return {**keys, **section, **merged}
