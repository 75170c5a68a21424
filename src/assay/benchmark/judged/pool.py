"""The pairs of request and item that two systems list, and what their unknown grades leave open of which system is better."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.benchmark.board.side_by_side import top_items
from assay.benchmark.inputs import numbers
from assay.benchmark.judged.record import MOST_GRADE
from assay.benchmark.keep.contents import REQUEST, Benchmark
from assay.errors import InputError
from assay.language import english
from assay.numerics.hashing import Hashes, hash_ids, mix
from assay.numerics.names import parse
from assay.numerics.verdict import Linear, Open, open_difference

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """What two systems list for R requests, ids as text.

    systems: their names, A and B. requests: R ids; weight (R,) sums to 1. lists: of A and of B, R lists of items each, best
    first. request (n,), item (n,): the pairs that some list holds, in order of request and item. places: of each pair in A's and
    in B's list, from 0, -1 where it is not there. truth (n,): the benchmark's grade, NaN where it has none. elsewhere (R,
    highest): how many items that no list holds have a grade of 1 or more, 2 or more, ... highest: the best grade of the scale.
    """

    measure: str
    highest: int
    systems: tuple[str, str]
    requests: list[str]
    weight: Floats
    lists: tuple[list[list[str]], list[list[str]]]
    request: Ints
    item: list[str]
    places: tuple[Ints, Ints]
    truth: Floats
    elsewhere: Floats

    @classmethod
    def of(cls, benchmark: Benchmark, predictions: Mapping[str, Any], *, measure: str, highest: int | None = None) -> Self:
        """From two systems' predictions (request_id, item_id, score) for a benchmark's requests, each a path or a table.

        highest: by default the truth's highest grade. InputError: not two systems, a measure that is none of ndcg@k and
        recall@k, or grades of the truth that are no whole numbers up to `highest`.
        """
        if len(predictions) != 2:
            raise InputError(
                english("{number} system(s) are given; to judge, give two: --system NAME=FILE for each", number=len(predictions))
            )
        Linear.of(measure)
        truth = numbers(benchmark.truth, "grade", "truth")
        most = max(int(truth.max()), 1) if highest is None else highest
        if not 1 <= most <= MOST_GRADE:
            raise InputError(
                english(
                    "the highest grade is {number}; to judge with keys it must be 1 to {number_most}",
                    number=most,
                    number_most=MOST_GRADE,
                )
            )
        if (truth % 1 != 0).any() or truth.max() > most:
            wrong = truth[(truth % 1 != 0) | (truth > most)][0]
            raise InputError(
                english(
                    "truth has the grade {number}; people judge in whole grades from 0 to {number_most}: give one scale",
                    number=f"{wrong:g}",
                    number_most=most,
                )
            )
        tables = benchmark.cut(predictions)[0]
        ids = benchmark.requests.column(REQUEST).combine_chunks()
        k = parse(measure).cut
        lists = []
        for name, table in tables.items():
            items, listed = top_items(table, ids, f"system {name!r}", k)
            ends = np.cumsum(listed.sum(axis=1))
            texts = items.to_pylist()
            lists.append([texts[start:end] for start, end in zip(np.append(0, ends[:-1]), ends, strict=True)])
        requests = ids.cast(pa.string()).to_pylist()
        known = _known(benchmark.truth, truth, requests)
        pairs: list[tuple[int, str]] = []
        elsewhere = np.zeros((len(requests), most))
        for r, both in enumerate(zip(*lists, strict=True)):
            shown = {*both[0], *both[1]}
            pairs += [(r, item) for item in sorted(shown)]
            for item, grade in known[r].items():
                if item not in shown:
                    elsewhere[r] += np.arange(1, most + 1) <= grade
        if not pairs:
            raise InputError(english("the systems list nothing for the benchmark's requests; compare the ids"))
        one, other = tables
        return cls(
            measure, most, (one, other), requests, _weights(benchmark), (lists[0], lists[1]),
            np.array([r for r, _ in pairs]), [item for _, item in pairs], (_places(lists[0], pairs), _places(lists[1], pairs)),
            np.array([known[r].get(item, np.nan) for r, item in pairs]), elsewhere,
        )  # fmt: skip

    @cached_property
    def at(self) -> dict[tuple[str, str], int]:
        """The row of each pair (request, item)."""
        return {(self.requests[r], item): n for n, (r, item) in enumerate(zip(self.request.tolist(), self.item, strict=True))}

    @cached_property
    def hashes(self) -> Hashes:
        """(n,) a stable hash of each pair."""
        return mix(hash_ids(pa.array(self.requests))[self.request], hash_ids(pa.array(self.item)))

    def graded(self, judged: Mapping[tuple[str, str], int]) -> Floats:
        """(n,) grades: what people said, else the truth's; NaN where neither knows."""
        grade = self.truth.copy()
        for pair, said in judged.items():
            if pair in self.at:
                grade[self.at[pair]] = said
        return grade

    def open(self, judged: Mapping[tuple[str, str], int]) -> Open:
        """What is open of B - A when people judged some pairs.

        An open grade is taken to be drawn as people's grades of this pool are, with each grade counted once more.
        """
        said = np.array([grade for pair, grade in judged.items() if pair in self.at], np.int64)
        counts = np.bincount(said, minlength=self.highest + 1) + 1.0
        chance = (counts[::-1].cumsum()[::-1] / counts.sum())[1:]
        grade = self.graded(judged)
        is_open = np.isnan(grade)
        R = len(self.requests)
        known = self.elsewhere.copy()
        for g in range(1, self.highest + 1):
            known[:, g - 1] += np.bincount(self.request[~is_open & (grade >= g)], minlength=R)
        unknown = np.bincount(self.request[is_open], minlength=R)
        return open_difference(Linear.of(self.measure), self.request, self.places, grade, chance, self.weight, known, unknown)


def _known(table: pa.Table, grade: Floats, requests: list[str]) -> list[dict[str, float]]:
    """The truth's grades of each request's items, none below 0."""
    known: list[dict[str, float]] = [{} for _ in requests]
    row = {request: r for r, request in enumerate(requests)}
    ids, items = (pc.cast(table.column(name), pa.string()).to_pylist() for name in (REQUEST, "item_id"))
    for request, item, value in zip(ids, items, grade.tolist(), strict=True):
        known[row[request]][item] = max(value, 0.0)
    return known


def _weights(benchmark: Benchmark) -> Floats:
    """(R,) design weights, or equal ones."""
    if "weight" not in benchmark.requests.column_names:
        return np.full(len(benchmark), 1.0 / len(benchmark))
    weight = numbers(benchmark.requests, "weight", "requests")
    shares: Floats = weight / weight.sum()
    return shares


def _places(lists: list[list[str]], pairs: list[tuple[int, str]]) -> Ints:
    place = [{item: p for p, item in enumerate(items)} for items in lists]
    return np.array([place[r].get(item, -1) for r, item in pairs], np.int64)
