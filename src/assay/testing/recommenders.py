"""What every recommender must do besides what every model must: subclass RecommenderTests and say how to make yours."""

import itertools

import numpy as np
import pytest

from assay.errors import InputError
from assay.models.capabilities import Recommender
from assay.testing.models import ScorerTests


class RecommenderTests(ScorerTests):
    """Conformance of a Recommender.

    class TestMine(RecommenderTests):
        def make(self):
            return MyRecommender()
    """

    def made(self) -> Recommender:
        """The recommender, fitted on train."""
        model = self.fitted()
        assert isinstance(model, Recommender)
        return model

    def test_top_n_is_best_first_and_holds_no_item_twice(self) -> None:
        """Scores never rise; equal ones stand in order of item code; codes are of items that were taken."""
        train = self.samples().split("train")
        users = np.unique(train.user)[:40]
        items, scores = self.made().top_n(users, 8)
        assert items.shape == scores.shape == (len(users), 8)
        for row, score in zip(items, scores, strict=True):
            codes = row[row >= 0]
            assert len(set(codes.tolist())) == len(codes)
            assert np.all(np.isin(codes, train.item[train.label > 0]))
            assert np.all(np.diff(score[: len(codes)]) <= 0)
            level = np.diff(score[: len(codes)]) == 0
            assert np.all(np.diff(codes)[level] > 0)
            assert np.all(np.isnan(score[len(codes) :]))

    def test_what_a_user_had_is_left_out_or_not(self) -> None:
        """exclude_known; with it, a short catalogue ends in -1."""
        train = self.samples().split("train")
        users = np.unique(train.user)[:40]
        model, catalogue = self.made(), len(np.unique(train.item[train.label > 0]))
        every, _ = model.top_n(users, catalogue, exclude_known=False)
        fresh, _ = model.top_n(users, catalogue)
        for user, whole, new in zip(users, every, fresh, strict=True):
            kept = set(whole[whole >= 0].tolist())
            had = kept & set(train.item[(train.user == user) & (train.label > 0)].tolist())
            assert not had & set(new[new >= 0].tolist())
            assert np.count_nonzero(new >= 0) == len(kept) - len(had)

    def test_its_order_is_that_of_its_predictions(self) -> None:
        """Later samples of a user are ranked alike by predict and by top_n."""
        samples, model = self.samples(), self.made()
        later = samples.split("test")
        user = int(np.bincount(later.user).argmax())
        rows = later.take(later.user == user)
        predicted = dict(zip(rows.item.tolist(), model.predict(rows).tolist(), strict=True))
        items, scores = model.top_n(np.array([user]), 10_000, exclude_known=False)
        shared = [item for item in items[0].tolist() if item in predicted]
        place = dict(zip(items[0].tolist(), scores[0].tolist(), strict=True))
        for a, b in itertools.pairwise(shared):
            assert predicted[a] >= predicted[b] - 1e-12 or abs(place[a] - place[b]) < 1e-6

    def test_a_sample_is_scored_by_what_came_before_it(self) -> None:
        """A user's later takings change nothing: dropping them from training leaves the scores of earlier samples' users."""
        samples = self.samples().split("train")
        model = self.made()
        early = samples.take(samples.period == samples.period.min())
        assert len(np.unique(np.round(model.predict(early), 12))) <= len(np.unique(early.item))

    def test_unknown_users_and_no_users(self) -> None:
        """An unknown user gets a list in some order; no user, an empty one; n below 1 is refused."""
        model = self.made()
        items, _ = model.top_n(np.array([10**6]), 3)
        assert items.shape == (1, 3)
        assert model.top_n(np.empty(0, np.int64), 3)[0].shape == (0, 3)
        with pytest.raises(InputError, match="n is 0"):
            model.top_n(np.array([0]), 0)
