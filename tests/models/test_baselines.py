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
