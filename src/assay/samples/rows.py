"""SampleRows of samples on their way to disk: keys first, then features."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.numerics.hashing import Hashes, mix
from assay.runs.store import Folder, write_parquet
from assay.samples.history import Codes
from assay.tables import SAMPLE_KEYS, SPLITS


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


def write_rows(run: Folder, name: str, keys: pa.Table, features: pa.Table) -> str:
    """Write samples/<name>.parquet and return its name."""
    table = keys
    for column in features.column_names:
        table = table.append_column(column, features.column(column))
    write_parquet(run.path(f"samples/{name}.parquet"), table)
    return f"samples/{name}.parquet"


def useful(features: pa.Table, train: NDArray[np.bool_]) -> tuple[list[str], list[str]]:
    """Features that vary in train, and those that are constant or unknown there."""
    rows = pa.array(np.flatnonzero(train))
    varies: list[str] = []
    constant: list[str] = []
    for name in features.column_names:
        column = features.column(name).take(rows).combine_chunks()
        several = len(pc.unique(column.indices if pa.types.is_dictionary(column.type) else column)) > 1
        (varies if several else constant).append(name)
    return varies, constant


def returned(run: Folder, users: pa.Table) -> pa.Table:
    """Returns that cleaning matched away: still evidence of how far a user's purchases hold."""
    table = run.read_table("clean/rejected.parquet")
    table = table.filter(pc.equal(table.column("step"), "returns"))
    code = pc.index_in(pc.cast(table.column("user_id"), users.schema.field("user_id").type), users.column("user_id"))
    table = table.append_column("user_code", pc.cast(code, pa.int32()))
    table = table.append_column("item_code", pa.nulls(table.num_rows, pa.int32()))
    return table.filter(pc.is_valid(table.column("user_code")))
