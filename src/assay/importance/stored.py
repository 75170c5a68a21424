"""Values as a run keeps them: a table of samples with value, stderr and z, and beside it the values of each fold."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from assay.importance.valuer import Importance
from assay.runs.store import Folder


def values_file(valuer: str) -> str:
    """Where a valuer's values are kept, without the suffix; a dotted path has no colon there."""
    return f"importance/{valuer.replace(':', '.')}"


def write_values(write: Callable[[str, pa.Table], object], valuer: str, values: Importance) -> None:
    """Keep values, and those of the folds where there are folds; write: takes a name and a table."""
    file = values_file(valuer)
    write(f"{file}.parquet", values.table())
    if values.per_fold is not None:
        write(f"{file}_folds.parquet", pa.table({f"fold_{k}": each for k, each in enumerate(values.per_fold)}))


def read_values(run: Folder, valuer: str) -> Importance:
    """Values as `write_values` kept them. InputError: there are none by this valuer."""
    file = values_file(valuer)
    table = run.read_table(f"{file}.parquet")
    folds = None
    if run.exists(f"{file}_folds.parquet"):
        stored = run.read_table(f"{file}_folds.parquet")
        folds = np.stack([stored.column(name).to_numpy() for name in stored.column_names])
    metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items() if k != b"ARROW:schema"}
    ids, value = (table.column(name).to_numpy() for name in ("sample_id", "value"))
    return Importance(ids, value, folds, metadata)
