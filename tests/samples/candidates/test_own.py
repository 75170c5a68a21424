"""Candidates from the user's own past against a recount."""

import pytest

from tests.samples.candidates.by_hand import PERIODS, check_edges, check_scores, shop


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("period", [1, 9, PERIODS + 1])
def test_scores_are_those_of_the_formula(seed, period):
    """Takings, halved in 112 days each, times sales to the power of a quarter; 0 for what is not on sale."""
    check_scores("own", shop(seed), period)


def test_periods_of_any_length():
    check_scores("own", shop(4), 60, period_days=1)
    check_scores("own", shop(4), 2, period_days=30)


def test_nothing_happened_yet():
    check_edges("own")
