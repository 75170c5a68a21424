"""SQL databases: MySQL or MariaDB, PostgreSQL, SQLite; a table or one SELECT, streamed."""

import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from assay import config
from assay.engines import databases, urls
from assay.logs.sources.base import missing_column


class DatabaseTable:
    """A table or query; values keep their types. Rows come in order of `grows_by` where the config names it.

    `watermark` is the last value of grows_by that was read: {"type", "value"}, both text.
    """

    def __init__(self, section: config.SourceSection, *, watermark: dict[str, str] | None = None, first_row: int = 1) -> None:
        assert section.url is not None
        self.section, self.watermark, self.first_row = section, watermark, first_row
        self.name = f"{urls.shown(section.url)} {section.table or 'query'}"

    def _place(self) -> dict[str, Any]:
        section = self.section
        return {
            "url": section.url,
            "table": section.table,
            "query": section.query,
            "password_env": section.password_env,
        }

    def rows(self) -> int | None:
        """Unknown until read."""
        return None

    def columns(self) -> list[str]:
        """Columns of the table or of the query's result."""
        return databases.columns(**self._place())

    def state(self) -> object:
        """Changes when rows were appended; without grows_by there is no telling, so it always does."""
        if self.section.grows_by is None:
            return uuid.uuid4().hex
        return databases.state(**self._place(), grows_by=self.section.grows_by)

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The columns, typed; only rows beyond the watermark where it is given."""
        mark = self.section.grows_by
        present = self.columns()
        for column in [*columns, *([mark] if mark else [])]:
            if column not in present:
                raise missing_column(self.name, column, present)
        names = [str(i) for i in range(len(columns))]
        wanted = list(dict.fromkeys([*columns, *([mark] if mark else [])]))
        after = _after(self.watermark) if self.watermark else None
        for batch in databases.stream(**self._place(), columns=wanted, grows_by=mark, after=after):
            if mark:
                last = batch.column(mark)
                self.watermark = {"type": str(last.type), "value": str(last[-1].cast(pa.string()).as_py())}
            yield pa.RecordBatch.from_arrays([batch.column(c) for c in columns], names=names)


TYPES = {str(t): t for t in (pa.int64(), pa.uint64(), pa.float64(), pa.string(), pa.date32(), pa.timestamp("us"))}


def _after(watermark: dict[str, str]) -> object:
    """The watermark's value as the driver takes it."""
    if watermark["type"].startswith("decimal"):
        return Decimal(watermark["value"])
    kind = TYPES.get(watermark["type"], pa.timestamp("us", tz="UTC"))
    return pa.scalar(watermark["value"]).cast(kind).as_py()
