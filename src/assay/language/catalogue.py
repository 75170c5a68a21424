"""Catalogues: a PO file for each language beside this one, read as it is. No file is compiled, and none can be out of date."""

import gettext
from ast import literal_eval
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

KEPT = "kept"  # the context (msgctxt) of sentences that artefacts keep


@dataclass(frozen=True)
class Catalogue:
    """Translations of a language.

    messages: by context and English sentence, one text for each form of a number. form_of: which form goes with a number.
    """

    messages: Mapping[tuple[str, str], tuple[str, ...]]
    form_of: Callable[[int], int]

    def one(self, text: str) -> str:
        """The translation of a sentence; itself where there is none."""
        return self.messages.get(("", text), (text,))[0]

    def form(self, one: str, many: str, number: int) -> str:
        """The translation that goes with a number; the English one where there is none."""
        forms = self.messages.get(("", one))
        return (one if number == 1 else many) if forms is None else forms[min(self.form_of(number), len(forms) - 1)]


@dataclass
class Entry:
    """What stands between two empty lines of a PO file. forms: the translations, by the number of their form."""

    context: str = ""
    text: str = ""
    forms: dict[int, str] = field(default_factory=dict)
    fuzzy: bool = False


def translated() -> list[str]:
    """Codes of the languages that have a catalogue."""
    return sorted(path.name.removesuffix(".po") for path in files(__package__).iterdir() if path.name.endswith(".po"))


@cache
def of_language(code: str) -> Catalogue:
    """The catalogue of a language that has one."""
    return read((files(__package__) / f"{code}.po").read_text("utf-8"))


def read(text: str) -> Catalogue:
    """A PO file's text as a catalogue. Sentences without a translation, and fuzzy ones, are left out."""
    entries = list(_entries(text))
    head = next((entry.forms.get(0, "") for entry in entries if not entry.text), "")
    plural = next(
        (line.partition("plural=")[2].rstrip("; ") for line in head.splitlines() if line.startswith("Plural-Forms:")), ""
    )
    messages = {
        (entry.context, entry.text): tuple(entry.forms[k] for k in sorted(entry.forms))
        for entry in entries
        if entry.text and not entry.fuzzy and all(entry.forms.values())
    }
    return Catalogue(messages, gettext.c2py(plural or "n != 1"))


def _entries(text: str) -> Iterator[Entry]:
    entry, into = Entry(), ""
    for line in [*text.splitlines(), ""]:
        if not line.strip():
            if into:
                yield entry
            entry, into = Entry(), ""
        elif line.startswith("#"):
            entry.fuzzy |= line.startswith("#,") and "fuzzy" in line
        else:
            word, _, rest = line.partition('"')
            into = word.strip() or into
            _put(entry, into, str(literal_eval(f'"{rest}')))


def _put(entry: Entry, into: str, part: str) -> None:
    """Add a part of a text to where it belongs: msgctxt, msgid, msgstr, or msgstr[2]; English plurals are not read."""
    if into == "msgctxt":
        entry.context += part
    elif into == "msgid":
        entry.text += part
    elif into.startswith("msgstr"):
        form = int(into[len("msgstr[") : -1] or 0)
        entry.forms[form] = entry.forms.get(form, "") + part
