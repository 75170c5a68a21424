"""The words and the character n-grams of a text in any script.

Words are those of Unicode's word boundaries (UAX #29) with ICU's dictionaries for Japanese, Thai, Lao, Khmer and Burmese;
runs of Han characters in a text without kana are Chinese and are cut by jieba's dictionary, in its mode for search engines.
"""

import re
import unicodedata
from collections.abc import Iterator

import rjieba
from icu4py.breakers import WordBreaker

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_HAN_RUN = re.compile(f"([{_HAN}]+)")
_KANA = re.compile("[\u3041-\u30ff\u31f0-\u31ff]")
# Marks that are not seen: soft hyphen, direction, joiners of words, text or picture style of a symbol.
_UNSEEN = re.compile("[\u00ad\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe0e\ufe0f\ufeff]")
# UAX #29 lets these join letters (bread:rye, a_b, salt.pepper); in titles they part words. In numbers a point stays (3.5).
_PARTING = re.compile(r"(?<!\d)[:._]|[:._](?!\d)")


def normalised(text: str) -> str:
    """The text as it is compared: NFKC, case folded, unseen marks taken out, curly apostrophes straight, no lone surrogates."""
    text = _UNSEEN.sub("", text.encode("utf-8", "replace").decode("utf-8"))
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).replace("\u2019", "'")


def words(text: str) -> list[str]:
    """Words of a text in its order, normalised, repeated as they are; [] where it has none.

    Numbers and an emoji are words, punctuation is not. A long Chinese word follows its parts: words("苹果汁") is
    ["苹果", "果汁", "苹果汁"], so that each of them finds it.
    """
    return [word for word in _segments(_PARTING.sub(" ", normalised(text))) if _is_word(word)]


def _segments(text: str) -> Iterator[str]:
    if _KANA.search(text):  # Japanese: its kanji belong together with their kana
        yield from WordBreaker(text, "root")
        return
    for place, part in enumerate(_HAN_RUN.split(text)):
        if part:
            yield from rjieba.cut_for_search(part) if place % 2 else WordBreaker(part, "root")


def _is_word(segment: str) -> bool:
    return any(character.isalnum() for character in segment) or _is_symbol(segment[0])


def _is_symbol(character: str) -> bool:
    """Whether it is an emoji or a sign like it; not the signs of Latin-1 (©, ®, °), which titles carry without meaning them."""
    return character > "\u2000" and unicodedata.category(character) == "So"


def character_ngrams(text: str, shortest: int = 2, longest: int = 4) -> list[str]:
    """N-grams of `shortest` to `longest` characters of each run of letters, marks, digits and emoji, a space at both its ends.

    Normalised as words are, but no dictionary is asked: a misspelt or unknown word shares most n-grams with the right one.
    """
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" or _is_symbol(c) else " " for c in normalised(text))
    runs = [f" {run} " for run in kept.split()]
    return [run[i : i + n] for run in runs for n in range(shortest, longest + 1) for i in range(len(run) - n + 1)]
