"""Candidates of requests: every source's list, joined, against plain Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.config import parse
from assay.errors import ConfigError
from assay.samples.candidates import sources
from tests.samples.candidates.by_hand import PERIODS, USERS, ByHand, history, listing, shop
from tests.samples.conftest import DAY, Event

NAMES = ("own", "popular", "category", "user_knn")
SIZES = h.dictionaries(h.sampled_from(NAMES), h.integers(0, 8))
FIRST = 3


def rows(found):
    return list(zip(*(column.tolist() for column in (found.period, found.user, found.item, found.source)), strict=True))


def request(made, hand, user):
    """The items of one request by the names of sources, from the scores of these."""
    [moment] = made.moments(hand.period, hand.period + 1)
    own, on_sale, size = hand.taken(user), hand.on_sale(), made.sizes
    lists = {}
    for name, source in made.sources.items():
        _, items, scores = source.scores(moment, np.array([user], np.int32))
        good = [
            (-score, item)
            for item, score in zip(items.tolist(), scores.tolist(), strict=True)
            if score > 0 and item in on_sale and (source.repeats or item not in own)
        ]
        places = max(round(size.get(name, 0) * float(moment.appetite(np.array([user]))[0])), min(size.get(name, 0), 1))
        if name == "popular" and not own:
            places = sum(size.values())
        lists[name] = [item for _, item in sorted(good)[:places]]
    return lists


@settings(max_examples=15)
@given(h.integers(0, 50), SIZES, h.sampled_from([(), ("user_knn",), ("category", "user_knn")]))
def test_a_request_has_the_best_of_every_source_by_its_appetite(seed, sizes, scored):
    """Only what is on sale; of what the user took before only what its own past names; best sellers where there is no past."""
    log = shop(seed, 300)
    made = listing(log, sizes, scored)
    found = made.all(FIRST, PERIODS)
    bought = {(e.period, e.user, e.item) for e in log if e.kind == "purchase"}
    expected, labels = [], []
    for period, user in sorted({(period, user) for period, user, _ in bought if period >= FIRST}):
        lists = request(made, ByHand(log, period), user)
        for item in sorted(set().union(*lists.values())):
            expected.append((period, user, item, sum(1 << k for k, name in enumerate(NAMES) if item in lists[name])))
            labels.append(int((period, user, item) in bought))
    assert rows(found) == expected
    assert found.label.tolist() == labels
    assert set(found.scores) == set(scored)
    again = made.scores_of(found.user, found.item, found.period)
    for name in scored:
        np.testing.assert_array_equal(found.scores[name], again[name])


@settings(max_examples=15)
@given(h.integers(0, 50), h.integers(FIRST, PERIODS), SIZES)
def test_nothing_later_changes_the_candidates_of_a_request(seed, cut, sizes):
    """Neither what happens after its period nor in it, but for who asks and for labels."""
    log = shop(seed, 300)
    earlier = [e for e in log if e.period < cut]
    before, after = listing(earlier, sizes, NAMES), listing(log, sizes, NAMES)
    then, now = before.all(FIRST, cut), after.all(FIRST, cut)
    assert rows(then) == rows(now)
    np.testing.assert_array_equal(then.label, now.label)
    coming, come = (each.all(cut, cut + 1, everyone=True) for each in (before, after))
    come = come.take(np.isin(come.user, coming.user))
    assert rows(coming) == rows(come)
    assert not coming.label.any()
    for name in NAMES:
        np.testing.assert_array_equal(then.scores[name], now.scores[name])
        np.testing.assert_array_equal(coming.scores[name], come.scores[name])


def test_who_asks_is_who_takes_something_or_everyone_who_ever_did():
    log = shop(2, 100)
    made = listing(log, {"popular": 3})
    for period in range(FIRST, PERIODS):
        asking = {e.user for e in log if e.kind == "purchase" and e.period == period}
        assert set(made.all(period, period + 1).user.tolist()) == asking
    ever = {e.user for e in log if e.kind == "purchase"}
    assert len(ever) < USERS
    assert set(made.all(PERIODS, PERIODS + 1, everyone=True).user.tolist()) == ever


def test_users_are_listed_alike_however_many_at_a_time(monkeypatch):
    made = listing(shop(3), {"own": 4, "popular": 2, "user_knn": 3}, ("user_knn",))
    whole = made.all(FIRST, PERIODS)
    monkeypatch.setattr("assay.samples.candidates.listing._USERS", 2)
    parts = list(made.of_periods(FIRST, PERIODS))
    assert max(len(np.unique(part.user)) for part in parts) == 2
    joined = made.all(FIRST, PERIODS)
    assert rows(joined) == rows(whole)
    np.testing.assert_array_equal(joined.scores["user_knn"], whole.scores["user_knn"])


def test_no_source_names_more_than_the_most(monkeypatch):
    monkeypatch.setattr("assay.samples.candidates.listing.MOST", 3)
    found = listing(shop(3), dict.fromkeys(NAMES, 50_000)).all(FIRST, PERIODS)
    for k in range(len(NAMES)):
        mine = found.take((found.source >> k) & 1 == 1)
        _, counts = np.unique(mine.period.astype(np.int64) * USERS + mine.user, return_counts=True)
        assert counts.max() == 3


@pytest.mark.parametrize("section", [{"candidates": 50_000}, {"candidate_sizes": {"own": 50_000}}])
def test_a_config_may_not_ask_for_50_000_candidates(section):
    [key] = section
    with pytest.raises(ConfigError, match=rf"samples.*{key}.*5000"):
        parse({"samples": section})


def test_one_source_only():
    """Users without a past have best sellers all the same, and nobody else has."""
    log = shop(3, 200)
    found = listing(log, {"own": 5}).all(FIRST, PERIODS)
    for period, user, _, source in rows(found):
        assert source == (1 if ByHand(log, period).taken(user) else 2)


def test_nothing_on_sale_leaves_no_candidates():
    log = [Event(user, item, "purchase", week * 7 * DAY) for user in (0, 1) for item, week in ((1, 0), (2, 12), (3, 13))]
    made = listing(log, dict.fromkeys(NAMES, 5), ("user_knn",))
    assert len(made.all(12, 13)) == 0
    assert len(made.all(5, 12)) == 0
    found = made.all(13, 14)  # the past of week 0 is off sale; of week 12 it is not
    assert (found.item.tolist(), found.label.tolist()) == ([2, 2], [0, 0])


def test_a_user_whose_whole_past_is_off_sale_still_has_other_candidates():
    log = [Event(0, 1, "purchase", 0), Event(0, 2, "purchase", 13 * 7 * DAY)]
    log += [Event(1, item, "purchase", 12 * 7 * DAY) for item in (2, 3, 5)]
    found = listing(log, {"own": 5, "popular": 4}).all(13, 14)  # of a user who takes half of what is usual
    assert found.source.tolist() == [2, 2]
    assert found.label.tolist() == [1, 0]


def test_scores_of_nothing():
    none = np.empty(0, np.int32)
    found = listing(shop(1), {}, ("user_knn",)).scores_of(none, none, none)
    assert {name: len(score) for name, score in found.items()} == {"user_knn": 0}


def test_scores_of_any_pair_in_any_order():
    log, rng = shop(1), np.random.default_rng(0)
    user, item, period = (rng.integers(0, most, 200).astype(np.int32) for most in (USERS, 30, PERIODS))
    found = listing(log, {}, ("category", "user_knn")).scores_of(user, item, period)
    for name, scores in found.items():
        expected = [ByHand(log, p).scores(name, u).get(i, 0.0) for u, i, p in zip(*map(list, (user, item, period)), strict=True)]
        np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_the_order_of_the_log_changes_nothing():
    log = shop(6)
    once, again = (listing(each, dict.fromkeys(NAMES, 3), NAMES).all(FIRST, PERIODS) for each in (log, log[::-1]))
    assert rows(once) == rows(again)
    for name in NAMES:
        np.testing.assert_array_equal(once.scores[name], again.scores[name])


def test_own_lists_hold_all_that_is_on_sale_where_there_is_room():
    """The whole past, not its best part: what is taken again is what was taken before."""
    log = shop(7)
    past = history(log)
    found = listing(log, {"own": 5_000}).all(FIRST, PERIODS)
    for period in range(FIRST, PERIODS):
        hand = ByHand(log, period)
        for user in np.unique(past.bought.user[past.bought.between(period, period + 1)]).tolist():
            if own := hand.taken(user):
                mine = found.item[(found.period == period) & (found.user == user)]
                assert set(mine.tolist()) == own.keys() & hand.sales().keys()


def test_names_are_the_bits_in_order():
    assert sources.NAMES[: len(NAMES)] == NAMES
