"""Graded pairs of query and item, as every format of judgements holds them."""

from collections.abc import Iterable
from itertools import groupby, pairwise

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import InputError

PAIRS = ("query", "item_id", "grade")
ByQuery = dict[str, list[tuple[str, int]]]


def by_query(table: pa.Table) -> ByQuery:
    """Each query of a table of PAIRS, in order of query and item, with its items and grades.

    InputError: a column is missing or null, a grade is no whole number, a query or an item id is empty, or a pair is there twice.
    """
    for name in PAIRS:
        if name not in table.column_names:
            raise InputError(f"judgements have no column {name!r}; they need {', '.join(PAIRS)}")
        if table.column(name).null_count:
            raise InputError(f"judgements: {name} is null in {table.column(name).null_count} rows; fill or drop them")
    try:
        grades = pc.cast(table.column("grade"), pa.int64()).to_pylist()
    except pa.ArrowInvalid as error:
        raise InputError(f"judgements: grades must be whole numbers ({error})") from None
    query, item = (pc.cast(table.column(name), pa.string()).to_pylist() for name in PAIRS[:2])
    rows = sorted(zip(query, item, grades, strict=True))
    for one, other in pairwise(rows):
        if one[:2] == other[:2]:
            raise InputError(f"judgements: item {one[1]!r} of query {one[0]!r} is there twice; keep one")
    for name, texts in (("query", query), ("item_id", item)):
        if "" in texts:
            raise InputError(f"judgements: the {name} of row {texts.index('')} is empty; fill or drop it")
    return {text: [(row[1], row[2]) for row in group] for text, group in groupby(rows, key=lambda row: row[0])}


def table_of(rows: Iterable[tuple[str, str, float]]) -> pa.Table:
    """PAIRS from rows (query, item, grade): text, text, float64."""
    columns: list[tuple[object, ...]] = list(zip(*rows, strict=True)) or [(), (), ()]
    kinds = (pa.string(), pa.string(), pa.float64())
    return pa.table({name: pa.array(c, kind) for name, c, kind in zip(PAIRS, columns, kinds, strict=True)})
