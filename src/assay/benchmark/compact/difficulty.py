"""What systems that were scored on every request say of one that was not: how hard each request is, and in which way."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WIDTH = 14  # columns of the features, at most
_COMPONENTS = WIDTH - 2
_ROUNDING = 1e-10  # of all variance: a component below it is none
_STEADY = 1e-4  # least variance of the slope on the mean: a new system's is never quite known
_TINY = 1e-300


def checked(scores: ArrayLike, least: int = 2) -> Floats:
    """Scores (S, N) as float64. InputError: NaN, fewer than `least` systems or two requests, or equal throughout."""
    matrix = np.asarray(scores, np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"scores has {matrix.ndim} dimension(s); give a matrix of systems by requests")
    if matrix.shape[0] < least:
        raise InputError(f"{matrix.shape[0]} system(s): this needs at least {least} that were scored on all requests")
    if matrix.shape[1] < 2:
        raise InputError(f"{matrix.shape[1]} request(s): there is nothing to choose from")
    unknown = ~np.isfinite(matrix)
    if unknown.any():
        s, i = np.argwhere(unknown)[0]
        raise InputError(
            f"{unknown.sum()} score(s) are NaN or infinite, the first of system {s} on request {i}; give one to each, 0 if missed"
        )
    if (np.ptp(matrix, axis=1) == 0).all():
        raise InputError("every system's scores are equal on all requests; one request says as much as all, check the measure")
    return matrix


def grouped(families: ArrayLike | None, systems: int) -> Ints:
    """Codes (S,) of families; every system is its own family where none are given. ValueError: another length."""
    if families is None:
        return np.arange(systems)
    names = np.asarray(families)
    if names.shape != (systems,):
        raise ValueError(f"families has shape {names.shape}; scores has {systems} systems, so give ({systems},)")
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def codes(users: ArrayLike, requests: int) -> Ints:
    """Codes (N,) from 0 of users. ValueError: another length."""
    names = np.asarray(users)
    if names.shape != (requests,):
        raise ValueError(f"users has shape {names.shape}; scores has {requests} requests, so give ({requests},)")
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class Features:
    """Features (N, p) of the requests, and what a system's coefficients on them are likely to be.

    Column 0 is 1, column 1 the mean score of the families, then components of what sets systems apart, of variance 1.
    prior (p,): the expected coefficients; spread (p,): their variances, infinite for the intercept.
    """

    matrix: Floats
    prior: Floats
    spread: Floats


def features(scores: Floats, family: Ints) -> Features:
    """Features of the requests from source systems' scores (S, N) and their families (S,), each family counting alike."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    gram = centred @ centred.T / scores.shape[1]
    share, loading, values = _components(gram, family)
    mean = (share[:, None] * scores).sum(axis=0)  # in order of system: the same bits in any order of the requests
    slope = gram @ share / max(share @ gram @ share, _TINY)
    matrix = np.vstack([np.ones(scores.shape[1]), mean, loading.T @ centred]).T
    prior = np.concatenate([[0.0, 1.0], np.zeros(len(values))])
    spread = np.concatenate([[np.inf, max(share @ (slope - 1.0) ** 2, _STEADY)], values])
    return Features(np.ascontiguousarray(matrix), prior, spread)


def _components(gram: Floats, family: Ints) -> tuple[Floats, Floats, Floats]:
    """Weights (S,) of the mean, loadings (S, K) of the components and their variances (K,), from covariances (S, S)."""
    share = 1.0 / np.bincount(family)[family]
    share /= share.sum()
    apart = np.sqrt(share)[:, None] * (np.eye(len(share)) - share)
    values, vectors = np.linalg.eigh(apart @ gram @ apart.T)
    kept = np.argsort(-values, kind="stable")[:_COMPONENTS]
    kept = kept[values[kept] > _ROUNDING * max(np.trace(gram), _TINY)]
    vectors = vectors[:, kept]
    vectors = vectors * np.sign(vectors[np.argmax(np.abs(vectors), axis=0), np.arange(len(kept))])
    return share, apart.T @ vectors / np.sqrt(values[kept]), values[kept]


def residuals(scores: Floats, family: Ints) -> Floats:
    """What (S, N) the other families leave unexplained of each system, on all requests: least squares, families left out.

    With one family its systems are left out one at a time. All is linear in the scores, so that only their covariances
    are worked on until the end.
    """
    if len(np.unique(family)) < 2:
        family = np.arange(len(scores))
    centred = scores - scores.mean(axis=1, keepdims=True)
    gram = centred @ centred.T / scores.shape[1]
    maker = np.eye(len(scores))
    for k in np.unique(family):
        inside = family == k
        rest = np.flatnonzero(~inside)
        share, loading, _ = _components(gram[np.ix_(rest, rest)], np.unique(family[rest], return_inverse=True)[1])
        L = np.column_stack([share, loading])
        explained = np.linalg.lstsq(L.T @ gram[np.ix_(rest, rest)] @ L, L.T @ gram[np.ix_(rest, inside)], rcond=None)[0]
        maker[np.ix_(rest, inside)] = -L @ explained
    return np.asarray(maker.T @ centred)
