"""Requests that two tests have in common: those with the same truth, so that scores on them can be compared."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from assay.benchmark.inputs import alike, codes
from assay.errors import InputError
from assay.language import english
from assay.serving.boards import Test

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Shared:
    """a, b (R,): places of the shared requests in both tests, in order of a.

    only_a, only_b: requests of one alone. other_truth: requests of both that have another truth in each, and are left out.
    other_candidates: shared ones for which other items may be ranked.
    """

    a: Ints
    b: Ints
    only_a: int = 0
    only_b: int = 0
    other_truth: int = 0
    other_candidates: int = 0

    @classmethod
    def of(cls, a: Test, b: Test) -> Self:
        """What two tests share; all of one test with itself. InputError: nothing."""
        if a is b:
            every = np.arange(len(a.benchmark))
            return cls(every, every)
        column, ids = alike(a.benchmark.requests.column("request_id"), b.benchmark.requests.column("request_id").combine_chunks())
        place = codes(column, ids)
        both = np.flatnonzero(place >= 0)
        same = a.truth_marks[both] == b.truth_marks[place[both]]
        rows = both[same]
        if not len(rows):
            raise InputError(
                english(
                    "{test} and {test_other} share no request with the same truth, so that nothing can be compared",
                    test=a.of,
                    test_other=b.of,
                )
            )
        others = int((a.candidate_marks[rows] != b.candidate_marks[place[rows]]).sum())
        return cls(rows, place[rows], len(place) - len(both), len(ids) - len(both), int((~same).sum()), others)

    def notes(self, a: str, b: str) -> list[str]:
        """What limits a comparison of systems of two places, in sentences."""
        notes = []
        if self.only_a or self.only_b:
            notes.append(
                english(
                    "Compared on the {number} requests that both have; {name} has {number_more} others, "
                    "{name_other} {number_other}.",
                    number=f"{len(self.a):,}",
                    name=a,
                    number_more=f"{self.only_a:,}",
                    name_other=b,
                    number_other=f"{self.only_b:,}",
                )
            )
        if self.other_truth:
            other = f"{self.other_truth:,}"
            notes.append(english("Left out, because another truth is kept in each: {number} of their requests.", number=other))
        if self.other_candidates:
            other = f"{self.other_candidates:,}"
            notes.append(english("For {number} of the compared requests each was given other items to rank.", number=other))
        return notes
