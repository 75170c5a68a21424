"""A measure's name as a value: what is measured, with which setting, over how many places; it prints as what `parse` reads.

"ndcg@10" is ndcg over the first ten places, "rbp(p=0.5)@10" has a setting of its own.
"""

import re
from typing import NamedTuple

from assay.errors import InputError, did_you_mean

RANKING = ("precision", "recall", "hit_rate", "mrr", "map", "ndcg")  # in the order of numerics.ranking's columns
GRADED = ("err", "rbp")
BEYOND = (
    "coverage", "gini", "novelty", "popularity_lift", "popularity_share", "diversity", "serendipity", "judged",
)  # fmt: skip
OF_ALL_LISTS = ("coverage", "gini", "popularity_lift")  # of all requests together: a part of them does not tell it
_SETTINGS = {"err": "max", "rbp": "p"}
_FORM = re.compile(r"([a-z_]+)(?:\(([a-z]+)=([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)\))?@([1-9][0-9]{0,8})", re.ASCII)


class Name(NamedTuple):
    """A measure at a cut-off. setting: err's highest grade or rbp's persistence, None for the usual one."""

    base: str
    cut: int
    setting: float | None = None

    def __str__(self) -> str:
        inside = "" if self.setting is None else f"({_SETTINGS[self.base]}={self.setting:.15g})"
        return f"{self.base}{inside}@{self.cut}"


def read(text: str) -> Name | None:
    """The name that a text says, None where it says none of a measure at a cut-off."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    base, setting, value, cut = match.groups()
    if base not in (*RANKING, *GRADED, *BEYOND) or setting not in (None, _SETTINGS.get(base)):
        return None
    number = None if value is None else float(value)
    allowed = number is None or (0 < number < 1 if base == "rbp" else number > 0)
    return Name(base, int(cut), number) if allowed else None


def parse(text: str) -> Name:
    """The name that a text says. InputError: it names no measure, or lacks a cut-off, or its setting is not allowed."""
    name = read(text)
    if name is not None:
        return name
    base = re.split(r"[@(]", text, maxsplit=1)[0]
    names = (*RANKING, *GRADED, *BEYOND)
    if base not in names:
        close = did_you_mean(base, names) or f"; there are {', '.join(names)}"
        raise InputError(f"measure {text!r} is not known{close}")
    if "(" in text:
        forms = {"rbp": "rbp(p=0.8)@10 with p between 0 and 1", "err": "err(max=4)@10 with the highest grade of the scale"}
        raise InputError(f"measure {text!r} has a setting that is none; write {forms.get(base, f'{base}@10')}")
    raise InputError(f"measure {text!r} has no cut-off; write {base}@10")


def is_beyond(measure: str) -> bool:
    """Whether a measure says nothing of good or bad: it is shown, and never decides."""
    name = read(measure)
    return name is not None and name.base in BEYOND


def is_of_all_lists(measure: str) -> bool:
    """Whether a measure is one of OF_ALL_LISTS."""
    name = read(measure)
    return name is not None and name.base in OF_ALL_LISTS


def refuse_beyond(measure: str) -> None:
    """InputError: a measure beyond accuracy is asked to decide."""
    if is_beyond(measure):
        raise InputError(f"{measure} says nothing of good or bad, so it decides nothing; name a measure of accuracy, as ndcg@10")
