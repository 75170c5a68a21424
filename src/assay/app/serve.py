"""`assay serve`: pages and an API over finished runs. The server itself is in app/server, and needs the extra `web`."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay import registry
from assay.app.options import Debug, Systems
from assay.app.safe import echo
from assay.errors import InputError, unset
from assay.language import english

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.benchmark.judged.asking import Judging
    from assay.benchmark.keep.folder import Kept
    from assay.finished import Finished
    from assay.serving.giving import Giving


def serve(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of finished runs.")],
    benchmark: Annotated[
        list[Path] | None, typer.Option("--benchmark", metavar="KEPT", help="A kept benchmark's folder; may be given again.")
    ] = None,
    system: Systems = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Other than this machine's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65_535, help="0: any that is free.")] = 8000,
    token_env: Annotated[
        str | None,
        typer.Option("--token-env", metavar="NAME", help="The environment variable with the token that requests must have."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A name that the server is reached by; may be given again."),
    ] = None,
    events: Annotated[
        str | None,
        typer.Option(
            "--events", metavar="FILE_OR_URL", help="Where events and given lists are kept: a file of SQLite's, or a database."
        ),
    ] = None,
    events_password_env: Annotated[
        str | None,
        typer.Option("--events-password-env", metavar="NAME", help="The environment variable with that database's password."),
    ] = None,
    explore: Annotated[
        float, typer.Option("--explore", metavar="SHARE", help="Of the lists, the share that chance changes, as 0.05.")
    ] = 0.0,
    _debug: Debug = False,
) -> None:
    """Show runs as pages with an API: lists, searches, explanations, samples, boards. Ctrl-C ends it."""
    server = registry.of_extra("assay.app.server.app", "web", "assay serve")
    from assay.app.server.site import Reach, Site, named

    reach = Reach(host, port, _token(token_env), tuple(allow_host or ()))
    listening = server.listen(reach)
    try:
        kept = _opened(benchmark or ())
        predictions = _predictions(system or (), kept)
        served = named(runs)
        giving = _giving(events, events_password_env, explore)
        site = Site(served, reach, kept, predictions, giving, _judging(kept, predictions, served[0].run))
        echo(f"{server.address(reach, listening)}  (Ctrl-C ends it)")
        server.serve(site, listening)
    finally:
        listening.close()


def _token(variable: str | None) -> str | None:
    if variable is None:
        return None
    token = os.environ.get(variable)
    if not token:
        raise InputError(f"--token-env: {unset(variable)}")
    return token


def _giving(events: str | None, password_env: str | None, chance: float) -> "Giving":
    """How lists are given out; events are kept where they are asked for, and nowhere else."""
    from assay.serving.events import EventStore, Exploration
    from assay.serving.giving import Giving

    Exploration(chance)  # refused before a file is made
    if events is None:
        return Giving(None, chance)
    return Giving(EventStore(events if "://" in events else f"sqlite:///{events}", password_env), chance)


def _judging(kept: "Sequence[Kept]", predictions: "Mapping[str, pa.Table]", run: "Finished") -> "Judging | str":
    """What people judge, the first two systems on the first benchmark; else what it takes."""
    from assay.benchmark.judged.asking import Judging
    from assay.serving.items import called

    if not kept:
        return english("No kept benchmark is served.")
    if len(predictions) < 2:
        return english("The lists of two systems are needed.")
    two = dict(list(predictions.items())[:2])
    try:
        return Judging(kept[0].benchmark, two, kept[0].folder, label=kept[0].label, names=called(run))
    except InputError as error:
        return str(error)


def _opened(folders: Sequence[Path]) -> "list[Kept]":
    """Kept benchmarks; that their boards are shown is counted as a use."""
    from assay.benchmark.keep.folder import open_kept

    opened = [open_kept(folder) for folder in folders]
    for kept in opened:
        kept.refuse_compact()
        if (board := kept.results()) is not None:
            kept.consulted("serve", board.systems)
    return opened


def _predictions(systems: Sequence[str], kept: "Sequence[Kept]") -> "Mapping[str, pa.Table]":
    """Rankings from files by the systems' names."""
    if not systems:
        return {}
    if not kept:
        raise InputError("--system names rankings of a kept benchmark: give its folder with --benchmark")
    from assay.app.boards import Arguments
    from assay.benchmark.inputs import read_table
    from assay.benchmark.trec import PREDICTIONS

    files = Arguments((), systems=systems).predictions()
    return {name: read_table(file, f"system {name!r}", PREDICTIONS) for name, file in files.items()}
