"""The command `assay judgements`: graded pairs of query and item from a run's clicks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.app.options import Debug, Json, RunFolder, print_json

if TYPE_CHECKING:
    from assay.benchmark.judged.clicks import Judgements


def judgements(
    folder: RunFolder,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write the graded pairs; nothing is written over.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", help="qrels, quepid, rre or opensearch; default: by suffix, .qrels or .csv."),
    ] = None,
    grades: Annotated[int, typer.Option("--grades", metavar="N", help="The highest grade; the lowest is 0.")] = 4,
    by: Annotated[str, typer.Option("--by", metavar="EVENT", help="What counts as a click: view, cart or purchase.")] = "view",
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Grade pairs of query and item by their clicks, corrected for the places that items stood in."""
    from assay.benchmark.judged.clicks import judgements
    from assay.errors import InputError

    if format is not None and out is None:
        raise InputError("--format says how --out FILE is written; give --out")
    made = judgements(folder, by=by, grades=grades)
    written = [] if out is None else made.write(out, format)
    if as_json:
        print_json(made.account | {"files": [str(path) for path in written], "table": made.table.to_pylist()})
    else:
        _show(made, written)


def _show(made: "Judgements", written: list[Path]) -> None:
    from assay.app import terminal, words

    account = made.account
    places = ", ".join(words.plain(value) for value in account["examination"][:3])
    spread = ", ".join(f"{grade}: {words.count(pairs)}" for grade, pairs in account["grades"].items())
    few = f"{words.count(account['too_few'])} have too few looks for a grade, and are left out"
    lines = [
        ("pairs", f"{words.count(account['pairs'])} of query and item, {words.count(account['queries'])} queries"),
        (
            "shown",
            f"{words.count(account['impressions'])} times in a known place, {words.count(account['clicks'])} {account['by']}s",
        ),
        ("no place", f"{words.count(account['without_position'])} impressions; they do not count"),
        ("correction", f"{account['correction']}, from {account['learnt_from']}; places are looked at {places}, …"),
        ("graded", f"{words.count(account['graded'])} pairs of {words.count(account['graded_queries'])} queries ({spread})"),
        ("too few", few),
        ("written", ", ".join(map(str, written)) or "nothing; --out FILE writes the graded pairs"),
    ]
    terminal.print_lines([(name, text, "") for name, text in lines if name != "no place" or account["without_position"]])
