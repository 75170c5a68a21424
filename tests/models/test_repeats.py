"""How much of an item was taken: by hand, and the same in a training row as when a user is scored."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.models.repeats import HALF_LIVES, taken_before


def brute(items, periods, item, now):
    return [sum(0.5 ** ((now - p) / h) for i, p in zip(items, periods, strict=True) if i == item) for h in HALF_LIVES]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), min_size=1, max_size=20), st.integers(1, 4), st.integers(0, 5))
def test_takings_are_halved_by_age_and_the_last_taken_are_told(events, most, later):
    period, column = np.array(sorted(events)).T
    now = period[-1] + later
    row, each, much = taken_before(column, period, np.array([0, 0]), np.array([0, len(column)]), np.array([0, now]), most)
    assert set(row.tolist()) == {1}
    latest = list(dict.fromkeys(column[::-1].tolist()))
    assert each.tolist() == latest[:most]
    for item, found in zip(each, much, strict=True):
        np.testing.assert_allclose(found, brute(column, period, item, now))


def test_without_events_nothing_is_known():
    row, each, much = taken_before(np.zeros(0), np.zeros(0), np.zeros(2, int), np.zeros(2, int), np.zeros(2, int), 5)
    assert len(row) == len(each) == 0
    assert much.shape == (0, len(HALF_LIVES))


def test_a_training_row_knows_what_is_known_when_a_user_is_scored():
    torch = pytest.importorskip("torch")
    from assay.models.next_item import Transformer
    from assay.models.recommender import Taken

    rng = np.random.default_rng(0)
    user, item, period = np.repeat(np.arange(6), 40), rng.integers(8, size=240), rng.integers(25, size=240)
    model = Transformer(factors=4, length=7, layers=1, heads=1, negatives=50)
    taken = Taken.of_events(user, item, period, 100)
    rows, _ = model.training_rows(taken, 0)
    net = model.build(taken)
    batch = next(rows.batches(len(rows), None))
    asked = rows.columns["asked"]
    for row in range(len(rows)):
        who = int(rows.columns["user"][row])
        own = taken.events[:, taken.events[0] == who]
        for t in np.flatnonzero(asked[row] >= 0):
            now = int(batch["period"][row, t])
            # Events of earlier periods are all known; of the current one, those that stand before in the row's order.
            place = int((rows.columns["user"][:row] == who).sum()) * 7 + t
            counts = np.expm1(net.much(batch, torch.full((8,), row), torch.arange(1, 9), 7)[:, t].numpy())
            np.testing.assert_allclose(counts[:, -1].sum(), place + 1, rtol=1e-5)
            before = own[1:, own[2] < now]
            for column in range(8):
                least = brute(before[0], before[1], column, now)
                most = brute(own[1][own[2] <= now], own[2][own[2] <= now], column, now)
                assert np.all(counts[column] >= np.array(least) - 1e-4)
                assert np.all(counts[column] <= np.array(most) + 1e-4)
