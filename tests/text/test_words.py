import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icu4py.breakers import WordBreaker

import assay.text.words as module
from assay.text.words import character_ngrams, words

ANY = st.text(st.characters(), max_size=60)  # lone surrogates, direction marks and all planes
# Letters, marks, digits, punctuation and emoji of scripts that put spaces between words.
SPACED = "abcÀéß123٣०,.;'’:_- \n\tабвёעברית׳״اعصيرـ\u0301\u0308हिन्दी्में❤🇩🇪🇫🇷👍🏽👩1⃣Ωδ"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  ,;!\u200b\ufeff ", []),
        ("CAFÉ ＡＢＣ Straße ﬁsh ㎏", ["café", "abc", "strasse", "fish", "kg"]),
        ("milk 3.5% 10,000 1L iPhone15", ["milk", "3.5", "10,000", "1l", "iphone15"]),
        ("BREAD:ITALIAN/RYE low-fat snake_case salt.pepper", "bread italian rye low fat snake case salt pepper".split()),  # noqa: SIM905
        ("women’s women's", ["women's", "women's"]),
        ("Tide® 90°", ["tide", "90"]),
        ("有机 苹果汁 1L", ["有机", "苹果", "果汁", "苹果汁", "1l"]),
        ("苹果手机", ["苹果", "手机"]),
        ("iPhone15手机壳", ["iphone15", "手机", "壳"]),
        ("有機りんごを食べる", ["有機", "りんご", "を", "食べる"]),
        ("사과 주스", ["사과", "주스"]),
        ("สวัสดีครับ", ["สวัสดี", "ครับ"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("עוגת\u200f תפוחים", ["עוגת", "תפוחים"]),
        ("\u202bعصير\u202c تفاح", ["عصير", "تفاح"]),
        ("❤️❤🇩🇪🇫🇷👍🏽👩‍👩‍👧 1️⃣", ["❤", "❤", "🇩🇪", "🇫🇷", "👍🏽", "👩‍👩‍👧", "1⃣"]),
        ("a\ud800b \0c", ["a", "b", "c"]),
    ],
)
def test_words_of_many_scripts(text, expected):
    assert words(text) == expected


def by_icu(text):
    cut = WordBreaker(module._PARTING.sub(" ", module.normalised(text)), "root")
    return [segment for segment in cut if module._is_word(segment)]


@given(st.text(SPACED + "\u200d", max_size=20))
def test_words_of_scripts_with_spaces_are_those_of_icu(text):
    assert words(text) == by_icu(text)


@given(st.text(SPACED + "사과주스아이폰\u1112\u1161", max_size=20))  # ICU joins what a joiner of emoji stands behind Korean
def test_korean_words_are_those_of_icu(text):
    assert words(text) == by_icu(text)


@given(ANY)
def test_a_text_in_another_form_has_the_same_words(text):
    found = words(text)
    assert words(unicodedata.normalize("NFC", text)) == found
    assert words(f"\ufeff{text} ") == found


@given(ANY)
def test_words_are_not_empty_and_hold_no_space(text):
    assert all(word and not any(c.isspace() for c in word) for word in words(text))


@given(st.lists(st.text("abcxyz0123456789", min_size=1, max_size=8)))
def test_plain_words_are_what_spaces_part(parts):
    assert words(" ".join(parts)) == parts


@given(st.text("abcé苹果 1", max_size=30))
def test_ngrams_by_their_definition(text):
    padded = [f" {run} " for run in text.split()]
    wanted = sorted(run[i:j] for run in padded for i in range(len(run)) for j in range(i + 1, len(run) + 1) if 2 <= j - i <= 4)
    assert sorted(character_ngrams(text)) == wanted


def test_a_misspelt_word_shares_most_ngrams():
    right, wrong, other = (set(character_ngrams(word)) for word in ("yoghurt", "yogurt", "cheddar"))
    assert len(right & wrong) > 2 * len(right & other) + 5


@pytest.mark.parametrize("text", ["苹果汁" * 3_400, "a" * 10_000, "👩‍👩‍👧" * 2_000, "עוגה " * 2_000])
def test_long_texts_are_no_trouble(text):
    assert words(text)
    assert character_ngrams(text)
