"""What array functions take: each check raises a ValueError that names the argument and what was found."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from assay.numerics.hashing import hash_rows
from assay.numerics.products import Matrix, as_rows

LARGEST_AMOUNT = 1e70  # its fourth power is still a number: deviations of squared errors take it


def matrix(X: Any, name: str) -> Matrix:
    """(n, p) finite numbers: CSR in canonical form if X is sparse, else a float64 array; n, p >= 1."""
    rows: Any = as_rows(X) if sparse.issparse(X) else np.asarray(X)
    if rows.ndim != 2:
        raise ValueError(f"{name} has {rows.ndim} dimension(s); give a matrix of samples by features")
    if not rows.shape[0]:
        raise ValueError(f"{name} has no rows; a value needs samples to train on and to be measured on")
    if not rows.shape[1]:
        raise ValueError(f"{name} has no columns; give at least one feature")
    if rows.dtype.kind not in "buif":
        raise ValueError(f"{name} holds {rows.dtype}, not numbers; encode it first")
    if not sparse.issparse(rows):
        rows = np.ascontiguousarray(rows, np.float64)
    stored = rows.data if sparse.issparse(rows) else rows
    if not np.isfinite(stored).all():
        raise ValueError(f"{name} holds NaN or infinite numbers ({int((~np.isfinite(stored)).sum())}); fill or drop them first")
    return rows


def pair(X: Any, X_val: Any) -> tuple[Matrix, Matrix]:
    """Both matrices, of as many columns and of one kind: sparse if X is."""
    train, validation = matrix(X, "X"), matrix(X_val, "X_val")
    if train.shape[1] != validation.shape[1]:
        raise ValueError(f"X has {train.shape[1]} columns and X_val has {validation.shape[1]}; they must be the same features")
    if sparse.issparse(train) and not sparse.issparse(validation):
        validation = as_rows(sparse.csr_array(validation))
    if sparse.issparse(validation) and not sparse.issparse(train):
        train = as_rows(sparse.csr_array(train))
    return train, validation


def vector(y: Any, n: int, name: str, of: str) -> NDArray[Any]:
    """(n,) one entry per row of `of`, none of them NaN."""
    entries = np.asarray(y)
    if entries.ndim != 1 or len(entries) != n:
        raise ValueError(f"{name} has shape {entries.shape}; {of} has {n} rows, so give ({n},)")
    if entries.dtype.kind == "f" and not np.isfinite(entries).all():
        raise ValueError(f"{name} holds NaN or infinite numbers; every row needs a known one")
    return entries


def binary(y: Any, n: int, name: str, of: str) -> NDArray[np.int8]:
    """(n,) labels 0 or 1 as int8."""
    labels = vector(y, n, name, of)
    wrong = np.setdiff1d(np.unique(labels), [0, 1])
    if len(wrong):
        raise ValueError(f"{name} holds the label {wrong[0]}; give 0 and 1 only")
    return labels.astype(np.int8)


def amounts(y: Any, n: int, name: str, of: str) -> NDArray[np.float64]:
    """(n,) labels that are finite numbers, which squares do not carry out of range."""
    labels = vector(y, n, name, of)
    if labels.dtype.kind not in "buif":
        raise ValueError(f"{name} holds {labels.dtype}, not numbers; continuous labels are amounts")
    largest = np.abs(labels.astype(np.float64)).max()
    if largest > LARGEST_AMOUNT:
        raise ValueError(f"{name} holds numbers as large as {largest:g}; give them in a larger unit, below {LARGEST_AMOUNT:g}")
    return labels.astype(np.float64)


def weights(sample_weight: Any, n: int) -> NDArray[np.float64]:
    """(n,) finite weights of 0 or more; ones for None."""
    if sample_weight is None:
        return np.ones(n)
    entries = vector(sample_weight, n, "sample_weight", "X").astype(np.float64)
    if (entries < 0).any():
        raise ValueError(f"sample_weight holds {entries.min():g}; weights are 0 or more")
    return entries


def fold_numbers(folds: Any, m: int) -> NDArray[np.int64]:
    """(m,) fold of each validation row, numbered from 0 without a gap; zeros for None."""
    if folds is None:
        return np.zeros(m, np.int64)
    numbers = vector(folds, m, "folds", "X_val").astype(np.int64)
    if numbers.min() < 0 or (np.bincount(numbers) == 0).any():
        raise ValueError(f"folds holds the numbers {np.unique(numbers)[:8]}; number them 0, 1, 2 ... with rows in each")
    return numbers


def positive(value: Any, name: str) -> float:
    """A finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value < np.inf:
        raise ValueError(f"{name} is {value!r}; give a number above 0")
    return float(value)


def count(value: Any, name: str, least: int = 1) -> int:
    """A whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} is {value!r}; give a whole number of at least {least}")
    return int(value)


def one_of(value: Any, words: tuple[str, ...], name: str) -> str:
    """One of the known words."""
    if value not in words:
        raise ValueError(f"{name} is {value!r}; give one of {', '.join(words)}")
    return str(value)


def disjoint(X: Any, y: Any, X_val: Any, y_val: Any) -> None:
    """Refuse validation rows that are training rows: a sample's value would be measured on the sample itself.

    They are the same if the arrays share memory, or if a row of non-integer numbers and its label occur in both;
    equal rows of whole numbers (one-hot), or of a table that repeats its own rows, can be chance.
    """
    if X is X_val or (isinstance(X, np.ndarray) and isinstance(X_val, np.ndarray) and np.shares_memory(X, X_val)):
        raise ValueError("X_val is (a part of) X: validation rows must not be training rows; give later, untouched rows")
    if sparse.issparse(X) or sparse.issparse(X_val):
        return
    X, X_val = np.asarray(X, np.float64), np.asarray(X_val, np.float64)
    labels = np.unique(np.concatenate([np.asarray(y).ravel(), np.asarray(y_val).ravel()]), return_inverse=True)[1]
    ours = hash_rows(X, labels[: len(X)])
    if len(np.unique(ours)) < len(ours):
        return
    both = np.isin(hash_rows(X_val, labels[len(X) :]), ours)
    both[both] = (X_val[both] != np.rint(X_val[both])).any(axis=1)
    if both.any():
        row = int(np.flatnonzero(both)[0])
        raise ValueError(
            f"X_val: {int(both.sum())} of its rows are training rows (the first is row {row}); give rows that are not in X"
        )
