"""The clean log: events, users and items as cleaning left them, and what readers must know of them. Read here alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from assay.logs.history import Counted, History, history
from assay.pages.log import AboutLog
from assay.runs.store import Folder

_HISTORY = ("user_code", "item_code", "event", "timestamp")


@dataclass(frozen=True)
class CleanLog:
    """The clean log of a run, or of tables in memory. Tables are read when they are first needed, of events only some columns.

    load: name of a table and its columns (None: all) -> the table. time_zone: IANA name; hours of the day are told in it.
    minor_units: decimals of the currency; a price of 150 is 1.50 where there are 2.
    """

    load: Callable[[str, list[str] | None], pa.Table]
    time_zone: str = "UTC"
    minor_units: int = 2

    @classmethod
    def read(cls, folder: Folder) -> "CleanLog":
        """The log that the stage `clean` wrote into a run's folder; InputError when it has not run."""
        about = AboutLog.read(folder)
        return cls(lambda name, columns: folder.read_table(f"clean/{name}.parquet", columns), about.time_zone, about.minor_units)

    @classmethod
    def find(cls, folder: Folder) -> "CleanLog | None":
        """The log of a run; None where a table of one's own stands in for a log."""
        return cls.read(folder) if folder.exists(AboutLog.path) else None

    @classmethod
    def of(
        cls, events: pa.Table, users: pa.Table, items: pa.Table, *, time_zone: str = "UTC", minor_units: int = 2
    ) -> "CleanLog":
        """A log of tables in memory: tables.EVENTS with user_code and item_code, users and items in order of code."""
        tables = {"events": events, "users": users, "items": items}
        return cls(lambda name, columns: tables[name].select(columns or tables[name].column_names), time_zone, minor_units)

    def events(self, *columns: str) -> pa.Table:
        """Events in order of time, user, item: the columns named, of tables.EVENTS, user_code and item_code; all when none is."""
        return self.load("events", list(columns) or None)

    @cached_property
    def users(self) -> pa.Table:
        """Users in order of user_code: user_id and their attributes."""
        return self.load("users", None)

    @cached_property
    def items(self) -> pa.Table:
        """Items in order of item_code: the columns of tables.ITEMS."""
        return self.load("items", None)

    @cached_property
    def item_names(self) -> dict[int, str]:
        """Readable names of items by code; items without one are left out."""
        return {code: name for code, name in enumerate(self.items.column("name").to_pylist()) if name}

    def names_by_id(self, ids: Iterable[object]) -> dict[str, str]:
        """Readable names of those of some items that have one, by the text of their id."""
        text = pc.cast(self.items.column("item_id"), pa.string())
        mask = pc.is_in(text, pa.array(sorted({str(ident) for ident in ids}), pa.string()))
        names = self.items.column("name").filter(mask).to_pylist()
        return {ident: name for ident, name in zip(text.filter(mask).to_pylist(), names, strict=True) if name}

    def returned(self) -> pa.Table:
        """Returns that cleaning matched away, as events: still evidence of how far a user's purchases hold; item_code is null."""
        table = self.load("rejected", None)
        table = table.filter(pc.equal(table.column("step"), "returns"))
        users = self.users.column("user_id")
        code = pc.index_in(pc.cast(table.column("user_id"), users.type), users)
        table = table.append_column("user_code", pc.cast(code, pa.int32()))
        table = table.append_column("item_code", pa.nulls(table.num_rows, pa.int32()))
        return table.filter(pc.is_valid(table.column("user_code")))

    def history(self, target: str, period_days: int, counted: Counted | None = None) -> History:
        """Who had which item in which period of `period_days` days, by events of the kind `target`.

        counted: which events are takings, and how much each counts, in place of its kind; see logs.takings.
        """
        return history(self.events(*_HISTORY), self.users, self.items, target, period_days, self.time_zone, counted)
