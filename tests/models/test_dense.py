import json

import numpy as np
import pyarrow as pa
import pytest

from assay.errors import InputError
from assay.models.dense import Dense
from assay.samples.table import Samples
from assay.testing.data import make_samples

N = 6


def samples(features):
    keys = {"sample_id": np.arange(N), "label": np.array([0, 1, 1, 0, 1, 0], np.int8), "weight": np.ones(N)}
    return Samples(pa.table(keys), pa.table(features))


def text(values):
    return pa.array(values, pa.string()).dictionary_encode()


FEATURES = {
    "user": text(["u"] * N),
    "price": pa.array([1.0, None, 3.0, np.inf, 5.0, np.nan], pa.float32()),
    "category": text(["蛋奶", "b", "b", None, "🍌", "蛋奶"]),
}
ALL = np.arange(N)


def test_unknown_stays_unknown_without_imputing():
    found = Dense.learn(samples(FEATURES), ALL, most_native=10, impute=False)
    assert found.names == ["price", "category"]
    assert found.native == ["category"]
    assert found.levels == {"category": ["b", "蛋奶", "🍌"]}
    expected = np.array([[1, np.nan, 3, np.nan, 5, np.nan], [1, 0, 0, np.nan, 2, 1]], np.float32).T
    np.testing.assert_array_equal(found.matrix(samples(FEATURES).features), expected)
    assert found.matrix(samples(FEATURES).features).dtype == np.float32


def test_codes_rise_with_the_share_of_positives_and_unknown_is_the_median():
    found = Dense.learn(samples(FEATURES), ALL, most_native=0, impute=True)
    assert found.levels["category"][0] == "蛋奶"
    assert found.levels["category"][-1] == "b"
    X = found.matrix(samples(FEATURES).features, np.array([3, 4]))
    np.testing.assert_array_equal(X, [[3.0, 1.0], [5.0, 1.0]])


def test_only_the_given_rows_are_learnt_from():
    found = Dense.learn(samples(FEATURES), np.array([0, 1]), most_native=10, impute=False)
    assert found.levels["category"] == ["b", "蛋奶"]
    assert np.isnan(found.matrix(samples(FEATURES).features)[4, 1])


def test_codes_depend_on_levels_not_on_how_they_are_stored():
    found = Dense.learn(samples(FEATURES), ALL, most_native=10, impute=False)
    other = pa.chunked_array([text(["🍌", "new", None]), text(["b", "蛋奶", "b"])])
    table = pa.table({"price": FEATURES["price"], "category": other})
    np.testing.assert_array_equal(found.matrix(table)[:, 1], np.array([2, np.nan, np.nan, 0, 1, 0], np.float32))


def test_it_survives_json():
    for impute in (False, True):
        found = Dense.learn(samples(FEATURES), ALL, most_native=0, impute=impute)
        again = Dense.described(json.loads(json.dumps(found.describe(), allow_nan=False)))
        features = samples(FEATURES).features
        np.testing.assert_array_equal(again.matrix(features), found.matrix(features))


def test_errors_name_the_feature():
    found = Dense.learn(samples(FEATURES), ALL, most_native=0, impute=True)
    with pytest.raises(InputError, match="no feature 'price'"):
        found.matrix(pa.table({"category": FEATURES["category"]}))
    with pytest.raises(InputError, match="'category' is not of the kind"):
        found.matrix(pa.table({"price": FEATURES["price"], "category": FEATURES["price"]}))
    with pytest.raises(InputError, match="besides user and item"):
        Dense.learn(samples({"user": FEATURES["user"]}), ALL, most_native=0, impute=True)


def test_a_feature_without_any_value_is_imputed_with_0():
    table = FEATURES | {"empty": pa.nulls(N, pa.float32())}
    found = Dense.learn(samples(table), ALL, most_native=0, impute=True)
    assert not found.matrix(samples(table).features)[:, 2].any()


def test_samples_made_for_tests_are_what_they_promise():
    made = make_samples(3_000)
    assert made.keys.equals(make_samples(3_000).keys)
    assert made.features.equals(make_samples(3_000).features)
    assert len(set(made.keys.column("sample_id").to_pylist())) == 3_000
    assert np.all(np.diff(made.period) >= 0)
    assert [len(made.split(name)) > 300 for name in ("train", "validation", "tuning", "test")] == [True] * 4
    assert 0.3 < made.label.mean() < 0.5
    assert made.encoder.names[0] == "intercept"
    assert made.matrix().shape == (3_000, len(made.encoder.names))
    assert made.matrix().dtype == np.float32
