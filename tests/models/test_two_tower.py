"""Two towers: the conformance of recommenders; text reaches items that were hardly taken."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from assay.errors import InputError  # noqa: E402
from assay.models.scorer import Training  # noqa: E402
from assay.models.two_tower import TwoTower  # noqa: E402
from assay.testing.data import make_samples  # noqa: E402
from assay.testing.recommenders import RecommenderTests  # noqa: E402

SMALL = {"factors": 8, "length": 8, "hidden": 8, "negatives": 32, "rate": 0.01, "batch": 64, "epochs": 3}


class TestTwoTower(RecommenderTests):
    def make(self):
        return TwoTower(**SMALL)


def walks(seed=0):
    """Users of two tastes; items 0 to 9 are of the first, 10 to 19 of the second, item 19 is hardly taken."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(80), 12)
    item = rng.integers(9, size=len(user)) + 10 * (user % 2)
    period = np.tile(np.arange(12), 80)
    item[-1] = 19
    return user, item, period


def test_text_brings_a_hardly_taken_item_to_those_of_its_kind():
    user, item, period = walks()
    text = np.zeros((20, 4))
    text[np.arange(20), (np.arange(20) >= 10).astype(int)] = 1.0
    ranks = []
    for training in (Training(), Training(texts=text)):
        model = TwoTower(**SMALL).fit_events(user, item, period, rng=np.random.default_rng(1), training=training)
        scores = model.catalogue(np.arange(20))
        place = np.flatnonzero(model.fitted().item_codes == 19)[0]
        mine = scores[1::2, place] - scores[0::2, place]
        ranks.append(mine.mean())
    assert ranks[1] > ranks[0] + 0.5


def test_text_is_stored_and_checked(tmp_path):
    samples = make_samples(2_000)
    train = samples.split("train")
    text = np.random.default_rng(0).normal(size=(60, 5))
    model = TwoTower(**SMALL).fit(train, rng=np.random.default_rng(1), training=Training(texts=text))
    model.save(tmp_path)
    np.testing.assert_array_equal(TwoTower.load(tmp_path).predict(train), model.predict(train))
    with pytest.raises(InputError, match="there are 3 text vectors"):
        TwoTower(**SMALL).fit(train, rng=np.random.default_rng(1), training=Training(texts=text[:3]))
    with pytest.raises(InputError, match="give finite numbers"):
        TwoTower(**SMALL).fit(train, rng=np.random.default_rng(1), training=Training(texts=np.full((60, 5), np.nan)))


def test_the_towers_by_hand():
    user, item, period = walks()
    model = TwoTower(**SMALL).fit_events(user, item, period, rng=np.random.default_rng(1))
    net = model.net().double()
    weight = {name: value.detach().numpy() for name, value in net.named_parameters()}
    own = np.sort(np.flatnonzero(user == 3))[-SMALL["length"] :]
    columns = model.fitted().columns(item[own]) + 1
    mean = weight["item.weight"][columns].mean(0)
    hidden = np.maximum(weight["first.weight"] @ mean + weight["first.bias"], 0)
    state = mean + weight["second.weight"] @ hidden + weight["second.bias"]
    expected = weight["item.weight"][1:] @ state + weight["bias.weight"][1:, 0]
    np.testing.assert_allclose(model.catalogue(np.array([3]))[0], expected, rtol=1e-6)
