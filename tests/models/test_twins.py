"""Training: what a fit is told holds for that fit; twins of fitted models are told what these were told."""

import numpy as np
import pytest

from assay.models.boosting import LightGBM
from assay.models.lambdarank import LambdaRank
from assay.models.logistic import LogisticRegression
from assay.models.scorer import Training
from assay.models.twins import refitted, twin
from assay.testing.data import make_samples

torch = pytest.importorskip("torch")

from assay.deep.training import Watcher  # noqa: E402
from assay.models.dcn import Dcn  # noqa: E402
from assay.models.next_item import Transformer  # noqa: E402
from assay.models.two_tower import TwoTower  # noqa: E402

NETS = {
    "dcn": lambda: Dcn(factors=4, hidden=8, rare=5, rate=0.01, batch=256, epochs=4),
    "two_tower": lambda: TwoTower(factors=8, length=8, hidden=8, negatives=16, rate=0.01, batch=64, epochs=4),
    "transformer": lambda: Transformer(factors=8, length=2, heads=2, negatives=16, rate=0.01, batch=16, epochs=4),
}


class Counted(Watcher):
    """The trainings that it saw: passes planned, and passes made."""

    def __init__(self):
        self.planned, self.made = [], []

    def begin(self, net, rows, schedule):
        self.planned.append(schedule.epochs)
        self.made.append(0)

    def epoch(self, net, epoch, rate):
        self.made[-1] += 1


@pytest.fixture(scope="module")
def train():
    return make_samples(2_000).split("train")


def rng():
    return np.random.default_rng(3)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_the_pilot_tells_the_passes_and_only_the_learning_is_watched(name, train):
    watcher, model = Counted(), NETS[name]()
    training = Training(watchers=(watcher,))
    if name == "transformer":  # of the samples of earlier periods all its rows end in one period
        model.fit_events(train.user, train.item, train.period, rng=rng(), training=training)
    else:
        model.fit(train, rng=rng(), training=training)
    best = 1 + int(np.argmin([line.later for line in model.passes_]))
    assert watcher.planned == watcher.made == [best]
    assert len(model.checkpoints_) == best


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_what_one_fit_is_told_the_next_one_does_not_know(name, train):
    watcher, whole = Counted(), NETS[name]().fit(train, rng=rng())
    model = NETS[name]().fit(train, rng=rng(), training=Training(watchers=(watcher,), passes=1))
    assert model.passes_ == ()
    assert len(model.checkpoints_) == 1
    assert watcher.made == [1]
    model.fit(train, rng=rng())
    assert watcher.made == [1]
    np.testing.assert_array_equal(model.predict(train), whole.predict(train))


@pytest.mark.parametrize("name", NETS)
def test_a_refitted_net_learns_for_as_many_passes(name, train):
    model = NETS[name]().fit(train, rng=rng(), training=Training(passes=2))
    half = train.with_weight(train.weight * (np.arange(len(train)) % 2))
    again = refitted(model, half, rng=rng())
    expected = NETS[name]().fit(half, rng=rng(), training=Training(passes=2))
    np.testing.assert_array_equal(again.predict(train), expected.predict(train))
    assert again.passes_ == ()


def test_twins_are_told_the_texts(train):
    texts = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    model = NETS["two_tower"]().fit(train, rng=rng(), training=Training(texts=texts, passes=1))
    for again in (refitted(model, train, rng=rng()), twin(model, train, rng=rng(), training=Training(passes=1))):
        np.testing.assert_array_equal(again.item_texts_, texts)
        np.testing.assert_array_equal(again.predict(train), model.predict(train))
    bare = model.fresh().fit(train, rng=rng(), training=Training(passes=1))
    assert bare.item_texts_ is bare.text_ is None
    assert not np.array_equal(bare.predict(train), model.predict(train))


@pytest.mark.parametrize("model", [LightGBM(trees=40, leaves=5), LambdaRank(trees=40, leaves=5)], ids=lambda model: model.name)
def test_a_refitted_booster_has_as_many_rounds(model, train, tmp_path):
    model = model.fresh().fit(train, rng=rng())
    half = train.with_weight(train.weight * (np.arange(len(train)) % 3 > 0))
    other = model.fresh().fit(half, rng=rng())
    assert other.rounds_ != model.rounds_  # left alone, it chooses otherwise
    model.save(tmp_path)
    for known in (model, type(model).load(tmp_path)):
        again = refitted(known, half, rng=rng())
        assert again.rounds_ == again.booster_.num_trees() == model.rounds_
        expected = model.fresh().fit(half, rng=rng(), training=Training(like=model))
        np.testing.assert_array_equal(again.predict(train), expected.predict(train))
    np.testing.assert_array_equal(refitted(model, train, rng=rng()).predict(train), model.predict(train))


def test_a_twin_of_a_model_without_passes_is_a_fresh_fit(train):
    model = LogisticRegression(l2=2.0).fit(train, rng=rng())
    np.testing.assert_array_equal(refitted(model, train, rng=rng()).coef_, model.coef_)
