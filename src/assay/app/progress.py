"""Progress bars for what takes longer than a moment: on stderr, and only on a terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from assay.app.console import SafeConsole
from assay.app.safe import one_line

PATIENCE = 2.0  # seconds of a stage before its bar is shown


@contextmanager
def bars() -> Iterator[Callable[[str, int, int | None], None]]:
    """Give the `report` of a run: stage, rows done, rows in all (None: unknown). What changes stands after a colon."""
    console = SafeConsole(stderr=True)
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
        rows = f"{done:,} of {total:,}" if total else f"{done:,}"
        shown.update(tasks[stage], description=one_line(words), completed=done, total=total, rows=rows)

    with shown:
        yield report
