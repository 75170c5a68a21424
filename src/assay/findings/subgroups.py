"""Short rules that describe low values, by a beam over conjunctions of readable conditions.

A rule is as good as (mean of all - mean of its rows) * sqrt(rows) / deviation: the t-statistic of subgroup discovery
(Kloesgen 1996), so that neither a few extreme rows nor half of the log win by themselves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.findings.rules import Conditions, matching
from assay.findings.segments import Attribute

_BEAM, _DEPTH, _FEW = 6, 3, 4  # rules kept, conditions in a rule, text levels in a condition
_BETTER = 1.15  # what one condition more must improve
_STRONG = 4.0  # below this a rule is not worth a test
_LEAST, _MOST = 0.003, 0.5  # share of the rows: less is chance, more is no slice
_ROWS = 300_000


def low_subgroups(attributes: Sequence[Attribute], target: NDArray[np.float64], most: int = 5) -> list[Conditions]:
    """Up to `most` rules for rows of low target (n,), one after the other, each on the rows that no rule has yet.

    Of a long log at most 300,000 evenly spaced rows propose; who uses a rule confirms it on all.
    """
    some = np.arange(0, len(target), max(1, len(target) // _ROWS))
    if len(some) < len(target):
        attributes, target = [replace(attribute, codes=attribute.codes[some]) for attribute in attributes], target[some]
    left = np.ones(len(target), bool)
    rules: list[Conditions] = []
    for _ in range(most):
        best = _best(attributes, target, left)
        if best is None:
            break
        rules.append(best)
        left &= ~matching(best, attributes)
    return rules


def _best(attributes: Sequence[Attribute], target: NDArray[np.float64], left: NDArray[np.bool_]) -> Conditions | None:
    mean, spread = float(target[left].mean()), float(target[left].std())
    least, most = max(30, _LEAST * len(target)), _MOST * len(target)
    if spread == 0 or left.sum() < 2 * least:
        return None
    beam: list[tuple[float, Conditions, NDArray[np.int64]]] = [(0.0, (), np.flatnonzero(left))]
    best: tuple[float, Conditions] = (_STRONG, ())
    for _ in range(_DEPTH):
        longer: dict[Conditions, float] = {}
        for before, conditions, rows in beam:
            used = {name for name, _ in conditions}
            for attribute in attributes:
                if attribute.name in used:
                    continue
                for score, levels in _conditions(attribute, target, rows, mean, spread, (least, most)):
                    if score > max(_BETTER * before, _STRONG):
                        rule = tuple(sorted((*conditions, (attribute.name, levels)), key=lambda c: (c[0], sorted(c[1]))))
                        longer[rule] = max(score, longer.get(rule, 0.0))
        ranked = sorted(longer.items(), key=lambda pair: (-pair[1], [(n, sorted(v)) for n, v in pair[0]]))[:_BEAM]
        if not ranked:
            break
        if ranked[0][1] > (_BETTER * best[0] if best[1] else best[0]):
            best = ranked[0][1], ranked[0][0]
        beam = [(score, rule, np.flatnonzero(left & matching(rule, attributes))) for rule, score in ranked]
    return best[1] or None


def _conditions(
    attribute: Attribute,
    target: NDArray[np.float64],
    rows: NDArray[np.int64],
    mean: float,
    spread: float,
    sizes: tuple[float, float],
) -> Iterator[tuple[float, frozenset[int]]]:
    """The best few conditions on one attribute: neighbouring levels, or a few text levels of lowest mean."""
    size, (least, most) = len(attribute.levels), sizes
    count = np.bincount(attribute.codes[rows], minlength=size).astype(np.float64)
    total = np.bincount(attribute.codes[rows], target[rows], minlength=size)
    if np.count_nonzero(count) < 2:
        return
    tried: list[tuple[float, frozenset[int]]] = []

    def weigh(levels: Sequence[int]) -> None:
        n = count[list(levels)].sum()
        if least <= n < min(len(rows), most):
            average = total[list(levels)].sum() / n
            if average < 0:
                present = frozenset(k for k in levels if count[k])
                tried.append(((mean - average) * np.sqrt(n) / spread, present))

    if attribute.ordered:
        for low in range(size):
            for high in range(low + 1, size + 1):
                weigh(range(low, high))
    else:
        order = [int(k) for k in np.argsort(np.where(count > 0, total / np.maximum(count, 1), np.inf), kind="stable") if count[k]]
        for few in range(1, min(_FEW, len(order) - 1) + 1):
            weigh(order[:few])
        for many in range(max(len(order) - 2, _FEW + 1), len(order)):
            weigh(order[:many])
    yield from sorted(tried, key=lambda pair: (-pair[0], sorted(pair[1])))[:2]
