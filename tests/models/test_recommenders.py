"""Recommenders against plain numpy."""

from dataclasses import replace

import numpy as np
import pytest

from assay.errors import InputError
from assay.models.als import Als
from assay.models.item_to_item import Ease, ItemKnn
from assay.models.recommender import Taken
from assay.models.session_knn import SessionKnn
from assay.models.tifu_knn import TifuKnn
from assay.models.up_cf import UpCf
from assay.samples.table import STEPS, Takings
from assay.testing.data import make_samples
from assay.testing.recommenders import RecommenderTests


class TestEase(RecommenderTests):
    def make(self):
        return Ease(items=50, l2=30.0)


class TestItemKnn(RecommenderTests):
    def make(self):
        return ItemKnn(items=50, neighbours=20, shrink=5.0)


class TestSessionKnn(RecommenderTests):
    def make(self):
        return SessionKnn(items=50, neighbours=30, sample=200, recent=6)


class TestAls(RecommenderTests):
    def make(self):
        return Als(items=50, factors=8, l2=1.0, confidence=5.0, iterations=5)


@pytest.fixture(scope="module")
def split():
    samples = make_samples(3_000, users=60, items=30)
    return samples.split("train"), samples.split("test")


def clicks(train):
    X = np.zeros((train.user.max() + 1, train.item.max() + 1))
    taken = train.label > 0
    X[train.user[taken], train.item[taken]] = 1
    return X


def before(train, user, period):
    taken = (train.label > 0) & (train.user == user) & (train.period < period)
    return np.unique(train.item[taken])


def fitted(model, train):
    return model.fit(train, rng=np.random.default_rng(0))


def test_ease_scores(split):
    train, test = split
    X = clicks(train)
    P = np.linalg.inv(X.T @ X + 20.0 * np.eye(X.shape[1]))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    model = fitted(Ease(l2=20.0), train)
    for part in (train, test):
        found = np.log(model.raw(part))
        expected = [B[before(train, u, t), i].sum() for u, i, t in zip(part.user, part.item, part.period, strict=True)]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_item_knn_scores(split):
    train, test = split
    X = clicks(train)
    both = X.T @ X
    S = both / (np.sqrt(np.outer(np.diag(both), np.diag(both))) + 10.0)
    np.fill_diagonal(S, 0)
    model = fitted(ItemKnn(neighbours=1000), train)
    had = [before(train, u, t) for u, t in zip(test.user, test.period, strict=True)]
    expected = [S[own, i].sum() / max(len(own), 1) for own, i in zip(had, test.item, strict=True)]
    np.testing.assert_allclose(np.log(model.raw(test)), expected, atol=1e-5)
    few = fitted(ItemKnn(neighbours=3), train).learnt_
    kept = model.taken_.item_codes
    for item, row in enumerate(S[np.ix_(kept, kept)]):
        best = np.argsort(-row, kind="stable")[:3]
        np.testing.assert_array_equal(few["nearest"][item], np.sort(best))
        np.testing.assert_allclose(few["similarity"][item], row[np.sort(best)], rtol=1e-6)


def test_session_knn_scores(split):
    train, test = split
    taken = np.flatnonzero(train.label > 0)
    sessions = {}
    for row in taken:
        sessions.setdefault((int(train.period[row]), int(train.user[row])), set()).add(int(train.item[row]))
    model = fitted(SessionKnn(neighbours=7, sample=40, recent=5), train)
    for part in (train.take(np.arange(0, len(train), 17)), test.take(np.arange(0, len(test), 11))):
        expected = []
        for u, i, t in zip(part.user, part.item, part.period, strict=True):
            own = sorted((int(train.period[r]), int(train.item[r])) for r in taken if train.user[r] == u and train.period[r] < t)
            query = [item for _, item in own][-5:]
            latest = {item: p + 1 for p, item in enumerate(query)}
            near = []
            for (period, user), held in sessions.items():
                overlap = sum(p for item, p in latest.items() if item in held)
                if overlap and period < t:
                    near.append((overlap / len(query), period, user, held))
            near = sorted(near, key=lambda s: (-s[1], s[2]))[:40]
            near = sorted(near, key=lambda s: (-s[0], -s[1], s[2]))[:7]
            expected.append(sum(s[0] for s in near if i in s[3]))
        np.testing.assert_allclose(np.log(model.raw(part)), expected, atol=1e-9)


