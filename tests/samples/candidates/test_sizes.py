"""Places of sources, block by block, against a recount of what they add."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.samples.candidates.sizes import choose
from tests.samples.candidates.by_hand import PERIODS, USERS, listing, shop
from tests.samples.conftest import DAY, Event

BEGIN = 10


def of_requests_with_a_past(log, sizes, periods):
    """Candidates and taken candidates of a listing, and requests and takings, where everyone took something before."""
    made = listing(log, sizes)
    found = [made.all(period, period + 1) for period in periods]
    bought = {(e.period, e.user, e.item) for e in log if e.kind == "purchase" and e.period in periods}
    requests = len({(period, user) for period, user, _ in bought})
    return sum(map(len, found)), sum(int(each.label.sum()) for each in found), requests, len(bought)


@settings(max_examples=15)
@given(h.integers(0, 60), h.sampled_from([1, 3, 8, 12, 60]))
def test_each_step_tells_what_a_listing_of_these_sizes_gives(seed, total):
    """In the first and the last period."""
    log = [Event(user, user, "purchase", 0) for user in range(USERS)] + shop(seed)
    choice = choose(listing(log, {}), BEGIN, PERIODS, total)
    sizes = dict.fromkeys(choice.sizes, 0)
    for step in choice.steps:
        assert step.places > sizes[step.source]
        sizes[step.source] = step.places
        candidates, hits, requests, truths = of_requests_with_a_past(log, sizes, (BEGIN, PERIODS - 1))
        assert step.candidates == pytest.approx(candidates / requests, abs=0.051)
        assert step.recall == pytest.approx(hits / truths, abs=1e-6)
        assert candidates <= total * requests
    assert sizes == choice.sizes or not choice.steps
    assert max(choice.sizes.values()) <= total
    own = listing(log, {"own": choice.sizes["own"]})
    repeats = sum(len(own.all(period, period + 1)) for period in (BEGIN, PERIODS - 1))
    if choice.steps:
        assert repeats <= 0.8 * total * requests  # a fifth is kept for what is new


def test_a_block_goes_to_the_source_that_adds_most_takings_a_candidate():
    """Everyone takes again what it took before: one place of the own past, then what is best of the rest."""
    log = [
        Event(user, item, "purchase", week * 7 * DAY + user) for week in range(12) for user in range(USERS) for item in (user,)
    ]
    choice = choose(listing(log, {}), BEGIN, 12, 5)
    assert (choice.steps[0].source, choice.steps[0].recall) == ("own", 1.0)


class Fixed:
    """A source that names the same items for all."""

    repeats = False

    def __init__(self, name, items):
        self.name, self.items = name, items

    def scores(self, moment, users):
        starts = np.arange(len(users) + 1, dtype=np.int64) * len(self.items)
        scores = np.arange(len(self.items), 0, -1, dtype=np.float32)
        return starts, np.tile(np.array(self.items, np.int32), len(users)), np.tile(scores, len(users))


def test_a_source_whose_first_places_others_have_is_looked_at_further_down():
    """The second source begins with what the first has named already; what comes after that is new."""
    log = [Event(user, 20 + user % 3, "purchase", week * 7 * DAY) for week in range(12) for user in range(USERS)]
    log += [Event(0, item, "purchase", 9 * 7 * DAY) for item in (1, 2, 3)]
    made = replace(listing(log, {}), sources={"a": Fixed("a", [1, 2]), "b": Fixed("b", [1, 2, 3])})
    choice = choose(made, BEGIN, BEGIN + 1, 3)
    assert [(step.source, step.places) for step in choice.steps] == [("a", 1), ("a", 2), ("b", 3)]
    assert choice.sizes == {"a": 2, "b": 3}


@pytest.mark.parametrize("log", [[], [Event(0, 1, "purchase", 5 * 7 * DAY)], [Event(0, 1, "purchase", BEGIN * 7 * DAY)]])
def test_where_nothing_is_found_all_go_to_the_first_source(log):
    choice = choose(listing(log, {}), BEGIN, PERIODS, 9)
    assert (choice.sizes["own"], sum(choice.sizes.values()), list(choice.steps)) == (9, 9, [])


def test_one_period_is_counted_once():
    log = shop(5)
    once = choose(listing(log, {}), BEGIN, BEGIN + 1, 6)
    candidates, _, requests, _ = of_requests_with_a_past(log, once.sizes, (BEGIN,))
    assert once.steps[-1].candidates == pytest.approx(candidates / requests, abs=0.06)


def test_what_comes_after_the_span_changes_nothing():
    log = shop(6)
    earlier = [e for e in log if e.period < 13]
    assert choose(listing(log, {}), BEGIN, 13, 8) == choose(listing(earlier, {}), BEGIN, 13, 8)
    assert np.all([step.places >= 1 for step in choose(listing(log, {}), BEGIN, 13, 1).steps])
