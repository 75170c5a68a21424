"""What a source is, and the faults that every kind of source words alike."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from assay.errors import SourceError, did_you_mean
from assay.logs.sources.places import Place

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
    Place.of(path).require()


def not_read(name: str, error: Exception) -> SourceError:
    """The error of a file that a library could not read; its own words."""
    words = " ".join(str(error).split())[:200].encode(errors="replace").decode()
    return SourceError(f"{name}: cannot be read ({words}); is it damaged, or in another format than its name says?")


def check_columns(name: str, columns: Iterable[str], present: Sequence[str]) -> None:
    """SourceError unless a source has each of the columns, once."""
    for column in columns:
        if column not in present:
            raise missing_column(name, column, present)
        if present.count(column) > 1:
            raise SourceError(f"{name}: column {column!r} is there {present.count(column)} times; rename one")
