"""What is said in which language."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from hypothesis import given
from hypothesis import strategies as h
from markupsafe import Markup

from assay import language
from assay.errors import InputError
from assay.language import catalogue
from assay.language.filling import filled

POLISH = r"""
msgid ""
msgstr ""
"Language: pl\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);\n"

#: app/words.py
msgid "{count} user"
msgid_plural "{count} users"
msgstr[0] "{count} użytkownik"
msgstr[1] "{count} użytkownicy"
msgstr[2] "{count} użytkowników"

#, fuzzy
msgid "It helps."
msgstr "Nie wiadomo."

msgid ""
"two "
"\"lines\"\n"
msgstr ""
"dwie "
"„linie”\n"

msgctxt "kept"
msgid "share"
msgstr "udział"

msgid "empty"
msgstr ""
"""


def test_english_is_spoken_until_another_language_is():
    assert language.spoken() == "en"
    assert language.say("{model} is served, not {other}", model="a", other="b") == "a is served, not b"
    with language.speaking("zh"):
        assert language.spoken() == "zh"
        assert language.say("It helps.") == "有帮助。"
        assert language.several("{count} user", "{count} users", 2, count=2) == "2 位用户"
        with language.speaking("en"):
            assert language.say("It helps.") == "It helps."
        assert language.spoken() == "zh"
    assert language.spoken() == "en"


def test_what_no_catalogue_has_is_said_in_english():
    with language.speaking("zh"):
        assert language.say("A new page's {what}.", what="sentence") == "A new page's sentence."
        assert language.several("{n} moon", "{n} moons", 1, n=1) == "1 moon"
        assert language.several("{n} moon", "{n} moons", 2, n=2) == "2 moons"


def test_a_thread_speaks_its_own_language():
    with language.speaking("zh"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(language.spoken).result() == "en"
        assert pool.submit(copy_context().run, language.spoken).result() == "zh"


def test_a_language_that_is_not_there_is_named_with_those_that_are():
    with (
        pytest.raises(InputError, match=r"no language is called 'zhh'; did you mean 'zh'\?; there are en, zh"),
        language.speaking("zhh"),
    ):
        pass


def test_rows_and_sentences_are_joined_as_the_language_does():
    assert language.listed(["a", "b", "c"]) == "a, b, c"
    assert language.clauses(iter(["a", "b"])) == "a; b"
    assert language.paragraph(["One.", "", "Two."]) == "One. Two."
    assert language.listed([]) == language.clauses([]) == language.paragraph([]) == ""
    with language.speaking("zh"):
        assert language.listed(["a", "b"]) == "a、b"
        assert language.paragraph(["一。", "二。"]) == "一。二。"
        assert language.paragraph(["English stays.", "二。"]) == "English stays. 二。"


def test_a_po_file_is_read_with_its_forms_contexts_and_lines():
    read = catalogue.read(POLISH)
    assert [read.form("{count} user", "{count} users", n) for n in (1, 3, 5, 22)] == [
        "{count} użytkownik", "{count} użytkownicy", "{count} użytkowników", "{count} użytkownicy",
    ]  # fmt: skip
    assert read.one("It helps.") == "It helps."  # fuzzy: nobody has looked at it
    assert read.one('two "lines"\n') == "dwie „linie”\n"
    assert read.one("empty") == "empty"
    assert read.messages["kept", "share"] == ("udział",)


@given(h.text(), h.text())
def test_what_comes_from_data_is_told_as_it_is(text, other):
    with language.speaking("zh"):
        assert language.say("user {user} has no list in this run; for anybody:", user=text).count(text) >= 1
    assert language.say("{a}{b}", a=text, b=other) == text + other


@pytest.mark.parametrize(
    ("value", "expected"),
    [("3", "为 3 的样本"), ("正", "为正的样本"), ("A 与 正", "为 A 与 正的样本"), ("正 ", "为正  的样本"), ("", "为  的样本")],
)
def test_a_space_beside_a_place_stays_where_scripts_meet(value, expected):
    assert filled("为 {level} 的样本", {"level": value}) == expected


def test_two_places_that_meet_are_joined_as_signs_are_and_markup_is_escaped():
    assert [filled("{a} {b}", {"a": a, "b": b}) for a, b in (("正", "多"), ("正", "3"), ("a", "b"))] == ["正多", "正 3", "a b"]
    assert filled(Markup("中 {a}"), {"a": "<b>正"}) == "中 &lt;b&gt;正"
    assert filled(Markup("中 {a} 中"), {"a": Markup("<bdi>正</bdi>")}) == "中<bdi>正</bdi>中"
    assert filled("{a} user", {"a": "正"}) == "正 user"
