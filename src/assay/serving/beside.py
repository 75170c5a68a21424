"""Two systems side by side: what tells them apart over all requests and by slice, and their lists for one request."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.benchmark.attributes import KEYS, attribute
from assay.benchmark.board.comparison import compare, compare_groups
from assay.benchmark.board.scoreboard import Scoreboard
from assay.errors import InputError, NotThereError, did_you_mean
from assay.language import english
from assay.numerics.linearised import POOLED
from assay.numerics.names import is_beyond
from assay.numerics.statistics import holm
from assay.pages.beside import (
    BesideRequest,
    ComparePage,
    Difference,
    DifferingRequest,
    OneList,
    PlacedItem,
    PlacedScore,
    SliceDifference,
    System,
)
from assay.serving.boards import NOT_KEPT, Ordered, Test
from assay.serving.shared import Shared

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Order = Literal["apart", "better", "worse"]

A, B = 0, 1
MEASURE = "ndcg@10"


@dataclass(frozen=True)
class Side:
    """A system, and what it was tested on. where: a run's name or a benchmark's label. tests: of the same requests, each with
    another run, whose models may rank them; the first is as good as any where no ranking is asked for."""

    where: str
    system: str
    tests: tuple[Test, ...]

    @property
    def about(self) -> System:
        """As it is shown."""
        return System(address=f"{_plain(self.where)}/{_plain(self.system)}", where=self.where, system=self.system)

    @property
    def test(self) -> Test:
        """What it was tested on."""
        return self.tests[0]

    def ordered(self, request: str) -> Ordered | None:
        """All that it ranks for a request, by the first run that can tell; None: not kept."""
        lists = (test.ordered(self.system, test.place(request)) for test in self.tests)
        return next((ordered for ordered in lists if ordered is not None), None)


def sides(places: Mapping[str, Sequence[Test]]) -> list[Side]:
    """All systems of all places; places where none was scored have none."""
    every = []
    for where, tests in places.items():
        scored = tuple(test for test in tests if test.benchmark.scores is not None)
        every += [Side(where, system, scored) for system in (scored[0].scores.systems if scored else ())]
    return every


def side(every: Sequence[Side], address: str) -> Side:
    """The system of an address: `place/system`; of the first place that has it where there is no place.

    NotThereError: there is none.
    """
    for one in every:
        if one.about.address == address:
            return one
    bare = unquote(address) if "/" not in address else ""
    for one in every:
        if one.system == bare:
            return one
    names = [one.about.address for one in every] + [one.system for one in every]
    close = did_you_mean(address, names)
    raise NotThereError(
        english("no system is called {name}{hint}; /api/systems lists them", name=repr(address[:120]), hint=close)
    )


def pair(places: Mapping[str, Sequence[Test]], a: str | None = None, b: str | None = None) -> tuple[Side, Side]:
    """Two systems by their addresses; by default b is the best of the first place that has two, and a the best of the others.

    NotThereError as `side`. InputError: there are no two systems.
    """
    every = sides(places)
    if len(every) < 2:
        raise InputError(
            english(
                "{number} system(s) were scored here, and side by side are two: serve a run that ranks, or a benchmark on which "
                "systems were scored: --benchmark FOLDER",
                number=len(every),
            )
        )
    one, other = (None if address is None else side(every, address) for address in (a, b))
    known = one or other
    best = _best_first(every, known.where if known is not None else None)
    if other is None:
        other = next(own for own in best if one is None or own.about != one.about)
    if one is None:
        one = next(own for own in best if own.about != other.about)
    return one, other


def _best_first(every: Sequence[Side], where: str | None) -> list[Side]:
    """All systems, those of a place first, by default of the first with two; there the best first."""
    counts = Counter(own.where for own in every)
    first = where or next((name for name, number in counts.items() if number > 1), every[0].where)
    there = [own for own in every if own.where == first]
    rank = {line.system: place for place, line in enumerate(there[0].test.board().leaders)}
    return sorted(there, key=lambda own: rank.get(own.system, len(rank))) + [own for own in every if own.where != first]


def _plain(name: str) -> str:
    """A part of an address."""
    return name.replace("%", "%25").replace("/", "%2F")


class Beside:
    """Two systems on the requests that both were scored on. board: their scores there, a first.

    InputError: both are one system, or they share no request or no measure that a single request has.
    """

    def __init__(self, a: Side, b: Side) -> None:
        if a.about == b.about:
            raise InputError(english("a and b are both {name}; choose two systems", name=repr(a.system)))
        self.a, self.b = a, b
        self._shared = Shared.of(a.test, b.test)
        one, other = (own.test.scores.take_systems([own.system]).take_requests(rows) for own, rows in self._rows())
        names = tuple(own.about.address for own in (a, b))
        shared = [name for name in one.measures if name in other.measures]
        scores = {name: np.vstack([one.of(name), other.of(name)]) for name in shared}
        self.board = replace(one, systems=names, families=names, scores=scores, benchmark="")
        self.measures = [name for name in shared if name not in POOLED and not is_beyond(name)]
        if not self.measures:
            raise InputError(
                english("they share no measure that a single request has; choose two systems that were scored alike")
            )

    def _rows(self) -> tuple[tuple[Side, Ints], tuple[Side, Ints]]:
        return (self.a, self._shared.a), (self.b, self._shared.b)

    def page(
        self,
        measure: str | None = None,
        sort: Order = "apart",
        *,
        attribute: str | None = None,
        level: str | None = None,
        page: int = 1,
        size: int = 50,
    ) -> ComparePage:
        """What tells them apart, and one page of the requests; see ComparePage.

        NotThereError: no such measure, attribute or level.
        """
        name = self._measure(measure)
        order = self._order(name, sort, attribute, level)
        scores = self.board.of(name)
        lines = [
            DifferingRequest(
                **self.a.test.about(int(self._shared.a[row])),
                a=float(scores[A, row]),
                b=float(scores[B, row]),
                difference=float(scores[B, row] - scores[A, row]),
            )
            for row in order[(page - 1) * size : page * size]
        ]
        return ComparePage(
            a=self.a.about,
            b=self.b.about,
            measure=name,
            measures=self.measures,
            notes=self._shared.notes(self.a.where, self.b.where),
            differences=self.differences,
            slices=self.slices(name),
            sort=sort,
            attribute=attribute,
            level=level,
            total=len(order),
            page=page,
            size=size,
            requests=lines,
        )

    @cached_property
    def differences(self) -> list[Difference]:
        """By every measure that a single request has, as `compare` has them."""
        lines = compare(self.board, self.measures, against=self.board.systems[A]).to_pylist()
        return [Difference(**_figures(line), **_counts(self.board, line["measure"])) for line in lines]

    def slices(self, measure: str) -> list[SliceDifference]:
        """By a measure within each kind of request, as `compare_groups` has them; p_holm over all of them."""
        columns = {name: column for name, (_, column) in self._levels.items()}
        board = replace(self.board, attributes=columns, scores={measure: self.board.of(measure)})
        lines: list[dict[str, Any]] = []
        for name, (levels, column) in self._levels.items():
            groups = compare_groups(board, name, against=board.systems[A]).to_pylist()
            for line in sorted(groups, key=lambda one: levels.index(one["group"])):
                rows = _are(column, line["group"])
                lines.append({**line, "attribute": name, **_counts(board.take_requests(rows), measure)})
        adjusted = holm([np.nan if line["p"] is None else line["p"] for line in lines])
        return [
            SliceDifference(
                **(_figures(line) | {"p_holm": None if np.isnan(p) else float(p)}),
                attribute=line["attribute"],
                level=line["group"],
                **{name: line[name] for name in ("mean_a", "mean_b", "better", "equal", "worse")},
            )
            for line, p in zip(lines, adjusted, strict=True)
        ]

    @cached_property
    def _levels(self) -> dict[str, tuple[tuple[str | None, ...], pa.Array]]:
        """Attributes of more than one level: a few levels in their order, and each request's (R,)."""
        few: dict[str, tuple[tuple[str | None, ...], pa.Array]] = {}
        for name, column in self.board.attributes.items():
            if name in KEYS:
                continue
            chunked = pa.chunked_array([column])
            try:
                one = attribute(name, chunked, chunked)
            except InputError:  # of a type that has no levels
                continue
            if len(one.levels) > 1:
                few[name] = one.levels, pa.array(one.levels, pa.string()).take(pa.array(one.pool))
        return few

    def _measure(self, measure: str | None) -> str:
        if measure is None:
            return MEASURE if MEASURE in self.measures else self.measures[0]
        if measure not in self.measures:
            close = did_you_mean(measure, self.measures)
            raise NotThereError(
                english(
                    "no measure {name} of single requests{hint}; there are {names}",
                    name=repr(measure[:80]),
                    hint=close,
                    names=", ".join(self.measures),
                )
            )
        return measure

    def _order(self, measure: str, sort: Order, attribute: str | None, level: str | None) -> Ints:
        """Rows of the board that are listed, in their order; equal ones in order of request."""
        a, b = self.board.of(measure)
        key = {"apart": -np.abs(b - a), "better": a - b, "worse": b - a}[sort]
        order = np.argsort(key, kind="stable")
        if attribute is None:
            return order
        if attribute not in self._levels:
            raise NotThereError(
                english(
                    "no attribute {name}{hint}; there are {names}",
                    name=repr(attribute[:80]),
                    hint=did_you_mean(attribute, self._levels),
                    names=", ".join(self._levels) or "–",
                )
            )
        listed = _are(self._levels[attribute][1], level)
        if not listed.any():
            raise NotThereError(
                english("no request has {name} {name_level}", name=attribute, name_level=repr(level and level[:80]))
            )
        return order[listed[order]]

    def request(
        self,
        request_id: str,
        measure: str | None = None,
        sort: Order = "apart",
        *,
        attribute: str | None = None,
        level: str | None = None,
        depth: int = 10,
    ) -> BesideRequest:
        """Both lists for a request, by its id as text. NotThereError: not among those that both have; else as `page`."""
        order = self._order(self._measure(measure), sort, attribute, level)
        ids = self.board.request.take(pa.array(order)).to_pylist()
        test = self.a.test
        place = test.place(request_id)
        row = np.flatnonzero(self._shared.a == place)
        if not len(row):
            raise NotThereError(
                english("{name} is no request that both were scored on; /api/compare lists them", name=repr(request_id[:80]))
            )
        at = np.flatnonzero(order == row[0])
        about = test.about(place)
        if not len(at):
            raise NotThereError(
                english("request {name} is not of this kind; leave attribute and level out", name=repr(request_id[:80]))
            )
        lists = [one.ordered(request_id) for one in (self.a, self.b)]
        ranks = [{} if one is None else {str(item): k + 1 for k, item in enumerate(one.ids)} for one in lists]
        right = test.right(place)
        grades = {str(item): grade for item, grade in right}
        candidates = test.candidates(place)
        return BesideRequest(
            **about,
            candidates=candidates,
            a=_list(self.a, request_id, lists[A], ranks[B], grades, depth),
            b=_list(self.b, request_id, lists[B], ranks[A], grades, depth),
            truth=[
                PlacedItem(
                    item_id=test.shown(item),
                    name=test.name(item),
                    grade=grade,
                    rank_a=ranks[A].get(str(item)),
                    rank_b=ranks[B].get(str(item)),
                )
                for item, grade in right
            ],
            before=ids[at[0] - 1] if at[0] > 0 else None,
            after=ids[at[0] + 1] if at[0] + 1 < len(ids) else None,
        )


