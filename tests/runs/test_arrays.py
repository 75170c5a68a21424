import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from assay.runs.arrays import write_arrays

KINDS = st.sampled_from([np.int8, np.int64, np.float32, np.float64, np.bool_, "U3"])
SEVERAL = st.dictionaries(
    st.sampled_from(["a", "b", "allow_pickle", "file"]), arrays(KINDS, array_shapes(min_dims=0, min_side=0)), min_size=1
)


@given(named=SEVERAL)
def test_arrays_come_back_as_they_were_and_no_others(named, tmp_path_factory):
    folder = tmp_path_factory.mktemp("arrays")
    write_arrays(folder / "one.npz", named)
    write_arrays(folder / "two.npz", dict(reversed(named.items())))
    assert (folder / "one.npz").read_bytes() == (folder / "two.npz").read_bytes()
    with np.load(folder / "one.npz", allow_pickle=False) as stored:
        assert sorted(stored.files) == sorted(named)
        for name, values in named.items():
            assert stored[name].dtype == values.dtype
            np.testing.assert_array_equal(stored[name], values, strict=True)


def test_what_only_pickle_could_hold_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle"):
        write_arrays(tmp_path / "a.npz", {"a": np.array([{}, None], dtype=object)})
    assert list(tmp_path.iterdir()) == []