def test_als_folds_users_in(split):
    train, test = split
    model = fitted(Als(factors=6, l2=2.0, confidence=4.0), train)
    Y = model.learnt_["factors"]
    for row in np.flatnonzero(test.item < len(Y))[::30]:
        had = before(train, test.user[row], test.period[row])
        weight = np.ones(len(Y))
        weight[had] = 4.0
        preference = np.zeros(len(Y))
        preference[had] = 1.0
        x = np.linalg.solve(Y.T @ (Y * weight[:, None]) + 2.0 * np.eye(6), Y.T @ (weight * preference))
        found = np.log(model.raw(test.take(np.array([row]))))
        np.testing.assert_allclose(found, Y[test.item[row]] @ x, atol=1e-8)


@pytest.mark.parametrize("model", [Ease(items=5), ItemKnn(items=5), SessionKnn(items=5), Als(items=5, factors=3)])
def test_only_the_most_taken_items_are_known(split, model):
    train, _ = split
    fitted(model, train)
    count = np.bincount(train.item[train.label > 0])
    assert sorted(model.taken_.item_codes) == sorted(np.argsort(-count, kind="stable")[:5])
    items, _ = model.top_n(np.array([0]), 30, exclude_known=False)
    assert np.count_nonzero(items >= 0) == 5


