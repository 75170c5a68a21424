"""The words and the character n-grams of a text in any script.

Words are those of Unicode's word boundaries (UAX #29). Scripts that put no spaces between words need dictionaries, which the
extra `segment` brings: ICU's for Japanese, Thai, Lao, Khmer and Burmese; runs of Han characters in a text without kana are
Chinese and are cut by jieba's, in its mode for search engines. Without the extra such a text is an error, never other words.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import regex

from assay import registry

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_HAN_RUN = re.compile(f"([{_HAN}]+)")
_KANA = re.compile("[\u3041-\u30ff\u31f0-\u31ff]")
_WITHOUT_SPACES = regex.compile(r"\p{Line_Break=Complex_Context}")  # Thai, Lao, Khmer, Burmese and their neighbours
_BOUNDARY = regex.compile(r"\b", flags=regex.WORD | regex.V1)
# UAX #29 joins Korean syllables with letters and digits of other scripts; as ICU does, they are words of their own here.
_KOREAN = regex.compile(r"([\uac00-\ud7a3]+[\p{Word_Break=Extend}\p{Word_Break=Format}\p{Word_Break=ZWJ}]*)")
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
    ["苹果", "果汁", "苹果汁"], so that each of them finds it. InputError with the pip line: the text is Chinese, Japanese, Thai,
    Lao, Khmer or Burmese, and the extra `segment` is not installed.
    """
    return [word for word in _segments(_PARTING.sub(" ", normalised(text))) if _is_word(word)]


def _segments(text: str) -> Iterator[str]:
    if _KANA.search(text):  # Japanese: its kanji belong together with their kana
        yield from _japanese_or_thai(text)
        return
    for place, part in enumerate(_HAN_RUN.split(text)):
        if place % 2:
            yield from _chinese(part)
        elif _WITHOUT_SPACES.search(part):
            yield from _japanese_or_thai(part)
        else:
            yield from _spaced(part)


def _spaced(text: str) -> Iterator[str]:
    for place, part in enumerate(_KOREAN.split(text)):
        yield from [part] if place % 2 else filter(None, _BOUNDARY.split(part))


def _japanese_or_thai(text: str) -> Iterable[str]:
    breakers = _of_extra("icu4py.breakers", "Japanese, Thai, Lao, Khmer or Burmese")
    segments: Iterable[str] = breakers.WordBreaker(text, "root")
    return segments


def _chinese(text: str) -> Iterable[str]:
    segments: Iterable[str] = _of_extra("rjieba", "Chinese").cut_for_search(text)
    return segments


def _of_extra(package: str, language: str) -> Any:
    return registry.of_extra(package, "segment", f"cutting {language} text into words")


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
