"""Fields: what a net is given of readable features."""

import numpy as np
import pyarrow as pa
import pytest

from assay.deep.fields import Fields
from assay.errors import InputError
from assay.testing.data import make_samples


def test_levels_numbers_and_what_is_missing():
    samples = make_samples(2_000)
    train = samples.split("train")
    fields = Fields.learn(train, rare=30)
    assert list(fields.levels) == ["user", "item", "department", "category", "brand"]
    made = fields.encode(train.features)
    begins = np.cumsum([0, *fields.sizes])
    for j, (name, levels) in enumerate(fields.levels.items()):
        text = train.features.column(name).cast(pa.string()).to_pylist()
        expected = [begins[j] + (levels.index(t) + 1 if t in levels else 0) for t in text]
        np.testing.assert_array_equal(made["codes"][:, j], expected)
        counts = {level: text.count(level) for level in set(text) - {None}}
        assert set(levels) == {level for level, count in counts.items() if count >= 30}
    numbers = made["numbers"]
    assert numbers.shape == (len(train), fields.width)
    assert np.abs(numbers).max() <= 1
    price = train.features.column("price").to_numpy()
    at, flag = list(fields.knots).index("price"), len(fields.knots) + fields.missing.index("price")
    np.testing.assert_array_equal(numbers[:, flag], np.isnan(price))
    known = ~np.isnan(price)
    order = np.argsort(price[known], kind="stable")
    assert np.all(np.diff(numbers[known, at][order]) >= 0)
    assert np.all(numbers[~known, at] == 0)


def test_it_is_described_and_read_again():
    samples = make_samples(500)
    fields = Fields.learn(samples.split("train"), rare=5)
    again = Fields.described(fields.describe())
    assert again == fields
    with pytest.raises(InputError, match="not readable"):
        Fields.described({"levels": 3})


def test_what_it_refuses():
    samples = make_samples(500)
    fields = Fields.learn(samples.split("train"), rare=5)
    with pytest.raises(InputError, match="no feature 'price'"):
        fields.encode(samples.features.drop_columns(["price"]))
    swapped = samples.features.set_column(samples.features.column_names.index("price"), "price", samples.features.column("user"))
    with pytest.raises(InputError, match="'price' is not of the kind"):
        fields.encode(swapped)
    with pytest.raises(InputError, match="have no features"):
        Fields.learn(make_samples(500, features=[]).split("train"), rare=5)
