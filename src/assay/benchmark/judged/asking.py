"""People judge: which question each is asked next, and what their answers tell so far.

Next is the open pair that, once judged, takes most from the variance of the difference of the two systems' weighted means:
weight of the request x difference of the two discounts x standard deviation of a grade (numerics.verdict). Judges do not learn
which system listed what: of the pairs that matter most each judge gets the one that a hash of name and pair puts first.
"""

import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from assay.benchmark.judged.combined import agreed, by_pair
from assay.benchmark.judged.pool import Pool
from assay.benchmark.judged.record import ListsJudged, PairJudged, Record, judges_of
from assay.benchmark.keep.contents import Benchmark
from assay.errors import InputError
from assay.language import english
from assay.numerics.agreement import Agreement
from assay.numerics.hashing import hash_ids, mix
from assay.numerics.verdict import Linear, Open

OVERLAP = 0.2  # of the judged pairs, the share that two judges are asked
_AMONG = 8  # pairs that matter most, of which a judge gets one
Kind = Literal["pair", "lists"]
Ints = NDArray[np.int64]


class Question(NamedTuple):
    """What a judge is asked.

    about: of the request, text by name. item: of a pair. left, right: the items of two lists, best first.
    """

    kind: Kind
    request: str
    about: dict[str, str]
    item: str | None = None
    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()


class Progress(NamedTuple):
    """own: how many this judge answered. judged, of: pairs (or requests) that somebody judged, and all that matter.

    confidence: the probability that the system that looks better is, on these requests; None for lists.
    """

    own: int
    judged: int
    of: int
    confidence: float | None


class Preference(NamedTuple):
    """Which of two lists judges chose: wins of A, of B, alike; share of B's wins with its 95 % interval, p of the sign test.

    A request counts once: for the system that more of its judges chose. NaN where no request was won.
    """

    wins: tuple[int, int]
    alike: int
    share: float
    low: float
    high: float
    p: float


class Results(NamedTuple):
    """What was judged so far. open: of B - A in the measure; agreement: of the judges of pairs; judges: answers by name."""

    systems: tuple[str, str]
    measure: str
    pairs: int
    open: Open
    agreement: Agreement
    preference: Preference
    judges: dict[str, int]
    damaged: int


