"""Point-in-time features of (user, item, period): every family is a SQL file that sees earlier periods only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay import engines
from assay.engines.engine import EngineError, put, set_parameters, statement
from assay.errors import ConfigError, InputError
from assay.logs.history import Codes, category_codes
from assay.numerics.periods import days
from assay.samples.searches import Searches

PACKAGE = "assay.samples.features"
# Key columns besides the period, by folder: what one row of the folder's families describes.
UNITS = {
    "user": ("user_code",),
    "item": ("item_code",),
    "pair": ("user_code", "item_code"),
    "category": ("user_code", "category"),
    "name": ("user_code", "name"),
    "brand": ("user_code", "brand"),
    "query": ("query_code",),
    "match": ("query_code", "item_code"),
}
FACTS = ("bought", "trips", "sold", "spent", "tastes", "trust")  # facts/*.sql, each of which may read those before it
TEXT = ("department", "category", "brand")
CLASSES = ("category", "name", "brand")  # that items are told apart by


@dataclass(frozen=True)
class Family:
    """One SQL file: a SELECT that gives one row a wanted key of its unit, and features after the key's columns."""

    unit: str
    name: str
    select: str
    own: bool = False  # the user's, not ours


def families(own: str | None = None) -> Iterator[Family]:
    """Every family by unit and name, ours first, then those in a folder of the user's `own`.

    ConfigError: the folder is not there, or has no unit/*.sql.
    """
    yield from _families(files(PACKAGE))
    if own is not None:
        own_families = [replace(family, own=True) for family in _families(Path(own))]
        if not own_families:
            raise ConfigError(f"[samples] features: {own} has no SQL file in {', '.join(f'{unit}/' for unit in UNITS)}")
        yield from own_families


