"""The command `assay`. Whatever is heavy is imported by the command that needs it.

Exit codes: 0 done, 1 a fault of Assay's own, 2 input that cannot be used, 130 interrupted. Of `assay benchmark gate` also
3 the new system is worse, 4 too few requests to tell.
"""

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay import __version__, stages
from assay.app.benchmark import app as benchmark
from assay.app.judgements import judgements
from assay.app.options import Debug, Json, RunFolder, print_json
from assay.app.safe import complain, echo, escaped
from assay.app.serve import serve
from assay.errors import AssayError, InputError
from assay.language import say, speaking

if TYPE_CHECKING:
    from assay.front.tracking import Logged
    from assay.runs.graph import Done

_OTHERWISE = ("search", "systems", "study", "protocols")  # stages beside a run that other commands do
_INTERRUPTED = 130  # Typer turns Ctrl-C into this, or lets it through
app = typer.Typer(
    name="assay",
    help="What each logged training sample is worth, proved by retraining on later data.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The TOML config; `assay init` makes one.")]
Folder = Annotated[
    Path | None,
    typer.Option("--folder", metavar="FOLDER", help="The run's folder; default: runs/ and the config's name."),
]


def _version(wanted: bool) -> None:
    if wanted:
        echo(f"assay {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _assay(
    context: typer.Context,
    _version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    _debug: Debug = False,
) -> None:
    if context.invoked_subcommand is None:
        echo(context.get_help())


def _finish(folder: Path, *, as_json: bool) -> None:
    """Write the report and close with the table."""
    from assay.app import report, terminal
    from assay.finished import Finished

    finished = Finished(folder)
    report.write(finished)
    if as_json:
        print_json(terminal.facts(finished))
    else:
        with speaking(finished.config.show.language):
            terminal.show(finished)
    if finished.config.show.log_to is not None:
        from assay.front import tracking

        complain(_logged(tracking.log(finished)))


def _logged(place: "Logged") -> str:
    return f"{'updated' if place.updated else 'logged'}: experiment {place.experiment}, run {place.run_id}"


def _execute(config_file: Path, folder: Path | None, until: str | None) -> "Done":
    """Run the stages of a config up to one of them."""
    from assay import config

    settings = config.read(config_file)  # first: a wrong config is said at once
    from assay import front
    from assay.app.progress import bars

    with bars() as progress:
        return front.execute(settings, folder or Path("runs") / config_file.stem, until=until, report=progress)


def _plan(config_file: Path, folder: Path | None, *, as_json: bool) -> None:
    """Print what a run would do."""
    from assay import config

    settings = config.read(config_file)
    from assay.app import terminal
    from assay.front.plan import plan

    planned = plan(settings, folder or Path("runs") / config_file.stem)
    if as_json:
        print_json(planned.model_dump(mode="json"))
    else:
        with speaking(settings.show.language):
            terminal.show_plan(planned)


def _worked(name: str, folder: Path) -> Path:
    """Run a worked example, and what flags rows of it; the run's folder."""
    from assay.app import demos

    settings = demos.prepare(name, folder)
    from assay import front
    from assay.app.progress import bars

    with bars() as progress:
        front.execute(settings, folder, report=progress)
        for stage in demos.BESIDE:
            front.add(folder, stage, report=progress)
    return folder


@app.command()
def demo(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="credit, diagnosis or feed; default: a year of a grocer's purchases.")
    ] = None,
    folder: Folder = None,
    study: Annotated[bool, typer.Option("--study", help="Compare every model and valuer; takes long.")] = False,
    neural: Annotated[bool, typer.Option("--neural", help="With neural models and values for them (assay[deep]).")] = False,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Run everything on a year of a grocer's purchases, or on a small worked example."""
    if name is not None:
        if study or neural:
            raise InputError(f"demo {name}: --study and --neural are of the grocer's demo; leave them out, or leave out {name}")
        _finish(_worked(name, folder or Path(f"runs/demo-{name}")), as_json=as_json)
        return
    from assay.app.demo import config

    settings = config(neural=neural)
    from assay import front
    from assay.app.progress import bars

    with bars() as progress:
        act = front.study if study else front.execute
        done = act(settings, folder or Path("runs/demo-neural" if neural else "runs/demo"), report=progress)
    _finish(done.folder, as_json=as_json)


