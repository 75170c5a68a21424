"""The inverse Gram matrix, held both ways, against numpy's inverse; a loss's slope against finite differences."""

import numpy as np
import pytest
from scipy import sparse

from assay.numerics.gram import ByItems, ByUsers, inverse_gram

HELD = pytest.mark.parametrize("held", [ByItems, ByUsers])


def problem(seed=0, users=12, items=20):
    rng = np.random.default_rng(seed)
    X = (rng.random((users, items)) < 0.3) * rng.integers(1, 4, (users, items)).astype(float)
    X[3], X[:, 5] = 0, 0
    H = (rng.random((9, items)) < 0.3).astype(float)
    return X, H, rng.normal(size=H.shape)


def scores(G, H):
    P = np.linalg.inv(G)
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    return H @ B


@HELD
def test_products_are_those_of_the_inverse(held):
    X, H, D = problem()
    P = np.linalg.inv(X.T @ X + 2.5 * np.eye(20))
    found = held(sparse.csr_array(X), 2.5)
    np.testing.assert_allclose(found.diagonal, np.diag(P), rtol=1e-12)
    np.testing.assert_allclose(found.entries, (X @ P)[np.nonzero(X)], rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(found.times(D), D @ P, atol=1e-12)
    np.testing.assert_allclose(found.times(sparse.csr_array(H)), H @ P, atol=1e-13)
    for u in (0, 3, 11):
        np.testing.assert_allclose(found.user(u), P @ X[u], atol=1e-14)


@HELD
@pytest.mark.parametrize("rows", [9, 4])
def test_the_slope_by_the_gram_matrix_against_finite_differences(held, rows):
    X, H, D = problem(1)
    G, step = X.T @ X + 2.5 * np.eye(20), 1e-5
    M = np.empty((20, 20))
    for i in range(20):
        for j in range(20):
            change = np.zeros((20, 20))
            change[i, j] += step / 2
            change[j, i] += step / 2
            M[i, j] = (D * (scores(G + change, H) - scores(G - change, H))).sum() / (2 * step)
    S = scores(G, H)
    blocks = [(sparse.csr_array(H[a : a + rows]), D[a : a + rows], S[a : a + rows]) for a in range(0, 9, rows)]
    entries, diagonal = held(sparse.csr_array(X), 2.5).adjoint(iter(blocks))
    np.testing.assert_allclose(diagonal, np.diag(M), atol=1e-8 * np.abs(M).max())
    np.testing.assert_allclose(entries, (X @ M)[np.nonzero(X)], atol=1e-8 * np.abs(X @ M).max())


def test_the_smaller_way_is_taken_where_it_keeps_its_digits():
    X = sparse.csr_array(problem()[0])
    assert isinstance(inverse_gram(X, 2.5), ByUsers)
    assert isinstance(inverse_gram(X, 1e-3), ByItems)
    assert isinstance(inverse_gram(sparse.csr_array(X.T), 2.5), ByItems)
