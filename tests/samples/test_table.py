"""Samples: rows by the id of the sample."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as h

from assay.samples.table import Samples
from assay.testing.data import make_samples

IDS = h.integers(-(2**63), 2**63 - 1)


@given(h.lists(IDS, max_size=30), h.lists(IDS | h.integers(-3, 3), max_size=30), h.data())
def test_rows_are_found_by_id_and_absent_ones_are_minus_one(ids: list[int], more: list[int], data: h.DataObject) -> None:
    ids = ids + [k for k in (0, -1) if data.draw(h.booleans())]
    wanted = more + (data.draw(h.lists(h.sampled_from(ids), max_size=10)) if ids else [])
    samples = Samples(pa.table({"sample_id": pa.array(ids, pa.int64())}), pa.table({}))
    rows = samples.rows_of(np.array(wanted, np.int64))
    assert rows.tolist() == [ids.index(one) if one in ids else -1 for one in wanted]
    assert rows.dtype == np.int64


def test_other_labels_and_weights_share_the_matrix():
    samples = make_samples(400).split("train")
    matrix = samples.matrix()
    turned = samples.with_label(1 - samples.label).with_weight(np.full(len(samples), 2.0))
    np.testing.assert_array_equal(turned.label, 1 - samples.label)
    np.testing.assert_array_equal(turned.weight, 2.0)
    assert turned.matrix() is matrix
    assert turned.keys.schema == samples.keys.schema
