"""Candidates from categories against a recount."""

from dataclasses import replace

import numpy as np
import pytest

from assay.samples.candidates.categories import Categories
from tests.samples.candidates.by_hand import ITEMS, PERIODS, USERS, check_edges, check_scores, moment, shop


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("period", [1, 9, PERIODS + 1])
def test_scores_are_those_of_the_formula(seed, period):
    """Root of what the user took of the category, times the item's sales over the root of the category's."""
    check_scores("category", shop(seed), period)


def test_periods_of_any_length():
    check_scores("category", shop(4), 60, period_days=1)
    check_scores("category", shop(4), 2, period_days=30)


def test_nothing_happened_yet():
    check_edges("category")


def test_only_the_best_of_a_category_are_looked_at(monkeypatch):
    monkeypatch.setattr("assay.samples.candidates.categories._EACH", 2)
    now = moment(shop(1), 9)
    category = now.history.category
    _, items, _ = Categories().scores(now, np.arange(USERS, dtype=np.int32))
    for code in range(now.history.categories):
        best = [item for item in now.best_sellers.tolist() if category[item] == code][:2]
        assert set(best) == {item for item in items.tolist() if category[item] == code}


def test_a_log_without_categories_has_no_such_candidates():
    now = moment(shop(1), 9)
    none = replace(now.history, category=np.full(ITEMS, -1, np.int32), categories=0)
    starts, items, _ = Categories().scores(replace(now, history=none), np.arange(3, dtype=np.int32))
    assert (starts.tolist(), len(items)) == ([0, 0, 0, 0], 0)
