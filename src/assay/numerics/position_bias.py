"""Position bias of clicks: how likely each place of a list is looked at, and weights that undo it.

A click needs a look and an appeal: P(click) = examination(place) * relevance(query, item). Only ratios of examination can be
known from clicks, so that the first place always has 1. Places from the 50th are taken together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse
from scipy.sparse.csgraph import connected_components

from assay.errors import InputError

Vector = NDArray[np.float64]
Places = NDArray[np.integer]
DEEPEST = 50
_MOST_RELEVANT = 0.99  # a mean relevance of 1 would leave nothing of what is not clicked
_LEAST = 1e-3  # of the first place's examination: no place counts as never looked at


@dataclass(frozen=True)
class Examination:
    """examination (K,) of places 1 to K against the first, 1 there; rows (K,) that it was learnt from; method in words."""

    examination: Vector
    rows: NDArray[np.int64]
    method: str

    def of(self, place: Places) -> Vector:
        """(n,) examination of places from 1; deeper ones have the last's, an unknown one (below 1) NaN."""
        chance = self.examination[np.clip(place, 1, len(self.examination)) - 1]
        return np.where(np.asarray(place) < 1, np.nan, chance)

    def weights(self, place: Places, label: NDArray[np.generic], clip: float = 10.0) -> Vector:
        """(n,) sample weights: w = min(1 / examination, clip) for positives, (1 - r) / (1 - r / w) for the others.

        Clipped inverse propensity scoring (Joachims, Swaminathan and Schnabel, WSDM 2017): a sum over clicks weighed so is, up
        to one factor, the sum over all relevant items that were shown, but for what the clip cuts off (bias for variance). An
        item that is not clicked may not have been looked at: its weight is the probability that it is not relevant (Wang et
        al.'s expectation step) with r the mean relevance, sum of w over positives / n, over that at the first place. So a row
        counts as much wherever it stood. Where the place is unknown the weight is 1.
        """
        positive = np.asarray(label) > 0
        inverse = np.minimum(1.0 / self.of(place), clip)
        finite = np.isfinite(inverse)
        relevance = min(float((inverse * positive)[finite].sum()) / max(int(finite.sum()), 1), _MOST_RELEVANT)
        return np.where(finite, np.where(positive, inverse, (1.0 - relevance) / (1.0 - relevance / inverse)), 1.0)


def effective_size(weight: Vector) -> float:
    """(sum w)^2 / sum w^2 (Kish): as many equal rows would say as much as these; 0 without any."""
    weight = np.asarray(weight, np.float64)
    return float(weight.sum() ** 2 / (weight @ weight)) if weight.any() else 0.0


def randomised(place: Places, click: NDArray[np.generic], propensity: Vector) -> Examination:
    """From places that were drawn at random with a known probability: clicks a look, weighed by 1 / propensity.

    place (n,) from 1, click (n,) 0 or 1, propensity (n,) in (0, 1]: rows without one (NaN) are left out. InputError: none has,
    or the first place has no click.
    """
    place, clicks = np.minimum(place, DEEPEST), np.asarray(click, np.float64)
    used = np.isfinite(propensity) & (place >= 1)
    if not used.any():
        raise InputError("no shown item has a place and a propensity; map both, or estimate: position_bias = 'harvested'")
    at, weight = place[used] - 1, 1.0 / propensity[used]
    clicked, shown = np.bincount(at, weight * clicks[used]), np.bincount(at, weight)
    return _relative(
        np.divide(clicked, shown, out=np.full(len(shown), np.nan), where=shown > 0), np.bincount(at), "randomised places"
    )


