"""Tables as people bring them: Arrow or files, also TREC's and judgements, with the columns they need and none of them null."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow import csv

from assay.benchmark.judged import files
from assay.benchmark.trec import PREDICTIONS, TRUTH, qrels, trec_run
from assay.errors import InputError, SourceError, did_you_mean

_TREC = (".qrels", ".run", ".trec", ".txt")
_IDS = ("request_id", "item_id", "user_id")


def read_table(source: Any, where: str, columns: Sequence[str]) -> pa.Table:
    """A path or anything that speaks Arrow as a table with at least these columns, none of them null.

    Files: .parquet, .csv, for truth and predictions TREC's (.qrels, .run, .trec or .txt), and for truth judgements as Quepid,
    RRE or the Search Relevance Workbench hold them, whose requests are named by their queries.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        try:
            if path.suffix in _TREC and columns in (TRUTH, PREDICTIONS):
                table = qrels(path) if columns == TRUTH else trec_run(path)
            elif columns == TRUTH and (shape := files.shape_of(path)):
                table = files.read(path, shape).rename_columns(TRUTH)
            else:
                table = csv.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)
        except (OSError, pa.ArrowException) as error:
            raise SourceError(f"{where}: {path} cannot be read ({error}); give a .parquet or .csv file") from None
    else:
        table = source if isinstance(source, pa.Table) else pa.table(source)
    for name in columns:
        if name not in table.column_names:
            close = did_you_mean(name, table.column_names)
            raise InputError(f"{where} has no column {name!r}{close}; it needs {', '.join(columns)}")
    for name in (*columns, *({"user_id"} & {*table.column_names})):
        if table.column(name).null_count:
            raise InputError(f"{where}: {name} is null in {table.column(name).null_count} rows; fill or drop them")
    for place, (name, kind) in enumerate(zip(table.column_names, table.schema.types, strict=True)):
        if pa.types.is_dictionary(kind):
            table = table.set_column(place, name, table.column(name).cast(kind.value_type))
        elif pa.types.is_string_view(kind):
            table = table.set_column(place, name, table.column(name).cast(pa.large_string()))
    for name in table.column_names if columns == TRUTH else {*columns, *_IDS} & {*table.column_names}:
        kind = table.column(name).type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            raise InputError(f"{where}: {name} holds {kind}; give integers or text (in UTF-8)")
    return table


def numbers(table: pa.Table, name: str, where: str) -> NDArray[np.float64]:
    """A column (n,) of numbers. InputError: it holds others, or NaN."""
    try:
        values: NDArray[np.float64] = table.column(name).cast(pa.float64()).to_numpy()
    except pa.ArrowException:
        raise InputError(f"{where}: {name} holds {table.column(name).type}, not numbers") from None
    if np.isnan(values).any():
        row = int(np.isnan(values).argmax())
        of = f" (request {table.column('request_id')[row].as_py()!r})" if "request_id" in table.column_names else ""
        raise InputError(f"{where}: {name} of row {row}{of} is NaN ({int(np.isnan(values).sum())} such rows)")
    return values


def alike(column: pa.ChunkedArray, ids: pa.Array) -> tuple[pa.ChunkedArray, pa.Array]:
    """Both as they are when of one type, else both as text: ids 7 and "7" are one."""
    return (column, ids) if column.type == ids.type else (column.cast(pa.string()), ids.cast(pa.string()))


def codes(column: Any, ids: pa.Array) -> NDArray[np.int64]:
    """Place (n,) of each id among the known ones, -1 for others."""
    codes: NDArray[np.int64] = pc.index_in(column, value_set=ids).fill_null(-1).to_numpy().astype(np.int64)
    return codes
