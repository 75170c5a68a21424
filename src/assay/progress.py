"""How far work has come: what whoever asked for it is told."""

from collections.abc import Callable

Report = Callable[[str, int, int | None], None]  # words, steps done, steps in all (None: unknown)


def silent(words: str, done: int, total: int | None) -> None:
    """Report no progress."""
