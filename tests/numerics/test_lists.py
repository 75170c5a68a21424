"""Sparse scores, and the lists made of them, against plain Python; the number of threads changes no bit."""

from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as h
from scipy import sparse as sp

from assay.numerics.lists import (
    SparseScores,
    among,
    best_of_rows,
    faded,
    gather,
    heaviest,
    nearest_rows,
    scaled,
    sparse,
    stacked,
    sum_rows,
    top,
)  # fmt: skip

ITEMS = 7
GIVEN = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
ROWS = h.lists(h.dictionaries(h.integers(0, ITEMS - 1), h.integers(-2, 5), max_size=ITEMS), max_size=6)  # small scores: many ties
POSITIVE = h.lists(h.dictionaries(h.integers(0, ITEMS - 1), h.integers(1, 5), max_size=ITEMS), max_size=6)


@pytest.fixture(params=[1, 2], autouse=True)
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test on one thread and on two."""
    if request.param > numba.config.NUMBA_NUM_THREADS:
        pytest.skip("this machine has one core")
    usual = numba.get_num_threads()
    numba.set_num_threads(request.param)
    yield
    numba.set_num_threads(usual)


def packed(rows: list[dict[int, float]]) -> SparseScores:
    """Rows of scores by item, items as they come."""
    starts = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    items = np.array([item for row in rows for item in row], np.int32)
    return starts, items, np.array([score for row in rows for score in row.values()], np.float32)


def unpacked(scores: SparseScores) -> list[dict[int, float]]:
    starts, items, values = scores
    rows = []
    for begin, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        assert len(set(items[begin:end].tolist())) == end - begin
        rows.append(dict(zip(items[begin:end].tolist(), values[begin:end].tolist(), strict=True)))
    return rows


def bytes_of(*arrays: Any) -> list[bytes]:
    return [array.tobytes() for array in arrays]


@GIVEN
@given(
    h.lists(h.lists(h.tuples(h.integers(0, ITEMS - 1), h.integers(-5, 9)), max_size=8), max_size=5),
    h.floats(0.001, 30.0),
)
def test_faded_halves_each_taking_in_a_half_life(rows, half_life):
    """Even where what was taken long ago has faded to nothing at all."""
    events = [event for row in rows for event in row]
    bounds = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    item, period = (np.array([event[k] for event in events], np.int32) for k in (0, 1))
    scores = faded(bounds[:-1], bounds[1:], item, period, 10, half_life, ITEMS)
    for row, found in zip(rows, unpacked(scores), strict=True):
        expected: dict[int, float] = {}
        for i, when in row:
            expected[i] = expected.get(i, 0.0) + 0.5 ** ((10 - when) / half_life)
        assert list(found) == sorted(expected)
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-37)


def test_faded_of_any_stretches_of_events():
    """Rows may be empty, overlap, and stand in any order."""
    item, period = np.array([3, 1, 3], np.int32), np.array([1, 2, 3], np.int32)
    begins, ends = np.array([1, 0, 2, 0], np.int64), np.array([3, 1, 2, 3], np.int64)
    assert unpacked(faded(begins, ends, item, period, 4, 1.0, 5)) == [{1: 0.25, 3: 0.5}, {3: 0.125}, {}, {1: 0.25, 3: 0.625}]


@GIVEN
@given(ROWS, h.lists(h.booleans(), min_size=ITEMS, max_size=ITEMS), h.booleans(), h.data())
def test_top_is_the_highest_above_0_ties_to_the_lower_item(rows, allowed, skipping, data):
    sizes = data.draw(h.lists(h.integers(0, ITEMS + 1), min_size=len(rows), max_size=len(rows)))
    one = h.sets(h.integers(0, ITEMS - 1))
    skipped = data.draw(h.lists(one, min_size=len(rows), max_size=len(rows))) if skipping else [set()] * len(rows)
    skip = packed([dict.fromkeys(sorted(items), 1.0) for items in skipped])[:2] if skipping else None
    found = top(packed(rows), np.array(allowed), np.array(sizes, np.int64), skip)
    assert found.shape == (len(rows), max(sizes, default=0))
    for row, size, left_out, line in zip(rows, sizes, skipped, found.tolist(), strict=True):
        good = [item for item, score in row.items() if score > 0 and allowed[item] and item not in left_out]
        best = sorted(good, key=lambda item: (-row[item], item))[:size]
        assert line == best + [-1] * (len(line) - len(best))


@GIVEN
@given(ROWS, h.data())
def test_gather_finds_the_score_of_each_item_in_its_row(rows, data):
    items = h.lists(h.integers(0, ITEMS - 1), max_size=5)
    wanted = data.draw(h.lists(items, min_size=len(rows), max_size=len(rows)))
    bounds = np.concatenate(([0], np.cumsum([len(row) for row in wanted]))).astype(np.int64)
    item = np.array([i for row in wanted for i in row], np.int32)
    expected = [row.get(i, 0) for row, own in zip(rows, wanted, strict=True) for i in own]
    assert gather(packed(rows), bounds, item, ITEMS).tolist() == expected


@GIVEN
@given(POSITIVE, POSITIVE, h.integers(0, 4), h.data())
def test_nearest_rows_are_those_of_the_highest_products_ties_to_the_first(rows, crowd, most, data):
    place = h.integers(-1, len(crowd) - 1)
    itself = np.array(data.draw(h.lists(place, min_size=len(rows), max_size=len(rows))), np.int64)
    nearest, likeness = nearest_rows(packed(rows), packed(crowd), itself, ITEMS, most)
    assert nearest.shape == likeness.shape == (len(rows), min(most, len(crowd)))
    for row, own, places, products in zip(rows, itself.tolist(), nearest.tolist(), likeness.tolist(), strict=True):
        product = [sum(row.get(i, 0) * score for i, score in other.items()) for other in crowd]
        near = [k for k in range(len(crowd)) if product[k] > 0 and k != own]
        best = sorted(near, key=lambda k: (-product[k], k))[: len(places)]
        none = len(places) - len(best)
        assert places == best + [-1] * none
        assert products == [product[k] for k in best] + [0.0] * none


@GIVEN
@given(POSITIVE, h.data())
def test_sum_rows_adds_the_rows_that_are_chosen(rows, data):
    """Factors of 0 too, which add nothing, however often an item comes."""
    width = data.draw(h.integers(0, 4))
    some = h.lists(h.integers(0, len(rows) - 1), max_size=width) if rows else h.just([])
    chosen = data.draw(h.lists(some, max_size=5))
    padded = np.array([line + [-1] * (width - len(line)) for line in chosen], np.int32).reshape(len(chosen), width)
    factor = np.array(data.draw(h.lists(h.integers(0, 3), min_size=padded.size, max_size=padded.size)), np.float32)
    factor = factor.reshape(padded.shape)
    found = unpacked(sum_rows(padded, factor, packed(rows), ITEMS))
    assert len(found) == len(chosen)
    for line, weights, sums in zip(chosen, factor.tolist(), found, strict=True):
        expected = {
            item: sum(weight * rows[k].get(item, 0) for k, weight in zip(line, weights, strict=False)) for item in range(ITEMS)
        }
        assert {item: total for item, total in sums.items() if total} == {i: total for i, total in expected.items() if total}


def test_the_number_of_threads_changes_no_bit():
    rng = np.random.default_rng(0)
    size = 200
    bounds = np.concatenate(([0], np.cumsum(rng.integers(0, 60, 90)))).astype(np.int64)
    item, period = rng.integers(0, size, bounds[-1]).astype(np.int32), rng.integers(0, 40, bounds[-1]).astype(np.int32)

    def everything() -> list[bytes]:
        rows = faded(bounds[:-1], bounds[1:], item, period, 40, 3.0, size)
        lists = top(rows, rng_allowed, np.full(90, 20), rows[:2])
        nearest, likeness = nearest_rows(rows, rows, np.arange(90), size, 10)
        summed = sum_rows(nearest, likeness, rows, size)
        gathered = gather(summed, bounds, item, size)
        return bytes_of(*rows, lists, top(summed, rng_allowed, np.full(90, 20)), nearest, likeness, *summed, gathered)

    rng_allowed = rng.random(size) < 0.8
    here = everything()
    for count in range(1, numba.config.NUMBA_NUM_THREADS + 1):
        numba.set_num_threads(count)
        assert everything() == here


def test_a_scipy_array_is_sparse_scores():
    assert unpacked(sparse(sp.csr_array(np.array([[0.0, 2.0], [0.0, 0.0], [1.0, 0.5]])))) == [{1: 2.0}, {}, {0: 1.0, 1: 0.5}]


@GIVEN
@given(ROWS, h.lists(h.booleans(), min_size=ITEMS, max_size=ITEMS))
def test_among_keeps_what_is_allowed(rows, allowed):
    expected = [{item: score for item, score in row.items() if allowed[item]} for row in rows]
    assert unpacked(among(packed(rows), np.array(allowed))) == expected


@GIVEN
@given(ROWS, h.integers(0, 4))
def test_heaviest_and_best_of_rows_hold_the_scores_too(rows, most):
    best = [sorted((i for i in row if row[i] > 0), key=lambda i: (-row[i], i))[:most] for row in rows]
    items, scores = heaviest(packed(rows), np.ones(ITEMS, bool), most)
    for row, line, found, high in zip(rows, best, items.tolist(), scores.tolist(), strict=True):
        none = len(found) - len(line)
        assert found == line + [-1] * none
        assert high == [row[i] for i in line] + [0.0] * none
    pruned = [{i: row[i] for i in line} for row, line in zip(rows, best, strict=True)]
    assert unpacked(best_of_rows(packed(rows), ITEMS, most)) == pruned


@GIVEN
@given(POSITIVE, POSITIVE, h.data())
def test_nearest_rows_leave_out_a_range_of_the_crowd(rows, crowd, data):
    bounds = h.tuples(h.integers(0, len(crowd)), h.integers(0, len(crowd))).map(sorted)
    own = data.draw(h.lists(bounds, min_size=len(rows), max_size=len(rows)))
    begin, until = (np.array([pair[k] for pair in own], np.int64) for k in (0, 1))
    nearest, _ = nearest_rows(packed(rows), packed(crowd), begin, ITEMS, len(crowd), until=until)
    for row, (a, b), places in zip(rows, own, nearest.tolist(), strict=True):
        near = {k for k, other in enumerate(crowd) if not a <= k < b and set(row) & set(other)}
        assert {k for k in places if k >= 0} == near


@GIVEN
@given(ROWS, ROWS)
def test_rows_are_scaled_and_stacked(rows, below):
    factor = np.arange(len(rows)) / 2
    times = [{item: score * f for item, score in row.items()} for row, f in zip(rows, factor.tolist(), strict=True)]
    assert unpacked(scaled(packed(rows), factor)) == times
    assert unpacked(stacked(packed(rows), packed(below))) == rows + below
