"""Sentences in the reader's language: English ones are the keys, a catalogue beside this file has the others.

    with speaking("zh"):
        say("{count} items were ranked.", count="7")

Which language is spoken belongs to what is rendered at present (a context variable), not to the process. A sentence that the
catalogue does not have is said in English.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import reduce

from assay.errors import InputError, did_you_mean
from assay.language.catalogue import Catalogue, of_language, translated
from assay.language.filling import filled

ENGLISH = "en"
_SPOKEN: ContextVar[str] = ContextVar("spoken", default=ENGLISH)


def languages() -> list[str]:
    """Codes of the languages that there are: English, and those of the catalogues."""
    return sorted({ENGLISH, *translated()})


def own_name(code: str) -> str:
    """What those who speak a language call it; a catalogue has that as its translation of "English"."""
    name = later("English")
    return name if code == ENGLISH else of_language(code).one(name)


def spoken() -> str:
    """The code of the language that is spoken at present."""
    return _SPOKEN.get()


def check(code: str) -> str:
    """The code of a language. InputError: there is no catalogue of it."""
    if code not in languages():
        raise InputError(f"no language is called {code!r}{did_you_mean(code, languages())}; there are {', '.join(languages())}")
    return code


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Speak a language within. InputError: as `check`."""
    before = _SPOKEN.set(check(code))
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def heard() -> Catalogue | None:
    """The catalogue of the language that is spoken at present; None where that is English."""
    return None if spoken() == ENGLISH else of_language(spoken())


def say(text: str, /, **values: object) -> str:
    """A sentence in the language that is spoken, its {placeholders} filled in."""
    found = heard()
    pattern = text if found is None else found.one(text)
    return filled(pattern, values) if values else pattern


def several(one: str, many: str, number: int, /, **values: object) -> str:
    """The form of a sentence that goes with a number; English has two, others have one or more."""
    found = heard()
    pattern = (one if number == 1 else many) if found is None else found.form(one, many, number)
    return filled(pattern, values) if values else pattern


def later(text: str) -> str:
    """The text itself, marked for the catalogue: `say` says it when it is shown."""
    return text


def forms(one: str, many: str) -> tuple[str, str]:
    """The two texts themselves, marked for the catalogue as forms of one: `several` chooses when they are shown."""
    return one, many


def english(text: str, /, **values: object) -> str:
    """A sentence that an artefact keeps: English, whatever is spoken; `retelling.retell` says it again in another language."""
    return text.format(**values) if values else text


def paragraph(sentences: Iterable[str]) -> str:
    """Sentences one after another; after one that stayed English, a space. Empty ones are left out."""
    text = ""
    for sentence in filter(None, sentences):
        joined = say("{first} {then}", first=text, then=sentence)
        text = f"{text} {sentence}".lstrip() if text[-1:].isascii() else joined
    return text


def listed(parts: Iterable[str]) -> str:
    """What stands in a row: a, b, c."""
    return _joined(parts, later("{first}, {then}"))


def clauses(parts: Iterable[str]) -> str:
    """Parts of a sentence that stand apart: a; b; c."""
    return _joined(parts, later("{first}; {then}"))


def _joined(parts: Iterable[str], pattern: str) -> str:
    every = list(parts)
    return reduce(lambda first, then: say(pattern, first=first, then=then), every) if every else ""
