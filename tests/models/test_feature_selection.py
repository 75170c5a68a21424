import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import mutual_info_score

from assay.errors import ConfigError, InputError
from assay.models.feature_selection import mutual_information, owners, select_features
from assay.samples.table import Samples
from assay.testing.data import make_samples


def train():
    return make_samples(12_000).split("train")


def test_mutual_information_is_scikit_learns_less_the_correction():
    samples = train()
    found = mutual_information(samples)["category"]
    codes = samples.features.column("category").combine_chunks().indices.to_numpy()
    expected = mutual_info_score(codes, samples.label) - (len(np.unique(codes)) - 1) / (2 * len(samples))
    assert found == pytest.approx(expected, abs=1e-12)


def test_weights_are_copies():
    samples = train()
    weight = np.random.default_rng(0).integers(0, 3, len(samples))
    copied = mutual_information(samples.take(np.repeat(np.arange(len(samples)), weight)))
    weighted = mutual_information(samples.with_weight(weight.astype(float)))
    for name in ("category", "department"):
        assert weighted[name] == pytest.approx(copied[name], abs=1e-3)


@pytest.mark.parametrize("method", ["mutual_information", "l1"])
def test_noise_is_left_out_and_what_matters_is_kept(method):
    kept = select_features(train(), method, 4, seed=3)
    assert len(kept) == 4
    assert "noise" not in kept
    assert "item_buyers_4" in kept
    assert kept == select_features(train(), method, 4, seed=3)


@pytest.mark.parametrize("method", ["mutual_information", "l1"])
def test_row_order_plays_no_part(method):
    samples = train()
    order = np.random.default_rng(0).permutation(len(samples))
    assert select_features(samples.take(order), method, 3, seed=3) == select_features(samples, method, 3, seed=3)


def test_a_feature_that_copies_the_label_comes_first():
    samples = train()
    features = samples.features.append_column("answer", pa.array(samples.label.astype(np.float32)))
    told = Samples(samples.keys, features)
    assert select_features(told, "mutual_information", 1, seed=0) == ["answer"]


def test_columns_belong_to_the_features_they_are_named_after():
    columns = ["intercept", "price", "price:3", "category=a=b x price", "category x brand=c | x", "brand"]
    found = owners(columns, ["price", "category", "brand"])
    np.testing.assert_array_equal(found, [[0, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1]])


def test_errors_say_what_to_do():
    samples = train()
    plain = Samples(samples.keys, samples.features)
    with pytest.raises(ConfigError, match="did you mean 'l1'"):
        select_features(samples, "l11", 3, seed=0)
    with pytest.raises(InputError, match="no encoder"):
        select_features(plain, "l1", 3, seed=0)
