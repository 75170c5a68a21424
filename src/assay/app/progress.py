"""Progress for what takes longer than a moment: bars on a terminal's stderr, one line below the cell of a notebook."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from assay.app.console import SafeConsole
from assay.app.safe import one_line
from assay.progress import Report
from assay.shown import html_text

PATIENCE = 2.0  # seconds of a stage before its bar is shown
PAUSE = 0.5  # seconds between two changes of a notebook's line: each of them is a message to the browser


def bars() -> AbstractContextManager[Report]:
    """Give the `report` of a run: stage, rows done, rows in all (None: unknown). What changes stands after a colon."""
    console = SafeConsole(stderr=True)
    return _line() if console.is_jupyter else _bars(console)


def _rows(done: int, total: int | None) -> str:
    return f"{done:,} of {total:,}" if total else f"{done:,}"


@contextmanager
def _bars(console: SafeConsole) -> Iterator[Report]:
    columns = (
        TextColumn("{task.description:<10}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[rows]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    shown = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    began: dict[str, float] = {}
    tasks: dict[str, TaskID] = {}

    def report(words: str, done: int, total: int | None) -> None:
        stage = words.partition(":")[0]
        since = began.setdefault(stage, time.monotonic())
        if shown.disable or (stage not in tasks and time.monotonic() - since < PATIENCE):
            return
        if stage not in tasks:
            for earlier in tasks.values():
                shown.update(earlier, visible=False)
            tasks[stage] = shown.add_task(stage, total=total, rows="")
        shown.update(tasks[stage], description=one_line(words), completed=done, total=total, rows=_rows(done, total))

    with shown:
        yield report


@contextmanager
def _line() -> Iterator[Report]:
    """One output that is changed in place, and empty at the end; Rich would need ipywidgets for it."""
    notebook: Any = import_module("IPython.display")
    handle = notebook.DisplayHandle()
    began = last = time.monotonic()
    drawn = False

    def report(words: str, done: int, total: int | None) -> None:
        nonlocal last, drawn
        now = time.monotonic()
        if now - began < PATIENCE or (drawn and now - last < PAUSE):
            return
        bar = f'<progress value="{done}" max="{total}"></progress> ' if total else ""
        text = notebook.HTML(f"<p>{bar}{html_text(words)} {_rows(done, total)}, {now - began:.0f} s</p>")
        if drawn:
            handle.update(text)
        else:
            handle.display(text)
        last, drawn = now, True

    try:
        yield report
    finally:
        if drawn:
            handle.update(notebook.HTML(""))