def _list(
    own: Side, request: str, ordered: Ordered | None, others: Mapping[str, int], grades: Mapping[str, float], depth: int
) -> OneList:
    test = own.test
    scores = test.scored(own.system, test.place(request))
    if ordered is None:
        return OneList(system=own.about, scores=scores, of=0, items=[], why_not=NOT_KEPT)
    items = [
        PlacedScore(
            rank=k + 1,
            item_id=test.shown(item),
            name=test.name(item),
            score=score,
            grade=grades.get(str(item), 0.0),
            other=others.get(str(item)),
        )
        for k, (item, score) in enumerate(zip(ordered.ids[:depth], ordered.scores, strict=False))
    ]
    return OneList(system=own.about, scores=scores, of=len(ordered.ids), items=items)


def _figures(line: Mapping[str, Any]) -> dict[str, Any]:
    """What a row of COMPARISONS says of a difference; what is no number is None."""
    names = ("measure", "requests", "users", "difference", "stderr", "low", "high", "p", "p_holm", "detectable")
    return {name: None if isinstance(line[name], float) and not np.isfinite(line[name]) else line[name] for name in names}


def _counts(board: Scoreboard, measure: str) -> dict[str, Any]:
    """Means of both, and on how many requests the second is better, equal or worse."""
    a, b = board.of(measure)
    means = {"mean_a": float(a.mean()), "mean_b": float(b.mean())}
    return means | {"better": int((b > a).sum()), "equal": int((b == a).sum()), "worse": int((b < a).sum())}


def _are(levels: pa.Array, level: str | None) -> NDArray[np.bool_]:
    """(R,) which requests are of a level, None: unknown."""
    same = levels.is_null() if level is None else pc.fill_null(pc.equal(levels, level), False)
    return np.asarray(same.to_numpy(zero_copy_only=False))
