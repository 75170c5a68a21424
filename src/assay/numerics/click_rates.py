"""Click rates of many things, each from few looks: a rate, an interval and a grade that do not take luck for merit.

A look is a shown item times the probability that its place is looked at. Clicks are taken as Poisson with mean rate * looks,
rates as drawn from one Gamma distribution, which all things together tell (empirical Bayes; Efron and Morris, JASA 1975).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from assay.errors import InputError

Vector = NDArray[np.float64]
LEVEL = 0.95  # of intervals
_ALIKE = 1e4  # the highest shape: rates that differ by 1 % of their mean are as good as equal
_UNLIKE = 1e-3  # the lowest
_REACH = 0.5  # the share of the scale that a graded thing's interval may reach over


@dataclass(frozen=True)
class Prior:
    """Rates before any click: a Gamma distribution worth `clicks` clicks in `looks` looks, its mean clicks / looks."""

    clicks: float
    looks: float

    def rates(self, clicks: Vector, looks: Vector) -> tuple[Vector, Vector, Vector]:
        """Posterior mean and 95 % interval (n,) of the rate of things with these clicks and looks, in clicks a look.

        The mean is the ratio estimate clicks / looks, drawn towards the prior's mean as far as looks are few. Clicks on single
        shows vary less than Poisson's: the interval is too wide where rates are high, never too narrow on that account.
        """
        shape, scale = clicks + self.clicks, 1.0 / (looks + self.looks)
        low, high = stats.gamma.ppf([[0.5 - LEVEL / 2], [0.5 + LEVEL / 2]], shape, scale=scale)
        return shape * scale, low, high


def fitted_prior(clicks: Vector, looks: Vector) -> Prior:
    """The Gamma distribution that makes the clicks (n,) of things with these looks (n,), above 0, likeliest.

    The clicks of a thing are negative binomial then; the likelihood is raised by L-BFGS. Where rates do not differ by more than
    chance, the prior is worth 10,000 clicks. InputError: no click.
    """
    if not clicks.any():
        raise InputError("nothing is clicked: no rate can be told")

    def loss(x: Vector) -> tuple[float, Vector]:
        shape, mean = np.exp(x)
        rate = shape / mean
        log = (
            special.gammaln(shape + clicks)
            - special.gammaln(shape)
            + shape * np.log(rate)
            - (shape + clicks) * np.log(rate + looks)
        )
        by_rate = shape / rate - (shape + clicks) / (rate + looks)
        by_shape = special.digamma(shape + clicks) - special.digamma(shape) + np.log(rate) - np.log(rate + looks) + by_rate / mean
        return -float(log.sum()), np.array([-shape * by_shape.sum(), rate * by_rate.sum()])

    mean = clicks.sum() / looks.sum()
    start = np.array([0.0, np.log(mean)])
    bounds = [(np.log(_UNLIKE), np.log(_ALIKE)), (start[1] - 10, start[1] + 10)]
    shape, mean = np.exp(optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500}).x)
    return Prior(float(shape), float(shape / mean))


def graded(
    group: NDArray[np.integer], rates: tuple[Vector, Vector, Vector], sure: NDArray[np.bool_], grades: int
) -> NDArray[np.int8]:
    """(n,) grades from 0 to `grades` of things, against the best of their group; -1 where there is too little to tell.

    group (n,) codes from 0. rates: estimate and interval. sure (n,): things that may be graded, and be the best. A grade is
    the estimate's share of the group's best one, in grades + 1 equal steps. No grade: a thing that is not sure, one of a group
    without a sure thing, and one whose interval reaches over more than half of the scale.
    """
    best = np.zeros(int(group.max(initial=-1)) + 1)
    np.maximum.at(best, group[sure], rates[0][sure])
    step = best[group] / (grades + 1)
    told = sure & (step > 0)
    grade, lowest, highest = (np.sum([rate >= k * step for k in range(1, grades + 1)], axis=0) for rate in rates)
    return np.where(told & (highest - lowest <= _REACH * grades), grade, -1).astype(np.int8)
