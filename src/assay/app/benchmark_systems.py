"""The commands of `assay benchmark` that tell systems apart: by which measure, on how many requests, which is better."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from assay.app.options import (
    Debug,
    Difference,
    Families,
    Inputs,
    Items,
    Json,
    Measures,
    Systems,
    Train,
    Truth,
    Within,
    as_typed,
    print_json,
)
from assay.app.safe import echo
from assay.errors import InputError


def measures(
    inputs: Inputs = None,
    truth: Truth = None,
    systems: Systems = None,
    families: Families = None,
    measures: Measures = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Say which measures to report and which one to decide on, from how they tell these systems apart."""
    from assay.app import benchmark_terminal as terminal
    from assay.benchmark.board.measures import choose_measures

    arguments = as_typed(inputs, truth, systems, families, measures)
    board = arguments.board()
    choice = choose_measures(board, measures or None)
    arguments.count("measures", board)
    if as_json:
        page = asdict(choice) | {"table": choice.table.to_pylist(), "agreement": choice.agreement.tolist()}
        print_json(page | {"regret": choice.regret.tolist()})
    else:
        terminal.show_measures(choice)


def compare(
    inputs: Inputs = None,
    truth: Truth = None,
    systems: Systems = None,
    families: Families = None,
    measures: Measures = None,
    against: Annotated[str | None, typer.Option("--against", metavar="SYSTEM", help="All others against this one.")] = None,
    column: Annotated[str | None, typer.Option("--group", metavar="ATTRIBUTE", help="Within each kind of request.")] = None,
    test: Annotated[str, typer.Option("--test", metavar="NAME", help="t or randomisation.")] = "t",
    items: Items = None,
    train: Train = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="A page with the rankings of the --system files side by side.")
    ] = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Compare systems: a leader board of tiers that cannot be told apart, paired tests clustered by user."""
    from assay.app import benchmark_terminal as terminal
    from assay.app import comparison_page
    from assay.benchmark.board.comparison import compare as paired
    from assay.benchmark.board.comparison import compare_groups, leader_board, values_of
    from assay.numerics.names import is_beyond
    from assay.pages.trust import Leader
    from assay.runs.store import finite

    arguments = as_typed(inputs, truth, systems, families, measures, items=items, train=train)
    judged = arguments.judged()
    board = judged.board
    chosen = list(arguments.measures or board.measures[:1])
    if column is None:
        pairs = paired(board, chosen, against=against, test=test)
    else:
        pairs = compare_groups(board, column, chosen, against=against, test=test)
    leaders = {name: leader_board(board, name, test=test).to_pylist() for name in chosen if not is_beyond(name)}
    beyond = {name: values_of(board, name).to_pylist() for name in chosen if is_beyond(name)}
    leading = {name: [Leader.model_validate(finite(row)) for row in rows] for name, rows in leaders.items()}
    if html is not None:
        comparison_page.write(html, judged, leading, beyond, pairs.to_pylist(), column)
    arguments.count("compare", board)
    if as_json:
        print_json({"boards": leaders, "beyond_accuracy": beyond, "comparisons": pairs.to_pylist()})
    else:
        terminal.show_comparison(board, leading, beyond, pairs.to_pylist())


def policies(
    exposures: Annotated[
        Path, typer.Argument(metavar="FILE", help="One row per exposure: reward, propensity, perhaps user_id (.parquet, .csv).")
    ],
    columns: Annotated[
        list[str] | None,
        typer.Option("--policy", metavar="COLUMN", help="The probability with which a policy would have shown the same item."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", metavar="COLUMN", help="Predicted reward of the logged item; COLUMN_POLICY: expected of a policy."
        ),
    ] = None,
    clip: Annotated[float | None, typer.Option("--clip", metavar="W", help="Cut weights to W: less variance, some bias.")] = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Say what other policies would have earned, from a log of exposures with their propensities: IPS, SNIPS, doubly robust."""
    from assay.app import benchmark_terminal as terminal
    from assay.app import boards

    values = boards.policy_values(exposures, columns or (), model, clip)
    if as_json:
        print_json([{"policy": name, **value.to_dict()} for name, value in values])
    else:
        terminal.show_policies(values)


def plan(
    inputs: Inputs = None,
    truth: Truth = None,
    systems: Systems = None,
    families: Families = None,
    measures: Measures = None,
    difference: Difference = None,
    within: Within = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Say how many requests a difference or a precision needs, or that the log cannot give it."""
    import numpy as np

    from assay.benchmark.plan.sizes import plan_difference, plan_mean
    from assay.numerics.names import refuse_beyond

    if (difference is None) == (within is None):
        raise InputError("give --difference or --within, one of them")
    arguments = as_typed(inputs, truth, systems, families, measures)
    board = arguments.board()
    first = (measures or board.measures)[0]
    refuse_beyond(first)
    scores = board.several().of(first)
    if difference is not None:
        planned = plan_difference(scores, difference, users=board.user)
    else:
        assert within is not None
        planned = plan_mean(scores, within, families=np.asarray(board.families))
    arguments.count("plan", board)
    if as_json:
        print_json({"size": planned.size, "requests": planned.requests, "asked": planned.asked, "reached": planned.reached})
    else:
        echo(str(planned))


def gate(
    folder: Annotated[Path, typer.Argument(metavar="KEPT", help="A kept benchmark's folder, or a run's.")],
    system: Annotated[str, typer.Option("--system", metavar="NAME=FILE", help="Predictions of the new system.")],
    against: Annotated[
        str, typer.Option("--against", metavar="SYSTEM", help="One that was scored there, by its name; or a file: NAME=FILE.")
    ],
    margin: Annotated[
        float, typer.Option("--margin", metavar="M", help="How much worse is still allowed, in the measure's unit: 0.005.")
    ],
    measure: Annotated[
        str | None, typer.Option("--measure", metavar="NAME", help="Default: the one that the benchmark decides on.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="The answer as Markdown, for a job's summary.")
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="The answer as JUnit XML.")] = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Let a new system pass if it is not worse than another by more than a margin. Exit code 0: not worse; 3: worse; 4: too
    few requests to tell.
    """
    from assay.app import verdicts
    from assay.benchmark.board.gate import gate as tested

    if junit is not None:
        verdicts.junitparser()  # before the use is counted
    arguments = as_typed([folder], None, [system], None, None)
    board = arguments.pair(against)
    result = tested(board, board.systems[1], against=board.systems[0], margin=margin, measure=measure)
    arguments.count("gate", board)
    verdict = verdicts.Judgement(result, board.benchmark or str(folder))
    if markdown is not None:
        verdicts.write_markdown(verdict, markdown)
    if junit is not None:
        verdicts.write_junit(verdict, junit)
    if as_json:
        print_json(verdict.to_dict())
    else:
        verdicts.show(verdict)
    raise typer.Exit(verdict.exit_code)


COMMANDS = (measures, compare, gate, policies, plan)
