"""How far the test can be trusted, and how small it could be: an audit, who can be told apart, compact sets."""

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.benchmark.audit.checks import Evidence, audit
from assay.benchmark.board.comparison import compare, leader_board
from assay.benchmark.board.measures import choose_measures
from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.compact.designs import DESIGNS, LEAST
from assay.benchmark.compact.families import LeftOut, leave_out
from assay.benchmark.keep.contents import Benchmark
from assay.benchmark.plan.sizes import Plan, detectable_difference, half_widths, plan_difference, plan_mean
from assay.benchmark.readers import MEASURES
from assay.errors import InputError
from assay.numerics.linearised import POOLED
from assay.runs.store import Run, finite, write_json
from assay.samples.requests import described
from assay.stages.systems import ITEMS, SCORES
from assay.stages.workbench import Workbench

AUDIT, BOARD, COMPACT = "trust/audit.json", "trust/board.json", "trust/compact.json"
BUDGET, REDRAWS = 100, 1000
_SIZES = (30, 100, 300, 1000, 3000)
_DIFFERENCES = (0.002, 0.005, 0.01)
_BEFORE = "tuning"  # the periods just before the test
Page = dict[str, Any]


def trust(bench: Workbench) -> list[str]:
    """trust/: what the report's "Can this test be trusted?" and "How small could it be?" are made of.

    audit.json: findings, checks made and not made, facts. board.json: leader board, what can be told apart, which measures to
    decide on and report, sizes for differences. compact.json: families left out, widths by size. Each may hold why_not.
    """
    bench.report("trust", 0, 3)
    pages: dict[str, Page] = {AUDIT: _audited(bench)}
    bench.report("trust", 1, 3)
    try:
        board = scoreboard(bench).several(3)
    except InputError as error:
        pages |= {BOARD: {"why_not": str(error)}, COMPACT: {"why_not": str(error)}}
    else:
        pages[BOARD] = _or_why_not(_told_apart, board)
        bench.report("trust", 2, 3)
        pages[COMPACT] = _or_why_not(_compacted, board)
    for name, page in pages.items():
        write_json(bench.run.path(name), finite(page))  # equal systems have no order, and no number of requests tells them apart
    bench.report("trust", 3, 3)
    return list(pages)


def _or_why_not(make: Any, board: Scoreboard) -> Page:
    try:
        made: Page = make(board)
    except InputError as error:
        return {"why_not": str(error)}
    return made


def scoreboard(bench: Workbench) -> Scoreboard:
    """What systems scored on the test requests: those of the study where it ran, else the run's own models.

    InputError: the run ranks nothing.
    """
    run = bench.run
    if run.path(SCORES["test"]).exists():
        return Scoreboard.read(run.path(SCORES["test"]))
    files = [name for name in bench.names if run.path(f"evaluation/requests/{name}.parquet").exists()]
    if not files:
        raise InputError("no requests were ranked: a run from a log has them, a table must name them in [table] request")
    tables = [run.read_table(f"evaluation/requests/{name}.parquet") for name in files]
    tables = [table.filter(pc.greater(table.column("truth_count"), 0)) for table in tables]
    known = [name for name in (*MEASURES, *POOLED) if name in tables[0].column_names]
    scores = {name: np.stack([table.column(name).to_numpy() for table in tables]) for name in known}
    # The recall of a search's list of 8 is the same whatever its order: it tells no systems apart.
    scores = {name: each for name, each in scores.items() if np.ptp(each, axis=0).any()} or scores
    request, user = (tables[0].column(name) for name in ("request", "user"))
    return Scoreboard(request, user, tuple(files), tuple(files), scores)


def benchmark(bench: Workbench) -> Benchmark:
    """The run's test requests with their truth and candidates, scored by `scoreboard`'s systems.

    Where the study ran all is restricted to the items that its systems were judged on. InputError: the run ranks nothing.
    """
    run = bench.run
    board, candidates = scoreboard(bench), _candidates(run)
    requests, truth = described(bench.config, run, "test", _popularity(run))
    about: Page = {"of": f"the test requests of {run.folder.name}", "protocol": "one global time split", "items": "all"}
    if run.path(ITEMS).exists() and run.path(SCORES["test"]).exists():
        kept = _most_bought_ids(run)
        about["items"] = f"the {len(kept):,} most bought in training"
        truth, candidates = (table.filter(pc.is_in(table.column("item_id"), kept)) for table in (truth, candidates))
        truth = truth.filter(pc.is_in(truth.column("request_id"), board.request))
        candidates = candidates.filter(pc.is_in(candidates.column("request_id"), board.request))
    names = tuple(name for name in MEASURES if name in board.measures)
    plain = truth.select(["request_id", "item_id", "grade"])
    requests = requests.drop_columns(["timestamp"])
    listed = candidates.select(["request_id", "item_id"])
    return Benchmark.of(plain, requests=requests, candidates=listed, measures=names, scores=board, about=about)


