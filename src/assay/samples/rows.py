"""Rows of samples before they are written: their keys, and how their features are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.logs.history import Codes
from assay.numerics.hashing import Hashes, mix
from assay.samples.table import Samples
from assay.tables import SAMPLE_KEYS, SPLITS

Weights = NDArray[np.float64]


@dataclass(frozen=True)
class SampleRows:
    """What the keys of n samples are made of; `split` indexes SPLITS, and is len(SPLITS) for what comes after the log."""

    request: NDArray[np.int64]
    user: Codes
    item: Codes
    period: Codes
    time: pa.Array
    split: NDArray[np.int64]
    label: NDArray[np.int8]
    draw: NDArray[np.int32]

    def keys(self, users: pa.Table, items: pa.Table, user_hash: Hashes, item_hash: Hashes) -> pa.Table:
        """The columns of tables.SAMPLE_KEYS, every weight 1; users and items by code, and the hashes of their ids."""
        splits = pa.DictionaryArray.from_arrays(pa.array(self.split, pa.int8()), pa.array([*SPLITS, "upcoming"]))
        columns: dict[str, Any] = {
            "sample_id": mix(user_hash[self.user], item_hash[self.item], self.request, self.draw).view(np.int64),
            "user_id": users.column("user_id").combine_chunks().take(pa.array(self.user)),
            "item_id": items.column("item_id").combine_chunks().take(pa.array(self.item)),
            "request_id": self.request,
            "user_code": self.user,
            "item_code": self.item,
            "period": self.period,
            "timestamp": self.time,
            "split": splits.cast(pa.string()),
            "label": self.label,
            "weight": np.ones(len(self.user)),
        }
        return pa.table({name: columns[name] for name in SAMPLE_KEYS})


@dataclass(frozen=True)
class Chunk:
    """n rows that belong into one file.

    keys: the columns of tables.SAMPLE_KEYS, and more that is not a feature. describe: makes their features, (n,) rows.
    account: counts of how the rows came about, perhaps nested. weigh: of the rows as samples, their weights (n,) and an
    account of these; None where the weights in the keys stand.
    """

    keys: pa.Table
    describe: Callable[[], pa.Table]
    account: Mapping[str, Any] = field(default_factory=dict)
    weigh: Callable[[Samples], tuple[Weights, dict[str, Any]]] | None = None

    @property
    def split(self) -> NDArray[np.int64]:
        """(n,) index into SPLITS."""
        return np.asarray(pc.index_in(self.keys.column("split"), pa.array(SPLITS)).to_numpy(), np.int64)

    @property
    def label(self) -> NDArray[np.int8]:
        """(n,) 0 or 1."""
        return np.asarray(self.keys.column("label").to_numpy())


def gain_lists(request: NDArray[np.int64], amount: NDArray[np.float64], requests: int) -> pa.Array:
    """Lists (requests,) of the amounts above 0 of each request; request (n,) codes from 0 of what each amount is of."""
    above = np.flatnonzero(amount > 0)
    above = above[np.argsort(request[above], kind="stable")]
    begins = np.searchsorted(request[above], np.arange(requests + 1))
    return pa.LargeListArray.from_arrays(pa.array(begins, pa.int64()), pa.array(amount[above]))


def joined(first: Chunk, second: Chunk) -> Chunk:
    """The rows of both, in order of period, user and item; counts that both accounts hold are summed."""
    keys = pa.concat_tables([first.keys, second.keys])
    order = pa.array(np.lexsort([keys.column(name).to_numpy() for name in ("item_code", "user_code", "period")]))

    def describe() -> pa.Table:
        return pa.concat_tables([first.describe(), second.describe()], promote_options="default").unify_dictionaries().take(order)

    return Chunk(keys.unify_dictionaries().take(order), describe, _summed(first.account, second.account))


def _summed(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Nested counts of both, by name; what one alone says is kept."""
    both = {**second, **first}
    for name in first.keys() & second.keys():
        one, other = first[name], second[name]
        both[name] = _summed(one, other) if isinstance(one, Mapping) else one + other
    return both


def varying(features: pa.Table, train: NDArray[np.bool_]) -> list[str]:
    """Names of the features that are not the same, or unknown, in all training rows."""
    rows = pa.array(np.flatnonzero(train))

    def several(column: pa.Array) -> bool:
        return len(pc.unique(column.indices if pa.types.is_dictionary(column.type) else column)) > 1

    return [name for name in features.column_names if several(features.column(name).take(rows).combine_chunks())]
