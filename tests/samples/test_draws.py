"""Odds against draws, and candidates at a known rate: both lead to the chance that an item is taken."""

import numpy as np
import pytest

from assay.config import SamplesSection
from assay.samples.candidates.listing import Listing
from assay.samples.candidates.sources import make
from assay.samples.draws import expected_draws
from assay.samples.labels import label
from assay.samples.sampled import sample
from tests.samples.conftest import DAY, Event, items_table, past

USERS, ITEMS, WEEKS, FIRST = 150, 120, 40, 10
CHANCES = np.geomspace(0.004, 0.08, ITEMS)


@pytest.fixture(scope="module")
def history():
    """A log in which every user takes every item in every week with the item's own chance."""
    taken = np.random.default_rng(5).random((USERS, ITEMS, WEEKS)) < CHANCES[None, :, None]
    return past([Event(u, i, "purchase", int(w) * 7 * DAY) for u, i, w in np.argwhere(taken)], USERS, ITEMS)


def shares(item, weight):
    return np.bincount(item, weight, ITEMS)


def test_candidates_at_a_known_rate_lead_to_the_chance(history):
    listing = Listing(history, items_table(ITEMS), 7, 8, make(), {"own": 5_000, "popular": 5_000})
    drawn = sample(listing.of_periods(FIRST, WEEKS), (history.user_hash, history.item_hash), WEEKS, 1.5, 7)
    positive = shares(drawn.rows.item, drawn.weight * drawn.rows.label)
    chance = positive / shares(drawn.rows.item, drawn.weight)
    assert np.abs(np.log(chance / CHANCES)).mean() < 0.15
    assert np.abs(np.log(chance / CHANCES)[CHANCES > 0.02]).max() < 0.3


@pytest.mark.parametrize("mixture", [(1.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.5, 0.25, 0.25)])
def test_odds_against_draws_times_draws_lead_to_the_chance(history, mixture):
    names = ("from_popularity", "from_history", "from_category")
    section = SamplesSection(negatives=1.5, **dict(zip(names, mixture, strict=True)))
    drawn = label(history, range(FIRST, WEEKS), section, 7)
    positive = shares(drawn.item, drawn.label)
    odds = positive / np.maximum(shares(drawn.item, 1 - drawn.label), 1)
    listing = Listing(history, items_table(ITEMS), 7, 8, make(), {"own": 5_000, "popular": 5_000})
    everyone = np.repeat(np.arange(USERS, dtype=np.int32), ITEMS), np.tile(np.arange(ITEMS, dtype=np.int32), USERS)
    draws = np.zeros(ITEMS)
    weeks = range(FIRST, WEEKS, 6)
    for moment in (moment for week in weeks for moment in listing.moments(week, week + 1)):
        draws += shares(everyone[1], expected_draws(moment, *everyone, section)) / USERS / len(weeks)
    chance = odds * draws / (1.0 + odds * draws)
    error = np.log(chance / CHANCES)
    assert np.abs(error).mean() < 0.15
    assert np.corrcoef(np.log(chance), np.log(CHANCES))[0, 1] > 0.98  # a lift would be the same for all
    assert np.corrcoef(np.log(odds), np.log(CHANCES))[0, 1] < 0.9
