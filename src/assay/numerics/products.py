"""Products with rows of a design matrix: sparse (CSR) or dense arrays, the same functions for both.

Every sum over sparse rows runs in a fixed order, so results do not depend on threads. Dense rows are taken in blocks of a fixed
size; float32 rows are summed in float64. Rows of as many ones each (one-hot columns and bins) are read as 16-bit column numbers,
a quarter of the bytes; the sums are the same to the last bit.
"""

import weakref
from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import blas

Vector = NDArray[np.float64]
Matrix = Any  # a CSR array or a dense one of floats
_BLOCKS = 16  # fixed, so that sums over rows have one order whatever the number of threads
_DENSE = 8_192  # dense rows taken at a time
_FULL = 0.5  # share of entries from which a dense array is not worth a sparse one
_COLUMNS = 1 << 16  # that 16 bits tell apart
_coded: dict[int, NDArray[np.uint16] | None] = {}  # column numbers of the matrices that live and were fitted on, by their id


@numba.njit(cache=True, parallel=True)
def _times(indptr, indices, data, b, out):  # type: ignore[no-untyped-def]
    for i in numba.prange(indptr.size - 1):
        total = 0.0
        for a in range(indptr[i], indptr[i + 1]):
            total += data[a] * b[indices[a]]
        out[i] = total


