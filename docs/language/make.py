"""Bring a catalogue up to date, or begin one: `python docs/language/make.py zh`.

The keys are the English sentences of the sources. New ones come in without a translation, those that are gone go out, and what is
translated stays. A sentence that changed keeps nothing: translate it anew.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.core import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from assay.findings import labels
from assay.language.catalogue import KEPT

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "assay"
CATALOGUES = SOURCES / "language"
SINGLE, FORMS = ("say", "later", "english"), ("several", "forms")  # functions that take one sentence, or two for a number's forms
_HEADER = """\
# {language} of Assay. How to translate: docs/language.md
msgid ""
msgstr ""
"Project-Id-Version: Assay\\n"
"Language: {code}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plural};\\n"

"""
_CALL = re.compile(rf"\b(?:counted|{'|'.join((*SINGLE, *FORMS))})\(")
_REASON = re.compile(r"(?:THEN|ELSE|SELECT event_id,|events.event_id,) '(.+? .+?)'")
Key = tuple[str | None, str | tuple[str, ...]]  # context, and a sentence or its forms


def keys() -> Catalog:
    """Every sentence of the sources that is said in another language, with the files that it stands in.

    ValueError: a sentence is put together (an f-string) before it is looked up, so that no catalogue can have it.
    """
    catalog = Catalog(charset="utf-8")
    for path in sorted(SOURCES.rglob("*")):
        for context, message in _keys(path):
            catalog.add(message, context=context, locations=[(str(path.relative_to(SOURCES)), 1)])
    for text in labels.sayings():
        catalog.add(text, context=KEPT, locations=[("findings/labels.py", 1)])
    return catalog


def _keys(path: Path) -> Iterator[Key]:
    if path.suffix == ".j2":
        for _, message, _, _ in extract_from_file("jinja2.ext:babel_extract", path, {"say": None, "several": (1, 2)}):
            yield None, message
    elif path.suffix == ".sql" and path.parent.name == "clean":
        yield from ((KEPT, reason) for reason in _REASON.findall(path.read_text("utf-8")))
    elif path.suffix == ".py" and _CALL.search(text := path.read_text("utf-8")):
        for node in ast.walk(ast.parse(text, path)):
            if isinstance(node, ast.Call):
                yield from _of_call(node, path)


def _of_call(call: ast.Call, path: Path) -> Iterator[Key]:
    """Sentences of a call of our functions; what they get by a variable is marked where it is written."""
    name = ast.unparse(call.func).rpartition(".")[2]
    if name == "counted" and path.is_relative_to(SOURCES / "app") and (noun := _text(call.args[1:2], path)):
        yield None, (f"{{count}} {noun[0]}", f"{{count}} {noun[0]}s")
    elif name in SINGLE and (texts := _text(call.args[:1], path)):
        yield (KEPT if name == "english" else None), texts[0]
    elif name in FORMS and (texts := _text(call.args[:2], path)):
        yield None, texts


def _text(arguments: list[ast.expr], path: Path) -> tuple[str, ...]:
    """The arguments where all are texts; else nothing."""
    for argument in arguments:
        if isinstance(argument, ast.JoinedStr):
            where = f"{path}, line {argument.lineno}"
            raise ValueError(f"{where}: an f-string is no key; give a text with {{places}}, and their values")
    texts = [argument.value for argument in arguments if isinstance(argument, ast.Constant) and isinstance(argument.value, str)]
    return tuple(texts) if len(texts) == len(arguments) else ()


def update(code: str) -> None:
    """Write the catalogue of a language with all keys, and the translations that it has."""
    path = CATALOGUES / f"{code}.po"
    catalog = keys()
    catalog.locale = Locale.parse(code)
    old = Catalog()
    if path.exists():
        with path.open("rb") as file:
            old = read_po(file, locale=code)
    for message in catalog:
        before = old.get(message.id, message.context) if message.id else None
        if before is not None and isinstance(before.id, type(message.id)):
            message.string = before.string
    with path.open("wb") as file:
        language = str(catalog.locale.english_name)
        file.write(_HEADER.format(language=language, code=code, plural=catalog.plural_forms).encode())
        write_po(file, catalog, width=130, sort_output=True, omit_header=True, include_lineno=False, ignore_obsolete=True)


if __name__ == "__main__":
    update(sys.argv[1])
