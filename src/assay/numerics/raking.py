"""Raking: weights under which the units' margins are as wished. Arrays in, arrays out.

Iterative proportional fitting (Deming and Stephan, Annals of Mathematical Statistics 1940): one attribute after the other
is brought to its shares, until all are. Of all weights that give these margins, the nearest to the start in relative
entropy (Ireland and Kullback, Biometrika 1968).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.numerics import survey

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Largest difference between a margin and its share that counts as none.
TOLERANCE = 1e-10
_SWEEPS = 1000
# A sweep that brings the margins nearer by less than this leaves them where they are.
_STALLED = 1e-13


def rake(levels: Sequence[Ints], targets: Sequence[Floats], start: Floats | None = None, *, cap: float = 100.0) -> Floats:
    """Weights (N,) that sum to 1 and give each attribute the shares wished for, from a start (N,), by default all equal.

    levels: of each of A attributes, codes (N,) of the units' levels; targets: of each, shares (L,) that sum to 1. A level
    wished at 0 gets weight 0. No weight is above cap times their mean. Margins end within TOLERANCE of the targets if such
    weights exist; where they do not (the cap, or levels that the units only have together), `margins` tells what is left.
    ValueError: another length, a code beyond its shares, shares that do not sum to 1, a level wished for that no unit has, a
    start that is negative or all 0, neither attributes nor a start.
    """
    weight = _start(levels, start)
    for a, (code, share) in enumerate(zip(levels, targets, strict=True)):
        _check(a, code, share, weight)
    gap = _gap(levels, targets, weight)
    for _ in range(_SWEEPS):
        if gap <= TOLERANCE:
            break
        for code, share in zip(levels, targets, strict=True):
            held = np.bincount(code, weight, len(share))
            weight = weight * np.divide(share, held, out=np.zeros(len(share)), where=held > 0)[code]
        weight = _capped(weight, cap)
        before, gap = gap, _gap(levels, targets, weight)
        if abs(before - gap) <= _STALLED:
            break
    return weight


def margins(levels: Sequence[Ints], targets: Sequence[Floats], weight: Floats) -> list[Floats]:
    """The shares (L,) of each attribute's levels under the weights (N,)."""
    return [np.bincount(code, weight, len(share)).astype(np.float64) for code, share in zip(levels, targets, strict=True)]


def _gap(levels: Sequence[Ints], targets: Sequence[Floats], weight: Floats) -> float:
    held = margins(levels, targets, weight)
    return max((float(np.abs(a - b).max()) for a, b in zip(held, targets, strict=True)), default=0.0)


def _capped(weight: Floats, cap: float) -> Floats:
    """The weights in proportion, summing to 1, the largest cut off at cap times the mean, or as low as their number allows."""
    weight = weight / weight.sum()
    fewest = float(np.minimum(len(weight) / cap, np.count_nonzero(weight)))  # units that could hold everything
    return weight if weight.max() * fewest <= 1.0 else survey.inclusion(weight, fewest) / fewest


def _start(levels: Sequence[Ints], start: Floats | None) -> Floats:
    if start is None:
        if not levels:
            raise ValueError("no attributes and no start: give one of them, or the number of units is not known")
        start = np.ones(len(levels[0]))
    if not ((start >= 0).all() and start.sum() > 0):
        raise ValueError("start has weights below 0 or NaN, or none above 0")
    return np.asarray(start / start.sum(), np.float64)


def _check(a: int, code: Ints, share: Floats, weight: Floats) -> None:
    if len(code) != len(weight):
        raise ValueError(f"attribute {a} has {len(code)} codes for {len(weight)} units")
    if code.min() < 0 or code.max() >= len(share):
        raise ValueError(f"attribute {a} has {len(share)} shares; its codes go from {code.min()} to {code.max()}")
    if (share < 0).any() or abs(share.sum() - 1.0) > TOLERANCE:
        raise ValueError(f"the shares of attribute {a} sum to {share.sum()}; give shares of 0 or more that sum to 1")
    missing = np.flatnonzero((share > 0) & (np.bincount(code, weight, len(share)) == 0))
    if missing.size:
        raise ValueError(f"level {missing[0]} of attribute {a} is wished for at {share[missing[0]]:g}, and no unit has it")
