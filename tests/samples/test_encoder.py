import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.config import Encode
from assay.samples.encoder import Encoding, TableEncoder

ENCODING = Encoding(one_hot=("shop", "absent"), binned=("price", "age"), standard=("share",), crosses=(("price", "age"),))
TEXTS = h.sampled_from(["a", "牛奶", "🥛", "שלום", "x=y", "", None])
NUMBERS = h.none() | h.floats(width=32, allow_nan=True, allow_infinity=True) | h.sampled_from([0.0, 1.0, 2.0])


def text(values):
    return pa.array(values, pa.string()).dictionary_encode()


@h.composite
def tables(draw):
    n = draw(h.integers(1, 60))
    columns = {name: draw(h.lists(NUMBERS, min_size=n, max_size=n)) for name in ("price", "age", "share")}
    table = {name: pa.array(values, pa.float32()) for name, values in columns.items()}
    return pa.table(table | {"shop": text(draw(h.lists(TEXTS, min_size=n, max_size=n)))})


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(tables(), tables(), h.integers(1, 5), h.integers(2, 6))
def test_every_row_has_one_entry_a_block_and_every_block_its_own_columns(train, other, rare, bins):
    encoder = TableEncoder.fit(train, ENCODING, Encode(rare=rare, bins=bins))
    for table in (train, other):
        X = encoder.transform(table)
        assert X.shape == (table.num_rows, len(encoder.names))
        assert np.all(np.diff(X.indptr) == len(encoder.blocks))
        assert np.all(np.isfinite(X.data))
        assert X.data.dtype == np.float32
        assert X.has_sorted_indices
        np.testing.assert_array_equal(X[:, [0]].toarray(), 1)
    again = TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict(), allow_nan=False)))
    assert again.names == encoder.names
    assert (again.transform(other) != encoder.transform(other)).nnz == 0
    assert len(set(encoder.names)) == len(encoder.names)


def test_one_hot_keeps_levels_seen_often_enough_and_the_rest_share_a_column():
    train = pa.table({"shop": text(["a"] * 3 + ["牛奶"] * 2 + ["rare", None])})
    encoder = TableEncoder.fit(train, Encoding(one_hot=("shop",)), Encode(rare=2, bins=4))
    assert encoder.names == ["intercept", "shop=a", "shop=牛奶", "shop: rare"]
    other = pa.table({"shop": text(["牛奶", "rare", None, "new", "a"])})
    assert encoder.transform(other).indices.reshape(5, 2)[:, 1].tolist() == [2, 3, 3, 3, 1]


def test_bins_are_training_quantiles_and_unknown_has_a_column_of_its_own():
    train = pa.table({"price": pa.array([float(k) for k in range(100)] + [None], pa.float32())})
    encoder = TableEncoder.fit(train, Encoding(binned=("price",)), Encode(rare=1, bins=4))
    assert encoder.names == ["intercept", "price <= 24", "price in (24, 49]", "price in (49, 74]", "price > 74", "price unknown"]
    other = pa.table({"price": pa.array([24.0, 24.5, 1e9, -1e9, None, float("inf")], pa.float32())})
    assert encoder.transform(other).indices.reshape(6, 2)[:, 1].tolist() == [1, 2, 4, 1, 5, 5]


def test_standard_numbers_have_mean_0_deviation_1_and_unknown_is_the_mean():
    values = np.random.default_rng(0).normal(5, 3, 1000).astype(np.float32)
    train = pa.table({"share": pa.array(values)})
    encoder = TableEncoder.fit(train, Encoding(standard=("share",)), Encode())
    X = encoder.transform(train).toarray()[:, 1]
    assert abs(X.mean()) < 1e-4
    assert abs(X.std() - 1) < 1e-4
    assert encoder.transform(pa.table({"share": pa.array([None], pa.float32())})).toarray()[0, 1] == 0


def test_a_cross_keeps_cells_seen_often_enough():
    price = np.repeat([1.0, 2.0], 50)
    age = np.tile([1.0, 2.0], 50)
    age[:49] = 1.0
    train = pa.table({"price": pa.array(price, pa.float32()), "age": pa.array(age, pa.float32())})
    encoder = TableEncoder.fit(train, Encoding(crosses=(("price", "age"),)), Encode(rare=10, bins=2))
    assert len(encoder.names) == 1 + 3 + 1  # one cell of two prices and two ages is too rare
    assert encoder.names[-1] == "price x age: rare"


@pytest.mark.parametrize("values", [[1.0] * 9, [None] * 9])
def test_what_does_not_vary_gets_no_column(values):
    train = pa.table({"price": pa.array(values, pa.float32()), "share": pa.array(values, pa.float32())})
    encoder = TableEncoder.fit(train, Encoding(binned=("price",), standard=("share",)), Encode(rare=1, bins=4))
    varied = [name for name in encoder.names if not name.endswith(("known", "unknown"))]
    assert varied == ["intercept"]


def test_only_keeps_whole_blocks_of_the_given_features():
    train = pa.table(
        {
            "shop": text(["a", "b"] * 20),
            "price": pa.array(np.arange(40.0), pa.float32()),
            "age": pa.array(np.arange(40.0) % 5, pa.float32()),
        }
    )
    encoder = TableEncoder.fit(train, ENCODING, Encode(rare=1, bins=3))
    fewer = encoder.only(["price", "shop"])
    assert set(fewer.source) == {(), ("shop",), ("price",)}
    kept = [k for k, source in enumerate(encoder.source) if set(source) <= {"price", "shop"}]
    assert (fewer.transform(train) != encoder.transform(train)[:, kept]).nnz == 0