def _families(folder: Traversable) -> Iterator[Family]:
    for unit in UNITS:
        inside = folder.joinpath(unit)
        entries = sorted(inside.iterdir(), key=lambda entry: entry.name) if inside.is_dir() else []
        for entry in entries:
            if entry.name.endswith(".sql"):
                yield Family(unit, entry.name.removesuffix(".sql"), entry.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Catalogue:
    """Items by code: ids and texts as they came, and by each of CLASSES its codes (items,), -1 unknown."""

    items: pa.Table
    codes: Mapping[str, Codes]

    @classmethod
    def of(cls, items: pa.Table) -> "Catalogue":
        """From clean items, in order of item_code."""
        return cls(items, {column: category_codes(items, column)[0] for column in CLASSES})

    def classes(self, item: NDArray[np.integer]) -> dict[str, Codes]:
        """Codes of category, name and brand of items (n,), -1 unknown; of the item -1, -1."""
        return {column: np.append(codes, np.int32(-1))[item] for column, codes in self.codes.items()}


class Describer:
    """The log in the engine, ready to describe any (user, item, period)."""

    def __init__(
        self,
        events: pa.Table,
        returned: pa.Table,
        users: pa.Table,
        items: pa.Table,
        target: str,
        period_days: int,
        own: str | None = None,
        searches: Searches | None = None,
    ) -> None:
        self.families = list(families(own))
        self.own: dict[str, None] = {}  # names of the features that the user's own families gave
        self.users = users
        self.catalogue = Catalogue.of(items)
        self.engine = engines.connect()
        self._load("all_events", events, period_days)
        self._load("returned", returned, period_days)
        set_parameters(self.engine, {"target": target, "period_days": period_days})
        every = "SELECT all_events.* FROM all_events CROSS JOIN parameters"
        self.engine.keep("taken", f"{every} WHERE event = target AND item_code IS NOT NULL")
        self.engine.keep("events", f"{every} WHERE event <> target OR rating IS NOT NULL")
        self.engine.add("events", "SELECT * FROM taken WHERE rating IS NULL")
        self.engine.drop("all_events")
        for name in FACTS:  # kept, because they are the same whatever is wanted
            self.engine.keep(name, statement(PACKAGE, f"facts/{name}"))
        if searches is not None:
            self._load_searches(searches)

    def _load(self, name: str, events: pa.Table, period_days: int) -> None:
        """A table of events with day, period, visit (session, else day), category and brand."""
        day = days(events.column("timestamp"))
        item = pc.fill_null(events.column("item_code"), -1).to_numpy().astype(np.int64)
        session = events.column("session_id")
        if session.null_count:
            session = pc.if_else(pc.is_valid(session), session, pc.cast(pa.chunked_array([pa.array(day)]), pa.string()))
        columns = {c: events.column(c) for c in ("user_code", "item_code", "event", "quantity", "price", "rating")}
        table = pa.table(
            columns
            | {"visit": pc.cast(session, pa.string()), "day": day, "period": (day // period_days).astype(np.int32)}
            | self.catalogue.classes(item)
        )
        put(self.engine, name, table)

    def _load_searches(self, searches: Searches) -> None:
        """asked: one row per search. searched: one row per impression, in the period at whose end its outcome was known."""
        request = np.arange(len(searches))
        names = ("query_code", "user_code", "period")
        put(self.engine, "asked", pa.table({"request": request} | {name: searches.column(name) for name in names}))
        of = searches.of("request")
        outcomes = {name: searches.of(name).astype(np.int32) for name in ("shown", "clicked", "bought")}
        columns = {"request": of, "query_code": searches.column("query_code")[of], "item_code": searches.of("item_code")}
        put(self.engine, "searched", pa.table(columns | outcomes | {"period": searches.of("known")}))

    def describe(
        self, user: Codes, item: Codes, period: Codes, query: Codes | None = None, units: Sequence[str] | None = None
    ) -> pa.Table:
        """Features (n,) as they stood at the start of each period: float32 columns (null: unknown), then texts.

        pair_price_gap is ln of the item's price over the usual price that the user pays in its category. With query codes also
        the families of query/ and match/. units: only families of these; None: of all.
        """
        codes = {"user_code": user, "item_code": item} | ({} if query is None else {"query_code": query})
        codes |= self.catalogue.classes(item)
        columns: dict[str, pa.Array] = {}
        for unit, keys in UNITS.items():
            if ("query_code" in keys and query is None) or (units is not None and unit not in units):
                continue
            for family, name, values in self._features(unit, [codes[key] for key in keys], period):
                if name in columns:
                    raise InputError(f"{unit}/{family.name}.sql: feature {name!r} is there already; rename it")
                columns[name] = float_column(values)
        if (gap := price_gap(columns)) is not None:
            columns["pair_price_gap"] = gap
        return pa.table(columns | self._texts(user, item))

    def describe_unit(self, unit: str, codes: Sequence[Codes], period: Codes) -> dict[str, NDArray[np.float32]]:
        """Features of one unit alone by name, (n,) each, NaN where unknown; codes (n,) of each of UNITS[unit].

        A second code of -1 stands for an item, a category or a brand that nothing ever happened with.
        """
        return {name: values for _, name, values in self._features(unit, codes, period)}

    def _features(self, unit: str, codes: Sequence[Codes], period: Codes) -> Iterator[tuple[Family, str, NDArray[np.float32]]]:
        """Family, name and values (n,) of every feature of a unit."""
        wanted, row = _distinct(list(codes), period)
        names = [*UNITS[unit], "period"]
        put(self.engine, "wanted", pa.table(dict(zip(names, wanted, strict=True))))
        for family in [family for family in self.families if family.unit == unit]:
            table = self._run(family, dict(zip(names, wanted, strict=True)))
            for name in table.column_names[len(names) :]:
                if family.own:
                    self.own[name] = None
                yield family, name, _floats(table.column(name))[row]

    def _run(self, family: Family, wanted: dict[str, Codes]) -> pa.Table:
        """A family's table; InputError when it is no SELECT that gives each wanted key once, in order."""
        where = f"{family.unit}/{family.name}.sql"
        try:
            table = self.engine.table(family.select)
        except EngineError as error:
            raise InputError(f"{where}: {error}") from None
        keys = table.column_names[: len(wanted)]
        if keys != list(wanted) or not all(np.array_equal(table.column(name).to_numpy(), wanted[name]) for name in keys):
            raise InputError(f"{where} must select {', '.join(wanted)} first, one row per row of wanted, ordered by them")
        return table

    def _texts(self, user: Codes, item: Codes) -> dict[str, pa.Array]:
        """Dictionary columns: the ids themselves, and what the item is."""
        texts = {"user": _dictionary(self.users.column("user_id"), user)}
        texts["item"] = _dictionary(self.catalogue.items.column("item_id"), item)
        for name in TEXT:
            texts[name] = _dictionary(self.catalogue.items.column(name), item)
        return texts


def _distinct(keys: list[Codes], period: Codes) -> tuple[list[Codes], NDArray[np.int64]]:
    """The distinct (keys, period) in order, as columns, and for each row which of them it has."""
    columns = [*keys, period]
    lows = [int(c.min(initial=0)) for c in columns]
    spans = [int(c.max(initial=0)) - low + 1 for c, low in zip(columns, lows, strict=True)]
    packed = np.zeros(len(period), np.int64)
    for column, low, span in zip(columns, lows, spans, strict=True):
        packed = packed * span + (column - low)
    distinct, row = np.unique(packed, return_inverse=True)
    out: list[Codes] = []
    for low, span in zip(reversed(lows), reversed(spans), strict=True):
        out.append((distinct % span + low).astype(np.int32))
        distinct = distinct // span
    return out[::-1], row


def _floats(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """A numeric column (n,), NaN where null."""
    return np.asarray(pc.cast(column, pa.float64()).to_numpy().astype(np.float32))


def float_column(values: NDArray[np.float32]) -> pa.Array:
    """A float32 column, null where NaN."""
    return pa.array(values, pa.float32(), from_pandas=True)


def price_gap(columns: Mapping[str, pa.Array]) -> pa.Array | None:
    """ln of the item's price over the usual price that the user pays in its category; None where features lack either."""
    if "item_price" not in columns or "category_usual_price" not in columns:
        return None
    price, usual = (
        columns[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in ("item_price", "category_usual_price")
    )
    gap = np.full(len(price), np.nan)
    both_priced = (price > 0) & (usual > 0)
    gap[both_priced] = np.log(price[both_priced] / usual[both_priced])
    return float_column(gap.astype(np.float32))


def _dictionary(values: pa.ChunkedArray, codes: Codes) -> pa.DictionaryArray:
    """Texts of codes (n,) as a dictionary column with levels in order of text; null stays null."""
    text = pc.cast(values, pa.string())
    levels = pc.unique(text.drop_null()).sort()
    of = pc.index_in(text, levels).combine_chunks().cast(pa.int32())
    return pa.DictionaryArray.from_arrays(of.take(pa.array(codes)), levels)
