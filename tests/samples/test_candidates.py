from collections import Counter

import numpy as np
import pytest

from assay.config import SamplesSection
from assay.samples.candidates import CANDIDATE_SOURCES, candidates, recall
from tests.samples.conftest import CATEGORIES, past, random_log

USERS, ITEMS, PERIODS, AVAILABLE = 10, 40, 14, 3
SECTION = SamplesSection(available=AVAILABLE, candidates_history=4, candidates_popular=5, candidates_category=10)


def expected(bought, user, period):
    """Every source by hand: {item: set of sources}."""
    sold = [t for t in bought if period - AVAILABLE <= t[2] < period]
    sales = Counter(item for _, item, _ in sold)
    best = sorted(sales, key=lambda i: (-sales[i], i))
    own = [(i, p) for u, i, p in bought if u == user and p < period]
    times, last = Counter(i for i, _ in own), {}
    for item, p in own:
        last[item] = max(p, last.get(item, p))
    mine = sorted((i for i in times if i in sales), key=lambda i: (-times[i], -last[i], i))[:4]
    names = sorted({c for c in CATEGORIES if c is not None})
    liked = Counter(CATEGORIES[i % len(CATEGORIES)] for i, _ in own if CATEGORIES[i % len(CATEGORIES)] is not None)
    wide = sorted(liked, key=lambda c: (-liked[c], names.index(c)))[:2]
    inside = [i for c in wide for i in [j for j in best if CATEGORIES[j % len(CATEGORIES)] == c][:5]]
    out = {}
    for source, items in zip(CANDIDATE_SOURCES, (mine, inside, best[:5]), strict=True):
        for item in items:
            out.setdefault(item, set()).add(source)
    return out


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("everyone", [False, True])
def test_every_source_is_what_a_recount_gives(seed, everyone):
    log = random_log(seed, 900, USERS, ITEMS, PERIODS)
    bought = {(e.user, e.item, e.period) for e in log if e.kind == "purchase"}
    found = candidates(past(log, USERS, ITEMS), 8, 11, SECTION, everyone)
    got = {}
    for user, item, period, source, label in zip(found.user, found.item, found.period, found.source, found.label, strict=True):
        names = {name for k, name in enumerate(CANDIDATE_SOURCES) if source >> k & 1}
        assert got.setdefault((int(user), int(period)), {}).setdefault(int(item), names) == names
        assert label == ((user, item, period) in bought)
    for period in (8, 9, 10):
        asked = {u for u, _, p in bought if everyone or p == period}
        assert {u for u, p in got if p == period} == asked
        for user in asked:
            assert got[user, period] == expected(bought, user, period)
    order = np.lexsort((found.item, found.user, found.period))
    assert np.array_equal(order, np.arange(len(order)))


def test_recall_counts_what_each_source_had():
    log = random_log(4, 900, USERS, ITEMS, PERIODS)
    bought = {(e.user, e.item, e.period) for e in log if e.kind == "purchase"}
    found = candidates(past(log, USERS, ITEMS), 9, 10, SECTION)
    truth = {(u, i) for u, i, p in bought if p == 9}
    listed = {(u, i): expected(bought, u, 9).get(i, set()) for u, i in truth}
    got = recall(found, len(truth))
    for name in CANDIDATE_SOURCES:
        assert got[name] == pytest.approx(sum(name in sources for sources in listed.values()) / len(truth), abs=1e-6)
    assert got["all"] == pytest.approx(sum(bool(sources) for sources in listed.values()) / len(truth), abs=1e-6)


def test_no_period_no_candidates():
    assert len(candidates(past(random_log(1), 5, 8), 9, 9, SECTION).user) == 0
