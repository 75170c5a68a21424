"""The console that tables and bars are printed on."""

import shutil
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from assay.app.safe import plain_text

WIDTH = 80


class SafeConsole(Console):
    """A Rich console that renders text of a log as it stands, made plain; nothing in it is markup."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What Rich renders, its own control codes as they are and all text made plain."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(plain_text(segment.text), segment.style)


def console() -> SafeConsole:
    """A console as wide as the terminal, 80 columns at most."""
    return SafeConsole(width=min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))