def traffic(bench: Workbench, split: str = "test") -> pa.Table:
    """Requests of a split as they came in, by default the newest; without their period, which no other log has."""
    requests = described(bench.config, bench.run, split, _popularity(bench.run))[0]
    return requests.drop_columns([name for name in ("period",) if name in requests.column_names])


def evidence(bench: Workbench) -> Evidence:
    """What the audit looks at: the test's requests, truth and candidates, what models learnt from, the log before and after."""
    run, config = bench.run, bench.config
    candidates = _candidates(run)
    requests, truth = described(config, run, "test", _popularity(run))
    columns = ["sample_id", "user_id", "item_id", "request_id", "timestamp", "label", "split"]
    samples = run.read_table("samples/samples.parquet", columns)
    of = {split: samples.filter(pc.equal(samples.column("split"), split)) for split in ("train", "validation")}
    events = None
    if config.log is not None:
        names = ["user_id", "item_id", "event", "timestamp", "session_id", "price", "position", "propensity"]
        events = run.read_table("clean/events.parquet", names)
        empty = [name for name in names[4:] if events.column(name).null_count == events.num_rows]
        events = events.drop_columns(empty)
    section = config.samples
    of_a_search = config.log is not None and section.request == "query"
    horizon = timedelta(minutes=section.search_minutes) if of_a_search else timedelta(days=section.period_days)
    return Evidence(
        requests=requests, truth=truth, candidates=candidates, train=of["train"], validation=of["validation"],
        events=events, traffic=traffic(bench, _BEFORE), target=config.samples.target,
        horizon=horizon,
    )  # fmt: skip


def _popularity(run: Run) -> NDArray[np.int64]:
    """(items,) training positives by item code."""
    samples = run.read_table("samples/samples.parquet", ["item_code", "label", "split"])
    train = samples.filter(pc.equal(samples.column("split"), "train"))
    size = pc.max(samples.column("item_code")).as_py() + 1
    return np.bincount(train.column("item_code").to_numpy(), train.column("label").to_numpy(), minlength=size).astype(np.int64)


def _candidates(run: Run) -> pa.Table:
    names = ["request_id", "item_id", "item_code", "label", "split"]
    if not run.path("samples/candidates.parquet").exists():
        raise InputError("no requests were ranked: a run from a log has them, a table must name them in [table] request")
    found = run.read_table("samples/candidates.parquet", names)
    return found.filter(pc.equal(found.column("split"), "test")).drop_columns(["split"])


def _most_bought_ids(run: Run) -> pa.Array:
    codes = run.read_table(ITEMS).column("item_code").combine_chunks()
    samples = run.read_table("samples/samples.parquet", ["item_code", "item_id"])
    first = np.unique(samples.column("item_code").to_numpy(), return_index=True)[1]
    ids = samples.take(pa.array(first))
    return ids.filter(pc.is_in(ids.column("item_code"), codes)).column("item_id").combine_chunks()


def _audited(bench: Workbench) -> Page:
    """The audit's page, with what the stage `evaluate` found in the samples."""
    earlier = bench.run.read_json("evaluation/audit.json")
    try:
        page = audit(evidence(bench)).to_dict()
    except InputError as error:
        return {"findings": earlier, "why_not": str(error)}
    page["skipped"].pop("samples")  # they were looked at there
    return page | {"findings": earlier + page["findings"], "checked": [*page["checked"], "samples"]}


def _told_apart(board: Scoreboard) -> Page:
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


def _plan(plan: Plan) -> Page:
    return {"size": plan.size, "reached": plan.reached, "words": str(plan)}


def _compacted(board: Scoreboard) -> Page:
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


def _left_out(one: LeftOut) -> Page:
    figures = {
        name: [float(x) for x in getattr(one, name)]
        for name in ("error", "relative", "bias", "coverage", "half_width", "detectable", "tau_placed")
    }
    return {"design": one.design, "families": list(one.families), "tau": one.tau, **figures}
