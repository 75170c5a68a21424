"""Text of a log, made harmless before people see it. Whatever the command line prints goes through this module.

A name may hold characters that set a terminal's title, clear its screen, turn the order of what follows round, or end the line.
assay.shown makes it harmless.
Nothing but this module calls print or typer.echo, and nothing but console.py Rich's Console; a test says so.
"""

import re
import sys

import typer

from assay.shown import one_line as one_line
from assay.shown import plain_text as plain_text

_TO_ESCAPE = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def escaped(text: str) -> str:
    r"""JSON or TOML with what their writers leave raw, but terminals obey, as \uXXXX: the value stays the same."""
    return _TO_ESCAPE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def echo(text: str, *, end: str = "\n") -> None:
    """Print text, made plain."""
    typer.echo(plain_text(text) + end, nl=False)


def complain(text: str) -> None:
    """Print text on standard error, made plain."""
    print(plain_text(text), file=sys.stderr)
