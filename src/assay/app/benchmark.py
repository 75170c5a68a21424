"""The commands of `assay benchmark`: test sets that can be trusted, and the smallest that will do."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.app import benchmark_systems
from assay.app.options import (
    Candidates,
    Debug,
    Difference,
    Families,
    Inputs,
    Items,
    Json,
    Judgements,
    KeptFolder,
    Measures,
    Out,
    Requests,
    RunFolder,
    Seed,
    Systems,
    Train,
    Truth,
    Within,
    as_typed,
    print_json,
)
from assay.app.safe import echo
from assay.errors import InputError
from assay.language import speaking

if TYPE_CHECKING:
    from assay.benchmark.keep.folder import Kept

app = typer.Typer(
    name="benchmark",
    help="Test sets that can be trusted: build, audit, compare, compact, keep.",
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _benchmark(context: typer.Context, _debug: Debug = False) -> None:
    if context.invoked_subcommand is None:
        echo(context.get_help())


@app.command()
def build(
    out: Out,
    inputs: Inputs = None,
    truth: Truth = None,
    candidates: Candidates = None,
    requests: Requests = None,
    systems: Systems = None,
    families: Families = None,
    measures: Measures = None,
    items: Items = None,
    train: Train = None,
    judgements: Judgements = None,
    size: Annotated[int | None, typer.Option("--size", metavar="N", help="So many requests.")] = None,
    difference: Difference = None,
    within: Within = None,
    traffic: Annotated[
        Path | None, typer.Option("--traffic", metavar="FILE", help="Attributes of requests as they come in; or a run's folder.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Default: the folder's.")] = None,
    replaces: Annotated[
        Path | None, typer.Option("--replaces", metavar="BENCHMARK", help="The version before; this becomes the next.")
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Choose requests that mirror the traffic, as many as the precision asked for needs, and freeze them as a folder."""
    from assay.app import boards
    from assay.benchmark.keep.folder import freeze, refuse_taken
    from assay.benchmark.plan.build import build as chosen

    refuse_taken(out)
    arguments = as_typed(inputs, truth, systems, families, measures, candidates, requests, items, train, judgements)
    pool = arguments.benchmark()
    live = boards.traffic(traffic) if traffic is not None else None
    selected = chosen(pool, size=size, difference=difference, within=within, traffic=live, seed=seed)
    _show_kept(freeze(selected, out, name=name, replaces=replaces), as_json=as_json)


def _show_kept(kept: "Kept", *, as_json: bool) -> None:
    from assay.app import benchmark_terminal as terminal
    from assay.app import card

    page = card.write(kept)
    if as_json:
        print_json({"folder": str(kept.folder), "benchmark": kept.label, "card": str(page), "about": kept.benchmark.about})
    else:
        terminal.show_card(kept, page)


