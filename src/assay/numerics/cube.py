"""The cube method: a draw with given chances whose weighted totals are those of the population. Arrays in, arrays out.

Deville and Tillé, "Efficient balanced sampling: the cube method" (Biometrika 2004); the flight works on a few units at a
time, as in Chauvet and Tillé, "A fast algorithm for balanced sampling" (Computational Statistics 2006). Where they solve
for a new direction at every step, the inverse of a basis is carried along, as the revised simplex method does: a step
takes p^2 operations, and columns that depend on one another need no care.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assay.numerics.compiled import announce
from assay.numerics.hashing import Hashes, splitmix

Floats = NDArray[np.float64]

# Below it a chance is 0, an entry of a direction is none; columns are scaled to 1 at most.
_TINY = 1e-9
# Pivots after which the inverse is computed anew, so that rounding does not pile up.
_FRESH = 1000


def cube(balance: Floats, inclusion: Floats, order: Hashes) -> NDArray[np.bool_]:
    """Which units are drawn (N,): unit k with chance inclusion[k], sums kept as far as whole units allow.

    balance (N, p) float64: over the drawn, the sums of balance / inclusion are nearly the columns' sums over all N; nearly,
    because in the end the columns are given up one by one, from the last, until every unit is in or out. inclusion (N,) in
    [0, 1] is itself a column, given up last: as many are drawn as it sums to, or a next whole number. order (N,) uint64:
    hashes of the units, from which all chance comes; the same hashes draw the same units whatever the order of the rows
    (equal hashes: the earlier row first). Takes N p^2 operations. ValueError: shapes that do not fit, a chance out of range.
    """
    chance = np.array(inclusion, np.float64)
    if balance.ndim != 2 or not len(balance) == len(chance) == len(order):
        raise ValueError(f"balance has shape {balance.shape}, inclusion {chance.shape}, order {order.shape}; give N rows of each")
    if not ((chance >= 0) & (chance <= 1)).all():
        raise ValueError("inclusion has chances below 0, above 1 or NaN")
    if not np.isfinite(balance).all():
        raise ValueError("balance has entries that are NaN or infinite")
    turn = np.argsort(order, kind="stable")
    turn = turn[(chance[turn] > _TINY) & (chance[turn] < 1 - _TINY)]
    announce(_walk)
    _walk(np.ascontiguousarray(balance, np.float64), chance, turn, np.bitwise_xor.reduce(order, initial=np.uint64(0)))
    drawn: NDArray[np.bool_] = chance > 0.5
    return drawn


@njit(cache=True)
def _scales(balance: Any, chance: Any, turn: Any) -> Any:
    """The largest size (p,) of each column of balance / chance."""
    scale = np.zeros(balance.shape[1])
    for k in turn:
        for j in range(len(scale)):
            scale[j] = max(scale[j], abs(balance[k, j]) / chance[k])
    return np.where(scale > 0, scale, 1.0)


@njit(cache=True)
def _row(balance: Any, chance: Any, scale: Any, entering: Any) -> Any:
    """Scaled columns (q,) of a unit whose chance has not moved, or of a slack: the chances' own, of ones, is the first."""
    row = np.zeros(len(scale) + 1)
    if entering < 0:
        row[-1 - entering] = 1.0
    else:
        row[0] = 1.0
        row[1:] = balance[entering] / (chance[entering] * scale)
    return row


@njit(cache=True)
def _in_basis(row: Any, inverse: Any) -> Any:
    """The weights (q,) by which the basis makes up a row."""
    w = np.zeros(len(row))
    for j in range(len(row)):
        if row[j] != 0.0:
            w += row[j] * inverse[j]
    return w


@njit(cache=True)
def _pivot(inverse: Any, w: Any, place: Any) -> None:
    """The transposed inverse (q, q) when the column that is w (q,) in its basis takes a place in it."""
    for k in range(len(w)):
        if inverse[k, place] != 0.0:
            share = inverse[k, place] / w[place]
            for i in range(len(w)):
                inverse[k, i] -= share * w[i]
            inverse[k, place] = share


@njit(cache=True)
def _held_slack(w: Any, basis: Any, held: Any) -> Any:
    """The place of the slack that w would move most though its column is held; -1 if it moves none."""
    pivot, most = -1, _TINY
    for i in range(len(w)):
        if basis[i] < 0 and held[-1 - basis[i]] and abs(w[i]) > most:
            pivot, most = i, abs(w[i])
    return pivot


@njit(cache=True)
def _room(w: Any, basis: Any, chance: Any, entering: Any) -> Any:
    """How far the entering one can go up and down, and the places of those that stop it (-1: it stops itself)."""
    up, down, stops_up, stops_down = np.inf, np.inf, -1, -1
    if entering >= 0:
        up, down = 1.0 - chance[entering], chance[entering]
    for i in range(len(w)):
        if basis[i] >= 0 and abs(w[i]) > _TINY:
            below, above = chance[basis[i]] / abs(w[i]), (1.0 - chance[basis[i]]) / abs(w[i])
            if w[i] < 0:
                below, above = above, below
            if below < up:
                up, stops_up = below, i
            if above < down:
                down, stops_down = above, i
    return up, down, stops_up, stops_down


@njit(cache=True)
def _walk(balance: Any, chance: Any, turn: Any, seed: Any) -> None:
    """Walk the chances (N,), in place, to 0 or 1: flight over the units in their turn, then landing.

    The basis has a place for each of q = p + 1 columns, held by a unit that is still open or by the column's slack (written
    -1 - column). Entering one by one, a unit either takes the place of a slack or moves against the basis until someone is
    at 0 or 1. In the landing the slacks enter, from the last column: what may move then is the column's sum.
    """
    q = balance.shape[1] + 1
    scale = _scales(balance, chance, turn)
    rows = np.eye(q)  # of the basis
    inverse = np.eye(q)  # of rows, that is, the basis's transposed
    basis = -1 - np.arange(q)
    held = np.ones(q, np.bool_)
    pivots = 0
    for step in range(len(turn) + q):
        entering = turn[step] if step < len(turn) else step - len(turn) - q  # a unit, or -1 - column, last column first
        if entering < 0:
            held[-1 - entering] = False
            if (basis == entering).any():
                continue
        row = _row(balance, chance, scale, entering)
        w = _in_basis(row, inverse)
        place = _held_slack(w, basis, held)
        if place < 0:
            # Someone stops a slack: the units' entries in its column sum to 1 when weighted by w.
            up, down, place, stops_down = _room(w, basis, chance, entering)
            number = np.float64(splitmix(seed + np.uint64(step)) >> np.uint64(11)) * 2.0**-53
            move = up
            if number * (up + down) >= down:
                move, place = -down, stops_down
            if entering >= 0:
                chance[entering] = _rounded(chance[entering] + move)
            for i in range(q):
                if basis[i] >= 0:
                    chance[basis[i]] = _rounded(chance[basis[i]] - move * w[i])
            if place < 0:
                continue
            chance[basis[place]] = np.round(chance[basis[place]])
        _pivot(inverse, w, place)
        basis[place], rows[place] = entering, row
        pivots += 1
        if pivots % _FRESH == 0:
            inverse[:] = np.linalg.inv(rows)


@njit(cache=True)
def _rounded(chance: Any) -> Any:
    """A chance; one that rounding alone keeps from 0 or 1 is there."""
    if chance < _TINY:
        return 0.0
    return 1.0 if chance > 1.0 - _TINY else chance