@app.command()
def run(
    config: ConfigFile,
    folder: Folder = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would run, and about how long; run nothing.")] = False,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Run all stages of a config and write the report; finished stages are not run again."""
    if plan:
        _plan(config, folder, as_json=as_json)
        return
    _finish(_execute(config, folder, None).folder, as_json=as_json)


def _stage_command(stage: str) -> Callable[..., None]:
    def command(config: ConfigFile, folder: Folder = None, as_json: Json = False, _debug: Debug = False) -> None:
        done = _execute(config, folder, stage)
        if as_json:
            print_json({"stage": stage, "folder": str(done.folder), "reused": done.reused})
        else:
            was = "nothing to do, its inputs are unchanged" if stage in done.reused else "done"
            echo(f"{stage}: {was}; see {done.folder}")

    return command


for _name in stages.RUN:
    app.command(_name, help=f"{stages.words(_name)} Runs the stages before it where they need it.")(_stage_command(_name))


def _examination(name: str) -> Callable[..., None]:
    def command(folder: RunFolder, as_json: Json = False, _debug: Debug = False) -> None:
        from assay import front
        from assay.app import report, terminal
        from assay.app.progress import bars
        from assay.finished import Finished

        with bars() as progress:
            front.add(folder, name, report=progress)
        finished = Finished(folder)
        path = report.write(finished)
        if as_json:
            print_json(stages.graph().stages[name].pages[0].read(finished).content())
        else:
            with speaking(finished.config.show.language):
                for section in report.sections_of(finished, name):
                    terminal.show_section(section)
                terminal.print_lines([(say("report"), str(path), "bold")])

    return command


for _name in stages.BESIDE:
    if _name not in _OTHERWISE:
        app.command(_name, help=stages.words(_name))(_examination(_name))


@app.command()
def graph(folder: RunFolder, as_json: Json = False, _debug: Debug = False) -> None:
    """Print the stages of a run, what each follows, and whether it is fresh, stale or missing."""
    from assay.app import terminal
    from assay.finished import Finished

    finished = Finished(folder)
    states = stages.graph().states(finished.config, folder)
    if as_json:
        print_json(states)
    else:
        terminal.show_graph({name: (state, stages.graph().stages[name].follows) for name, state in states.items()})


@app.command(context_settings={"ignore_unknown_options": True})  # ids may be negative
def explain(
    folder: RunFolder,
    sample_id: Annotated[str | None, typer.Argument(metavar="[SAMPLE_ID]", help="A training sample, as tables name it.")] = None,
    user_id: Annotated[str | None, typer.Option("--user", metavar="USER_ID", help="With --item: a recommendation's.")] = None,
    item_id: Annotated[str | None, typer.Option("--item", metavar="ITEM_ID", help="A recommended item.")] = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Say why a training sample is worth what it is, or which samples made a recommendation."""
    from assay.app import terminal
    from assay.finished import Finished
    from assay.serving import stored

    finished = Finished(folder)
    answer = stored.explain(finished, sample_id=sample_id, user_id=user_id, item_id=item_id)
    if as_json:
        print_json(answer.model_dump())
    else:
        with speaking(finished.config.show.language):
            terminal.show_explanation(answer, finished)


@app.command()
def report(folder: RunFolder, as_json: Json = False, _debug: Debug = False) -> None:
    """Write report.html of a run again."""
    from assay.app import report
    from assay.finished import Finished

    path = report.write(Finished(folder))
    if as_json:
        print_json({"report": str(path)})
    else:
        echo(f"report: {path}")


@app.command()
def log(
    folder: RunFolder,
    mlflow: Annotated[
        str | None, typer.Option("--mlflow", metavar="URI", help="The server; default: MLFLOW_TRACKING_URI.")
    ] = None,
    experiment: Annotated[
        str | None, typer.Option("--experiment", metavar="NAME", help="Default: MLFLOW_EXPERIMENT_NAME, else assay.")
    ] = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Log a run to MLflow, or update its entry: measures with intervals, config, weights, values and report."""
    from assay.app import report
    from assay.finished import Finished
    from assay.front import tracking

    finished = Finished(folder)
    report.write(finished)
    place = tracking.log(finished, mlflow, experiment)
    if as_json:
        print_json(asdict(place))
    else:
        echo(_logged(place))


@app.command()
def show(folder: RunFolder, as_json: Json = False, _debug: Debug = False) -> None:
    """Show a run's findings as a short table."""
    from assay.app import terminal
    from assay.finished import Finished

    finished = Finished(folder)
    if as_json:
        print_json(terminal.facts(finished))
    else:
        with speaking(finished.config.show.language):
            terminal.show(finished)


@app.command(context_settings={"ignore_unknown_options": True})  # ids may be negative
def user(
    folder: RunFolder,
    user_id: Annotated[str, typer.Argument(metavar="USER_ID", help="As in the log, or as the report shows it.")],
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Show one user's recommendations with their reasons."""
    from assay.app import terminal
    from assay.finished import Finished
    from assay.serving import stored

    finished = Finished(folder)
    answer = stored.recommendations(finished, user_id)
    if as_json:
        print_json(answer.model_dump())
    else:
        with speaking(finished.config.show.language):
            terminal.show_user(answer)


@app.command()
def search(
    folder: RunFolder,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What is looked for, in any script.")],
    user_id: Annotated[
        str | None, typer.Option("--user", metavar="USER_ID", help="Whose past counts; default: nobody's.")
    ] = None,
    number: Annotated[int, typer.Option("--number", metavar="N", min=1, max=100, help="How many items.")] = 10,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Search a run's items, with the reasons of every line; the first use indexes and trains, which takes minutes."""
    from assay import front
    from assay.app import report, terminal
    from assay.app.progress import bars
    from assay.finished import Finished
    from assay.serving import stored

    finished = Finished(folder)
    if not query.strip():
        raise InputError("the query is empty; give at least one word")
    if "search" not in finished.stages:
        with bars() as progress:
            front.add(folder, "search", report=progress)
        finished = Finished(folder)
        report.write(finished)
    answer = stored.search(finished, query, user_id=user_id, number=number)
    if as_json:
        print_json(answer.model_dump())
    else:
        with speaking(finished.config.show.language):
            terminal.show_search(answer, finished.task)


@app.command()
def init(
    log: Annotated[
        str, typer.Argument(metavar="LOG", help="Your log: a file, a glob, a folder, an object (s3://...), or a database's URL.")
    ],
    table: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="Of a database: the table of events.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="CONFIG", help="Where to write it; default: to the terminal.")
    ] = None,
    _debug: Debug = False,
) -> None:
    """Write a commented config from a look at your log, whatever its format."""
    from assay.logs.suggest import suggest
    from assay.runs.store import write_text

    if out is not None and out.exists():
        raise InputError(f"{out}: is there already; give another name with --out")
    text = escaped(suggest(log, table))
    if out is None:
        echo(text, end="")
    else:
        write_text(out, text)
        echo(f"{out}: check every line, then: assay run {out}")


app.command()(judgements)
app.command()(serve)
app.add_typer(benchmark)


def _fail(message: str, code: int) -> int:
    """Say in one line what was wrong."""
    complain("error: " + " ".join(message.split()))
    return code


def _explain(error: Exception) -> int:
    """One line for an error, and the exit code."""
    if isinstance(error, AssayError):
        return _fail(str(error), error.exit_code)
    usage: Any = getattr(error, "format_message", None)  # Typer's own: a wrong option or argument
    if usage is not None:
        return _fail(f"{usage()} See: assay --help", 2)
    return _fail(f"a fault of Assay's own: {type(error).__name__}: {error} (--debug shows where)", 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; no exception leaves it, and no traceback but by --debug."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = int(app(typed, prog_name="assay", standalone_mode=False) or 0)
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if "--debug" in typed:
            complain(traceback.format_exc())
        return _explain(error)
    return _fail("interrupted; the same command goes on where it stopped", code) if code == _INTERRUPTED else code


if __name__ == "__main__":
    sys.exit(main())
