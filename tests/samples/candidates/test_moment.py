"""What is known at the start of a period, recounted by hand."""

import numpy as np
import pytest

from tests.samples.candidates.by_hand import ITEMS, PERIODS, USERS, ByHand, moment, shop

EVERYONE = np.arange(USERS, dtype=np.int32)


@pytest.mark.parametrize("period_days", [1, 7, 30])
@pytest.mark.parametrize("share", [0.0, 0.4, 1.1])
def test_everything_is_what_a_recount_gives(period_days, share):
    """At the start of the log, in it, and after its end."""
    log = shop(4)
    period = int(share * PERIODS * 7 / period_days)
    found, hand = moment(log, period, period_days), ByHand(log, period, period_days)
    assert found.period == period
    sales = hand.sales()
    assert set(np.flatnonzero(found.market.on_sale).tolist()) == hand.on_sale()
    np.testing.assert_allclose(found.sales, [sales.get(item, 0.0) for item in range(ITEMS)], rtol=1e-9)
    assert found.best_sellers.tolist() == sorted(sales, key=lambda item: (-found.sales[item], item))
    np.testing.assert_allclose(found.appetite(EVERYONE), [hand.appetite(user) for user in range(USERS)])
    begins, ends = found.past(EVERYONE)
    for days, since in ((None, None), (84, period - -(-84 // period_days)), (1, period - 1)):
        starts, items, scores = found.taken(EVERYONE[::-1], 28, days)
        for row, user in enumerate(range(USERS - 1, -1, -1)):
            mine = slice(starts[row], starts[row + 1])
            own = dict(zip(items[mine].tolist(), scores[mine].tolist(), strict=True))
            assert own == pytest.approx(hand.taken(user, 28, since))
    for user in range(USERS):
        own = list(zip(*(column[begins[user] : ends[user]].tolist() for column in _own(found)), strict=True))
        assert own == sorted((when, item) for who, item, when in hand.takings() if who == user)


def _own(found):
    return found.history.own_period, found.history.own_item


def test_the_crowd_are_those_who_took_most_in_order_of_code(monkeypatch):
    monkeypatch.setattr("assay.samples.candidates.moment._CROWD", 4)
    log = shop(5)
    takings = [who for who, _, _ in ByHand(log, 9).takings()]
    best = sorted(range(USERS), key=lambda user: (-takings.count(user), user))[:4]
    assert moment(log, 9).crowd.tolist() == sorted(best)


def test_what_users_took_is_summed_once_for_the_same_users_and_kept_for_no_others():
    """However many users there are, memory holds those at hand."""
    log, hand = shop(5), ByHand(shop(5), 9)
    now = moment(log, 9)
    assert now.taken(now.crowd) is now.taken(now.crowd)
    for user in range(USERS):
        users = np.array([user], np.int32)
        for half_life, days in ((28, None), (28, 14), (112, None)):
            once = now.taken(users, half_life, days)
            assert now.taken(users, half_life, days) is once
            since = None if days is None else 9 - 2
            assert dict(zip(once[1].tolist(), once[2].tolist(), strict=True)) == pytest.approx(hand.taken(user, half_life, since))
    assert len(now._kept) == 4
