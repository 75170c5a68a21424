"""Rankings of several systems side by side, for the requests on which they differ most."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.inputs import alike, codes, numbers
from assay.errors import InputError
from assay.numerics.ranking import tie_order, top_k

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DEPTH = 10  # items of a list
_UNLISTED = 10  # relevant items of a request that no list holds


class SideBySide(NamedTuple):
    """Lists of S systems for n requests; those on which the systems' scores lie furthest apart first, ties as on the board.

    systems: S names. rows (n,): the requests' places on the board. items (I,): ids as text, the most frequent first. lists
    (S, n, DEPTH): codes of items, best first, -1 behind the end. Judged items that a list holds, and the best relevant ones that
    none holds, in order of request: judged_request (m,) from 0 to n - 1, judged_item (m,) and judged_grade (m,). relevant (n,):
    how many items are, listed or not.
    """

    systems: tuple[str, ...]
    rows: Ints
    items: pa.Array
    lists: Ints
    judged_request: Ints
    judged_item: Ints
    judged_grade: Floats
    relevant: Ints


def side_by_side(
    board: Scoreboard, truth: pa.Table, predictions: Mapping[str, pa.Table], measure: str, *, most: int
) -> SideBySide:
    """The lists of the systems that have predictions, for `most` of the board's requests.

    truth: request_id, item_id, grade. predictions: system -> request_id, item_id, score; ranked by score, ties by item id,
    highest first. InputError: fewer than two systems.
    """
    systems = tuple(predictions)
    if len(systems) < 2:
        raise InputError(f"predictions of {len(systems)} system(s): give those of two or more, --system NAME=FILE for each")
    apart = np.ptp(board.take_systems(systems).of(measure), axis=0)
    rows = np.argsort(-apart, kind="stable")[:most]
    requests = board.request.take(pa.array(rows))
    tops = [top_items(table, requests, f"system {name!r}", DEPTH) for name, table in predictions.items()]
    request, judged, grade = _of(truth, requests, "grade", "truth")
    texts = pa.chunked_array([*(items for items, _ in tops), judged]).combine_chunks().dictionary_encode()
    frequent = np.argsort(-np.bincount(texts.indices.to_numpy(), minlength=len(texts.dictionary)), kind="stable")
    place = np.empty(len(frequent), np.int64)
    place[frequent] = np.arange(len(frequent))
    code = place[texts.indices.to_numpy()]
    lists = np.full((len(systems), len(rows), DEPTH), -1)
    start = 0
    for own, (items, listed) in zip(lists, tops, strict=True):
        own[listed] = code[start : start + len(items)]
        start += len(items)
    item = code[start:]
    relevant = np.bincount(request, grade > 0, len(rows)).astype(np.int64)
    kept = _kept(request, item, grade, lists)
    return SideBySide(
        systems, rows, texts.dictionary.take(pa.array(frequent)), lists, request[kept], item[kept], grade[kept], relevant
    )


def _of(table: pa.Table, requests: pa.Array, number: str, where: str) -> tuple[Ints, pa.Array, Floats]:
    """Places of the requests (m,), rising; items as text (m,); and a column of numbers (m,): the rows of these requests."""
    ids, own = alike(table.column("request_id"), requests)
    request = codes(ids, own)
    order = np.argsort(request, kind="stable")
    order = order[request[order] >= 0]
    items = table.column("item_id").take(pa.array(order)).cast(pa.large_string()).combine_chunks()
    return request[order], items, numbers(table, number, where)[order]


def top_items(table: pa.Table, requests: pa.Array, where: str, depth: int) -> tuple[pa.Array, NDArray[np.bool_]]:
    """Items of a system's lists as text, one list after another, and where in (n, depth) they stand."""
    request, items, score = _of(table, requests, "score", where)
    offsets = np.append(0, np.cumsum(np.bincount(request, minlength=len(requests))))
    coded = items.dictionary_encode()
    tie = tie_order(coded.dictionary.to_pylist())[coded.indices.to_numpy()]
    top = top_k(offsets, score, tie, depth)
    return items.take(pa.array(top[top >= 0])), top >= 0


def _kept(request: Ints, item: Ints, grade: Floats, lists: Ints) -> Ints:
    """Rows of truth (m,) to show: what a list holds, and the _UNLISTED best of the relevant that none holds."""
    n, items = lists.shape[1], max(int(lists.max()), int(item.max(initial=0))) + 1
    shown = np.arange(n)[:, None] * items + lists
    listed = np.isin(request * items + item, shown[lists >= 0])
    left = np.flatnonzero(~listed & (grade > 0))
    left = left[np.lexsort((-grade[left], request[left]))]
    first = np.searchsorted(request[left], request[left])
    left = left[np.arange(len(left)) - first < _UNLISTED]
    return np.sort(np.append(np.flatnonzero(listed), left))
