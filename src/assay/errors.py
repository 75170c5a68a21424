"""The errors a user can meet. Each message says what was wrong, where, and what to do."""

import difflib
import re
from collections.abc import Iterable


class AssayError(Exception):
    """A fault of Assay's own; exit code 1."""

    exit_code = 1


class InputError(AssayError):
    """The user's data, config or database cannot be used as it is; exit code 2."""

    exit_code = 2


class ConfigError(InputError):
    """A key or value in the config that Assay cannot take."""


class SourceError(InputError):
    """A file or database that cannot be read, or a row in it that cannot be understood."""


class SplitError(InputError):
    """A split, label or class without the rows that a later stage needs."""


class NotThereError(InputError):
    """What was asked for is not there: an item, a request, a sample, or a run of that name."""


class MadeAgainError(InputError):
    """A run was made again while it was read: what was read before may not go with what is there now."""


class BusyError(InputError):
    """Too many ask for what takes long; ask once more, later."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the closest known word, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


class UndeclaredError(AssayError):
    """A stage reads or writes what it does not declare."""


def unset(name: str) -> str:
    """What is said of an environment variable that is not set; a name that does not look like one may be the secret itself."""
    named = f" {name}" if re.fullmatch(r"[A-Z][A-Z0-9_]*", name) else ""
    return f"the environment variable{named} is not set; give its name here, and export it before the run"
