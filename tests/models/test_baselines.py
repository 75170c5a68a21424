import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.errors import InputError
from assay.models.baselines import BuyItAgain, Popularity
from assay.samples.table import Samples
from assay.testing.data import make_samples


def samples(**columns):
    n = len(next(iter(columns.values())))
    label = np.arange(n) % 2
    keys = pa.table({"sample_id": np.arange(n), "label": label.astype(np.int8), "weight": np.ones(n)})
    return Samples(keys, pa.table({name: pa.array(values, pa.float32()) for name, values in columns.items()}))


def fitted(model, data):
    return model.fit(data, rng=np.random.default_rng(0))


@settings(max_examples=60, deadline=None)
@given(h.lists(h.integers(0, 100_000), min_size=2, max_size=60), h.integers(0, 100))
def test_the_order_is_that_of_popularity_whatever_the_labels_say(buyers, seed):
    data = samples(item_buyers_4=[float(b) for b in buyers])
    label = np.random.default_rng(seed).integers(0, 2, len(buyers)).astype(np.int8)
    label[:2] = [0, 1]
    data = Samples(data.keys.set_column(1, "label", pa.array(label)), data.features)
    predicted = fitted(Popularity(), data).predict(data)
    assert np.all((predicted > 0) & (predicted < 1))
    order = np.argsort(buyers, kind="stable")
    rises = np.diff(np.array(buyers)[order]) > 0
    assert np.all(np.diff(predicted[order])[rises] > 0)
    assert np.all(np.diff(predicted[order])[~rises] == 0)


def test_probabilities_are_the_share_of_positives():
    data = make_samples(20_000)
    train = data.split("train")
    predicted = fitted(Popularity(), train).predict(train)
    assert abs(predicted.mean() - train.label.mean()) < 0.005
    high = predicted > np.quantile(predicted, 0.8)
    assert abs(predicted[high].mean() - train.label[high].mean()) < 0.02


def test_unknown_popularity_counts_as_none():
    data = samples(item_buyers_4=[None, 0.0, 3.0, 9.0])
    predicted = fitted(Popularity(), data).predict(data)
    assert predicted[0] == predicted[1] < predicted[2]


def test_bought_often_and_lately_comes_first_and_popularity_breaks_ties():
    data = samples(
        pair_times_bought=[0.0, None, 1.0, 1.0, 1.0, 5.0],
        pair_periods_since=[None, None, 30.0, 2.0, 2.0, 2.0],
        item_buyers_4=[1.0, 50.0, 9.0, 9.0, 11.0, 0.0],
    )
    predicted = fitted(BuyItAgain(), data).predict(data)
    assert np.all(np.diff(predicted) > 0)


@pytest.mark.parametrize(
    ("model", "column"),
    [(Popularity(), "item_buyers_4"), (BuyItAgain(), "pair_times_bought"), (BuyItAgain(), "pair_periods_since")],
)
def test_a_missing_column_is_named(model, column):
    others = [name for name in make_samples(50).features.column_names if name != column]
    with pytest.raises(InputError, match=f"{model.name}.*'{column}'"):
        fitted(model, make_samples(2_000, features=others).split("train"))


def test_popularity_of_all_time_counts_what_was_taken_in_training():
    data = make_samples(5_000)
    train, test = data.split("train"), data.split("test")
    weighted = train.with_weight(np.where(train.item == 0, 0.01, 1.0))
    sales = np.bincount(train.item[train.label > 0], minlength=60).astype(float)
    sales[0] *= 0.01
    predicted = fitted(Popularity(window=None), weighted).predict(test)
    order = np.argsort(sales[test.item], kind="stable")
    rises = np.diff(sales[test.item][order]) > 0
    assert rises.sum() > 20
    assert np.all(np.diff(predicted[order])[rises] > 0)
    unseen = test.take(np.array([0]))
    at = unseen.keys.column_names.index("item_code")
    unseen = Samples(unseen.keys.set_column(at, "item_code", pa.array([999], pa.int32())), unseen.features)
    assert fitted(Popularity(window=None), train).predict(unseen)[0] < predicted.max()


def test_a_window_reads_its_own_feature():
    data = samples(item_buyers_4=[9.0, 1.0, 5.0], item_buyers_16=[1.0, 9.0, 20.0])
    assert np.argsort(fitted(Popularity(window=16), data).predict(data)).tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="'item_buyers_1'"):
        fitted(Popularity(window=1), data)


def test_half_lives_say_how_fast_purchases_fade():
    columns = {"pair_times_bought": [4.0, 1.0], "pair_periods_since": [8.0, 2.0], "item_buyers_4": [0.0, 0.0]}
    data = samples(**columns)
    for half_life, first in ((1.0, 1), (8.0, 0), (None, 0)):
        model = fitted(BuyItAgain(half_life), data)
        assert np.argmax(model.raw(data)) == first
        assert model.fresh().half_life == half_life
    assert fitted(BuyItAgain(None), data).raw(data).tolist() == [4.0, 1.0]
