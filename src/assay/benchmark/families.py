"""Can a compact set be trusted with a system that it was not made for? Each family of systems is left out in turn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from assay.benchmark import sources
from assay.benchmark.compaction import DESIGNS, checked_budget, hashes, lay_out
from assay.benchmark.sources import Floats, Ints
from assay.errors import InputError
from assay.numerics import survey
from assay.numerics.hashing import mix

BASE = "mean"  # of a simple random draw, without any source
_BLOCK = 1 << 24  # scores held at once: 128 MB


@dataclass(frozen=True)
class LeftOut:
    """How well a design estimates systems that took no part in it, over many redraws of n requests.

    families: F names; each figure (F,) is a mean over the family's systems and the redraws, in the measure's unit where
    it has one. error: mean absolute error against all requests. relative: error over that of the simple random mean on
    as many requests. bias: mean error. coverage: share of nominal 95 % intervals that hold the truth. half_width: of
    the interval. detectable: the smallest difference from a system whose mean is known that is found with 80 % power.
    tau: Kendall's tau-b of all systems' estimates with their means on all requests, a mean over redraws.
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
    its family staying among the sources. One entry a design, after that of the simple random mean ("mean"), which needs
    no sources and serves as the yardstick. Redraw r of every design has the seed that mix(seed, r) gives.

    InputError as in `compact`, and with fewer than two families (leave="family") or three systems (leave="system").
    """
    made = sources.checked(scores, 3)
    names, family = np.unique(np.asarray(families), return_inverse=True)
    if family.shape != (len(made),):
        raise ValueError(f"families has shape {np.shape(families)}; scores has {len(made)} systems, so give ({len(made)},)")
    if leave not in ("family", "system"):
        raise ValueError(f"leave is {leave!r}; give 'family' or 'system'")
    if leave == "family" and len(names) < 2:
        raise InputError(f"one family only ({names[0]}): nothing is left when it is left out; leave systems out, or add a family")
    if redraws < 2:
        raise InputError(f"redraws is {redraws}; use 2 or more, 1000 for a report")
    count = checked_budget(budget, made.shape[1])
    family = family.astype(np.int64)
    group = family if leave == "family" else np.arange(len(made))
    found = [_run(made, family, group, count, design, redraws, seed) for design in (BASE, *designs)]
    truth = made.mean(axis=1)
    base = _by_family(np.abs(found[0][0] - truth), family)
    return [
        _summary(design, leave, count, tuple(str(name) for name in names), family, truth, base, *figures)
        for design, figures in zip((BASE, *designs), found, strict=True)
    ]


def _run(
    scores: Floats, family: Ints, group: Ints, budget: int, design: str, redraws: int, seed: int
) -> tuple[Floats, Floats, Floats]:
    """Value, standard error and degrees of freedom (redraws, S) of every system, its group left out of the design."""
    units = hashes(None, scores.shape[1])
    seeds = mix(seed, np.arange(redraws))
    out = tuple(np.empty((redraws, len(scores))) for _ in range(3))
    every = np.zeros(scores.shape[1], np.int64)
    for k in np.unique(group):
        inside = np.flatnonzero(group == k)
        if design == BASE:
            stratum, size, places = every, np.array([budget]), every[:budget]
        else:
            rest = np.flatnonzero(group != k)
            plan = lay_out(scores[rest], np.unique(family[rest], return_inverse=True)[1], budget, design)
            stratum, size, places = plan.stratum, plan.size, plan.places
            mean = plan.features.matrix.mean(axis=0)
        for some in _blocks(redraws, budget * (len(inside) + sources.WIDTH)):
            rows = survey.draw(units, seeds[some], stratum, size)
            Y = scores[inside].T[rows]
            if design == BASE:
                variance, df = survey.stratified_variance(Y, places, np.array([scores.shape[1]]))
                parts = (Y.mean(axis=1), np.sqrt(variance), df)
            else:
                parts = survey.regress(
                    Y, plan.features.matrix[rows], mean, places, plan.population,
                    prior=plan.features.prior, precision=plan.precision,
                )[:3]  # fmt: skip
            for into, part in zip(out, parts, strict=True):
                into[some, inside] = part
    return out[0], out[1], out[2]


def _blocks(redraws: int, size: int) -> Iterator[slice]:
    step = max(1, _BLOCK // size)
    return (slice(start, min(start + step, redraws)) for start in range(0, redraws, step))


def _by_family(values: Floats, family: Ints) -> Floats:
    """Means (F,) over redraws and a family's systems of values (redraws, S)."""
    return np.bincount(family, values.mean(axis=0)) / np.bincount(family)


def _summary(
    design: str, leave: str, budget: int, names: tuple[str, ...], family: Ints, truth: Floats, base: Floats,
    value: Floats, stderr: Floats, df: Floats,
) -> LeftOut:  # fmt: skip
    off = value - truth
    reach = survey.half_width(stderr, df)
    error = _by_family(np.abs(off), family)
    detectable = (stats.t.ppf(0.975, df) + stats.t.ppf(0.8, df)) * stderr
    return LeftOut(
        design=design, leave=leave, budget=budget, redraws=len(value), families=names, error=error,
        relative=np.divide(error, base, out=np.ones_like(error), where=base > 0), bias=_by_family(off, family),
        coverage=_by_family(1.0 * (np.abs(off) <= reach), family), half_width=_by_family(reach, family),
        detectable=_by_family(detectable, family), tau=float(np.mean(tau_b(value, truth))),
    )  # fmt: skip


def tau_b(values: Floats, truth: Floats) -> Floats:
    """Kendall's tau-b (R,) of each row of values (R, S) with truth (S,); NaN where either is equal throughout.

    Concordant less discordant pairs over the geometric mean of the pairs that are not tied in one and in the other
    (Kendall, "Rank Correlation Methods", 1948).
    """
    i, j = np.triu_indices(len(truth), 1)
    right = np.sign(truth[i] - truth[j])
    out = np.empty(len(values))
    for some in _blocks(len(values), len(i)):
        left = np.sign(values[some][:, i] - values[some][:, j])
        untied = np.sqrt((left != 0).sum(axis=1) * float((right != 0).sum()))
        out[some] = np.divide(left @ right, untied, out=np.full(len(left), np.nan), where=untied > 0)
    return out