def harvested(pair: NDArray[np.integer], place: Places, click: NDArray[np.generic]) -> Examination:
    """From items that stood in several places for one query: AllPairs (Agarwal et al., WSDM 2019).

    pair (n,) codes of (query, item), place (n,) from 1, click (n,) 0 or 1. For every two places, the click rates of the pairs
    that stood in both are fitted by examination times a mean relevance of these pairs. It takes for granted that a pair's
    relevance does not change with its place (an item that sinks as it goes out of season breaks that). A place that no chain
    of pairs ties to the first has the examination of the one before it. InputError: no pair stood in two places.
    """
    used = np.asarray(place) >= 1
    pair, place, click = np.asarray(pair)[used], np.minimum(np.asarray(place)[used], DEEPEST), np.asarray(click, np.float64)[used]
    size = int(place.max(initial=0))
    cell, row = np.unique(pair.astype(np.int64) * (DEEPEST + 1) + place, return_inverse=True)
    rate = np.bincount(row, click) / np.bincount(row)
    of, at = np.unique(cell // (DEEPEST + 1), return_inverse=True)[1], cell % (DEEPEST + 1) - 1
    shape = (int(of.max(initial=-1)) + 1, size)
    has = sparse.csr_array((np.ones(len(cell)), (of, at)), shape=shape)
    clicks = sparse.csr_array((rate, (of, at)), shape=shape)
    both = (has.T @ has).toarray()
    np.fill_diagonal(both, 0)
    if not both.any():
        raise InputError("no item stood in two places for one query: nothing to harvest; use position_bias = 'regression'")
    won = (clicks.T @ has).toarray() * (both > 0)  # [k, l]: clicks at k, one per pair, of the pairs that stood in k and l
    return _tied_to_first(_all_pairs(won, both - won), both, np.bincount(place - 1, minlength=size))


def _all_pairs(won: Vector, lost: Vector) -> Vector:
    """(K,) examination that makes won (K, K) and lost likeliest: sum won log(p r) + lost log(1 - p r), r (K, K) symmetric."""
    size = len(won)
    upper = np.triu_indices(size, 1)

    def split(x: Vector) -> tuple[Vector, Vector]:
        r = np.zeros((size, size))
        r[upper] = x[size:]
        return _sigmoid(x[:size])[:, None], _sigmoid(r + r.T)

    def loss(x: Vector) -> tuple[float, Vector]:
        p, r = split(x)
        chance = np.clip(p * r, 1e-12, 1 - 1e-12)
        value = -(won * np.log(chance) + lost * np.log1p(-chance)).sum() + 0.5e-6 * (x @ x)
        slope = lost * chance / (1 - chance) - won
        by_pair = slope * (1 - r)
        return float(value), np.concatenate(((slope * (1 - p)).sum(axis=1), (by_pair + by_pair.T)[upper])) + 1e-6 * x

    least = optimize.minimize(loss, np.zeros(size + len(upper[0])), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return np.asarray(split(least.x)[0][:, 0])


def _tied_to_first(examination: Vector, both: Vector, rows: NDArray[np.int64]) -> Examination:
    _, part = connected_components(both > 0, directed=False)
    return _relative(np.where(part == part[0], examination, np.nan), rows, "intervention harvesting (AllPairs)")


def regression_em(place: Places, click: NDArray[np.generic], X: sparse.csr_array, l2: float = 1.0) -> Examination:
    """From features that tell relevance: the maximum that regression EM climbs to (Wang et al., WSDM 2018), found directly.

    place (n,) from 1, click (n,) 0 or 1, X (n, p) features that do not say the place. P(click) = sigmoid(a_place) *
    sigmoid(x'b); the likelihood of all clicks, less (l2 / 2) |b|^2, is raised by L-BFGS, which needs fewer passes than
    expectation and maximisation in turn. As good as the features: what they do not explain of why good items stand first is
    taken for examination. InputError: no row has a place, no click, or nothing but clicks.
    """
    used = np.flatnonzero(np.asarray(place) >= 1)
    at, click = np.minimum(np.asarray(place)[used], DEEPEST) - 1, np.asarray(click, np.float64)[used]
    if not click.any() or click.all():
        raise InputError("places are told from clicks, but no shown item with a place is clicked, or every one")
    X = sparse.csr_array(X[used], dtype=np.float64)
    rows = np.bincount(at)

    def loss(x: Vector) -> tuple[float, Vector]:
        a, b = x[: len(rows)], x[len(rows) :]
        p, relevant = _sigmoid(a)[at], _sigmoid(X @ b)
        chance = np.clip(p * relevant, 1e-12, 1 - 1e-12)
        value = -(click @ np.log(chance) + (1 - click) @ np.log1p(-chance)) + 0.5 * l2 * (b @ b) + 0.5e-3 * (a @ a)
        slope = (1 - click) * chance / (1 - chance) - click
        by_place = np.bincount(at, slope * (1 - p), minlength=len(rows)) + 1e-3 * a
        return float(value), np.concatenate((by_place, X.T @ (slope * (1 - relevant)) + l2 * b))

    least = optimize.minimize(loss, np.zeros(len(rows) + X.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return _relative(np.where(rows > 0, _sigmoid(least.x[: len(rows)]), np.nan), rows, "regression EM")


def _relative(examination: Vector, rows: NDArray[np.int64], method: str) -> Examination:
    """Against the first place; places that nothing is known of take the one before."""
    if not np.isfinite(examination[0]) or examination[0] <= 0:
        raise InputError(f"{method}: the first place has no click, so that nothing can be told against it; bring a longer log")
    relative = np.maximum(examination / examination[0], _LEAST)
    last = np.maximum.accumulate(np.where(np.isfinite(relative), np.arange(len(relative)), 0))
    return Examination(relative[last], rows, method)


def _sigmoid(x: Vector) -> Vector:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))
