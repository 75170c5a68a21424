"""EASE, the linear autoencoder (Steck, WWW 2019), in closed form, and loops over its scores and its interactions.

G = X'X + l2 I, P = G^-1, B_ij = -P_ij / P_jj with a zero diagonal; scores of histories H are H B.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import blas, lapack

Matrix = NDArray[np.float64]
GRAIN = 1e-11  # of a history's sum: scores are rounded to it, so that what ties by the formula ties in floats
MOST_ITEMS = 20_000  # beyond this the dense inverse no longer fits a small machine


def gram_inverse(X: sparse.csr_array, l2: float) -> Matrix:
    """(I, I) P = (X'X + l2 I)^-1, symmetric; ValueError when it is singular to working precision.

    X (U, I). Time I^3, or U I^2 where users are fewer than items: P = (I - X'(XX' + l2 I)^-1 X) / l2 (Woodbury).
    """
    fewer = X.shape[0] < X.shape[1] and l2 > 0
    G = np.asarray((X @ X.T if fewer else X.T @ X).toarray(), np.float64)
    G.flat[:: len(G) + 1] += l2
    # Lower of the users' and upper of the items' matrix; what LAPACK leaves of the other half is zeros.
    factor, info = lapack.dpotrf(G, lower=fewer, clean=1, overwrite_a=1)
    if info == 0 and fewer:
        half, info = lapack.dtrtrs(factor, X.toarray(order="F"), lower=1, overwrite_b=1)
        factor = blas.dsyrk(-1.0 / l2, half, trans=1)
        factor.flat[:: len(factor) + 1] += 1.0 / l2
    elif info == 0:
        factor, info = lapack.dpotri(factor, lower=0, overwrite_c=1)
    if info != 0:
        raise ValueError(f"l2 is {l2}: the items' Gram matrix is singular; raise it")
    factor.flat[:: len(factor) + 1] *= 0.5
    return np.asarray(factor + factor.T)


def weights(P: Matrix, dtype: type = np.float64) -> NDArray[Any]:
    """(I, I) B from P, in the given floats."""
    B = np.divide(P, -np.diag(P), out=np.empty(P.shape, dtype), casting="same_kind")
    np.fill_diagonal(B, 0.0)
    return B


@numba.njit(cache=True)
def _rank_discounts(score, inside, k, order, discount):  # type: ignore[no-untyped-def]
    # 1 / log2(rank + 1) of the candidates down to rank k, equal scores averaged; order: candidates by falling score.
    count = 0
    for i in range(score.size):
        discount[i] = 0.0
        if inside[i]:
            order[count] = i
            count += 1
    order[:count] = order[:count][np.argsort(-score[order[:count]], kind="mergesort")]
    at = 0
    while at < min(count, k):
        end = at
        total = 0.0
        while end < count and score[order[end]] == score[order[at]]:
            total += 1.0 / np.log2(end + 2.0) if end < k else 0.0
            end += 1
        for i in range(at, end):
            discount[order[i]] = total / (end - at)
        at = end
    return count


@numba.njit(cache=True)
def _mark(items, history, repeats, inside, target):  # type: ignore[no-untyped-def]
    inside[:] = True
    target[:] = False
    if not repeats:
        for i in history:
            inside[i] = False
    for i in items:
        target[i] = True


@numba.njit(cache=True, parallel=True)
def pair_slopes(S, history, targets, rows, repeats, k, temperature, slopes, gaps):  # type: ignore[no-untyped-def]
    """slopes (b, I): slope of the pairwise loss by the scores S (b, I) of the histories `rows`.

    The loss of a user sums |delta NDCG@k| log(1 + exp(-(s_target - s_other) / temperature)) over pairs of a target and
    another candidate. gaps (b, 2): sum and number of the squared score gaps of those pairs; with temperature 0 that is
    all. history, targets: (indptr, indices) of the validation users. repeats: whether history items are candidates.
    """
    for r in numba.prange(len(rows)):
        v = rows[r]
        items = targets[1][targets[0][v] : targets[0][v + 1]]
        score = S[r]
        inside, target = np.empty(score.size, np.bool_), np.empty(score.size, np.bool_)
        order, discount = np.empty(score.size, np.int64), np.empty(score.size)
        _mark(items, history[1][history[0][v] : history[0][v + 1]], repeats, inside, target)
        count = _rank_discounts(score, inside, k, order, discount)
        ideal = 0.0
        for rank in range(min(items.size, k)):
            ideal += 1.0 / np.log2(rank + 2.0)
        for i in items:
            for c in range(count):
                j = order[c]
                if target[j] or discount[j] == discount[i]:
                    if discount[i] == 0.0 and discount[j] == 0.0:
                        break  # neither this one nor those after it are in the list
                    continue
                gap = score[i] - score[j]
                gaps[r, 0] += gap * gap
                gaps[r, 1] += 1.0
                if temperature > 0.0:
                    pull = abs(discount[i] - discount[j]) / ideal / (1.0 + np.exp(gap / temperature)) / temperature
                    slopes[r, i] -= pull
                    slopes[r, j] += pull


@numba.njit(cache=True)
def _user_ndcg(score, items, history, repeats, k, inside, target):  # type: ignore[no-untyped-def]
    # By the ranks of the targets alone: how many candidates are above, and how many level.
    _mark(items, history, repeats, inside, target)
    total = 0.0
    for i in items:
        above = level = 0
        for j in range(score.size):
            if inside[j]:
                above += score[j] > score[i]
                level += score[j] == score[i]
        for rank in range(above, min(above + level, k)):
            total += 1.0 / np.log2(rank + 2.0) / level
    ideal = 0.0
    for rank in range(min(items.size, k)):
        ideal += 1.0 / np.log2(rank + 2.0)
    return total / ideal


@numba.njit(cache=True, parallel=True)
def ndcg(S, history, targets, rows, repeats, k, out):  # type: ignore[no-untyped-def]
    """out (b,): NDCG@k of the validation users `rows` under scores S (b, I), tied scores averaged over their orders."""
    for r in numba.prange(len(rows)):
        v = rows[r]
        inside, target = np.empty(S.shape[1], np.bool_), np.empty(S.shape[1], np.bool_)
        items = targets[1][targets[0][v] : targets[0][v + 1]]
        out[r] = _user_ndcg(S[r], items, history[1][history[0][v] : history[0][v + 1]], repeats, k, inside, target)


@numba.njit(cache=True, parallel=True)
def without_user(diagonal, HP, H, p, h, history, targets, repeats, k, out):  # type: ignore[no-untyped-def]
    """out (V,): NDCG@k of every validation user when a training user x is gone; p (I,) = P x, h = x'p; diagonal (I,) of P.

    P' = P + p p' / (1 - h); the scores are H - (H P') / diag(P'), column by column. H in CSR parts with data.
    """
    items_count = p.size
    scale = 1.0 / (1.0 - h)
    for v in numba.prange(HP.shape[0]):
        low, high = H[0][v], H[0][v + 1]
        dot = size = 0.0
        for a in range(low, high):
            dot += H[2][a] * p[H[1][a]]
            size += H[2][a]
        score = np.empty(items_count)
        for j in range(items_count):
            score[j] = -(HP[v, j] + dot * p[j] * scale) / (diagonal[j] + p[j] * p[j] * scale)
        for a in range(low, high):
            score[H[1][a]] += H[2][a]
        if size > 0.0:
            score = np.rint(score / (GRAIN * size)) * (GRAIN * size)
        inside, target = np.empty(items_count, np.bool_), np.empty(items_count, np.bool_)
        items = targets[1][targets[0][v] : targets[0][v + 1]]
        out[v] = _user_ndcg(score, items, history[1][history[0][v] : history[0][v + 1]], repeats, k, inside, target)


def interaction_values(X: sparse.csr_array, xp: Matrix, P: Matrix, xm: Matrix, M: Matrix) -> Matrix:
    """(nnz,) first-order change of the loss without each interaction, exact in P (a rank-two update).

    xp, xm (nnz,): entries of XP and XM where X has one; P, M (I,) the diagonals.
    """
    x, squared = X.data, X.data**2
    user = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    own_p, own_m = squared * P[X.indices], squared * M[X.indices]
    # The user without the interaction, x' = x_u - x e_i: products of e_i x with x', and of x' with itself.
    m = x * xm - own_m
    pp = np.bincount(user, x * xp)[user] - 2.0 * x * xp + own_p
    mm = np.bincount(user, x * xm)[user] - 2.0 * x * xm + own_m
    cross, last = x * xp - own_p - 1.0, 1.0 + pp
    return np.asarray((last * own_m - 2.0 * cross * m + own_p * mm) / (own_p * last - cross * cross))


def csr_parts(X: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """indptr and indices."""
    return X.indptr, X.indices
