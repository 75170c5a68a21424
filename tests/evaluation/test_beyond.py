from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as h

from assay.errors import InputError
from assay.evaluation.beyond import ItemFacts, Past
from assay.samples.table import Takings
from assay.testing.data import make_samples

PAIRS = h.lists(h.tuples(h.integers(0, 5), h.integers(0, 7)), min_size=1, max_size=40)


@given(PAIRS)
def test_past_by_sets(pairs):
    past = Past.of(*np.array(pairs).T, 8)
    users = {user for user, _ in pairs}
    share = [len({user for user, item in pairs if item == one}) / len(users) for one in range(8)]
    np.testing.assert_allclose(past.popularity, share)
    own = [
        np.mean([share[item] for item in {i for u, i in pairs if u == user}]) if user in users else np.nan for user in range(9)
    ]
    np.testing.assert_allclose(past.of_users(np.arange(9)), own)


def test_nobody_took_anything():
    past = Past.of(np.array([], int), np.array([], int), 3)
    assert past.popularity.tolist() == [0, 0, 0]
    assert np.isnan(past.of_users(np.array([0, 4]))).all()


def test_nothing_of_the_test_is_in_the_past():
    """Of the log only what came until the end of training; without one, what the training samples say was taken."""
    learnt = make_samples(2_000).split("train")
    end = int(learnt.moment.max())
    log = Takings(*np.array([[0, 0, 1, 2], [3, 4, 3, 5], [end - 1, end + 1, end, end + 2]], np.int32), np.ones(4, bool))
    past = Past.of_training(replace(learnt, takings=log), 60)
    assert np.flatnonzero(past.popularity).tolist() == [3]
    assert past.popularity[3] == 1.0
    np.testing.assert_array_equal(past.of_users(np.arange(3)), [1, 1, np.nan])
    taken = learnt.label > 0
    bare = replace(learnt, takings=None)
    expected = Past.of(learnt.user[taken], learnt.item[taken], 60)
    np.testing.assert_array_equal(Past.of_training(bare, 60).popularity, expected.popularity)


@pytest.mark.parametrize("popularity", [[0.5, 1.5], [-0.1, 0.5], [np.nan, 0.5]])
def test_refuses_what_is_no_share(popularity):
    with pytest.raises(InputError, match="share of the training's users"):
        ItemFacts(2, np.array(popularity))
