"""Sampling from a finite population: who is drawn, and what the drawn say of the whole. Arrays in, arrays out.

N units in H strata, n_h of N_h drawn without replacement in each. Särndal, Swensson and Wretman, "Model Assisted
Survey Sampling" (1992): stratified sampling ch. 3.7, the regression estimator ch. 6.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray
from scipy import stats

from assay.numerics.hashing import Hashes, splitmix

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def allocate(population: Ints, spread: Floats, n: int, *, floor: int = 2) -> Ints:
    """How many to draw of each stratum (H,): the whole numbers that sum to n and minimise the mean's variance.

    population (H,) units per stratum, spread (H,) their standard deviation: Neyman's allocation; equal spreads give the
    proportional one. At least min(floor, N_h) and at most N_h each; ties go to the earlier stratum. A unit more in a
    stratum of n_h lowers the variance by (N_h S_h)^2 / (n_h (n_h + 1)), so the largest gains are taken, which is exact
    (Wright, "A simple method of exact optimal sample allocation", Survey Methodology 2017). ValueError: n below the sum
    of the floors or above that of the population.
    """
    least = np.minimum(population, floor)
    if not least.sum() <= n <= population.sum():
        raise ValueError(f"n is {n}; these strata take {least.sum()} at least and {population.sum()} at most")
    if not spread.any():
        spread = np.ones(len(population))
    stratum = np.repeat(np.arange(len(population)), population - least)
    steps = np.concatenate([np.arange(low, high) for low, high in zip(least, population, strict=True)])
    gain = population[stratum] * spread[stratum] / np.sqrt(np.maximum(steps * (steps + 1.0), 1e-300))
    taken = np.argsort(-gain, kind="stable")[: n - int(least.sum())]
    return np.asarray(least + np.bincount(stratum[taken], minlength=len(population)), np.int64)


def inclusion(size: Floats, n: float) -> Floats:
    """Chances (N,) of being drawn that are in proportion to size (N,) >= 0, at most 1, and sum to n (Särndal et al., 3.6.2).

    What would be above 1 is drawn for certain, and the rest shares what is left. ValueError: n is 0 or less, or above the
    number of sizes that are not 0.
    """
    order = np.argsort(-size, kind="stable")
    largest = size[order]
    if not 0 < n <= np.count_nonzero(largest):
        raise ValueError(f"n is {n}; give more than 0 and at most {np.count_nonzero(largest)}, as many as have a size")
    certain = np.arange(len(size))
    rest = np.cumsum(largest[::-1])[::-1]  # of this one and all smaller
    # The first that need not be certain: with its equals and all smaller it is at most 1.
    first = int(np.argmax(largest * (n - certain) <= rest))
    chance = np.empty(len(size))
    chance[order] = np.where(certain < first, 1.0, np.minimum(largest * ((n - first) / largest[first:].sum()), 1.0))
    return chance


@njit(cache=True, parallel=True)
def _smallest(units: Any, seeds: Any, stratum: Any, start: Any, size: Any) -> Any:
    """Rows (R, n), stratum by stratum, of the smallest hashes: a heap of each stratum, its largest on top."""
    out = np.empty((len(seeds), start[-1] + size[-1]), np.int64)
    for r in prange(len(seeds)):
        key = np.empty(out.shape[1], np.uint64)
        held = np.zeros(len(size), np.int64)
        for i in range(len(units)):
            h = stratum[i]
            k = splitmix(units[i] ^ seeds[r])
            base = start[h]
            if held[h] < size[h]:
                at = held[h]
                held[h] += 1
                while at > 0 and key[base + (at - 1) // 2] < k:
                    above = (at - 1) // 2
                    key[base + at], out[r, base + at] = key[base + above], out[r, base + above]
                    at = above
                key[base + at], out[r, base + at] = k, i
            elif size[h] > 0 and k < key[base]:
                at = 0
                while True:
                    below = 2 * at + 1
                    if below >= size[h]:
                        break
                    if below + 1 < size[h] and key[base + below + 1] > key[base + below]:
                        below += 1
                    if key[base + below] <= k:
                        break
                    key[base + at], out[r, base + at] = key[base + below], out[r, base + below]
                    at = below
                key[base + at], out[r, base + at] = k, i
        for h in range(len(size)):
            out[r, start[h] : start[h] + size[h]].sort()
    return out


def draw(units: Hashes, seeds: Hashes, stratum: Ints, size: Ints) -> Ints:
    """Rows (R, n) of R simple random draws without replacement in each stratum: its size[h] smallest hashes of unit and seed.

    units (N,) distinct hashes, seeds (R,), stratum (N,) below H, size (H,) at most N_h. Rows come stratum by stratum,
    ascending; the same units are drawn whatever the order of the rows. ValueError: a size above its stratum.
    """
    population = np.bincount(stratum, minlength=len(size))
    if (size > population).any():
        raise ValueError(f"size is {size.tolist()}; the strata hold {population.tolist()}")
    rows: Ints = _smallest(units, seeds, stratum, np.cumsum(size) - size, size)
    return rows


class Regression(NamedTuple):
    """Of R draws and M systems: value, stderr and df (R, M), residuals (R, n, M) left out one at a time, coef (R, p, M)."""

    value: Floats
    stderr: Floats
    df: Floats
    residual: Floats
    coef: Floats


def regress(
    Y: Floats, F: Floats, mean: Floats, stratum: Ints, population: Ints, *, prior: Floats, precision: Floats
) -> Regression:
    """Means of Y over the whole population by the regression estimator, with their standard errors.

    Y (R, n, M) what was measured on the drawn, F (R, n, p) their features, an intercept among them, mean (p,) the
    features' means over the population; stratum (n,) of each place, population (H,). The coefficients minimise
    sum w (y - f b)^2 + sum precision (b - prior)^2, w = n N_h / (N n_h) (1 on average); a precision of 0 leaves a
    coefficient free. value = mean b + the weighted mean of the residuals.

    stderr: residuals left out one at a time, times the calibration weight g, by stratum, with its finite-population
    correction (Särndal, Swensson and Wretman 1989, "The weighted residual technique"); df: Satterthwaite's.
    """
    n = Y.shape[1]
    drawn = np.bincount(stratum, minlength=len(population))
    weight = (population / np.maximum(drawn, 1) / population.sum())[stratum]  # sums to 1
    W = n * weight
    weighted = F * W[:, None]
    A = F.swapaxes(1, 2) @ weighted
    A += np.diag(precision)
    start = Y - (F @ prior)[:, :, None]
    inverse = np.linalg.inv(A)
    step = inverse @ (weighted.swapaxes(1, 2) @ start)
    e = start - F @ step
    value = mean @ prior + (mean @ step) + weight @ e
    reach = F @ inverse  # (R, n, p)
    leverage = (reach * weighted).sum(axis=2)
    g = 1.0 + n * ((mean - weight @ F)[:, None, :] * reach).sum(axis=2)
    residual = e / np.maximum(1.0 - leverage, 1e-6)[:, :, None]
    variance, df = stratified_variance(g[:, :, None] * residual, stratum, population)
    return Regression(value, np.sqrt(variance), df, residual, step + prior[:, None])


def stratified_variance(Y: Floats, stratum: Ints, population: Ints) -> tuple[Floats, Floats]:
    """Variance of the stratified mean and Satterthwaite's degrees of freedom, (R, M) each, of values Y (R, n, M).

    A stratum drawn whole adds nothing; one of which a single unit was drawn, without being whole, is not known: NaN.
    """
    shape = (Y.shape[0], Y.shape[2])
    variance, fourth = np.zeros(shape), np.zeros(shape)
    for h, size in enumerate(population):
        part = Y[:, stratum == h]
        n = part.shape[1]
        if n < size:
            each = (size / population.sum()) ** 2 * (1 - n / size) / n * part.var(axis=1, ddof=1)
            variance += each
            fourth += each**2 / (n - 1)
    most = max(int(len(stratum) - len(population)), 1)
    df = np.divide(variance**2, fourth, out=np.full(shape, float(most)), where=fourth > 0)
    return variance, np.minimum(df, most)


def half_width(stderr: Floats, df: Floats, confidence: float = 0.95) -> Floats:
    """Half the width of the t interval."""
    width: Floats = stats.t.ppf((1 + confidence) / 2, df) * stderr
    return width
