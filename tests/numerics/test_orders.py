import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as h
from scipy import stats

from assay.numerics.orders import tau_b


@given(h.lists(h.tuples(h.integers(0, 4), h.integers(0, 4)), min_size=2, max_size=9))
def test_tau_b_against_scipy(pairs):
    a, b = np.array(pairs, float).T
    expected = stats.kendalltau(a, b).statistic
    assert tau_b(a[None], b)[0] == pytest.approx(expected, nan_ok=True)


@given(h.lists(h.tuples(h.integers(0, 4), h.integers(0, 4), h.booleans()), min_size=2, max_size=9))
def test_tau_b_with_some_systems_known(rows):
    a, b, estimated = np.array(rows, float).T
    estimated = estimated > 0
    expected = stats.kendalltau(np.where(estimated, a, b), b).statistic
    assert tau_b(a[None], b, estimated)[0] == pytest.approx(expected, nan_ok=True)


def test_each_row_with_its_own_truth_in_blocks(monkeypatch):
    monkeypatch.setattr("assay.numerics.orders._BLOCK", 30)
    values, truth = np.random.default_rng(0).integers(0, 4, (2, 11, 6)).astype(float)
    expected = [stats.kendalltau(a, b).statistic for a, b in zip(values, truth, strict=True)]
    assert tau_b(values, truth) == pytest.approx(expected, nan_ok=True)
