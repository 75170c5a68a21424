"""The log's past at the start of the served period, kept whole: what is known of users, items, queries, and pairs that met.

A pair that never met has the features of its first half's row with the second code -1: those of a user with any item, category
or brand that the user never had, or of a query with any item that it never led to.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.finished import Finished
from assay.logs.clean_log import CleanLog
from assay.logs.history import Codes
from assay.samples.describe import TEXT, UNITS, Catalogue, Describer, float_column, price_gap
from assay.samples.match import Match
from assay.samples.query_features import frequency_class
from assay.samples.searches import Searches

FOLDER = "search/snapshot"
_NOT_FEATURES = ("user_code", "item_code", "category", "name", "brand", "query_code", "query", "query_class")
_TRIED = 2_000  # pairs by which a family of the user's own is tried


def snapshot(
    describer: Describer, events: pa.Table, searches: Searches, on_sale: NDArray[np.bool_], period: int
) -> tuple[dict[str, pa.Table], list[str]]:
    """A table for each unit: the codes of its key, in order, then its features (float32, null: unknown); and what is left out.

    Users and queries: all, and one more, whom nobody is and that nobody asked. Items: those on sale. Pairs: those of events
    (clean events with user_code and item_code) and searches, with items on sale. Queries have their text and class besides.
    Left out: features of the user's own families that differ among pairs that never met, which no table can hold.
    """
    catalogue, users, queries = describer.catalogue, len(describer.users), len(searches.queries)
    keys = _keys(catalogue, events, searches, on_sale, users, queries)
    tables: dict[str, pa.Table] = {}
    left_out: list[str] = []
    for unit, codes in keys.items():
        features = describer.describe_unit(unit, codes, np.full(len(codes[0]), period, np.int32))
        table = pa.table(dict(zip(UNITS[unit], codes, strict=True)) | {n: float_column(v) for n, v in features.items()})
        if len(codes) > 1 and on_sale.any() and any(name in describer.own for name in features):
            irregular = _irregular(describer, Unit.read(table, UNITS[unit]), unit, codes[0], keys["item"][0], period)
            table, left_out = table.drop_columns(irregular), left_out + irregular
        tables[unit] = table
    texts = pa.concat_arrays([searches.queries, pa.nulls(1, pa.string())])
    one_more = Searches(searches.requests, texts, searches.impressions, searches.account)
    every = keys["query"][0]
    classes = frequency_class(one_more, every, np.full(len(every), period, np.int32)).cast(pa.string())
    tables["query"] = tables["query"].append_column("query", texts).append_column("query_class", classes)
    return tables, left_out


def _keys(
    catalogue: Catalogue, events: pa.Table, searches: Searches, on_sale: NDArray[np.bool_], users: int, queries: int
) -> dict[str, tuple[Codes, ...]]:
    """Codes of each unit's key whose features are kept."""
    item = pc.fill_null(events.column("item_code"), -1).to_numpy().astype(np.int64)
    user = events.column("user_code").to_numpy().astype(np.int64)
    query, shown = searches.column("query_code")[searches.of("request")], searches.of("item_code")
    met, listed = (item >= 0) & on_sale[item], on_sale[shown]
    everybody, every_query = np.arange(users + 1, dtype=np.int32), np.arange(queries + 1, dtype=np.int32)
    happened = item >= 0
    classes = catalogue.classes(item[happened])
    return {
        "user": (everybody,),
        "item": (np.flatnonzero(on_sale).astype(np.int32),),
        "pair": _pairs(user[met], item[met], everybody),
        **{name: _pairs(user[happened], codes, everybody) for name, codes in classes.items()},
        "query": (every_query,),
        "match": _pairs(query[listed], shown[listed], every_query),
    }


