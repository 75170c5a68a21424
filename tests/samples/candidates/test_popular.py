"""Best sellers against a recount."""

import numpy as np
import pytest

from assay.samples.candidates.popular import Popular
from tests.samples.candidates.by_hand import PERIODS, check_edges, check_scores, moment, shop


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("period", [1, 9, PERIODS + 1])
def test_scores_are_those_of_the_formula(seed, period):
    """Sales of what is on sale, halved in 28 days each; the same for all."""
    check_scores("popular", shop(seed), period)


def test_periods_of_any_length():
    check_scores("popular", shop(4), 60, period_days=1)
    check_scores("popular", shop(4), 2, period_days=30)


def test_nothing_happened_yet():
    check_edges("popular")


def test_no_more_than_so_many_are_looked_at(monkeypatch):
    monkeypatch.setattr("assay.samples.candidates.popular._MOST", 3)
    now = moment(shop(1), 9)
    starts, items, _ = Popular().scores(now, np.array([4, 11], np.int32))
    assert starts.tolist() == [0, 3, 6]
    assert items.tolist() == now.best_sellers[:3].tolist() * 2
