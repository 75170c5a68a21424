"""Lists with a known share of chance: which item stands where, and how likely it was to stand there.

A model ranks M items; the first n are shown. With the chance e the list is changed; as often by a swap as by a draw:

- a swap: two neighbours change places. There are m = min(n, M - 1) pairs of neighbours, the ranks (1, 2), (2, 3) ... (m, m + 1),
  and each is as likely. Where M is above n, the last pair brings in the item just below the list.
- a draw: n of the M items, in any order, each as likely.

So the item of rank r stands at position k, both from 1, with the propensity

    P(r, k) = (1 - e) [r = k] + e / 2 S(r, k) + e / 2 / M
    S(r, k) = 1 - ([r <= m] + [2 <= r <= m + 1]) / m   where k = r
              1 / m                                     where k = r + 1 and r <= m, or k = r - 1 and 2 <= r <= m + 1
              0                                         elsewhere

for k up to n. Each position shows one item: P(., k) adds up to 1. Where e is above 0, every one of the M items may stand at every
position, so that any ranker of these items can be valued by what this one showed. A list of one item has no neighbours and
nothing to draw: its propensity is 1.

One item's propensity at one position is what estimators take that add up clicks item by item: a click hangs on the item and its
position, not on what stands around it (Li, Abbasi-Yadkori, Kveton et al., "Offline evaluation of ranking policies with click
models", KDD 2018). The propensity of a whole list is another thing, and is not kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.numerics.hashing import hash_ids, mix, uniform

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Exploration:
    """How lists are changed by chance. chance: in [0, 1], of a list to be changed; 0: none is. seed: with a list's id, it decides
    which lists are changed, and how. InputError: a chance outside [0, 1].
    """

    chance: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.chance <= 1:
            raise InputError(f"explore is {self.chance}; give the share of lists that chance may change, from 0 to 1, as 0.05")

    def ranks(self, list_ids: Sequence[str], ranked: int, shown: int) -> Ints:
        """(L, n) ranks from 0 of the items at the positions of L lists; n = min(shown, ranked).

        ranked: items of each ranking, at least 1, of which `shown` are shown. The same seed, id and numbers give the same ranks.
        """
        lists, length = len(list_ids), min(shown, ranked)
        ranks = np.broadcast_to(np.arange(length), (lists, length)).copy()
        pairs = min(length, ranked - 1)
        if not pairs or not lists:
            return ranks
        stem = mix(hash_ids(list(list_ids)), self.seed)
        changed = uniform(mix(stem, 1)) < self.chance
        swapped = uniform(mix(stem, 2)) < 0.5
        self._swap(ranks, np.flatnonzero(changed & swapped), stem, pairs)
        drawn = np.flatnonzero(changed & ~swapped)
        if len(drawn):
            by_chance = np.stack([mix(stem[drawn], 4, rank) for rank in range(ranked)], axis=1)
            ranks[drawn] = np.argsort(by_chance, axis=1, kind="stable")[:, :length]
        return ranks

    @staticmethod
    def _swap(ranks: Ints, rows: Ints, stem: NDArray[np.uint64], pairs: int) -> None:
        """Let two neighbours of each of some rows change places."""
        first = np.minimum((uniform(mix(stem[rows], 3)) * pairs).astype(np.int64), pairs - 1) if len(rows) else rows
        ranks[rows, first] = first + 1
        inside = first + 1 < ranks.shape[1]
        ranks[rows[inside], first[inside] + 1] = first[inside]

    def propensities(self, ranked: int, shown: int) -> Floats:
        """(M, n) the probability of the item of each rank to stand at each position, by the formula on top."""
        length = min(shown, ranked)
        pairs = min(length, ranked - 1)
        untouched = np.eye(ranked, length)
        if not pairs:
            return untouched
        rank = np.arange(ranked)
        of_pairs = (rank < pairs).astype(np.int64) + ((rank >= 1) & (rank <= pairs))
        swapped = untouched * (1 - of_pairs / pairs)[:, None]
        for first in range(pairs):
            swapped[first + 1, first] += 1 / pairs
            if first + 1 < length:
                swapped[first, first + 1] += 1 / pairs
        return np.asarray((1 - self.chance) * untouched + self.chance / 2 * (swapped + 1 / ranked))
