"""Products with sparse and dense rows against NumPy on the whole matrix."""

import numpy as np
import pytest
from scipy import sparse

from assay.numerics import products
from assay.numerics.products import add_gram, as_rows, between, dense, margins, quadratic, squares, transposed


def matrix(density, n=333, p=11, kind=np.float64):
    rng = np.random.default_rng(2)
    return (rng.normal(size=(n, p)) * (rng.random((n, p)) < density)).astype(kind)


def test_what_is_full_stays_an_array_and_what_is_empty_does_not():
    assert isinstance(as_rows(matrix(1.0)), np.ndarray)
    assert sparse.issparse(as_rows(matrix(0.2)))
    assert sparse.issparse(as_rows(np.ones((3, 2), int)))  # numbers that are counted are made floats by their checks


@pytest.mark.parametrize(("density", "kind"), [(0.3, np.float64), (1.0, np.float64), (1.0, np.float32)])
def test_products_are_those_of_the_matrix(density, kind, monkeypatch):
    monkeypatch.setattr(products, "_DENSE", 100)  # several blocks, the last one short
    X = matrix(density, kind=kind)
    rows, rng = as_rows(X), np.random.default_rng(0)
    b, d, A = rng.normal(size=11), rng.random(333), rng.normal(size=(11, 11))
    d[::7] = 0.0
    whole, A = X.astype(np.float64), A @ A.T
    lower = np.asfortranarray(np.tril(A) + np.triu(np.full((11, 11), 99.0), 1))
    out = np.zeros((11, 11))
    add_gram(rows, d, out)
    np.testing.assert_allclose(np.triu(out), np.triu(whole.T @ (whole * d[:, None])), atol=1e-11)
    np.testing.assert_allclose(margins(rows, b), whole @ b, atol=1e-12)
    np.testing.assert_allclose(transposed(rows, d), whole.T @ d, atol=1e-11)
    np.testing.assert_allclose(dense(squares(rows)), whole**2, atol=1e-12)
    np.testing.assert_allclose(quadratic(rows, lower), np.einsum("ip,pq,iq->i", whole, A, whole), rtol=1e-10)
    np.testing.assert_allclose(between(rows[:9], lower), whole[:9] @ A @ whole[:9].T, rtol=1e-9, atol=1e-10)
