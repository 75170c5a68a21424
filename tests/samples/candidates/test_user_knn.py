"""Candidates from users alike against a recount."""

import numpy as np
import pytest

from assay.samples.candidates.user_knn import UserKnn
from tests.samples.candidates.by_hand import PERIODS, USERS, ByHand, check_edges, check_scores, moment, shop


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("period", [1, 9, PERIODS + 1])
def test_scores_are_those_of_the_formula(seed, period):
    """What others took in 84 days, halved in 28 days each, in the mean by cosines of takings that are halved
    in 182 days; of what is on sale."""
    check_scores("user_knn", shop(seed), period)


def test_periods_of_any_length():
    check_scores("user_knn", shop(4), 60, period_days=1)
    check_scores("user_knn", shop(4), 2, period_days=30)


def test_nothing_happened_yet():
    check_edges("user_knn")


def test_only_the_nearest_are_asked(monkeypatch):
    """With one neighbour, its recent takings alone; a neighbour's own items are no reason to name it itself."""
    monkeypatch.setattr("assay.samples.candidates.alike._NEIGHBOURS", 1)
    log, users = shop(1), np.arange(USERS, dtype=np.int32)
    hand = ByHand(log, 9)
    starts, items, scores = UserKnn().scores(moment(log, 9), users)
    sold = hand.sales()
    recent = [{item: times for item, times in hand.taken(other, 28, 9 - 12).items() if item in sold} for other in range(USERS)]
    for user in range(USERS):
        mine = dict(zip(*(column[starts[user] : starts[user + 1]].tolist() for column in (items, scores)), strict=True))
        alike = [other for other in range(USERS) if other != user and mine == pytest.approx(recent[other])]
        assert alike or not mine


def test_users_out_of_the_crowd_have_neighbours_in_it(monkeypatch):
    monkeypatch.setattr("assay.samples.candidates.moment._CROWD", 3)
    log = shop(1)
    crowd = moment(log, 9).crowd.tolist()
    starts, _, _ = UserKnn().scores(moment(log, 9), np.arange(USERS, dtype=np.int32))
    assert [user for user in range(USERS) if starts[user + 1] > starts[user] and user not in crowd]


def test_only_best_sellers_are_commended(monkeypatch):
    monkeypatch.setattr("assay.samples.candidates.user_knn._SELLERS", 3)
    now = moment(shop(1), 9)
    _, items, _ = UserKnn().scores(now, np.arange(USERS, dtype=np.int32))
    assert set(items.tolist()) == set(now.best_sellers[:3].tolist())