@pytest.mark.parametrize("model", [Ease(items=20), ItemKnn(items=20), SessionKnn(items=20), Als(items=20, factors=3)])
class TestPlainEvents:
    def test_rank_as_labelled_samples_do(self, split, model):
        train, _ = split
        users = np.unique(train.user)
        expected = fitted(model, train).top_n(users, 10)
        taken = train.take(np.random.default_rng(3).permutation(np.flatnonzero(train.label > 0)))
        plain = model.fresh()
        # Als draws its start: fit draws twice, and the second draw is that of the ranking.
        rng = np.random.default_rng(0)
        if plain.name == "als":
            rng.integers(2**31)
        plain.fit_events(taken.user, taken.item, taken.period, rng=rng)
        for found, wanted in zip(plain.top_n(users, 10), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)

    def test_have_no_probability(self, split, model, tmp_path):
        train, test = split
        fitted(model, train).fit_events(train.user, train.item, train.period, rng=np.random.default_rng(0))
        with pytest.raises(InputError, match=f"{model.name}: not fitted"):
            model.predict(test)
        with pytest.raises(InputError, match=f"{model.name}: not fitted"):
            model.save(tmp_path)

    def test_none(self, model):
        none = np.empty(0, np.int64)
        with pytest.raises(InputError, match=f"{model.name}: there are no events to learn from"):
            model.fresh().fit_events(none, none, none, rng=np.random.default_rng(0))
        with pytest.raises(InputError, match="not fitted"):
            model.fresh().knowing(none, none, none)

    def test_other_users_are_known_by_their_own_events(self, split, model):
        """Users 0, 1, 2 ... with the histories of users 5, 6, 7 ... get their lists; the model itself stays as it was."""
        train, _ = split
        taken = train.take(train.label > 0)
        model = model.fresh().fit_events(taken.user, taken.item, taken.period, rng=np.random.default_rng(0))
        rows = np.flatnonzero(taken.user >= 5)
        period = taken.period[rows] + 9  # of a later time: only their order counts
        twin = model.knowing(taken.user[rows] - 5, taken.item[rows], period)
        users = np.unique(taken.user[rows])
        expected = model.top_n(users, 10)
        for found, wanted in zip(twin.top_n(users - 5, 10), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
        for found, wanted in zip(model.top_n(users, 10), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)

    def test_items_not_learnt_of_say_nothing(self, split, model):
        train, _ = split
        taken = train.take(train.label > 0)
        model = model.fresh().fit_events(taken.user, taken.item, taken.period, rng=np.random.default_rng(0))
        nobody = np.empty(0, np.int64)
        strange = model.knowing(np.zeros(2, int), np.array([1_000, 1_001]), np.arange(2))
        for found, wanted in zip(strange.top_n([0], 5), model.knowing(nobody, nobody, nobody).top_n([0], 5), strict=True):
            np.testing.assert_array_equal(found, wanted)


@pytest.fixture(scope="module")
def whole():
    """Samples of distinct (user, item, period)."""
    samples = make_samples(3_000, users=60, items=30)
    _, first = np.unique(np.stack(_events(samples)), axis=1, return_index=True)
    return samples.take(np.sort(first))


@pytest.fixture(scope="module")
def last(whole):
    """The last period of training."""
    return int(whole.split("train").period.max())


def takings_of(samples, extra):
    """All positives of samples, which stand for themselves, and other takings (user, item, period)."""
    own = samples.label > 0
    columns = [np.concatenate((part[own], other)) for part, other in zip(_events(samples), extra, strict=True)]
    rows, first = np.unique(np.stack(columns), axis=1, return_index=True)
    user, item, period = rows.astype(np.int32)
    return Takings(user, item, period, first < np.count_nonzero(own))


def _events(samples):
    return samples.user, samples.item, samples.period


def other_takings(samples, periods, count=400, seed=3):
    """Takings that are no samples, in some periods."""
    rng = np.random.default_rng(seed)
    own = set(zip(*(column.tolist() for column in _events(samples)), strict=True))
    drawn = rng.integers(0, 60, count), rng.integers(0, 30, count), rng.choice(periods, count)
    kept = sorted(set(zip(*(column.tolist() for column in drawn), strict=True)) - own)
    return np.array(kept, np.int32).reshape(-1, 3).T


def arrays(model):
    return {name: np.asarray(values).tolist() for name, values in (*model.learnt_.items(), *vars(model.taken_).items())}


@pytest.mark.parametrize(
    "model",
    [
        Ease(items=25),
        ItemKnn(items=25, neighbours=9),
        SessionKnn(items=25),
        Als(items=25, factors=3),
        TifuKnn(items=25, neighbours=9),
        UpCf(items=25),
    ],
    ids=lambda model: model.name,
)
class TestTakings:
    """What users took that no sample stands for."""

    def test_what_is_no_sample_is_learnt_of_up_to_the_last_training_period(self, whole, last, model):
        train = whole.split("train")
        early = other_takings(whole, np.arange(train.period.min() - 6, last + 1))
        found = fitted(model.fresh(), replace(train, takings=takings_of(whole, early)))
        positive = train.label > 0
        union = [np.concatenate((part[positive], other)) for part, other in zip(_events(train), early, strict=True)]
        expected = Taken.of_events(*union, model.items)
        for name, values in vars(expected).items():
            np.testing.assert_array_equal(getattr(found.taken_, name), values, err_msg=name)
        assert len(found.taken_.events[0]) > len(fitted(model.fresh(), train).taken_.events[0])

    def test_nothing_later_is_learnt_of(self, whole, last, model):
        """Neither of what is no sample, nor of later samples: the model's arrays are the same, and so is its calibration."""
        train = whole.split("train")
        early, later = (other_takings(whole, periods) for periods in (np.arange(last + 1), np.arange(last + 1, last + 9)))
        once = fitted(model.fresh(), replace(train, takings=takings_of(train, early)))
        again = fitted(model.fresh(), replace(train, takings=takings_of(whole, np.concatenate((early, later), axis=1))))
        assert arrays(once) == arrays(again)
        np.testing.assert_array_equal(once.at_, again.at_)
        np.testing.assert_array_equal(once.share_, again.share_)

    def test_a_sample_of_weight_0_is_unlearnt_though_takings_know_of_it(self, whole, last, model):
        train, early = whole.split("train"), other_takings(whole, np.arange(last - 9, last + 1))
        log = takings_of(whole, early)
        keep = np.random.default_rng(1).random(len(train)) < 0.7
        keep[train.period == last] = True
        weighed = fitted(model.fresh(), replace(train.with_weight(keep.astype(float)), takings=log))
        without = fitted(model.fresh(), replace(train.take(keep), takings=log))
        assert arrays(weighed) == arrays(without)
        assert arrays(weighed) != arrays(fitted(model.fresh(), replace(train, takings=log)))

    def test_a_score_knows_what_its_user_took_before_and_nothing_later(self, whole, last, model):
        """Also what was taken after training: each sample is scored as if the log ended where its period begins."""
        train, test = whole.split("train"), whole.split("test")
        every = takings_of(whole, other_takings(whole, np.arange(last - 9, last + 12)))
        found = fitted(model.fresh(), replace(train, takings=every))
        for part in (train, test):
            raw = found.raw(replace(part, takings=every))
            for period in np.unique(part.period)[::3]:
                rows, past = part.period == period, every.moment < period
                log = Takings(every.user[past], every.item[past], every.moment[past], every.sampled[past])
                np.testing.assert_array_equal(found.raw(replace(part.take(rows), takings=log)), raw[rows])
        blind = Takings(every.user[:0], every.item[:0], every.moment[:0], every.sampled[:0])
        assert not np.array_equal(found.raw(replace(test, takings=blind)), found.raw(replace(test, takings=every)))

    def test_a_log_of_nothing_but_the_samples_is_scored_as_without_one(self, whole, last, model):
        """The users are the same, so that none becomes its own neighbour."""
        train = whole.split("train")
        log = takings_of(train, np.empty((3, 0), np.int32))
        plain, told = fitted(model.fresh(), train), fitted(model.fresh(), replace(train, takings=log))
        np.testing.assert_allclose(told.raw(replace(train, takings=log)), plain.raw(train), rtol=1e-12)

    def test_a_second_fit_forgets_the_first(self, whole, last, model):
        """One model, one log, other samples: what was known of users by the first fit's columns is no more."""
        log = takings_of(whole, other_takings(whole, np.arange(last + 1)))
        train = replace(whole.split("train"), takings=log)
        half = train.take(train.item % 2 == 0)
        model = fitted(model.fresh(), half)
        model.raw(train)
        again, expected = fitted(model, train), fitted(model.fresh(), train)
        np.testing.assert_array_equal(again.raw(train), expected.raw(train))

    def test_a_stored_model_scores_alike(self, whole, last, model, tmp_path):
        log = takings_of(whole, other_takings(whole, np.arange(last + 1)))
        found = fitted(model.fresh(), replace(whole.split("train"), takings=log))
        found.save(tmp_path)
        test = replace(whole.split("test"), takings=log)
        np.testing.assert_array_equal(type(found).load(tmp_path).predict(test), found.predict(test))


def stepped(events):
    """Takings of (user, item, day), in order of time: each is a step of its user's day."""
    user, item, day = (np.array(column, np.int32) for column in zip(*events, strict=True))
    step = np.array([sum(e[0] == u and e[2] == d for e in events[:k]) for k, (u, _, d) in enumerate(events)], np.int32)
    return Takings(user, item, day * np.int32(STEPS) + step, np.zeros(len(user), bool), STEPS)


def scored(model, log, asked):
    """Scores of (user, item, day, step)."""
    user, item, day, step = (np.array(column, np.int32) for column in zip(*asked, strict=True))
    taken = Taken.in_columns(model.fitted().item_codes, log.user, log.item, log.moment, log.span)
    return model._twin(taken).score(user, model.fitted().columns(item), day * np.int32(STEPS) + step)


def test_a_session_of_steps_is_what_a_user_takes_in_a_day_and_its_neighbours_are_older():
    log = stepped([(0, 10, 1), (0, 11, 1), (1, 10, 1), (1, 12, 1), (2, 10, 2), (3, 10, 2), (3, 13, 2), (2, 14, 2), (4, 12, 3)])
    model = SessionKnn()
    model._learn(Taken.of_events(log.user, log.item, log.moment, 100, log.span), np.random.default_rng(0))
    asked = [(2, item, 2, 1) for item in (11, 12, 13, 14)]
    eleven, twelve, same_day, later = scored(model, log, asked)
    assert eleven == twelve > 0
    assert same_day == later == 0  # the session of user 3 is of the same day, and 14 is what user 2 takes next
    assert scored(model, log, [(2, 11, 2, 0)]) == 0  # before its first step nothing is known
    [after] = scored(model, log, [(4, 13, 3, 1)])
    assert after == 0  # 12 stands in the session of user 1 alone
    [ten] = scored(model, log, [(4, 10, 3, 1)])
    assert ten > 0


@pytest.mark.parametrize("model", [Ease(l2=1.0), ItemKnn(shrink=0.0)], ids=lambda model: model.name)
def test_a_step_is_scored_by_the_steps_before_it(model):
    log = stepped([(u, i, 1) for u in range(6) for i in (u % 3, u % 3 + 1)] + [(7, 0, 2), (7, 3, 2)])
    model._learn(Taken.of_events(log.user, log.item, log.moment, 100, log.span), np.random.default_rng(0))
    none, first, second = (scored(model, log, [(7, 1, 2, step)])[0] for step in (0, 1, 2))
    assert none == 0
    assert first > 0
    plain = Taken.in_columns(model.fitted().item_codes, np.zeros(2, int), np.array([0, 3]), np.zeros(2, int))
    both = model._twin(plain).score(np.zeros(1, int), model.fitted().columns(np.array([1])), np.ones(1, int))
    assert second == pytest.approx(both[0])
