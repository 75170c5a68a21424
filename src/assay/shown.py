"""What people are shown of text and numbers from anywhere: nothing in it is obeyed, by a terminal or by a page."""

from collections.abc import Iterable, Sequence
from html import escape

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_BREAKS = "\t\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"  # separate words or lines
_ORDERING = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]  # embeddings, overrides and isolates: text is ordered by its letters
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000)]  # C0, DEL, C1, lone surrogates
_PLAIN: dict[int, str | None] = dict.fromkeys(_CONTROLS, _REPLACEMENT)
_PLAIN |= dict.fromkeys(map(ord, _BREAKS), " ") | dict.fromkeys(_ORDERING)
del _PLAIN[ord("\n")]


def plain_text(text: str) -> str:
    r"""Text without anything that a terminal obeys, lines kept.

    Control characters and lone surrogates become U+FFFD, other breaks than \n a space; what orders text by hand is left out.
    """
    return text.translate(_PLAIN)


def one_line(text: str) -> str:
    """Plain text as one line: for a cell of a table, or an error."""
    return " ".join(plain_text(text).split("\n"))


def html_text(value: object) -> str:
    """A value as HTML shows it: text without markup, floats of four digits, nothing for None."""
    return escape(one_line("" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)))


def html_table(rows: Iterable[Sequence[object]], head: Sequence[str] = (), *, above: str = "") -> str:
    """A table for notebooks, a sentence above it; the first cell of each row names the row."""
    lines = [f"<tr>{''.join(f'<th>{html_text(name)}</th>' for name in head)}</tr>"] if head else []
    for first, *rest in rows:
        cells = "".join(f"<td>{html_text(value)}</td>" for value in rest)
        lines.append(f"<tr><th>{html_text(first)}</th>{cells}</tr>")
    return (f"<p>{html_text(above)}</p>" if above else "") + f"<table>{''.join(lines)}</table>"
