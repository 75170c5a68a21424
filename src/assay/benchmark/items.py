"""What a benchmark knows of the items that systems rank, and of what its users took before: for measures beyond accuracy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.benchmark.inputs import alike, codes, numbers, read_table
from assay.errors import InputError
from assay.evaluation.beyond import ItemFacts, Past
from assay.numerics.names import Name

Floats = NDArray[np.float64]

ITEM, POPULARITY, CATEGORY = "item_id", "popularity", "category"
PAST = "past_popularity"  # of a request: mean popularity of what its user took in training
_POPULARITY, _TAKEN, _CATEGORIES, _ITEMS = (
    "items' popularity", "what each user took in training", "items' categories", "the items that could be ranked",
)  # fmt: skip
_NEEDS = {
    "novelty": _POPULARITY, "popularity_share": _POPULARITY, "serendipity": _POPULARITY, "popularity_lift": _TAKEN,
    "diversity": _CATEGORIES, "coverage": _ITEMS, "gini": _ITEMS,
}  # fmt: skip
KNOWN_ITEMS = tuple(_NEEDS)  # measures that take the catalogue
_GIVE = {
    _POPULARITY: "train (--train: user_id, item_id), or items (--items: item_id, popularity: share of users)",
    _TAKEN: "train (--train: user_id, item_id)",
    _CATEGORIES: "items (--items: item_id, category)",
    _ITEMS: "items (--items: item_id), or train (--train: user_id, item_id)",
}


@dataclass(frozen=True)
class Catalogue:
    """The items that could be ranked (I,), in order of id, and what is known of them, by place.

    table: item_id, and where known popularity (share of the training's users who took it) and category.
    """

    table: pa.Table

    @property
    def ids(self) -> pa.Array:
        """Ids (I,)."""
        return self.table.column(ITEM).combine_chunks()

    @property
    def facts(self) -> ItemFacts:
        """As measures take them. InputError: a popularity outside [0, 1]."""
        names = self.table.column_names
        popularity = numbers(self.table, POPULARITY, "items") if POPULARITY in names else None
        category = None
        if CATEGORY in names:
            coded = self.table.column(CATEGORY).combine_chunks().dictionary_encode()
            category = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return ItemFacts(self.table.num_rows, popularity, category)

    def codes(self, item: pa.ChunkedArray, where: str) -> NDArray[np.int64]:
        """Places (n,) of items among those of the catalogue. InputError: one is not there."""
        listed, ids = alike(item, self.ids)
        place = codes(listed, ids)
        if (place < 0).any():
            unknown = listed.filter(pa.array(place < 0)).unique()
            raise InputError(
                f"{where} ranks {len(unknown)} items among its first that the catalogue does not have, as "
                f"{unknown[0].as_py()!r}; give items (--items: item_id) with all that could be ranked"
            )
        return place


@dataclass(frozen=True)
class Training:
    """What users took before the test. users, items: ids by code; past: of these codes."""

    users: pa.Array
    items: pa.Array
    past: Past

    @classmethod
    def of(cls, train: Any) -> Self:
        """From a table or path of user_id and item_id; of a column label, the rows above 0. InputError: no row is left."""
        table = read_table(train, "train", ("user_id", ITEM))
        if "label" in table.column_names:
            table = table.filter(pc.greater(table.column("label"), 0))
        if not table.num_rows:
            raise InputError("train has no row of something taken; give what users took before the test: user_id, item_id")
        user, item = (table.column(name).combine_chunks().dictionary_encode() for name in ("user_id", ITEM))
        past = Past.of(user.indices.to_numpy(), item.indices.to_numpy(), len(item.dictionary))
        return cls(user.dictionary, item.dictionary, past)

    def of_users(self, users: Any) -> pa.Array:
        """Mean popularity (n,) of what each user took, null for nothing."""
        asking, ids = alike(users, self.users)
        place = codes(asking, ids)
        return pa.array(self.past.of_users(np.where(place < 0, len(ids), place)), from_pandas=True)

    def of_items(self, items: Any) -> pa.Array:
        """Share (n,) of the users who took each item."""
        known, ids = alike(items, self.items)
        place = codes(known, ids)
        return pa.array(np.append(self.past.popularity, 0.0)[np.where(place < 0, len(ids), place)])


def catalogue(items: Any, training: Training | None, *named: pa.ChunkedArray) -> Catalogue | None:
    """The catalogue that tables say; None where neither items nor training is given.

    items: item_id, popularity and category where known. Without it the catalogue is what training and the columns `named` hold.
    InputError: an item is there twice, or both say how popular items are.
    """
    if items is not None:
        table = read_table(items, "items", (ITEM,))
        table = table.select([name for name in (ITEM, POPULARITY, CATEGORY) if name in table.column_names])
        counts = table.column(ITEM).value_counts()
        if len(counts) < table.num_rows:
            name = next(one["values"] for one in counts.to_pylist() if one["counts"] > 1)
            raise InputError(f"items: item {name!r} is there twice; give each item one row")
    elif training is not None:
        table = pa.table({ITEM: _all(training.items, *named)})
    else:
        return None
    table = table.sort_by(ITEM)
    if training is None:
        return Catalogue(table)
    if POPULARITY in table.column_names:
        raise InputError("items has a column popularity, and train says how popular items are: give one of them")
    return Catalogue(table.append_column(POPULARITY, training.of_items(table.column(ITEM))))


def _all(items: pa.Array, *named: pa.ChunkedArray) -> pa.Array:
    """The distinct ids of all columns; as text where their types differ."""
    columns = [pa.chunked_array([items]), *named]
    if len({column.type for column in columns}) > 1:
        columns = [column.cast(pa.string()) for column in columns]
    return pa.chunked_array([chunk for column in columns for chunk in column.chunks]).unique()


def refuse_lack(names: Mapping[str, Name], known: Catalogue | None, *, past: bool) -> None:
    """InputError: a measure needs what is not known; it says what to give. past: whether it is known what users took before."""
    columns = () if known is None else known.table.column_names
    there = {
        _POPULARITY: POPULARITY in columns, _TAKEN: POPULARITY in columns and past, _CATEGORIES: CATEGORY in columns,
        _ITEMS: known is not None,
    }  # fmt: skip
    for typed, name in names.items():
        needed = _NEEDS.get(name.base)
        if needed is not None and not there[needed]:
            raise InputError(f"{typed} needs {needed}; give {_GIVE[needed]}")
