"""Drawings of two systems side by side, as inline SVG: classes that the style sheet colours, sizes as attributes."""

from collections.abc import Sequence

from markupsafe import Markup

from assay.app import words
from assay.language import say
from assay.pages.beside import Difference, PlacedScore

_WIDTH = 100


def split(line: Difference) -> Markup:
    """A bar of the requests on which b is better, both are equal, and a is better, in this order."""
    counts = (("s0", line.better), ("none", line.equal), ("s1", line.worse))
    at, parts = 0.0, []
    for tone, number in counts:
        width = _WIDTH * number / line.requests
        parts.append(Markup('<rect x="{:.2f}%" y="0" width="{:.2f}%" height="100%" class="{}"/>').format(at, width, tone))
        at += width
    better, equal, worse = (words.count(number) for _, number in counts)
    label = say("B better on {better}, equal on {equal}, A better on {worse}", better=better, equal=equal, worse=worse)
    return Markup('<svg class="split" role="img" aria-label="{}">{}</svg>').format(label, Markup("").join(parts))


def moves(a: Sequence[PlacedScore], b: Sequence[PlacedScore]) -> Markup:
    """Lines from each item of a to its place in b; a stub where it is not among b's first.

    Drawn on a ground of 100 by as many units as the longer list has rows, stretched to their height. All that it says stands in
    the lists as text too.
    """
    rows = max(len(a), len(b), 1)
    parts = []
    for item in a:
        start = item.rank - 0.5
        if item.other is None or item.other > len(b):
            parts.append(Markup('<path class="gone" d="M0 {0} H22"/>').format(start))
            continue
        end = item.other - 0.5
        kind = "same" if end == start else "up" if end < start else "down"
        right = " right" if item.grade > 0 else ""
        parts.append(Markup('<path class="{0}{1}" d="M0 {2} C45 {2} 55 {3} 100 {3}"/>').format(kind, right, start, end))
    for item in b:
        if item.other is None or item.other > len(a):
            parts.append(Markup('<path class="gone" d="M78 {0} H100"/>').format(item.rank - 0.5))
    ground = Markup('<svg class="moves" viewBox="0 0 100 {}" preserveAspectRatio="none" aria-hidden="true">{}</svg>')
    return ground.format(rows, Markup("").join(parts))


def key(kind: str) -> Markup:
    """A line of a kind, as the legend shows it."""
    return Markup('<svg class="moves key" viewBox="0 0 30 10" aria-hidden="true"><path class="{}" d="M0 5 H30"/></svg>').format(
        kind
    )
