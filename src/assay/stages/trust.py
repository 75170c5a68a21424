"""Say how far the test can be trusted, and how small it could be: an audit, who can be told apart, compact sets."""

from typing import TypeVar

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
from assay.evaluation.claims import SMALLEST_DIFFERENCE
from assay.pages.evaluation import Leak, Leaks
from assay.pages.trust import Audit, Board, Compact, Compaction, Comparison, Design, Leader, MeasureChoice, Size
from assay.runs.stage import Work, stage

BUDGET, REDRAWS = 100, 1000
_SIZES = (30, 100, 300, 1000, 3000)
_DIFFERENCES = (0.002, SMALLEST_DIFFERENCE, 0.01)
B = TypeVar("B", bound=Comparison)
C = TypeVar("C", bound=Compaction)


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
    work.folder.write(_audited(work))
    work.report(1, 3)
    try:
        board = own_scoreboard(work.folder, work.config).several(3)
    except InputError as error:
        work.folder.write(Board(why_not=str(error)))
        work.folder.write(Compact(why_not=str(error)))
    else:
        work.folder.write(told_apart(Board, board))
        work.report(2, 3)
        work.folder.write(compacted(Compact, board))
    work.report(3, 3)


def told_apart(kind: type[B], board: Scoreboard) -> B:
    """A page of a kind: leader board, which systems can be told apart, measures, sizes for differences; or why_not."""
    try:
        return _told_apart(kind, board)
    except InputError as error:
        return kind(why_not=str(error))


def compacted(kind: type[C], board: Scoreboard) -> C:
    """A page of a kind: what compact sets do with each family of systems left out; or why_not."""
    try:
        return _compacted(kind, board)
    except InputError as error:
        return kind(why_not=str(error))


def _audited(work: Work) -> Audit:
    """The audit's page, with what the stage `evaluate` found in the samples."""
    earlier = Leaks.read(work.folder).lines
    try:
        report = audit(evidence(work.folder, work.config))
    except InputError as error:
        return Audit(findings=earlier, why_not=str(error))
    return Audit(
        findings=[*earlier, *(Leak.model_validate(finding.to_dict()) for finding in report.findings)],
        checked=[*report.checked, "samples"],  # they were looked at there
        skipped={check: needs for check, needs in report.skipped.items() if check != "samples"},
        facts=report.facts,
    )


def _told_apart(kind: type[B], board: Scoreboard) -> B:
    measure = board.measures[0]
    choice = choose_measures(board)
    pairs = compare(board, [measure])
    scores, families = board.of(measure), np.asarray(board.families)
    plans = {f"{d:g}": plan_difference(scores, d, users=board.user) for d in _DIFFERENCES}
    return kind(  # equal systems have no order, and no number of requests tells them apart: such figures are null
        measure=measure,
        requests=len(board.request),
        users=board.users,
        systems=len(board.systems),
        families=len(set(board.families)),
        told_apart=float(np.mean(pairs.column("p_holm").to_numpy() < 0.05)),
        detectable=detectable_difference(scores, users=board.user),
        board=[Leader.model_validate(row) for row in leader_board(board, measure).to_pylist()],
        measures=[MeasureChoice.model_validate(row) for row in choice.table.to_pylist()],
        decide=choice.decide,
        report=list(choice.report),
        reasons=list(choice.reasons),
        sizes={difference: _size(plan) for difference, plan in plans.items()},
        within_1_percent=_size(plan_mean(scores, 0.01, families=families)),
    )


def _size(plan: Plan) -> Size:
    return Size(size=plan.size, reached=plan.reached, words=str(plan))


def _compacted(kind: type[C], board: Scoreboard) -> C:
    measure = board.measures[0]
    scores, families = board.of(measure), np.asarray(board.families)
    N = len(board.request)
    budget = min(BUDGET, max(N // 2, LEAST))
    designs = leave_out(scores, families, budget=budget, redraws=REDRAWS)
    sizes = [n for n in _SIZES if LEAST <= n < N]
    widths = {
        name or "mean": np.median(half_widths(scores, sizes, families=families, design=name), axis=1).tolist()
        for name in (None, *DESIGNS)
    }
    return kind(
        measure=measure,
        requests=N,
        budget=budget,
        redraws=REDRAWS,
        systems=_counts(families),
        designs=[_design(one) for one in designs],
        sizes=sizes,
        half_widths=widths,
    )


def _counts(families: NDArray[np.str_]) -> dict[str, int]:
    names, counts = np.unique(families, return_counts=True)
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}


def _design(one: LeftOut) -> Design:
    return Design(
        design=one.design,
        families=list(one.families),
        tau=one.tau,
        error=one.error.tolist(),
        relative=one.relative.tolist(),
        bias=one.bias.tolist(),
        coverage=one.coverage.tolist(),
        half_width=one.half_width.tolist(),
        detectable=one.detectable.tolist(),
        tau_placed=one.tau_placed.tolist(),
    )