@numba.njit(cache=True, parallel=True)
def _transposed_times(indptr, indices, data, r, out):  # type: ignore[no-untyped-def]
    n = indptr.size - 1
    for block in numba.prange(out.shape[0]):
        for i in range(block * n // out.shape[0], (block + 1) * n // out.shape[0]):
            if r[i] != 0.0:
                for a in range(indptr[i], indptr[i + 1]):
                    out[block, indices[a]] += data[a] * r[i]


@numba.njit(cache=True, parallel=True)
def _times_ones(columns, b, out):  # type: ignore[no-untyped-def]
    # Four rows side by side: one row's additions wait for each other, in their order.
    n, k = columns.shape
    for four in numba.prange((n + 3) // 4):
        i = 4 * four
        if i + 4 <= n:
            first = second = third = last = 0.0
            for a in range(k):
                first += b[columns[i, a]]
                second += b[columns[i + 1, a]]
                third += b[columns[i + 2, a]]
                last += b[columns[i + 3, a]]
            out[i], out[i + 1], out[i + 2], out[i + 3] = first, second, third, last
        else:
            for row in range(i, n):
                total = 0.0
                for a in range(k):
                    total += b[columns[row, a]]
                out[row] = total


@numba.njit(cache=True, parallel=True)
def _transposed_times_ones(columns, r, out):  # type: ignore[no-untyped-def]
    n = columns.shape[0]
    for block in numba.prange(out.shape[0]):
        for i in range(block * n // out.shape[0], (block + 1) * n // out.shape[0]):
            if r[i] != 0.0:
                for a in range(columns.shape[1]):
                    out[block, columns[i, a]] += r[i]


def _ones(X: sparse.csr_array) -> NDArray[np.uint16] | None:
    """(n, k) columns of the ones of each row, where all rows have k of them and nothing else; None for any other matrix.

    They are kept as long as the matrix is, which must not change.
    """
    key = id(X)
    if key not in _coded:
        rows, each = X.shape[0], int(X.indptr[1]) if X.shape[0] else 0
        alike = each > 0 and X.shape[1] <= _COLUMNS and X.nnz == each * rows and bool((np.diff(X.indptr) == each).all())
        ones = alike and bool((X.data == 1).all())
        _coded[key] = X.indices.reshape(rows, each).astype(np.uint16) if ones else None
        weakref.finalize(X, _coded.pop, key, None)
    return _coded[key]


@numba.njit(cache=True, parallel=True)
def _gram(indptr, indices, data, d, bounds, out):  # type: ignore[no-untyped-def]
    # A stripe of output rows belongs to one thread: no second p x p buffer, one order of summation.
    for stripe in numba.prange(bounds.size - 1):
        low, high = bounds[stripe], bounds[stripe + 1]
        for i in range(indptr.size - 1):
            if d[i] == 0.0:
                continue
            end = indptr[i + 1]
            for a in range(indptr[i], end):
                j = indices[a]
                if low <= j < high:
                    scaled = d[i] * data[a]
                    for b in range(a, end):
                        out[j, indices[b]] += scaled * data[b]


@numba.njit(cache=True, parallel=True)
def _quadratic(indptr, indices, data, upper, out):  # type: ignore[no-untyped-def]
    for i in numba.prange(indptr.size - 1):
        end = indptr[i + 1]
        total = 0.0
        for a in range(indptr[i], end):
            row = upper[indices[a]]
            cross = 0.0
            for b in range(a + 1, end):
                cross += row[indices[b]] * data[b]
            total += data[a] * (data[a] * row[indices[a]] + 2.0 * cross)
        out[i] = total


@numba.njit(cache=True, parallel=True)
def _between(indptr, indices, data, upper, out):  # type: ignore[no-untyped-def]
    for i in numba.prange(out.shape[0]):
        for k in range(i, out.shape[0]):
            total = 0.0
            for a in range(indptr[i], indptr[i + 1]):
                for b in range(indptr[k], indptr[k + 1]):
                    low, high = indices[a], indices[b]
                    total += data[a] * data[b] * upper[min(low, high), max(low, high)]
            out[i, k] = total


def as_rows(X: Matrix) -> Matrix:
    """(n, p) matrix as CSR with sorted, unique column indices, or X itself where it is so already; an array of which more than
    half the entries are no zeros stays one."""
    rows: Any = X
    if isinstance(rows, np.ndarray) and rows.dtype.kind == "f" and np.count_nonzero(rows) > _FULL * rows.size:
        return np.ascontiguousarray(rows)
    if not (sparse.issparse(rows) and rows.format == "csr"):
        rows = sparse.csr_array(rows)
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return rows


def _blocks(X: NDArray[np.floating]) -> Iterator[tuple[slice, Vector]]:
    for low in range(0, len(X), _DENSE):
        at = slice(low, low + _DENSE)
        yield at, np.asarray(X[at], np.float64)


def margins(X: Matrix, b: Vector) -> Vector:
    """(n,) X @ b."""
    out = np.empty(X.shape[0])
    if isinstance(X, np.ndarray):
        for at, block in _blocks(X):
            out[at] = block @ b
    elif (columns := _coded.get(id(X))) is not None:  # of a fit; what is only predicted is not worth the memory
        _times_ones(columns, np.asarray(b, np.float64), out)
    else:
        _times(X.indptr, X.indices, X.data, b, out)
    return out


def transposed(X: Matrix, r: Vector) -> Vector:
    """(p,) X' @ r, summed in a fixed order."""
    if isinstance(X, np.ndarray):
        whole = np.zeros(X.shape[1])
        for at, block in _blocks(X):
            whole += block.T @ r[at]
        return whole
    out = np.zeros((_BLOCKS, X.shape[1]))
    if (columns := _ones(X)) is not None:
        _transposed_times_ones(columns, np.asarray(r, np.float64), out)
    else:
        _transposed_times(X.indptr, X.indices, X.data, r, out)
    return np.asarray(out.sum(axis=0))


def squares(X: Matrix) -> Matrix:
    """(n, p) entries squared, in float64."""
    if isinstance(X, np.ndarray):
        return np.square(X, dtype=np.float64)
    return sparse.csr_array((X.data.astype(np.float64) ** 2, X.indices, X.indptr), shape=X.shape)


def dense(X: Matrix) -> Vector:
    """A few rows as a float64 array."""
    return np.asarray(X if isinstance(X, np.ndarray) else X.toarray(), np.float64)


def add_gram(X: Matrix, d: Vector, out: Vector) -> None:
    """Add X' diag(d) X, d >= 0, to the upper triangle of out (p, p), in C order."""
    if isinstance(X, np.ndarray):
        for at, block in _blocks(X):
            scaled = block * np.sqrt(d[at])[:, None]
            blas.dsyrk(1.0, scaled.T, beta=1.0, c=out.T, lower=1, overwrite_c=1)
    else:
        _gram(X.indptr, X.indices, X.data, d, _stripes(X), out)


def quadratic(X: Matrix, lower: Vector) -> Vector:
    """(n,) x_i' A x_i, A (p, p) symmetric, of which the lower triangle is meant, in Fortran order."""
    out = np.empty(X.shape[0])
    if isinstance(X, np.ndarray):
        for at, block in _blocks(X):
            out[at] = np.einsum("pi,ip->i", blas.dsymm(1.0, lower, block.T, lower=1), block)
    else:
        _quadratic(X.indptr, X.indices, X.data, lower.T, out)
    return out


def between(X: Matrix, lower: Vector) -> Vector:
    """(n, n) x_i' A x_k of a few rows; A as in `quadratic`."""
    if isinstance(X, np.ndarray):
        few = dense(X)
        return np.asarray(few @ blas.dsymm(1.0, lower, few.T, lower=1))
    out = np.empty((X.shape[0], X.shape[0]))
    _between(X.indptr, X.indices, X.data, lower.T, out)
    low = np.tril_indices(len(out), -1)
    out[low] = out.T[low]
    return out


def _stripes(X: sparse.csr_array, count: int = 8) -> NDArray[np.int64]:
    """Column bounds that give each stripe about as many stored entries."""
    entries = np.concatenate(([0], np.cumsum(np.bincount(X.indices, minlength=X.shape[1]))))
    bounds = np.searchsorted(entries, np.linspace(0, entries[-1], count + 1)[1:-1])
    return np.unique(np.concatenate(([0], bounds, [X.shape[1]]))).astype(np.int64)
