"""Kept sentences, told again in another language.

What a run keeps is in English, whatever is spoken: the same log and config give the same bytes. The catalogue has those
sentences as patterns (context "kept"). What fits one is told again with what stood in its places. What fits none stays as it is.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache, partial, reduce
from string import Formatter

from assay.language import english, heard, spoken
from assay.language.catalogue import KEPT, of_language

_LONGEST = 1_000  # characters of a sentence that is read
_MOST_JOINTS = 12  # with more, the text is no sentence of ours
# Places by how their names begin: what is of the log or the config, and stays as it is; a number without a space; words that a
# config may name; levels of a column, which may be ours; a ratio, whose "times" the pattern says itself.
_NAME, _NUMBER, _WORDS, _LEVEL, _RATIO = "name", "number", ("taken", "positive", "user"), "level", "ratio"
_FACTS = "facts"  # parts in a row, of which some may fit no pattern; a pattern with such a place is no part of another
_ITEM = "item"  # a name, perhaps with the query that it was found for
_WORD = r"[^\W\d](?:[\w ’'-]{0,40}?[^\W\d])??"
_LEAF = re.compile(r"…|\S*\d\S*(?: (?:%|[^\W\d_]{1,4}))?")
_JOINTS = (
    (" and ", english("{one} and {other}")),
    (" or ", english("{one} or {other}")),
    ("; ", english("{one}; {other}")),
    (", ", english("{one}, {other}")),
)


@dataclass(frozen=True)
class Pattern:
    """A kept sentence with places. reads: fit the English text, a group for each place, the first with as little as can be in
    the first places, the second with as much. says: its translation.
    """

    reads: tuple[re.Pattern[str], re.Pattern[str]]
    says: str

    @classmethod
    def of(cls, text: str, translation: str) -> "Pattern":
        """The pattern of a sentence; a place that is there twice must hold the same twice."""
        parts, places = [], set[str]()
        for plain, place, _, _ in Formatter().parse(text):
            parts.append(re.escape(plain))
            if place is not None:
                holds = r"\S*\d\S*" if place.startswith(_NUMBER) else _WORD if place.startswith(_WORDS) else ".+?"
                parts.append(f"(?P={place})" if place in places else f"(?P<{place}>{holds})")
                places.add(place)
        little = "".join(parts)
        return cls((re.compile(little), re.compile(little.replace(".+?", ".+"))), translation)

    def told(self, code: str, text: str) -> str | None:
        """The translation of a text; None where it does not fit, or holds in a place what is no sentence of ours."""
        for reading in self.reads:
            if (match := reading.fullmatch(text)) is None:
                return None
            values = {place: _in_place(code, place, value) for place, value in match.groupdict().items()}
            if None not in values.values():
                return self.says.format(**values)
        return None


def retell(text: str) -> str:
    """A kept English sentence in the language that is spoken; itself where no pattern of the catalogue fits."""
    if heard() is None:
        return text
    code = spoken()
    _, wholes, _ = _patterns(code)
    whole = (told for pattern in wholes if len(text) <= _LONGEST and (told := pattern.told(code, text)) is not None)
    return next(whole, None) or _retold(code, text) or text


@lru_cache(maxsize=20_000)
def _retold(code: str, text: str) -> str | None:
    """A text by a pattern, or by several that are joined; a number as it is. None where it is no sentence of ours."""
    exact, _, patterns = _patterns(code)
    if len(text) > _LONGEST:
        return None
    if text in exact:
        return exact[text]
    joints = _JOINTS if sum(text.count(joint) for joint, _ in _JOINTS) <= _MOST_JOINTS else ()
    ways: list[Callable[[], str | None]] = [
        *(partial(_split, code, text, *joint) for joint in joints[:2]),
        *(partial(pattern.told, code, text) for pattern in patterns),
        *(partial(_split, code, text, *joint) for joint in joints[2:]),
    ]
    for way in ways:
        if (told := way()) is not None:
            return told
    return text if _LEAF.fullmatch(text) else None


def _split(code: str, text: str, joint: str, pattern: str) -> str | None:
    """Two sentences of ours with a joint between them; None where it joins no two."""
    for match in re.finditer(re.escape(joint), text):
        one, other = _retold(code, text[: match.start()]), _retold(code, text[match.end() :])
        if one is not None and other is not None:
            return _kept(code).get(pattern, pattern).format(one=one, other=other)
    return None


def _in_place(code: str, place: str, text: str) -> str | None:
    """What stands in a place, told again."""
    if place.startswith(_NAME):
        return text
    if place.startswith(_LEVEL):
        levels = [_retold(code, level) for level in text.split(" or ")]
        either = _kept(code).get("{one} or {other}", "{one} or {other}")
        return text if None in levels else reduce(lambda one, other: either.format(one=one, other=other), levels)
    if place.startswith(_NUMBER):
        return text
    if place.startswith(_WORDS):
        return _kept(code).get(text, None if " " in text else text)
    if place.startswith(_ITEM):
        return (_retold(code, text) if "“" in text else None) or text
    if place.startswith(_RATIO):
        return _retold(code, text.replace(" times", ""))
    if place.startswith(_FACTS):
        return _retold(code, text) or _row(code, [_retold(code, part) or part for part in text.split(", ")])
    return _retold(code, text)


def _row(code: str, parts: list[str]) -> str:
    pattern = _kept(code).get("{one}, {other}", "{one}, {other}")
    return reduce(lambda one, other: pattern.format(one=one, other=other), parts)


@cache
def _kept(code: str) -> dict[str, str]:
    """Kept sentences of a catalogue, with their translations."""
    return {text: forms[0] for (context, text), forms in of_language(code).messages.items() if context == KEPT}


@cache
def _patterns(code: str) -> tuple[dict[str, str], list[Pattern], list[Pattern]]:
    """Kept sentences without places; patterns of whole sentences, and others: those that say most by themselves first."""
    every = _kept(code)
    exact = {text: translation for text, translation in every.items() if not _places(text)}
    joints = {pattern for _, pattern in _JOINTS}
    others = sorted((text for text in every if _places(text) and text not in joints), key=lambda text: (-_plain(text), text))
    wholes = [text for text in others if _FACTS in _places(text)]
    whole, part = ([Pattern.of(text, every[text]) for text in others if (text in wholes) == wanted] for wanted in (True, False))
    return exact, whole, part


def _places(text: str) -> list[str]:
    return [place for _, place, _, _ in Formatter().parse(text) if place is not None]


def _plain(text: str) -> int:
    """Characters of a pattern outside of its places."""
    return sum(len(plain) for plain, *_ in Formatter().parse(text))
