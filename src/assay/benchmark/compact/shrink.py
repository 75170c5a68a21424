"""A benchmark's compact set, with the trial that says how far it can be trusted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.benchmark.compact.designs import ANCHORS, DESIGNS, Anchors, CompactSet, anchors, compact
from assay.benchmark.compact.families import LeftOut, leave_out
from assay.benchmark.keep.card import Card, Trial
from assay.benchmark.keep.contents import Benchmark
from assay.errors import InputError, did_you_mean
from assay.runs.store import finite


def shrink(
    pool: Benchmark,
    *,
    budget: int | None = None,
    tolerance: float | None = None,
    design: str = "neyman",
    redraws: int = 1000,
    seed: int = 0,
) -> tuple[Benchmark, CompactSet | Anchors, Sequence[LeftOut]]:
    """The few requests of a benchmark that tell nearly what all of them tell, as a benchmark, with a trial of the design.

    The design is tried with each family left out; a single family is tried one system at a time; anchors have no trial.

    Parameters
    ----------
    pool : Benchmark
        With systems that were scored on it; its first measure counts.
    budget, tolerance, design
        As in `compact`; designs also "greedy" and "kmeans", which choose anchors.
    redraws : int
        Draws of the trial.
    seed : int
        Decides the draw.

    Returns
    -------
    Benchmark
        The few requests.
    CompactSet or Anchors
        How they were drawn or chosen.
    sequence of LeftOut
        The trial: first the simple random mean, then the design.

    Raises
    ------
    InputError
        No system was scored, a budget and a tolerance or neither, an unknown design; and as in `compact`.

    Examples
    --------
    >>> import assay
    >>> from assay.testing.benchmarks import make_benchmark
    >>> small, drawn, trial = assay.shrink(make_benchmark(200), budget=40, redraws=20)
    >>> len(small), [report.design for report in trial]
    (40, ['mean', 'neyman'])
    """
    if pool.scores is None:
        raise InputError("no system was scored on these requests: a compact set is drawn by what systems score, add --system")
    if design not in (*DESIGNS, *ANCHORS):
        names = (*DESIGNS, *ANCHORS)
        raise InputError(f"design {design!r} is not known{did_you_mean(design, names)}; use one of {', '.join(names)}")
    if (budget is None) == (tolerance is None):
        raise InputError("give a budget (so many requests) or a tolerance (a standard error), one of them")
    board, measure = pool.scores, pool.measures[0]
    scores, families = board.of(measure), np.asarray(board.families)
    trial: Sequence[LeftOut] = ()
    drawn: CompactSet | Anchors
    if design in ANCHORS:
        if budget is None:
            raise InputError(f"{design} anchors have no error to tolerate; give a budget")
        drawn = anchors(scores, budget=budget, method=design, seed=seed)
    else:
        drawn = compact(
            scores, budget=budget, tolerance=tolerance, design=design, families=families, users=board.user,
            ids=board.request, seed=seed,
        )  # fmt: skip
        leave: Literal["family", "system"] = "family" if len(set(board.families)) > 1 else "system"
        if len(board.systems) > 2:
            trial = leave_out(scores, families, budget=len(drawn), leave=leave, designs=(design,), redraws=redraws)
    card = Card(
        pool=len(pool),
        size=len(drawn.rows),
        users=len(pool.requests.take(np.sort(drawn.rows)).column("user_id").unique()),
        measure=measure,
        design=design,
        seed=seed,
        source_systems={name: int((families == name).sum()) for name in sorted(set(board.families))},
        trial=[_figures(one) for one in trial],
    )
    return replace(pool.take(drawn.rows), measures=(measure,), about={**pool.about, **card.known()}), drawn, trial


def _figures(one: LeftOut) -> Trial:
    """Means over families, and each family's relative error."""
    return Trial(
        design=one.design,
        leave=one.leave,
        redraws=one.redraws,
        tau=finite(one.tau),  # systems that score the same have no order
        error=_mean(one.error),
        relative=_mean(one.relative),
        coverage=_mean(one.coverage),
        half_width=_mean(one.half_width),
        detectable=_mean(one.detectable),
        families={family: finite(relative) for family, relative in zip(one.families, one.relative.tolist(), strict=True)},
    )


def _mean(figures: NDArray[np.float64]) -> float | None:
    mean: float | None = finite(float(np.mean(figures)))
    return mean