def _pairs(first: NDArray[np.integer], second: NDArray[np.integer], firsts: Codes) -> tuple[Codes, Codes]:
    """The distinct pairs in order, and (each of firsts, -1)."""
    span = int(second.max(initial=-1)) + 2
    packed = np.unique(np.concatenate([first.astype(np.int64) * span + second + 1, firsts.astype(np.int64) * span]))
    return (packed // span).astype(np.int32), (packed % span - 1).astype(np.int32)


def _irregular(describer: Describer, unit: "Unit", name: str, firsts: Codes, on_sale: Codes, period: int) -> list[str]:
    """Features of the user's own families that some drawn pairs have otherwise than the unit's rows say."""
    rng = np.random.default_rng(0)
    catalogue = describer.catalogue
    seconds = {"item_code": on_sale, **catalogue.codes}[UNITS[name][1]]
    first, second = rng.choice(firsts, _TRIED), rng.choice(seconds, _TRIED)
    described = describer.describe_unit(name, (first, second), np.full(_TRIED, period, np.int32))
    rows = unit.rows(first, second)
    own = {each: values for each, values in described.items() if each in describer.own}
    kept = unit.of(rows)
    return [each for each, values in own.items() if not np.array_equal(values, kept[each], equal_nan=True)]


@dataclass(frozen=True)
class Unit:
    """Features of one unit's keys: keys (n,) int64 in order, of a pair first * span + second + 1; features (n, f) by names."""

    keys: NDArray[np.int64]
    span: int
    names: list[str]
    features: NDArray[np.float32]

    @classmethod
    def read(cls, table: pa.Table, names: Iterable[str]) -> "Unit":
        """From a table of `snapshot`; names: the key's columns."""
        codes = [table.column(name).to_numpy().astype(np.int64) for name in names]
        feature_names = [name for name in table.column_names if name not in _NOT_FEATURES]
        features = np.empty((len(table), len(feature_names)), np.float32)
        for place, name in enumerate(feature_names):
            features[:, place] = table.column(name).to_numpy()
        if len(codes) == 1:
            return cls(codes[0], 0, feature_names, features)
        span = int(codes[1].max()) + 2
        return cls(codes[0] * span + codes[1] + 1, span, feature_names, features)

    def of(self, rows: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
        """Features (m,) of rows (m,) by name."""
        return dict(zip(self.names, np.ascontiguousarray(self.features[rows].T), strict=True))

    def rows(self, *codes: Codes) -> NDArray[np.int64]:
        """Row (n,) of each key; of pairs that never met the row that stands for them."""
        if len(codes) == 1:
            return np.searchsorted(self.keys, codes[0])
        base = codes[0].astype(np.int64) * self.span
        key = np.where(codes[1] + 1 < self.span, base + codes[1] + 1, base)
        row = np.minimum(np.searchsorted(self.keys, key), len(self.keys) - 1)
        return np.where(self.keys[row] == key, row, np.searchsorted(self.keys, base))


class Snapshot:
    """What describes items on sale for a user and a query at the start of the served period, to the bit as QueryFeatures does.

    tables: those of `snapshot`.
    """

    def __init__(self, log: CleanLog, tables: Mapping[str, pa.Table]) -> None:
        self.items, self.user_ids = log.items, log.users.column("user_id")
        self.catalogue = Catalogue.of(self.items)
        self.units = {unit: Unit.read(tables[unit], keys) for unit, keys in UNITS.items()}
        self.queries, self.classes = (tables["query"].column(name).combine_chunks() for name in ("query", "query_class"))

    @classmethod
    def read(cls, run: Finished) -> "Snapshot":
        """The snapshot that the stage `search` kept."""
        assert run.log is not None
        return cls(run.log, {unit: run.read_table(f"{FOLDER}/{unit}.parquet") for unit in UNITS})

    def user_code(self, user_id: object | None) -> int | None:
        """Code of a user as the log holds the id; None for one that it does not know."""
        try:
            return None if user_id is None else _place(self.user_ids, user_id)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):  # it is not of the kind that the log's ids are
            return None

    def query_code(self, text: str) -> int | None:
        """Code of a query; None for one that nobody asked."""
        return _place(self.queries, text)

    def describe(self, user: int | None, item: Codes, query: int | None, match: Match) -> pa.Table:
        """Features (n,) of items on sale for one user and query, None for one that the log does not have.

        match: compares the one text that is searched for, by code 0.
        """
        n = len(item)
        user, query = len(self.user_ids) if user is None else user, len(self.queries) - 1 if query is None else query
        codes = {"user_code": np.full(n, user, np.int32), "query_code": np.full(n, query, np.int32), "item_code": item}
        codes |= self.catalogue.classes(item)
        columns: dict[str, pa.Array] = {}
        for unit, keys in UNITS.items():
            found = self.units[unit]
            described = found.of(found.rows(*(codes[key] for key in keys)))
            columns |= {name: float_column(values) for name, values in described.items()}
        if (gap := price_gap(columns)) is not None:
            columns["pair_price_gap"] = gap
        columns["user"] = _repeated(str(self.user_ids[user].as_py()) if user < len(self.user_ids) else None, n)
        about = self.items.select(["item_id", *TEXT]).take(pa.array(item))
        for name, column in (("item", "item_id"), *zip(TEXT, TEXT, strict=True)):
            columns[name] = pc.cast(about.column(column), pa.string()).combine_chunks().dictionary_encode()
        columns |= {name: text.combine_chunks() for name, text in _columns(match.features(np.zeros(n, np.int32), item))}
        columns["query"] = _repeated(match.queries[0], n)
        columns["query_class"] = _repeated(self.classes[query].as_py(), n)
        return pa.table(columns)


def _columns(table: pa.Table) -> Iterable[tuple[str, pa.ChunkedArray]]:
    return zip(table.column_names, table.columns, strict=True)


def _place(values: pa.Array | pa.ChunkedArray, wanted: object) -> int | None:
    place: int = pc.index(values, pa.scalar(wanted, values.type)).as_py()
    return place if place >= 0 else None


def _repeated(text: str | None, n: int) -> pa.DictionaryArray:
    """One text n times, or null."""
    levels = pa.array([] if text is None else [text], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32), mask=np.full(n, text is None)), levels)
