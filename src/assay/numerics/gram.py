"""The inverse Gram matrix P = (X'X + l2 I)^-1 of users by items, and a loss's slope by X'X, over the entries of X.

By items: P itself, I x I. By users, where they are fewer: P = (I - X'Y) / l2 with Y = (XX' + l2 I)^-1 X = XP, by Woodbury's
identity, so that nothing is ever I x I. A loss gives blocks of (H, D, S): histories (b, I) sparse, slopes (b, I) of the loss by
their scores, and the scores S = H B of EASE, B_ij = -P_ij / P_jj off the diagonal. With Q = diag(q) - H'D / diag(P) its slope by
X'X is M = -P (Q + Q') P / 2; q makes the diagonals of B and of H'D count for nothing.
"""

from collections.abc import Iterable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from assay.numerics.autoencoder import gram_inverse

Matrix = NDArray[np.float64]
Blocks = Iterable[tuple[Any, Matrix, Matrix]]
_LOSS = 1e3  # an item's squared entries over l2: by users M loses the square of it, 1e-10 of M remains


def inverse_gram(X: sparse.csr_array, l2: float) -> "ByItems | ByUsers":
    """P, held in the smaller way that keeps its digits."""
    squares = np.bincount(X.indices, X.data**2, minlength=X.shape[1])
    few = X.shape[0] < X.shape[1] and squares.max() <= _LOSS * l2
    return ByUsers(X, l2) if few else ByItems(X, l2)


class ByItems:
    """P as a matrix: diagonal (I,) of P, entries (nnz,) of XP where X has one."""

    def __init__(self, X: sparse.csr_array, l2: float) -> None:
        self._X, self._P = X, gram_inverse(X, l2)
        self.diagonal = np.diag(self._P).copy()
        self.entries = self._at_entries(self._P)

    def _at_entries(self, A: Matrix) -> Matrix:
        out = np.empty(self._X.nnz)
        _products(self._X.indptr, self._X.indices, self._X.data, A, out)
        return out

    def times(self, A: Any) -> Matrix:
        """(b, I) A P of rows A (b, I), sparse or dense."""
        return np.asarray(A @ self._P)

    def user(self, u: int) -> Matrix:
        """(I,) P x of row u of X."""
        at = slice(self._X.indptr[u], self._X.indptr[u + 1])
        return np.ascontiguousarray(self._P[self._X.indices[at]].T @ self._X.data[at])

    def adjoint(self, blocks: Blocks) -> tuple[Matrix, Matrix]:
        """(nnz,) entries of XM where X has one, and (I,) the diagonal of M."""
        Q, pull = np.zeros_like(self._P), np.zeros(len(self._P))
        for H, D, S in blocks:
            Q += H.T @ D
            pull += np.einsum("ij,ij->j", D, S)
        Q /= -self.diagonal
        np.fill_diagonal(Q, -pull / self.diagonal)
        M = self._P @ Q
        np.matmul(M, self._P, out=Q)
        np.add(Q, Q.T, out=M)
        M *= -0.5
        return self._at_entries(M), np.diag(M).copy()


class ByUsers:
    """P through Y = XP (U, I): diagonal (I,) of P, entries (nnz,) of Y where X has one."""

    def __init__(self, X: sparse.csr_array, l2: float) -> None:
        self._X, self._l2 = X, l2
        G = np.asarray((X @ X.T).toarray(), np.float64)
        G.flat[:: len(G) + 1] += l2
        factor = linalg.cho_factor(G, lower=True, overwrite_a=True, check_finite=False)
        # In Fortran's order, Y' is in C's: products of sparse matrices with it copy nothing.
        self._Y = np.asarray(linalg.cho_solve(factor, X.toarray(order="F"), overwrite_b=True, check_finite=False))
        self._row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        self.entries = self._Y[self._row, X.indices]
        self.diagonal = (1.0 - self._over_users(self.entries)) / l2

    def _over_users(self, entries: Matrix) -> Matrix:
        # (I,) X_ui A_ui summed over u, A given where X has an entry.
        return np.asarray(np.bincount(self._X.indices, self._X.data * entries, self._X.shape[1]), np.float64)

    def times(self, A: Any) -> Matrix:
        """(b, I) A P of rows A (b, I), sparse or dense."""
        scores = (A @ self._X.T).toarray() if sparse.issparse(A) else (self._X @ A.T).T
        out = scores @ self._Y
        np.subtract(A.toarray() if sparse.issparse(A) else A, out, out=out)
        out /= self._l2
        return np.asarray(out)

    def user(self, u: int) -> Matrix:
        """(I,) P x of row u of X."""
        return np.ascontiguousarray(self._Y[u])

    def adjoint(self, blocks: Blocks) -> tuple[Matrix, Matrix]:
        """(nnz,) entries of XM where X has one, and (I,) the diagonal of M."""
        X, Y = self._X, self._Y
        own, pull, N = np.zeros(X.shape[1]), np.zeros(X.shape[1]), np.zeros_like(Y)
        for H, D, S in blocks:
            D = D / self.diagonal
            own += H.multiply(D).sum(axis=0)
            pull += np.einsum("ij,ij->j", D, S)
            N -= (H @ Y.T).T @ D
            N -= (H.T @ (D @ Y.T)).T
        N += 2.0 * (own - pull) * Y  # now Y (Q + Q')
        rows = -0.5 * self.times(N)[self._row, X.indices]
        # Both sides of P (Q + Q') P by Woodbury's identity need no more than these entries.
        half = (-pull - 0.5 * self._over_users(N[self._row, X.indices])) / self._l2
        return rows, -(half + self._over_users(rows)) / self._l2


@numba.njit(cache=True, parallel=True)
def _products(indptr, indices, data, A, out):  # type: ignore[no-untyped-def]
    # out (nnz,): entries of X A where X has one.
    for u in numba.prange(indptr.size - 1):
        for a in range(indptr[u], indptr[u + 1]):
            out[a] = 0.0
            for b in range(indptr[u], indptr[u + 1]):
                out[a] += A[indices[a], indices[b]] * data[b]
