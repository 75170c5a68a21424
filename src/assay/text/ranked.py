"""What a search gives: the best places, best first, for each query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ranked:
    """places (m, n) int64, best first, -1 where there is none; scores (m, n) float64, 0 where there is none."""

    places: NDArray[np.int64]
    scores: NDArray[np.float64]

    @classmethod
    def of(cls, lists: Sequence[tuple[NDArray[Any], NDArray[Any]]], n: int) -> "Ranked":
        """From at most n places and scores per query."""
        places, scores = np.full((len(lists), n), -1, np.int64), np.zeros((len(lists), n))
        for row, (place, score) in enumerate(lists):
            places[row, : len(place)], scores[row, : len(score)] = place, score
        return cls(places, scores)


def best(scores: NDArray[Any], n: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Places and scores of the n highest of scores (N,) above 0, highest first; of equal ones the first places."""
    places = np.flatnonzero(scores > 0)
    if len(places) > n:
        places = places[scores[places] >= np.partition(scores[places], -n)[-n]]
    places = places[np.argsort(-scores[places], kind="stable")[:n]]
    return places, scores[places]
