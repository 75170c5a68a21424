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


def one_hot(n=257, each=4, p=40, seed=0):
    """Rows of `each` ones, one in each stretch of columns."""
    rng = np.random.default_rng(seed)
    width = p // each
    columns = (rng.integers(0, width, (n, each)) + width * np.arange(each)).astype(np.int32)
    return sparse.csr_array((np.ones(n * each, np.float32), columns.ravel(), np.arange(0, n * each + 1, each)), shape=(n, p))


def test_rows_of_ones_give_the_same_sums_to_the_last_bit():
    X, rng = one_hot(), np.random.default_rng(1)
    b, r = rng.normal(size=40), rng.normal(size=257) * (rng.random(257) < 0.9)
    before = margins(X, b)
    assert products._ones(X).shape == (257, 4)
    plain, blocks = np.empty(257), np.zeros((16, 40))
    products._times(X.indptr, X.indices, X.data, b, plain)
    np.testing.assert_array_equal(margins(X, b), plain)
    np.testing.assert_array_equal(before, plain)
    products._transposed_times(X.indptr, X.indices, X.data, r, blocks)
    np.testing.assert_array_equal(transposed(X, r), blocks.sum(axis=0))
    np.testing.assert_allclose(margins(X, b), X.toarray() @ b, atol=1e-12)
    np.testing.assert_array_equal(margins(X, np.arange(40)), margins(X, np.arange(40.0)))


@pytest.mark.parametrize("change", ["a two", "a row of three", "many columns", "empty", "no entries"])
def test_other_rows_are_no_rows_of_ones(change):
    X = one_hot()
    if change == "a two":
        X.data[5] = 2.0
    elif change == "a row of three":
        X = sparse.csr_array((X.data[:-1], X.indices[:-1], np.append(X.indptr[:-1], X.nnz - 1)), shape=X.shape)
    elif change == "many columns":
        X = sparse.csr_array((X.data, X.indices, X.indptr), shape=(257, (1 << 16) + 1))
    elif change == "empty":
        X = X[:0]
    else:
        X = sparse.csr_array(X.shape, dtype=np.float32)
    assert products._ones(X) is None
    rng = np.random.default_rng(1)
    b, r = rng.normal(size=X.shape[1]), rng.normal(size=X.shape[0])
    np.testing.assert_allclose(margins(X, b), X @ b, atol=1e-12)
    np.testing.assert_allclose(transposed(X, r), X.T @ r, atol=1e-12)


def test_another_matrix_in_the_same_place_is_read_anew():
    for seed in range(20):
        X = one_hot(seed=seed)
        b = np.random.default_rng(seed).normal(size=40)
        np.testing.assert_allclose(transposed(X, np.arange(257.0)), X.toarray().T @ np.arange(257.0), rtol=1e-12)
        np.testing.assert_allclose(margins(X, b), X.toarray() @ b, atol=1e-12)
        del X
    several = [one_hot(seed=seed) for seed in range(9)]
    for X in several + several[::-1]:
        transposed(X, np.arange(257.0))
        np.testing.assert_allclose(margins(X, np.arange(40.0)), X.toarray() @ np.arange(40.0), atol=1e-12)
    keys = [id(X) for X in several]
    assert set(keys) <= set(products._coded)
    del X, several
    assert not set(keys) & set(products._coded)  # what is gone is forgotten
