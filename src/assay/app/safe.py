"""Text of a log, made harmless before people see it. Whatever the command line prints goes through this module.

A name may hold characters that set a terminal's title, clear its screen, turn the order of what follows round, or end the line.
Nothing but this module calls print or typer.echo, and nothing but console.py Rich's Console; a test says so.
"""

import re
import sys

import typer

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_BREAKS = "\t\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"  # separate words or lines
_ORDERING = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]  # embeddings, overrides and isolates: text is ordered by its letters
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000)]  # C0, DEL, C1, lone surrogates
_PLAIN: dict[int, str | None] = dict.fromkeys(_CONTROLS, _REPLACEMENT)
_PLAIN |= dict.fromkeys(map(ord, _BREAKS), " ") | dict.fromkeys(_ORDERING)
del _PLAIN[ord("\n")]
_TO_ESCAPE = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain_text(text: str) -> str:
    r"""Text without anything that a terminal obeys, lines kept.

    Control characters and lone surrogates become U+FFFD, other breaks than \n a space; what orders text by hand is left out.
    """
    return text.translate(_PLAIN)


def one_line(text: str) -> str:
    """Plain text as one line: for a cell of a table, or an error."""
    return " ".join(plain_text(text).split("\n"))


def escaped(text: str) -> str:
    r"""JSON or TOML with what their writers leave raw, but terminals obey, as \uXXXX: the value stays the same."""
    return _TO_ESCAPE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def echo(text: str, *, end: str = "\n") -> None:
    """Print text, made plain."""
    typer.echo(plain_text(text) + end, nl=False)


def complain(text: str) -> None:
    """Print text on standard error, made plain."""
    print(plain_text(text), file=sys.stderr)
