"""Kept sentences, told again in another language.

What a run keeps is in English, whatever is spoken: the same log and config give the same bytes. The catalogue has those
sentences as patterns (context "kept"). What fits one is told again with what stood in its places. What fits none stays as it is.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial, reduce
from string import Formatter

from assay.language import english, heard, spoken
from assay.language.catalogue import KEPT, of_language
from assay.language.filling import filled

_LONGEST = 600  # characters of a sentence that is read
_MOST_STEPS, _DEEPEST = 80, 10  # parts that are looked at, and parts within parts: our own sentences take far fewer
# Places by how their names begin: what is of the log or the config, and stays as it is; a number without a space; words that a
# config may name; levels of a column, which may be ours; a ratio, whose "times" the pattern says itself.
_NAME, _NUMBER, _WORDS, _LEVEL, _RATIO = "name", "number", ("taken", "positive", "user"), "level", "ratio"
_FACTS = "facts"  # parts in a row, of which some may fit no pattern; a pattern with such a place is no part of another
_TEST = "test"  # the test of a run, or a kept benchmark by its label, which stays as it is
_HINT = "hint"  # nothing, or what was perhaps meant: errors.did_you_mean
_RULE = "rule"  # conditions that may be joined: a pattern with such a place is tried before what joins them parts the text
_ITEM = "item"  # a name, perhaps with the query that it was found for
_WORD = r"[^\W\d](?:[\w ’'-]{0,40}?[^\W\d])??"
_MEANT = english("; did you mean {name}?")
_HOLDS: dict[str | tuple[str, ...], str] = {
    _NUMBER: r"\S*\d\S*",
    _WORDS: _WORD,
    _HINT: f"(?:{re.escape(_MEANT).replace(re.escape('{name}'), '.+?')})?",
}  # what places hold; others hold anything
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
                holds = next((holds for names, holds in _HOLDS.items() if place.startswith(names)), ".+?")
                parts.append(f"(?P={place})" if place in places else f"(?P<{place}>{holds})")
                places.add(place)
        little = "".join(parts)
        return cls((re.compile(little), re.compile(little.replace(".+?", ".+"))), translation)

    @property
    def of_rule(self) -> bool:
        """Whether a place holds conditions."""
        return _RULE in self.reads[0].groupindex


def retell(text: str) -> str:
    """A kept English sentence in the language that is spoken; itself where no pattern of the catalogue fits."""
    return text if heard() is None or len(text) > _LONGEST else _retold(spoken(), text)


@lru_cache(maxsize=20_000)
def _retold(code: str, text: str) -> str:
    return Retelling(code).whole(text) or text


class Retelling:
    """One sentence on its way into a language. It stops after some steps: a text may be made to be read in many ways."""

    def __init__(self, code: str) -> None:
        self._kept, (self._exact, self._wholes, self._patterns) = _kept(code), _patterns(code)
        self._told: dict[str, str | None] = {}
        self._depth = 0

    def whole(self, text: str) -> str | None:
        """A sentence, which may be one that is no part of another."""
        for pattern in self._wholes:
            if (told := self._by(pattern, text)) is not None:
                return told
        return self.part(text)

    def part(self, text: str) -> str | None:
        """A text by a pattern, or by several that are joined; a number as it is. None where it is no sentence of ours."""
        if text in self._exact:
            return self._exact[text]
        if text not in self._told:
            if len(self._told) >= _MOST_STEPS or self._depth >= _DEEPEST:
                return None
            self._told[text] = None
            self._depth += 1
            self._told[text] = self._part(text)
            self._depth -= 1
        return self._told[text]

    def _part(self, text: str) -> str | None:
        ways: list[Callable[[], str | None]] = [
            *(partial(self._by, pattern, text) for pattern in self._patterns if pattern.of_rule),
            *(partial(self._split, text, *joint) for joint in _JOINTS[:2]),
            *(partial(self._by, pattern, text) for pattern in self._patterns if not pattern.of_rule),
            *(partial(self._split, text, *joint) for joint in _JOINTS[2:]),
        ]
        return next((told for way in ways if (told := way()) is not None), text if _LEAF.fullmatch(text) else None)

    def _by(self, pattern: Pattern, text: str) -> str | None:
        """A text by a pattern; None where it does not fit, or holds in a place what is no sentence of ours."""
        for reading in pattern.reads:
            if (match := reading.fullmatch(text)) is None:
                return None
            values = {place: self._in_place(place, value) for place, value in match.groupdict().items()}
            if None not in values.values():
                return filled(pattern.says, values)
        return None

    def _split(self, text: str, joint: str, pattern: str) -> str | None:
        """Two sentences of ours with a joint between them; None where it joins no two."""
        for match in re.finditer(re.escape(joint), text):
            one, other = self.part(text[: match.start()]), self.part(text[match.end() :])
            if one is not None and other is not None:
                return self._join(pattern, [one, other])
        return None

    def _in_place(self, place: str, text: str) -> str | None:
        """What stands in a place, told again."""
        if place.startswith((_NAME, _NUMBER)):
            return text
        if place.startswith(_HINT):
            return text and self.part(text)
        if place.startswith(_TEST):
            return self.part(text) or text
        if place.startswith(_LEVEL):
            levels = [self.part(level) for level in text.split(" or ")]
            return self._join("{one} or {other}", [level for level in levels if level is not None]) if all(levels) else text
        if place.startswith(_WORDS):
            return self._kept.get(text, None if " " in text else text)
        if place.startswith(_ITEM):
            return (self.part(text) if "“" in text else None) or text
        if place.startswith(_RATIO):
            return self.part(text.replace(" times", ""))
        if place.startswith(_FACTS):
            return self.part(text) or self._join("{one}, {other}", [self.part(fact) or fact for fact in text.split(", ")])
        return self.part(text)

    def _join(self, pattern: str, parts: Sequence[str]) -> str:
        says = self._kept.get(pattern, pattern)
        return reduce(lambda one, other: filled(says, {"one": one, "other": other}), parts)


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
