"""Semivalues by their definition: the utility of every subset, and a weighted mean of marginal contributions."""

import math
from functools import cache

import numpy as np
from scipy.special import beta


@cache
def subsets(n):
    """(2^n, n) membership."""
    return ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(bool)


def semivalue(utility, n, kind="shapley", a=1.0, b=1.0):
    """(n,) values of the game whose utility (2^n,) is by bit mask."""
    utility = np.asarray(utility, float)
    size = subsets(n).sum(axis=1)
    weight = {
        "shapley": [math.factorial(s) * math.factorial(n - 1 - s) / math.factorial(n) for s in range(n)],
        "banzhaf": [2.0 ** (1 - n)] * n,
        "loo": [0.0] * (n - 1) + [1.0],
        "beta": [beta(b + s, a + n - 1 - s) / beta(a, b) for s in range(n)],
    }[kind]
    out = np.empty(n)
    for i in range(n):
        without = np.flatnonzero(~subsets(n)[:, i])
        out[i] = np.array(weight)[size[without]] @ (utility[without | (1 << i)] - utility[without])
    return out


def top_k(order, contribution, k):
    """(2^n,) sums of what the k first members contribute; order: players, first comes first."""
    inside = subsets(len(order))[:, order]
    counted = inside & (np.cumsum(inside, axis=1) <= k)
    return counted @ np.asarray(contribution, float)[order]


def tied_orders(distance):
    """Every order of the players by distance, ties in all ways."""
    from itertools import permutations, product

    groups = [list(np.flatnonzero(distance == d)) for d in np.unique(distance)]
    for choice in product(*(permutations(group) for group in groups)):
        yield np.array([i for group in choice for i in group], int)
