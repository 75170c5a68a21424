"""What unknown grades leave open of the difference of two systems, and which grade would tell most. Arrays in, arrays out.

A request's ndcg@k or recall@k is a sum over places, discount x gain, over what the best list would have. The gains of items are
known or drawn from one distribution, independent of each other. What the best list would have is taken at its expectation, which
is exact; then the difference of two systems is linear in the gains, and its mean and variance have a closed form.

Carterette, Allan and Sitaraman, "Minimal test collections for retrieval evaluation", SIGIR 2006, for average precision.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from assay.errors import InputError
from assay.numerics.names import parse

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Linear(NamedTuple):
    """A measure as a sum of discount x gain. discount (k,): by place. graded: the gain is the grade, else 1 above grade 0."""

    discount: Floats
    graded: bool

    @classmethod
    def of(cls, measure: str) -> "Linear":
        """ndcg@k or recall@k. InputError: another measure."""
        name = parse(measure)
        if name.base == "ndcg":
            return cls(1.0 / np.log2(np.arange(2, name.cut + 2)), True)
        if name.base == "recall":
            return cls(np.ones(name.cut), False)
        raise InputError(f"{measure}: what to judge next is worked out for ndcg@k and recall@k; decide on one of them")

    def gain(self, grade: Floats) -> Floats:
        """Gains of grades, of the same shape; a grade below 0 gains nothing."""
        gains: Floats = np.maximum(grade, 0.0) if self.graded else (grade > 0).astype(np.float64)
        return gains

    def of_places(self, place: Ints) -> Floats:
        """Discounts (n,) of places (n,) from 0; 0 beyond k, and for -1, which stands in no list."""
        inside = (place >= 0) & (place < len(self.discount))
        discounts: Floats = np.where(inside, self.discount[np.where(inside, place, 0)], 0.0)
        return discounts

    def best(self, relevant: Ints) -> Floats:
        """What the best list has of (n,) items of gain 1."""
        if not self.graded:
            return relevant.astype(np.float64)  # recall's denominator: all of them
        total = np.append(0.0, np.cumsum(self.discount))
        best: Floats = total[np.minimum(relevant, len(self.discount))]
        return best


def expected_best(measure: Linear, known: Floats, unknown: Ints, chance: Floats) -> Floats:
    """What the best list of each request (R,) is expected to have.

    known (R, G): how many known items have a grade of 1 or more, 2 or more, ..., G. unknown (R,): how many items are not known;
    chance (G,): of one of them to have such a grade. The best list is a sum over grades g of what the best list would have if all
    items of grade g or more had gain 1; how many there are is binomial.
    """
    steps = chance.shape[0] if measure.graded else 1
    total = np.zeros(len(unknown))
    for count in np.unique(unknown):
        rows = np.flatnonzero(unknown == count)
        more = np.arange(count + 1)
        for g in range(steps):
            share = stats.binom.pmf(more, count, chance[g])
            total[rows] += measure.best(known[rows, g].astype(np.int64)[:, None] + more) @ share
    return total


class Open(NamedTuple):
    """The difference of two systems' weighted means, B - A, where n gains are open.

    mean: of what it will be. share (n,): by how much one unit of gain moves it. sd (n,): the standard deviation that each open
    pair gives it; the variance is the sum of their squares.
    """

    mean: float
    share: Floats
    sd: Floats

    @property
    def deviation(self) -> float:
        """The standard deviation of what it will be."""
        return float(np.sqrt((self.sd**2).sum()))

    @property
    def confidence(self) -> float:
        """The probability that the system that looks better is, by the normal distribution; .5 where nothing is known."""
        deviation = self.deviation
        if deviation == 0:
            return 0.5 if self.mean == 0 else 1.0
        return float(stats.norm.cdf(abs(self.mean) / deviation))


def open_difference(
    measure: Linear,
    request: Ints,
    places: tuple[Ints, Ints],
    grade: Floats,
    chance: Floats,
    weight: Floats,
    known: Floats,
    unknown: Ints,
) -> Open:
    """What n pairs of request and item leave open.

    request (n,) below R; places: of the item in A's and in B's list (n,), from 0, -1 where it is not listed. grade (n,): NaN
    where it is open. chance (G,): of an open grade to be g or more, g from 1. weight (R,) of requests, summing to 1. known,
    unknown: as in `expected_best`, of all items of the requests.
    """
    best = expected_best(measure, known, unknown, chance)
    scale = np.divide(weight, best, out=np.zeros(len(weight)), where=best > 0)
    share = scale[request] * (measure.of_places(places[1]) - measure.of_places(places[0]))
    at_least = np.append(1.0, chance)
    probability = at_least - np.append(chance, 0.0)  # of grade 0, 1, ..., G
    gains = measure.gain(np.arange(len(at_least), dtype=np.float64))
    expected = float(probability @ gains)
    deviation = float(np.sqrt(max(probability @ gains**2 - expected**2, 0.0)))
    is_open = np.isnan(grade)
    gain = np.where(is_open, expected, measure.gain(np.where(is_open, 0.0, grade)))
    return Open(float(share @ gain), share, np.where(is_open, np.abs(share) * deviation, 0.0))
