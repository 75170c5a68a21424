"""What a source is, and the faults that every kind of source words alike."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from assay.errors import SourceError, did_you_mean

BATCH_ROWS = 1 << 18


class Source(Protocol):
    """One file, table or query: raw rows in a fixed order.

    Text formats give every value as text; typed ones give the types they hold. `first_row` is the number
    of the first row that read() gives (1, unless only a tail is read).
    """

    name: str
    first_row: int

    def columns(self) -> list[str]:
        """Names of all columns; SourceError when the source cannot be read or is empty."""
        ...

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Those columns, in that order, batch by batch."""
        ...

    def rows(self) -> int | None:
        """Number of rows where it is known without reading them."""
        ...


def missing_column(source: str, column: str, columns: Iterable[str], hint: str = "") -> SourceError:
    """The error for a mapped column that the source does not have."""
    columns = list(columns)
    closest = did_you_mean(column, columns)
    shown = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    return SourceError(f"{source}: no column {column!r}{closest}{hint} (it has: {shown})")


def shorten(value: object) -> str:
    """A value for a message, at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def require_file(path: Path) -> None:
    """SourceError unless path is a readable file that is not empty."""
    if not path.exists():
        raise SourceError(f"{path}: no such file; check path in the config")
    if not path.is_file():
        raise SourceError(f"{path}: is a folder; name the files in it, for example {path}/*.csv")
    if path.stat().st_size == 0:
        raise SourceError(f"{path}: is empty; remove it from path or export it again")


def bad_utf8(path: Path, lines: Iterable[bytes], first_line: int = 1) -> SourceError:
    """The error that names the first line of a text file that is not UTF-8."""
    for number, line in enumerate(lines, first_line):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            return SourceError(
                f"{path}: line {number} is not UTF-8 (byte {error.start + 1} of the line); "
                f"convert it, for example: iconv -f latin1 -t utf-8"
            )
    return SourceError(f"{path}: is not UTF-8; convert it, for example: iconv -f latin1 -t utf-8")
