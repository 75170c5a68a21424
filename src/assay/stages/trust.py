"""Say how far the test can be trusted, and how small it could be: an audit, who can be told apart, compact sets."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.benchmark.audit.checks import audit
from assay.benchmark.board.comparison import compare, leader_board
from assay.benchmark.board.measures import choose_measures
from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.compact.designs import DESIGNS, LEAST
from assay.benchmark.compact.families import LeftOut, leave_out
from assay.benchmark.of_run import evidence, own_scoreboard
from assay.benchmark.plan.sizes import Plan, detectable_difference, half_widths, plan_difference, plan_mean
from assay.errors import InputError
from assay.pages.evaluation import Leaks
from assay.pages.trust import Audit, Board, Compact
from assay.runs.stage import Work, stage
from assay.runs.store import finite

BUDGET, REDRAWS = 100, 1000
_SIZES = (30, 100, 300, 1000, 3000)
_DIFFERENCES = (0.002, 0.005, 0.01)
Content = dict[str, Any]


@stage(
    follows=("clean", "samples", "evaluate"),
    reads=("samples", "models.names", "models.estimators"),
    makes=("trust/*",),
    pages=(Audit, Board, Compact),
)
def trust(work: Work) -> None:
    """trust/: what the report's "Can this test be trusted?" and "How small could it be?" are made of.

    audit.json: findings, checks made and not made, facts. board.json: leader board, what can be told apart, which measures to
    decide on and report, sizes for differences. compact.json: families left out, widths by size. Each may hold why_not.
    """
    work.report(0, 3)
    work.folder.write(Audit.model_validate(finite(_audited(work))))
    work.report(1, 3)
    try:
        board = own_scoreboard(work.folder, work.config).several(3)
    except InputError as error:
        work.folder.write(Board(why_not=str(error)))
        work.folder.write(Compact(why_not=str(error)))
    else:
        work.folder.write(Board.model_validate(told_apart(board)))
        work.report(2, 3)
        work.folder.write(Compact.model_validate(compacted(board)))
    work.report(3, 3)


def told_apart(board: Scoreboard) -> Content:
    """Leader board, which systems can be told apart, measures, sizes for differences; or why_not."""
    return _or_why_not(_told_apart, board)


def compacted(board: Scoreboard) -> Content:
    """What compact sets do with each family of systems left out; or why_not."""
    return _or_why_not(_compacted, board)


def _or_why_not(make: Callable[[Scoreboard], Content], board: Scoreboard) -> Content:
    try:
        page = make(board)
    except InputError as error:
        return {"why_not": str(error)}
    finite_page: Content = finite(page)  # equal systems have no order, and no number of requests tells them apart
    return finite_page


def _audited(work: Work) -> Content:
    """The audit's page, with what the stage `evaluate` found in the samples."""
    earlier = [leak.model_dump() for leak in Leaks.read(work.folder).lines]
    try:
        page = audit(evidence(work.folder, work.config)).to_dict()
    except InputError as error:
        return {"findings": earlier, "why_not": str(error)}
    page["skipped"].pop("samples")  # they were looked at there
    return page | {"findings": earlier + page["findings"], "checked": [*page["checked"], "samples"]}


def _told_apart(board: Scoreboard) -> Content:
    measure = board.measures[0]
    choice = choose_measures(board)
    found = compare(board, [measure])
    scores, families = board.of(measure), np.asarray(board.families)
    plans = {f"{d:g}": plan_difference(scores, d, users=board.user) for d in _DIFFERENCES}
    return {
        "measure": measure,
        "requests": len(board.request),
        "users": board.users,
        "systems": len(board.systems),
        "families": len(set(board.families)),
        "told_apart": float(np.mean(found.column("p_holm").to_numpy() < 0.05)),
        "detectable": detectable_difference(scores, users=board.user),
        "board": leader_board(board, measure).to_pylist(),
        "measures": choice.table.to_pylist(),
        "decide": choice.decide,
        "report": list(choice.report),
        "reasons": list(choice.reasons),
        "sizes": {d: _plan(plan) for d, plan in plans.items()},
        "within_1_percent": _plan(plan_mean(scores, 0.01, families=families)),
    }


def _plan(plan: Plan) -> Content:
    return {"size": plan.size, "reached": plan.reached, "words": str(plan)}


def _compacted(board: Scoreboard) -> Content:
    measure = board.measures[0]
    scores, families = board.of(measure), np.asarray(board.families)
    N = len(board.request)
    budget = min(BUDGET, max(N // 2, LEAST))
    found = leave_out(scores, families, budget=budget, redraws=REDRAWS)
    sizes = [n for n in _SIZES if LEAST <= n < N]
    widths = {
        name or "mean": np.median(half_widths(scores, sizes, families=families, design=name), axis=1).tolist()
        for name in (None, *DESIGNS)
    }
    return {
        "measure": measure,
        "requests": N,
        "budget": budget,
        "redraws": REDRAWS,
        "systems": _counts(families),
        "designs": [_left_out(one) for one in found],
        "sizes": sizes,
        "half_widths": widths,
    }


def _counts(families: NDArray[np.str_]) -> dict[str, int]:
    names, counts = np.unique(families, return_counts=True)
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}


def _left_out(one: LeftOut) -> Content:
    figures = {
        name: [float(x) for x in getattr(one, name)]
        for name in ("error", "relative", "bias", "coverage", "half_width", "detectable", "tau_placed")
    }
    return {"design": one.design, "families": list(one.families), "tau": one.tau, **figures}
