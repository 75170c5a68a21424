"""Options that several commands share, and output for machines."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.app.safe import echo, escaped

if TYPE_CHECKING:
    from assay.app.boards import Arguments

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of a fault.")]


RunFolder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A run's folder.")]

# Of `assay benchmark`.
Inputs = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[INPUT]...", help="A run's folder, a kept benchmark, or a scoreboard (.parquet)."),
]
KeptFolder = Annotated[Path, typer.Argument(metavar="BENCHMARK", help="A kept benchmark's folder.")]
Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="The new folder; nothing is written over.")]
Truth = Annotated[
    Path | None,
    typer.Option(
        "--truth",
        metavar="FILE",
        help="In place of SOURCE: request_id, item_id, grade (.parquet, .csv, TREC .qrels), or judgements (.csv, .json).",
    ),
]
Candidates = Annotated[Path | None, typer.Option("--candidates", metavar="FILE", help="What may be ranked: request_id, item_id.")]
Requests = Annotated[
    Path | None, typer.Option("--requests", metavar="FILE", help="Users and attributes: request_id, user_id, ...")
]
Items = Annotated[
    Path | None, typer.Option("--items", metavar="FILE", help="All that could be ranked: item_id, perhaps category, popularity.")
]
Train = Annotated[
    Path | None,
    typer.Option("--train", metavar="FILE", help="What users took before the test: user_id, item_id."),
]
Judgements = Annotated[
    Path | None,
    typer.Option(
        "--judgements",
        metavar="PATH",
        help="Grades that people gave, into truth: the folder they judged in, or a file of judgements (.csv, .json, .qrels).",
    ),
]
Systems = Annotated[
    list[str] | None,
    typer.Option("--system", metavar="NAME=FILE", help="Predictions: request_id, item_id, score (.parquet, .csv, TREC .run)."),
]
Families = Annotated[
    list[str] | None,
    typer.Option("--family", metavar="NAME=FAMILY", help="Systems of one family are variants of each other."),
]
Measures = Annotated[list[str] | None, typer.Option("--measure", metavar="NAME", help="As ndcg@10; the first is decided on.")]
Difference = Annotated[
    float | None, typer.Option("--difference", metavar="D", help="Find a true difference of D with 80 % power.")
]
Within = Annotated[float | None, typer.Option("--within", metavar="SHARE", help="Come within this share of the full set: 0.01.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, max=2**63 - 1, help="Of the draw.")]


def as_typed(
    inputs: Sequence[Path] | None, truth: Path | None, systems: Sequence[str] | None, families: Sequence[str] | None,
    measures: Sequence[str] | None, candidates: Path | None = None, requests: Path | None = None, items: Path | None = None,
    train: Path | None = None, judgements: Path | None = None,
) -> "Arguments":  # fmt: skip
    """What a command of `assay benchmark` was called with."""
    from assay.app.boards import Arguments

    asked = tuple(dict.fromkeys(measures or ()))
    return Arguments(inputs or (), truth, candidates, requests, systems or (), families or (), asked, items, train, judgements)


def print_json(value: object) -> None:
    """Print a value as JSON, keys sorted, any script as it is; numbers that JSON does not know (NaN, infinity) are null."""
    from assay.runs.store import finite

    text = json.dumps(finite(value), indent=1, sort_keys=True, ensure_ascii=False, default=str, allow_nan=False)
    echo(escaped(text))
