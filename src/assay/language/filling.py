"""Places of a sentence filled in, with the spaces that Chinese has: one where scripts meet, none between two Chinese signs.

A translation has a space beside each place that a number or a Latin name may stand in: "为 {level}" becomes "为 3", and "为正".
"""

import re
from collections.abc import Mapping
from string import Formatter
from typing import TypeVar

Text = TypeVar("Text", bound=str)  # str, or Markup: then values are escaped, and tags are looked through
_TAG = re.compile("<[^<>]*>")
_WIDE = re.compile("[\u2018-\u201d\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")


def filled(pattern: Text, values: Mapping[str, object]) -> Text:
    """A sentence with what stands in its places. A space of its own goes out between two wide signs, none of a value."""
    kind = type(pattern)
    text, before = kind(), ""  # what was filled in last
    for plain, place, _, _ in Formatter().parse(pattern):
        value = kind() if place is None else kind(f"{{{place}}}").format(**values)
        shown = _TAG.sub("", value)
        if plain[:1] == " " and _wide(before[-1:], plain[1:2] or shown[:1]):
            plain = plain[1:]
        if plain[-1:] == " " and _wide(plain[-2:-1], shown[:1]):
            plain = plain[:-1]
        text, before = kind(text + kind(plain) + value), shown
    return text


def _wide(one: str, other: str) -> bool:
    return bool(_WIDE.fullmatch(one) and _WIDE.fullmatch(other))