@app.command()
def audit(
    inputs: Inputs = None,
    truth: Truth = None,
    candidates: Candidates = None,
    requests: Requests = None,
    train: Annotated[
        Path | None, typer.Option("--train", metavar="FILE", help="What models learnt from: user_id, item_id, timestamp, label.")
    ] = None,
    validation: Annotated[
        Path | None, typer.Option("--validation", metavar="FILE", help="What amounts were chosen on, like --train.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option("--events", metavar="FILE", help="The log: user_id, item_id, event, timestamp, ...")
    ] = None,
    traffic: Annotated[
        Path | None, typer.Option("--traffic", metavar="FILE", help="Attributes of requests as they come in.")
    ] = None,
    target: Annotated[str, typer.Option("--target", metavar="EVENT", help="The event that makes truth.")] = "purchase",
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Look for leaks, biases and gaps in a test: of a run, or of tables."""
    from assay.app import benchmark_terminal as terminal
    from assay.app import boards
    from assay.benchmark.audit.checks import audit as audited
    from assay.pages.trust import Audit
    from assay.runs.store import finite

    shown: Callable[[object], str] = str
    if truth is None:
        folders = list(inputs or ())
        if len(folders) != 1 or not boards.is_run(folders[0]):
            raise InputError("audit takes one run's folder, or --truth and --requests with what else is known")
        from assay.app.sections.facts import Facts
        from assay.benchmark.of_run import evidence
        from assay.finished import Finished

        run = Finished(folders[0])
        report = audited(evidence(run, run.config))
        shown = Facts(run).shown
    else:
        report = audited(
            boards.evidence(
                truth=truth, requests=requests, candidates=candidates, train=train, validation=validation, events=events,
                traffic=traffic, target=target,
            )
        )  # fmt: skip
    if as_json:
        print_json(report.to_dict())
    else:
        terminal.show_audit(Audit.model_validate(finite(report.to_dict())), shown)


@app.command()
def compact(
    out: Out,
    inputs: Inputs = None,
    truth: Truth = None,
    candidates: Candidates = None,
    requests: Requests = None,
    systems: Systems = None,
    families: Families = None,
    measures: Measures = None,
    budget: Annotated[int | None, typer.Option("--budget", metavar="N", help="So many requests.")] = None,
    tolerance: Annotated[
        float | None, typer.Option("--tolerance", metavar="E", help="As many as a standard error of E needs.")
    ] = None,
    design: Annotated[
        str, typer.Option("--design", metavar="NAME", help="neyman, stratified or simple; greedy or kmeans: no interval.")
    ] = "neyman",
    redraws: Annotated[int, typer.Option("--redraws", metavar="N", help="Of the trial with each family left out.")] = 1000,
    seed: Seed = 0,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Draw few requests that tell what a new system would score on all, try that with each family left out, and freeze them."""
    from assay.app import benchmark_terminal as terminal
    from assay.benchmark.compact.shrink import shrink
    from assay.benchmark.keep.folder import freeze, refuse_taken

    refuse_taken(out)
    pool = as_typed(inputs, truth, systems, families, measures, candidates, requests).benchmark()
    small, drawn, trial = shrink(pool, budget=budget, tolerance=tolerance, design=design, redraws=redraws, seed=seed)
    kept = freeze(small, out, compact=drawn)
    if not as_json:
        terminal.show_trial(trial)
    _show_kept(kept, as_json=as_json)


@app.command()
def estimate(folder: KeptFolder, systems: Systems = None, as_json: Json = False, _debug: Debug = False) -> None:
    """Score new systems on a compact set and say what they would score on all requests, with an interval."""
    from assay.app import benchmark_terminal as terminal
    from assay.app import boards
    from assay.benchmark.keep.folder import open_kept

    kept = open_kept(folder)
    predictions = as_typed(None, None, systems, None, None).predictions()
    estimates = boards.estimates(kept, boards.cut(kept.benchmark, predictions))
    if as_json:
        print_json(
            {
                "benchmark": kept.label,
                "measure": kept.benchmark.measures[0],
                "systems": {name: asdict(one) for name, one in estimates.items()},
            }
        )
    else:
        terminal.show_estimates(kept, estimates)


@app.command()
def score(
    folder: KeptFolder, systems: Systems = None, families: Families = None, as_json: Json = False, _debug: Debug = False
) -> None:
    """Score systems on a kept benchmark; the scores stay there, and the use is counted."""
    from assay.app import benchmark_terminal as terminal
    from assay.app import boards
    from assay.benchmark.keep.folder import open_kept

    kept, arguments = open_kept(folder), as_typed(None, None, systems, families, None)
    kept.refuse_compact()
    board = kept.score(boards.cut(kept.benchmark, arguments.predictions()), arguments.named(arguments.families))
    if as_json:
        means = {
            system: {measure: float(board.means(measure)[s]) for measure in board.measures}
            for s, system in enumerate(board.systems)
        }
        print_json({"benchmark": kept.label, "means": means})
    else:
        terminal.show_scores(kept, board)


@app.command()
def status(
    folder: KeptFolder,
    traffic: Annotated[
        Path | None, typer.Option("--traffic", metavar="FILE", help="Requests as they come in now; or a newer run's folder.")
    ] = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Say how often a benchmark was consulted, how far the traffic has moved from it, and whether to renew it."""
    from assay.app import benchmark_terminal as terminal
    from assay.app import boards
    from assay.benchmark.keep.folder import open_kept
    from assay.benchmark.keep.renewal import status as status_of

    result = status_of(open_kept(folder), boards.traffic(traffic) if traffic is not None else None)
    if as_json:
        print_json(asdict(result))
    else:
        terminal.show_status(result)


@app.command()
def protocols(folder: RunFolder, as_json: Json = False, _debug: Debug = False) -> None:
    """Say what other ways to cut a run's log would tell of the same systems, and what each lets out; takes minutes."""
    from assay import front
    from assay.app import report, terminal
    from assay.app.progress import bars
    from assay.finished import Finished
    from assay.pages.trust import ProtocolsCompared

    with bars() as progress:
        front.add(folder, "protocols", report=progress)
    run = Finished(folder)
    report.write(run)
    if as_json:
        print_json(ProtocolsCompared.read(run).content())
    else:
        with speaking(run.config.show.language):
            for section in report.sections_of(run, "protocols"):
                terminal.show_section(section)


for _command in benchmark_systems.COMMANDS:
    app.command()(_command)