class Judging:
    """A benchmark's requests and two systems' lists, judged by people.

    Parameters
    ----------
    benchmark : Benchmark
        Requests, design weights, and the truth: pairs that it grades are not asked.
    predictions : mapping of str to table or path
        The two systems: request_id, item_id, score.
    folder : str or Path
        Where judgements are kept: see Record.
    label : str
        The benchmark's version, as Kept.label; each judgement is marked with it.
    measure : str, optional
        ndcg@k or recall@k; by default the benchmark's first.
    highest : int, optional
        The best grade, 1 to 9; by default the truth's.
    overlap : float
        The share of judged pairs that two judges are asked, 0 to 1.
    names : mapping of str to str
        What items are called, by id; others are shown by their id alone.

    Raises
    ------
    InputError
        What Pool.of and Record refuse, or an overlap that is no share.
    """

    def __init__(
        self,
        benchmark: Benchmark,
        predictions: Mapping[str, Any],
        folder: Path | str,
        *,
        label: str,
        measure: str | None = None,
        highest: int | None = None,
        overlap: float = OVERLAP,
        names: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        if not 0 <= overlap <= 1:
            raise InputError(f"overlap is {overlap}; it is a share of the pairs, 0 to 1")
        self.pool = Pool.of(benchmark, predictions, measure=measure or benchmark.measures[0], highest=highest)
        self.record = Record(folder)
        if others := {one.highest for one in self.record.graded()} - {self.pool.highest}:
            raise InputError(
                english(
                    "{name}: was judged on the scale 0 to {number}, and 0 to {number_now} is wanted now; keep the scale, or move "
                    "the file away",
                    name=self.record.path,
                    number=min(others),
                    number_now=self.pool.highest,
                )
            )
        self.label = label
        self.overlap = overlap
        self.names = names
        attributes = benchmark.attributes
        self._about = {name: attributes.column(name).cast(pa.string()).to_pylist() for name in attributes.column_names}
        self._row = {request: r for r, request in enumerate(self.pool.requests)}
        self._request_hash = hash_ids(pa.array(self.pool.requests))
        self._lock = threading.Lock()
        self._lines = -1
        self._order = self._apart()
        self._ranked = np.zeros(0, np.int64)
        self._open: Open

    @property
    def highest(self) -> int:
        """The best grade."""
        return self.pool.highest

    def next(self, judge: str, kind: Kind = "pair") -> Question | None:
        """What a judge is asked next; None when nothing is left that would change the verdict."""
        with self._lock:
            self._take_up()
            return self._next_pair(judge) if kind == "pair" else self._next_lists(judge)

    def grade(self, judge: str, request: str, item: str, grade: int | None) -> PairJudged:
        """Keep a judge's grade of a pair, durably. InputError: it is none of these pairs, or no grade of this scale."""
        if (request, item) not in self.pool.at:
            raise InputError(english("no list holds this item for this request, so it is not judged here"))
        if grade is not None and not 0 <= grade <= self.highest:
            raise InputError(english("grade {number} is none of 0 to {number_most}", number=grade, number_most=self.highest))
        judged = PairJudged(judge=judge, benchmark=self.label, request=request, item=item, grade=grade, highest=self.highest)
        with self._lock:  # nobody reads what stands while it changes
            self.record.append(judged)
        return judged

    def choose(self, judge: str, request: str, better: Literal["left", "right", "alike"]) -> ListsJudged:
        """Keep which of a request's two lists a judge finds better, durably. InputError: there is no such request."""
        if request not in self._row:
            raise InputError(english("the benchmark has no such request"))
        r = self._row[request]
        left, right = (1, 0) if self._swapped(judge, r) else (0, 1)
        judged = ListsJudged(
            judge=judge, benchmark=self.label, request=request, better=better,
            left=self.pool.systems[left], right=self.pool.systems[right],
            left_items=tuple(self.pool.lists[left][r]), right_items=tuple(self.pool.lists[right][r]),
        )  # fmt: skip
        with self._lock:  # nobody reads what stands while it changes
            self.record.append(judged)
        return judged

    def progress(self, judge: str, kind: Kind = "pair") -> Progress:
        """How far a judge and all of them are."""
        with self._lock:
            self._take_up()
            standing = self.record.standing
            if kind == "lists":
                own = [by for key, by in standing.lists.items() if key[1:] == tuple(sorted(self.pool.systems))]
                return Progress(sum(judge in by for by in own), len(own), len(self._order), None)
            matter = self._open.share != 0
            judged = int((matter & ~np.isnan(self.pool.truth)).sum())
            said = {self.pool.at[pair] for pair in self._graded() if pair in self.pool.at}
            return Progress(
                sum(judge in by for by in standing.pairs.values()), sum(bool(matter[n]) for n in said),
                int(matter.sum()) - judged, self._open.confidence,
            )  # fmt: skip

    def results(self) -> Results:
        """What was judged so far, and what it tells."""
        with self._lock:
            self._take_up()
            pairs, lists = self._pairs(), self.record.preferences(self.pool.systems)
            return Results(
                self.pool.systems, self.pool.measure, len(by_pair(pairs)), self._open, agreed(pairs),
                self._preference(lists), judges_of([*pairs, *lists]), self.record.damaged,
            )  # fmt: skip

    def _take_up(self) -> None:
        """Read what others judged, and rank the open pairs again if that is anything."""
        self.record.refresh()
        if self._lines != self.record.lines:
            self._lines = self.record.lines
            self._open = self.pool.open(self._graded())
            order = np.lexsort((self.pool.hashes, -self._open.sd))
            self._ranked = order[: np.count_nonzero(self._open.sd)]

    def _graded(self) -> dict[tuple[str, str], int]:
        return by_pair(self._pairs())

    def _pairs(self) -> list[PairJudged]:
        """Grades on the scale of this judging; another process may use another."""
        return [one for one in self.record.graded() if one.highest == self.highest]

    def _next_pair(self, judge: str) -> Question | None:
        pairs = self.record.standing.pairs
        pool = self.pool
        own = {pool.at[pair] for pair, by in pairs.items() if judge in by and pair in pool.at}
        graders = {
            pool.at[pair]: [name for name, one in by.items() if one.grade is not None]
            for pair, by in pairs.items()
            if pair in pool.at
        }
        judged = [names for names in graders.values() if names]
        single = [n for n, names in graders.items() if len(names) == 1 and n not in own]
        if single and sum(len(names) > 1 for names in judged) < self.overlap * len(judged):
            return self._pair(min(single, key=lambda n: (int(pool.hashes[n]), n)))
        among: list[int] = []
        for n in self._ranked.tolist():
            if n not in own:
                among.append(n)
                if len(among) == _AMONG:
                    break
        if not among:
            return None
        shuffled = mix(hash_ids(pa.array([judge])), pool.hashes[among])
        return self._pair(among[int(np.argmin(shuffled))])

    def _pair(self, n: int) -> Question:
        r = int(self.pool.request[n])
        return Question("pair", self.pool.requests[r], self._described(r), item=self.pool.item[n])

    def _next_lists(self, judge: str) -> Question | None:
        one, other = sorted(self.pool.systems)
        standing = self.record.standing.lists
        by_judges = [standing.get((request, one, other), {}) for request in self.pool.requests]
        single = [r for r in self._order.tolist() if len(by_judges[r]) == 1 and judge not in by_judges[r]]
        judged = sum(bool(by) for by in by_judges)
        doubled = sum(len(by) > 1 for by in by_judges)
        if single and doubled < self.overlap * judged:
            r = min(single, key=lambda r: (int(self._request_hash[r]), r))
        else:
            r = next((r for r in self._order.tolist() if not by_judges[r]), -1)
        if r < 0:
            return None
        left, right = (1, 0) if self._swapped(judge, r) else (0, 1)
        lists = [tuple(self.pool.lists[side][r]) for side in (left, right)]
        return Question("lists", self.pool.requests[r], self._described(r), left=lists[0], right=lists[1])

    def _apart(self) -> Ints:
        """Requests whose lists differ: by weight, then by how much the discounts of their items differ, then by hash."""
        pool = self.pool
        linear = Linear.of(pool.measure)
        differ = np.abs(linear.of_places(pool.places[1]) - linear.of_places(pool.places[0]))
        apart = np.bincount(pool.request, differ, len(pool.requests))
        order = np.lexsort((self._request_hash, -apart, -pool.weight))
        return order[apart[order] > 0]

    def _swapped(self, judge: str, r: int) -> bool:
        """Whether B stands on the left."""
        return bool(mix(hash_ids(pa.array([judge])), self._request_hash[r : r + 1])[0] >> np.uint64(63))

    def _described(self, r: int) -> dict[str, str]:
        return {name: values[r] for name, values in self._about.items() if values[r] is not None}

    def _preference(self, lists: list[ListsJudged]) -> Preference:
        one, other = self.pool.systems
        balance: dict[str, int] = {}
        for judged in lists:
            balance[judged.request] = balance.get(judged.request, 0) + (judged.winner == other) - (judged.winner == one)
        wins = (sum(value < 0 for value in balance.values()), sum(value > 0 for value in balance.values()))
        if not sum(wins):
            return Preference(wins, len(balance), *[float("nan")] * 4)
        test = stats.binomtest(wins[1], sum(wins))
        interval = test.proportion_ci(method="wilson")
        return Preference(
            wins, len(balance) - sum(wins), float(test.statistic), float(interval.low), float(interval.high), float(test.pvalue)
        )
