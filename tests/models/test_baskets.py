"""Next-basket recommenders against their papers' formulas, recounted basket by basket."""

import numpy as np
import pytest

from assay.models.tifu_knn import TifuKnn
from assay.models.up_cf import UpCf
from assay.testing.data import make_samples
from assay.testing.recommenders import RecommenderTests


class TestTifuKnn(RecommenderTests):
    def make(self):
        return TifuKnn(items=50, neighbours=20, group=3, within=0.8, across=0.6, alpha=0.5, crowd=70)


class TestUpCf(RecommenderTests):
    def make(self):
        return UpCf(items=50, recent=4, alpha=0.5, locality=2.0, crowd=70)


@pytest.fixture(scope="module")
def split():
    samples = make_samples(3_000, users=60, items=30)
    return samples.split("train"), samples.split("test")


def baskets(train, user, before=10**6):
    """A user's baskets, oldest first: sets of items."""
    taken = (train.label > 0) & (train.user == user) & (train.period < before)
    return [set(train.item[taken & (train.period == t)].tolist()) for t in np.unique(train.period[taken])]


def vector(held, m, r_b, r_g, size=30):
    """Section 4.2 of the paper, groups from the end."""
    groups = [held[max(end - m, 0) : end] for end in range(len(held), 0, -m)]
    u = np.zeros(size)
    for g, group in enumerate(groups):
        v = np.zeros(size)
        for j, basket in enumerate(reversed(group)):
            v[list(basket)] += r_b**j
        u += r_g**g * v / len(group)
    return u / max(len(groups), 1)


def rows(part):
    return part.take(np.arange(0, len(part), 7))


@pytest.mark.parametrize("crowd", [25, 1_000])
def test_tifu_knn_scores(split, crowd):
    train, test = split
    settings = {"m": 3, "r_b": 0.7, "r_g": 0.5}
    model = TifuKnn(neighbours=9, group=3, within=0.7, across=0.5, alpha=0.4, crowd=crowd)
    model.fit(train, rng=np.random.default_rng(0))
    members = model.learnt_["crowd_user"].tolist()
    assert len(members) == min(crowd, len(np.unique(train.user[train.label > 0])))
    whole = {user: vector(baskets(train, user), **settings) for user in members}
    for part in (rows(train), rows(test)):
        expected = []
        for user, item, period in zip(part.user, part.item, part.period, strict=True):
            past = baskets(train, user, period)
            u = vector(past, **settings)
            order = sorted((float(((u - v) ** 2).sum()), other) for other, v in whole.items() if other != user)
            near = [other for _, other in order[:9]] if past else members
            others = np.mean([whole[other][item] for other in near])
            expected.append(0.4 * u[item] + 0.6 * others if past else others)
        np.testing.assert_allclose(np.log(model.raw(part)), expected, atol=1e-9)


@pytest.mark.parametrize("crowd", [25, 1_000])
def test_up_cf_scores(split, crowd):
    train, test = split
    model = UpCf(recent=3, alpha=0.3, locality=2.0, crowd=crowd).fit(train, rng=np.random.default_rng(0))
    members = model.learnt_["crowd_user"].tolist()
    whole = {user: baskets(train, user) for user in members}

    def popular(held, item):
        return np.mean([item in basket for basket in held[-3:]]) if held else 0.0

    for part in (rows(train), rows(test)):
        expected = []
        for user, item, period in zip(part.user, part.item, part.period, strict=True):
            past = baskets(train, user, period)
            took = set().union(*past)
            score = popular(past, item)
            for other, held in whole.items():
                theirs = set().union(*held)
                if not past:
                    score += popular(held, item) / len(whole)
                elif other != user:
                    score += (len(took & theirs) / (len(took) ** 0.3 * len(theirs) ** 0.7)) ** 2 * popular(held, item)
            expected.append(score)
        np.testing.assert_allclose(np.log(model.raw(part)), expected, atol=1e-9)


@pytest.mark.parametrize("model", [TifuKnn(neighbours=9, group=3, crowd=40), UpCf(recent=3, crowd=40)])
def test_the_catalogue_is_scored_as_samples_are(split, model):
    train, _ = split
    model.fit(train, rng=np.random.default_rng(0))
    users, size = np.array([3, 1, 900, 3]), len(model.taken_.item_codes)
    each = model.score(np.repeat(users, size), np.tile(np.arange(size), 4), np.full(4 * size, 2**31 - 1))
    np.testing.assert_array_equal(model.catalogue(users), each.reshape(4, size))
    column = np.array([2, -1, 5])  # one that is not known among them
    found = model.score(np.array([3, 3, 1]), column, np.full(3, 2**31 - 1))
    np.testing.assert_array_equal(found, np.where(column < 0, 0.0, model.catalogue(np.array([3, 3, 1]))[np.arange(3), column]))


@pytest.mark.parametrize("model", [TifuKnn(items=20, neighbours=9), UpCf(items=20, recent=3)])
def test_other_users_have_the_whole_crowd_as_others(split, model):
    """A copy of user 5 under another code has user 5 as a neighbour; its own takings count as they did."""
    train, _ = split
    taken = train.take(train.label > 0)
    model = model.fresh().fit_events(taken.user, taken.item, taken.period, rng=np.random.default_rng(0))
    before = model.catalogue(np.array([5]))
    rows = np.flatnonzero(taken.user == 5)
    twin = model.knowing(taken.user[rows] - 5, taken.item[rows], taken.period[rows] + 9)
    named = model.knowing(taken.user[rows], taken.item[rows], taken.period[rows])
    np.testing.assert_array_equal(twin.catalogue(np.array([0])), named.catalogue(np.array([5])))
    np.testing.assert_array_equal(model.catalogue(np.array([5])), before)
    at = model.learnt_["crowd_user"].tolist().index(5)
    assert twin.learnt_["crowd_user"][at] != 5
    assert not np.array_equal(twin.catalogue(np.array([0])), before)
    strange = model.knowing(np.zeros(2, int), np.array([1_000, 1_001]), np.arange(2))
    nobody = model.knowing(*(np.empty(0, np.int64),) * 3)
    np.testing.assert_array_equal(strange.catalogue(np.array([0])), nobody.catalogue(np.array([0])))
