"""Can a compact set be trusted with a system that it was not made for? Each family of systems is left out in turn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from assay.benchmark.compact import difficulty
from assay.benchmark.compact.designs import DESIGNS, Design, checked_budget, checked_design, hashes, lay_out
from assay.benchmark.compact.difficulty import Floats, Ints
from assay.errors import InputError
from assay.numerics import survey
from assay.numerics.hashing import Hashes, mix
from assay.numerics.orders import tau_b

BASE = "mean"  # of a simple random draw, without any source system
_BLOCK = 1 << 24  # scores held at once: 128 MB


@dataclass(frozen=True)
class LeftOut:
    """How well a design estimates systems that took no part in it, over many redraws of n requests.

    families: F names; each figure (F,) is a mean over the family's systems and the redraws, in the measure's unit where
    it has one. error: mean absolute error against all requests. relative: error over that of the simple random mean on
    as many requests. bias: mean error. coverage: share of nominal 95 % intervals that hold the truth. half_width: of
    the interval. detectable: the smallest difference from a system whose mean is known that is found with 80 % power.
    tau: Kendall's tau-b of all systems' estimates, each made without its own family, with their means on all requests, a
    mean over redraws. tau_placed (F,): the same with the left-out systems alone estimated and the others' means known, as
    when a new family joins a board.
    """

    design: str
    leave: str
    budget: int
    redraws: int
    families: tuple[str, ...]
    error: Floats
    relative: Floats
    bias: Floats
    coverage: Floats
    half_width: Floats
    detectable: Floats
    tau: float
    tau_placed: Floats


def leave_out(
    scores: ArrayLike,
    families: ArrayLike,
    *,
    budget: int,
    leave: Literal["family", "system"] = "family",
    designs: Sequence[str] = DESIGNS,
    redraws: int = 1000,
    seed: int = 0,
) -> list[LeftOut]:
    """Make the compact set without a family, estimate the family's systems on it, over redraws; for each family and design.

    scores (S, N), families (S,) names. leave: "family", the harder case, or "system": one system at a time, the rest of
    its family staying among the difficulty. One entry a design, after that of the simple random mean ("mean"), which needs
    no source systems and serves as the yardstick. Redraw r of a design is the draw that `compact` makes with seed + r.

    InputError as in `compact`, and with fewer than two families (leave="family") or three systems (leave="system").
    """
    matrix = difficulty.checked(scores, 3)
    names, family = np.unique(np.asarray(families), return_inverse=True)
    if family.shape != (len(matrix),):
        raise ValueError(f"families has shape {np.shape(families)}; scores has {len(matrix)} systems, so give ({len(matrix)},)")
    if leave not in ("family", "system"):
        raise ValueError(f"leave is {leave!r}; give 'family' or 'system'")
    if leave == "family" and len(names) < 2:
        raise InputError(f"one family only ({names[0]}): nothing is left when it is left out; leave systems out, or add a family")
    if redraws < 2:
        raise InputError(f"redraws is {redraws}; use 2 or more, 1000 for a report")
    count = checked_budget(budget, matrix.shape[1])
    family = family.astype(np.int64)
    units, seeds = hashes(None, matrix.shape[1]), mix(np.arange(seed, seed + redraws))
    drawn = {BASE: _means(matrix, units, seeds, count)}
    drawn |= {checked_design(design): _Draws.empty(redraws, len(matrix)) for design in designs}
    group = family if leave == "family" else np.arange(len(matrix))
    for k in np.unique(group):
        inside, rest = np.flatnonzero(group == k), np.flatnonzero(group != k)
        others = np.unique(family[rest], return_inverse=True)[1]
        features, left = difficulty.features(matrix[rest], others), difficulty.residuals(matrix[rest], others)
        for design in designs:
            draws = _estimates(matrix[inside], lay_out(features, left, others, count, design), units, seeds)
            for into, part in zip(drawn[design], draws, strict=True):
                into[:, inside] = part
    truth = matrix.mean(axis=1)
    base = _by_family(np.abs(drawn[BASE].value - truth), family)
    label = tuple(str(name) for name in names)
    return [_summary(design, leave, count, label, family, truth, base, draws) for design, draws in drawn.items()]


class _Draws(NamedTuple):
    """Value, standard error and degrees of freedom (redraws, S) of systems."""

    value: Floats
    stderr: Floats
    df: Floats

    @classmethod
    def empty(cls, redraws: int, systems: int) -> Self:
        return cls(*(np.empty((redraws, systems)) for _ in range(3)))


def _means(scores: Floats, units: Hashes, seeds: Hashes, budget: int) -> _Draws:
    """Of simple random draws."""
    out = _Draws.empty(len(seeds), len(scores))
    N = scores.shape[1]
    for some in _blocks(len(seeds), budget * len(scores)):
        Y = scores.T[survey.draw(units, seeds[some], np.zeros(N, np.int64), np.array([budget]))]
        variance, df = survey.stratified_variance(Y, np.zeros(budget, np.int64), np.array([N]))
        out.value[some], out.stderr[some], out.df[some] = Y.mean(axis=1), np.sqrt(variance), df
    return out


def _estimates(scores: Floats, plan: Design, units: Hashes, seeds: Hashes) -> _Draws:
    """Of systems' scores (M, N) that took no part in the plan."""
    out = _Draws.empty(len(seeds), len(scores))
    F = plan.features.matrix
    for some in _blocks(len(seeds), len(plan.places) * (len(scores) + F.shape[1])):
        rows = survey.draw(units, seeds[some], plan.stratum, plan.size)
        fit = survey.regress(
            scores.T[rows], F[rows], F.mean(axis=0), plan.places, plan.population,
            prior=plan.features.prior, precision=plan.precision,
        )  # fmt: skip
        out.value[some], out.stderr[some], out.df[some] = fit.value, fit.stderr, fit.df
    return out


def _blocks(redraws: int, size: int) -> Iterator[slice]:
    step = max(1, _BLOCK // max(size, 1))
    return (slice(start, min(start + step, redraws)) for start in range(0, redraws, step))


def _by_family(values: NDArray[np.floating[Any]], family: Ints) -> Floats:
    """Means (F,) over redraws and a family's systems of values (redraws, S)."""
    return np.asarray(np.bincount(family, values.mean(axis=0)) / np.bincount(family))


def _summary(
    design: str, leave: str, budget: int, names: tuple[str, ...], family: Ints, truth: Floats, base: Floats, draws: _Draws
) -> LeftOut:
    off = draws.value - truth
    reach = survey.half_width(draws.stderr, draws.df)
    error = _by_family(np.abs(off), family)
    detectable = (stats.t.ppf(0.975, draws.df) + stats.t.ppf(0.8, draws.df)) * draws.stderr
    groups = [family == k for k in range(len(names))] if leave == "family" else list(np.eye(len(family), dtype=bool))
    placed = np.array([np.mean(tau_b(draws.value, truth, inside)) for inside in groups])
    return LeftOut(
        design=design, leave=leave, budget=budget, redraws=len(off), families=names, error=error,
        relative=np.divide(error, base, out=np.ones_like(error), where=base > 0), bias=_by_family(off, family),
        coverage=_by_family(1.0 * (np.abs(off) <= reach), family), half_width=_by_family(reach, family),
        detectable=_by_family(detectable, family), tau=float(np.mean(tau_b(draws.value, truth))),
        tau_placed=placed if leave == "family" else _by_family(placed[None], family),
    )  # fmt: skip
