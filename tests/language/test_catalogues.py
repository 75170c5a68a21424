"""Every catalogue has every sentence of the sources, with the same places, and none besides."""

from collections.abc import Iterator
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from assay.language import catalogue, languages
from docs.language import make

CODES = [code for code in languages() if code != "en"]


@pytest.fixture(scope="module")
def keys() -> Catalog:
    return make.keys()


def of(code: str) -> Catalog:
    """A catalogue as Babel reads it: an oracle for our own reader."""
    with (make.CATALOGUES / f"{code}.po").open("rb") as file:
        return read_po(file, locale=code)


def sentences(catalog: Catalog) -> dict[tuple[str | None, object], Message]:
    return {(one.context, one.id): one for one in catalog if one.id}


def texts(message: Message) -> Iterator[str]:
    yield from ([message.string] if isinstance(message.string, str) else message.string)


def places(text: str) -> set[str]:
    return {place for _, place, _, _ in Formatter().parse(text) if place is not None}


@pytest.mark.parametrize("code", CODES)
def test_a_catalogue_has_what_the_sources_say_and_nothing_else(code, keys):
    there, wanted = sentences(of(code)).keys(), sentences(keys).keys()
    advice = f"run: python docs/language/make.py {code}; then translate what is new"
    assert not wanted - there, f"{sorted(map(str, wanted - there))[:5]} are missing; {advice}"
    assert not there - wanted, f"{sorted(map(str, there - wanted))[:5]} are said no more; {advice}"


@pytest.mark.parametrize("code", CODES)
def test_every_sentence_is_translated_with_its_places(code):
    for (_, english), message in sentences(of(code)).items():
        wanted = places(english if isinstance(english, str) else english[-1])
        for text in texts(message):
            assert text, f"{english!r} is not translated"
            assert places(text) == wanted, f"{english!r} has other places than {text!r}"
            assert not message.fuzzy, f"{english!r}: look at it, and take the mark away"


@pytest.mark.parametrize("code", CODES)
def test_our_reader_reads_what_babel_reads(code):
    read = catalogue.of_language(code)
    for (context, english), message in sentences(of(code)).items():
        key = english if isinstance(english, str) else english[0]
        assert read.messages[context or "", key] == tuple(texts(message))
    assert len(read.messages) == len(sentences(of(code)))


@pytest.mark.parametrize("code", CODES)
def test_the_file_is_as_the_tool_writes_it(code, tmp_path, monkeypatch):
    path = make.CATALOGUES / f"{code}.po"
    (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(make, "CATALOGUES", tmp_path)
    make.update(code)
    assert (tmp_path / path.name).read_bytes() == path.read_bytes(), f"run: python docs/language/make.py {code}"


def test_a_language_begins_with_all_sentences_and_no_translation(tmp_path, monkeypatch, keys):
    monkeypatch.setattr(make, "CATALOGUES", tmp_path)
    make.update("de")
    begun = catalogue.read((tmp_path / "de.po").read_text("utf-8"))
    assert begun.messages == {}
    assert [begun.form_of(number) for number in (0, 1, 2)] == [1, 0, 1]
    assert (tmp_path / "de.po").read_text("utf-8").count("\nmsgid ") == len(sentences(keys)) + 1


def test_a_sentence_that_is_put_together_is_no_key(tmp_path, monkeypatch):
    (tmp_path / "page.py").write_text('say(f"{count} items")\n')
    monkeypatch.setattr(make, "SOURCES", tmp_path)
    with pytest.raises(ValueError, match=r"page\.py, line 1: an f-string is no key"):
        make.keys()
