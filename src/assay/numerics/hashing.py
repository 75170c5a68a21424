"""Stable 64-bit hashing of ids: the same on every machine, engine, thread count and row order.

FNV-1a over UTF-8 bytes (Fowler, Noll, Vo; http://www.isthe.com/chongo/tech/comp/fnv/) followed by the
splitmix64 finaliser (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014),
because FNV alone leaves the high bits of short ids poorly mixed. Not for secrets.
"""

from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)


@numba.njit(cache=True)
def splitmix(h: Any) -> Any:
    """The splitmix64 output for state h (uint64 scalar, inside compiled code): a bijection of 64-bit words."""
    h = h + _GOLDEN
    h = (h ^ (h >> _S30)) * _FIRST
    h = (h ^ (h >> _S27)) * _SECOND
    return h ^ (h >> _S31)


@numba.njit(cache=True)
def _fnv1a(data: Any, offsets: Any, out: Any) -> None:
    for i in range(len(out)):
        h = _FNV_OFFSET
        for j in range(offsets[i], offsets[i + 1]):
            h = (h ^ np.uint64(data[j])) * _FNV_PRIME
        out[i] = splitmix(h)


@numba.njit(cache=True)
def _mix_into(h: Any, part: Any) -> None:
    for i in range(len(h)):
        h[i] = splitmix(h[i] ^ part[i % len(part)])


def hash_ids(ids: pa.Array | pa.ChunkedArray | NDArray[Any]) -> Hashes:
    """Hash ids (n,) of integers or text -> (n,) uint64, over the UTF-8 of their decimal or text form.

    An integer and its decimal text hash alike; text is not normalised. ValueError for a null id.
    """
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    if not isinstance(ids, pa.Array):
        ids = pa.array(ids)
    if pa.types.is_dictionary(ids.type):
        ids = ids.dictionary_decode()
    if ids.null_count:
        raise ValueError("an id is null; rows without an id must be taken out before hashing")
    text = pc.cast(ids, pa.large_string())
    _, offsets, data = text.buffers()
    out = np.empty(len(text), np.uint64)
    if len(text):
        starts = np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1]
        _fnv1a(np.frombuffer(data or b"", np.uint8), starts, out)
    return out


def mix(*parts: NDArray[Any] | int) -> Hashes:
    """One hash (n,) uint64 of several, in their order; integers and arrays of one length n are broadcast.

    Negative integers count modulo 2^64. mix(a, b) and mix(b, a) are unrelated.
    """
    arrays = [
        np.atleast_1d(np.asarray(p).astype(np.uint64) if isinstance(p, np.ndarray) else np.uint64(p % 2**64)) for p in parts
    ]
    sizes = {len(a) for a in arrays}
    length = max(sizes - {1}, default=1)
    if any(len(a) not in (1, length) for a in arrays):
        raise ValueError(f"arrays of different lengths: {sorted(sizes)}")
    h = np.zeros(length, np.uint64)
    for part in arrays:
        _mix_into(h, part)
    return h


def uniform(h: Hashes) -> NDArray[np.float64]:
    """(n,) numbers in [0, 1) from the upper 53 bits of hashes: uniform if the hashes are."""
    numbers: NDArray[np.float64] = (np.asarray(h, np.uint64) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return numbers


@numba.njit(cache=True)
def _rows_into(words: Any, out: Any) -> None:
    for i in range(words.shape[0]):
        h = out[i]
        for j in range(words.shape[1]):
            h = splitmix(h ^ words[i, j])
        out[i] = h


def hash_rows(X: NDArray[np.float64], label: NDArray[Any]) -> Hashes:
    """(n,) one hash per row of X (n, p) and its label (n,), over the bits of the numbers; -0.0 counts as 0.0."""
    out = mix(np.asarray(label).astype(np.int64))
    _rows_into((np.asarray(X, np.float64) + 0.0).view(np.uint64), out)
    return out
