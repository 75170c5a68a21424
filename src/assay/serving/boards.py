"""The test of a run or a kept benchmark: its leader board, its requests, and how systems rank one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.benchmark import of_run
from assay.benchmark.board.comparison import leader_board, values_of
from assay.benchmark.board.scoreboard import Scoreboard
from assay.benchmark.inputs import alike, codes, numbers
from assay.benchmark.keep.contents import Benchmark
from assay.benchmark.keep.folder import Kept
from assay.errors import InputError, NotThereError, did_you_mean
from assay.finished import Finished
from assay.language import english
from assay.models.platt import Platt
from assay.models.scorer import Scorer
from assay.numerics.hashing import Hashes, hash_ids, mix
from assay.numerics.linearised import POOLED
from assay.numerics.names import is_beyond, is_of_all_lists
from assay.numerics.ranking import tie_order, top_k
from assay.pages.evaluation import Chances
from assay.pages.parts import Estimate
from assay.pages.serving import AboutRequest, BoardPage, GradedItem, RankedItem, Ranking, RequestPage, RequestsPage
from assay.pages.trust import Leader
from assay.samples.table import Samples
from assay.serving.items import Items
from assay.serving.stored import HASHED

NOT_KEPT = english("how this system ranks requests is not kept; give its predictions when the server starts: --system NAME=FILE")
_KEYS = ("request_id", "user_id")
_NO_PREDICTIONS: Mapping[str, pa.Table] = {}


class Ordered(NamedTuple):
    """All that a system ranks for a request, best first: ids as they are kept, and scores."""

    ids: list[Any]
    scores: list[float]


@dataclass
class Test:
    """What systems were tested on. of: its name. predictions: rankings from files, by system. scored: of these systems.

    run: whose models rank requests, where it has them.
    """

    __test__ = False  # no test of pytest's

    of: str
    run: Finished
    benchmark: Benchmark
    predictions: Mapping[str, pa.Table] = field(default_factory=lambda: _NO_PREDICTIONS)
    _last: tuple[int, Samples] | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def of_run(cls, run: Finished) -> "Test":
        """The run's own test. InputError: it ranks nothing."""
        return cls(english("the test of {name}", name=run.folder.resolve().name), run, of_run.benchmark(run, run.config))

    @classmethod
    def of_kept(cls, kept: Kept, run: Finished, predictions: Mapping[str, pa.Table]) -> "Test":
        """A kept benchmark, with what was scored on it and what predictions for it score."""
        kept.refuse_compact()
        benchmark = replace(kept.benchmark, scores=kept.results())
        if predictions:
            tables = benchmark.cut(predictions)[0]
            scored = replace(benchmark.score(tables), benchmark=kept.label)
            stored = benchmark.scores
            others = [] if stored is None else [name for name in stored.systems if name not in tables]
            if stored is not None and others:
                scored = stored.take_systems(others).join(scored)
            benchmark = replace(benchmark, scores=scored)
        return cls(kept.label, run, benchmark, predictions)

    @property
    def scores(self) -> Scoreboard:
        """What systems scored. InputError: none was scored."""
        if self.benchmark.scores is None:
            raise InputError(english("{test}: no system has been scored on it; score one: assay benchmark score", test=self.of))
        return self.benchmark.scores

    def board(self, measure: str | None = None) -> BoardPage:
        """Systems by a measure, by default the one that is decided on, and their means by all. NotThereError: no such measure."""
        scores = self.scores
        name = measure or next((each for each in self.benchmark.measures if each in scores.measures), scores.measures[0])
        if name not in scores.measures:
            raise NotThereError(
                english(
                    "{test}: no measure {name}{hint}; it has {names}",
                    test=self.of,
                    name=repr(name[:80]),
                    hint=did_you_mean(name, scores.measures),
                    names=", ".join(scores.measures),
                )
            )
        if name not in self._boards:
            means = {each: _means(scores, each) for each in scores.measures}
            self._boards[name] = BoardPage(
                of=self.of,
                requests=len(scores.request),
                users=scores.users,
                measure=name,
                leaders=_leaders(scores, name),
                means=means,
            )
        return self._boards[name]

    @cached_property
    def _boards(self) -> dict[str, BoardPage]:
        return {}

    def requests(self, page: int = 1, size: int = 50) -> RequestsPage:
        """One page of the requests, in order of id."""
        places = range((page - 1) * size, min(page * size, len(self.benchmark)))
        return RequestsPage(
            of=self.of,
            total=len(self.benchmark),
            page=page,
            size=size,
            requests=[AboutRequest(**self.about(place)) for place in places],
        )

    def request(self, request_id: str, depth: int = 10) -> RequestPage:
        """A request by its id as text, with what is right for it and the first `depth` of each system's ranking.

        NotThereError: the benchmark has no such request.
        """
        place = self.place(request_id)
        right = self.right(place)
        grades = {str(item): grade for item, grade in right}
        return RequestPage(
            **self.about(place),
            of=self.of,
            candidates=self.candidates(place),
            truth=[GradedItem(item_id=self.shown(item), name=self.name(item), grade=grade) for item, grade in right],
            systems=[self._ranking(system, place, grades, depth) for system in self.scores.systems],
        )

    def place(self, request_id: str) -> int:
        """Place of a request by its id as text. NotThereError: the benchmark has no such request."""
        if request_id not in self._places:
            raise NotThereError(
                english(
                    "{test} has no request {name}; /api/requests lists them",
                    test=self.of,
                    name=repr(request_id[:80]),
                )
            )
        return self._places[request_id]

    def right(self, place: int) -> list[tuple[Any, float]]:
        """Items that are right for a request, with their grades, the highest first."""
        truth = self._of_request(self.benchmark.truth, place)
        pairs = zip(truth.column("item_id").to_pylist(), numbers(truth, "grade", "truth").tolist(), strict=True)
        return sorted(((item, grade) for item, grade in pairs if grade > 0), key=lambda pair: (-pair[1], str(pair[0])))

    def candidates(self, place: int) -> int | None:
        """How many items may be ranked for a request; None: any."""
        listed = self.benchmark.candidates
        return None if listed is None else len(self._of_request(listed, place))

    @cached_property
    def truth_marks(self) -> Hashes:
        """(R,) equal, in two tests, for requests that the same items are right for, with the same grades."""
        truth = self.benchmark.truth.filter(pc.greater(self.benchmark.truth.column("grade"), 0))
        grades = numbers(truth, "grade", "truth").view(np.uint64)
        return self._marks(truth, mix(hash_ids(truth.column("item_id")), grades))

    @cached_property
    def candidate_marks(self) -> Hashes:
        """(R,) equal, in two tests, for requests that the same items may be ranked for."""
        listed = self.benchmark.candidates
        if listed is None:
            return np.zeros(len(self.benchmark), np.uint64)
        return self._marks(listed, hash_ids(listed.column("item_id")))

    def _marks(self, table: pa.Table, marks: Hashes) -> Hashes:
        """Sums (R,) of rows' hashes, modulo 2^64."""
        ids, own = alike(table.column("request_id"), self.benchmark.requests.column("request_id").combine_chunks())
        place = codes(ids, own)
        sums = np.zeros(len(self.benchmark), np.uint64)
        np.add.at(sums, place[place >= 0], marks[place >= 0])
        return sums

    @cached_property
    def _places(self) -> dict[str, int]:
        return {str(ident): place for place, ident in enumerate(self.benchmark.requests.column("request_id").to_pylist())}

    @cached_property
    def _relevant(self) -> NDArray[np.int64]:
        """(R,) how many items are right for each request."""
        truth = self.benchmark.truth.filter(pc.greater(self.benchmark.truth.column("grade"), 0))
        ids, own = alike(truth.column("request_id"), self.benchmark.requests.column("request_id").combine_chunks())
        return np.bincount(pc.index_in(ids, own).to_numpy(), minlength=len(self.benchmark)).astype(np.int64)

    def about(self, place: int) -> dict[str, Any]:
        """The fields of AboutRequest, of the request at a place."""
        line = self.benchmark.requests.slice(place, 1).to_pylist()[0]
        user = line.get("user_id")
        return {
            "request_id": line["request_id"],
            "user": HASHED.ident(user) if self.run.config.show.hash_ids and user is not None else user,
            "relevant": int(self._relevant[place]),
            "attributes": {name: value for name, value in line.items() if name not in _KEYS},
        }

    def _of_request(self, table: pa.Table, place: int) -> pa.Table:
        wanted = self.benchmark.requests.column("request_id").slice(place, 1).combine_chunks()
        ids, own = alike(table.column("request_id"), wanted)
        return table.filter(pc.equal(ids, own[0]))

    def _ranking(self, system: str, place: int, grades: Mapping[str, float], depth: int) -> Ranking:
        own, ordered = self.scored(system, place), self.ordered(system, place)
        if ordered is None:
            return Ranking(system=system, scores=own, items=[], why_not=NOT_KEPT)
        items = [
            RankedItem(rank=k + 1, item_id=self.shown(item), name=self.name(item), score=score, grade=grades.get(str(item), 0.0))
            for k, (item, score) in enumerate(zip(ordered.ids[:depth], ordered.scores, strict=False))
        ]
        return Ranking(system=system, scores=own, items=items)

    def scored(self, system: str, place: int) -> dict[str, float]:
        """What a system scored on a request, by every measure that a single request has."""
        row = self.scores.number(system)
        plain = [name for name in self.scores.measures if name not in POOLED and not is_of_all_lists(name)]
        return {name: float(self.scores.of(name)[row, place]) for name in plain}

    def ordered(self, system: str, place: int) -> Ordered | None:
        """All that a system ranks for a request; None where that is not kept."""
        ranked = self._ranked(system, place)
        if ranked is None:
            return None
        ids, score = ranked
        best = top_k(np.array([0, len(ids)]), score, tie_order(ids), max(len(ids), 1))[0]
        rows = best[best >= 0].tolist()
        return Ordered([ids[row] for row in rows], [float(score[row]) for row in rows])

    def _ranked(self, system: str, place: int) -> tuple[list[Any], NDArray[np.float64]] | None:
        """Items that a system ranks for a request and their scores, from its file or by the run's model; None: not known."""
        if system in self.predictions:
            table = self._of_request(self.predictions[system], place)
            return table.column("item_id").to_pylist(), numbers(table, "score", f"system {system!r}")
        request = self.benchmark.requests.column("request_id")[place].as_py()
        if not isinstance(request, int) or not self._is_the_runs(system, place):
            return None
        candidates = self._candidates_of(request)
        line = Chances.read(self.run).models[system]
        if system not in self._models:
            self._models[system] = self.run.model(system)
        score = candidates.chances(Platt(line.slope, line.shift)(self._models[system].predict(candidates)))
        kept = self.benchmark.candidates
        ids = candidates.keys.column("item_id").to_pylist()
        if kept is None:
            return ids, score
        may = set(_texts(self._of_request(kept, place)))
        rows = [row for row, ident in enumerate(ids) if str(ident) in may]
        return [ids[row] for row in rows], score[rows]

    def _candidates_of(self, request: int) -> Samples:
        """Candidates of a request of the run; the last that was asked for is kept, as several systems rank it."""
        kept = self._last
        if kept is None or kept[0] != request:
            kept = self._last = request, self.run.samples(which="candidates", request=request)
        return kept[1]

    @cached_property
    def _models(self) -> dict[str, Scorer]:
        return {}

    def _is_the_runs(self, system: str, place: int) -> bool:
        """Whether the run has a model of that name, and scored as much with it on the request."""
        own = self._runs_own
        if own is None or system not in own.systems or not self.run.exists(f"models/{system}/model.json"):
            return False
        at = pc.index(own.request, self.benchmark.requests.column("request_id")[place].cast(own.request.type)).as_py()
        shared = [measure for measure in own.measures if measure in self.scores.measures]
        here, there = self.scores.number(system), own.number(system)
        return at >= 0 and all(self.scores.of(name)[here, place] == own.of(name)[there, at] for name in shared)

    @cached_property
    def _runs_own(self) -> Scoreboard | None:
        try:
            return of_run.own_scoreboard(self.run, self.run.config)
        except InputError:  # the run ranks nothing
            return None

    def name(self, item: object) -> str | None:
        """An item's name; None where it has none, or the run's log does not know it."""
        items = None if self.run.log is None else self.run.at_hand(Items)
        return items.text("name", items.code(str(item))) if items is not None and items.knows(str(item)) else None

    def shown(self, item: Any) -> Any:
        """An item's id as it may be shown."""
        return HASHED.ident(item) if self.run.config.show.hash_ids else item


def _texts(table: pa.Table) -> list[str]:
    texts: list[str] = table.column("item_id").cast(pa.string()).to_pylist()
    return texts


def _means(scores: Scoreboard, measure: str) -> dict[str, Estimate]:
    if scores.users < 2:
        pairs = zip(scores.systems, scores.means(measure).tolist(), strict=True)
        return {system: Estimate(value=value) for system, value in pairs}
    return {line.pop("system"): Estimate(**line) for line in values_of(scores, measure).to_pylist()}


def _leaders(scores: Scoreboard, measure: str) -> list[Leader]:
    """Best first, in tiers; none by a measure that puts no system above another, or of one system or user alone."""
    if is_beyond(measure) or len(scores.systems) < 2 or scores.users < 2:
        return []
    return [Leader(**line) for line in leader_board(scores, measure).to_pylist()]
