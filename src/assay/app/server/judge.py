"""The page on which people judge, and its part of the API.

Which system listed what is in no answer to a judge: only in what was judged so far.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response

from assay.app import words
from assay.benchmark.judged.asking import Judging, Kind, Progress, Question, Results
from assay.benchmark.judged.record import MOST_GRADE, judge_name
from assay.language import later
from assay.language.retelling import retell
from assay.runs.pages import Part
from assay.runs.store import finite

_LONGEST = 500  # characters of an id
WORDS = {
    "left_better": later("left is better"),
    "alike": later("alike"),
    "right_better": later("right is better"),
    "not_relevant": later("not relevant"),
    "just_right": later("just right"),
    "cannot_tell": later("cannot tell"),
    "grade": later("grade {grade}"),
    "grade_meaning": later("grade {grade}, {meaning}"),
    "refused": later("The server did not take it ({status})."),
    "away": later("The server cannot be reached; the last answer was not kept."),
    "far": later("You: {own}. All judges: {judged} of {of} that matter."),
    "sure": later("Sure of the verdict: {share} %."),
    "joined": later("{first} {then}"),
    "said": later("You said: {answer}. Answer again."),
    "done": later("Nothing is left that would change the verdict. Thank you."),
    "how_good": later("How good is this item for {request}?"),
    "which_better": later("Which list is better for {request}?"),
    "keys_pair": later("0 to {highest} grade, c cannot tell"),
    "keys_lists": later("← left, → right, ↓ alike"),
    "left": later("Left"),
    "right": later("Right"),
    "left_list": later("Left list"),
    "right_list": later("Right list"),
    "empty": later("an empty list"),
}  # what the page's script says
Judge = Annotated[str, Field(max_length=200), AfterValidator(judge_name)]
Id = Annotated[str, Field(max_length=_LONGEST)]


class PairAnswer(BaseModel):
    """A grade of an item for a request, 0 or more; null: the judge cannot tell."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["pair"]
    judge: Judge
    request: Id
    item: Id
    grade: Annotated[int, Field(ge=0, le=MOST_GRADE, strict=True)] | None


class ListsAnswer(BaseModel):
    """Which of the two lists that the judge was shown is better."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["lists"]
    judge: Judge
    request: Id
    better: Literal["left", "right", "alike"]


Answer = Annotated[PairAnswer | ListsAnswer, Field(discriminator="kind")]


class ShownItem(Part):
    """An item's id, and what it is called where that is known."""

    id: str
    name: str | None


class Asked(Part):
    """What a judge is asked.

    about: what is known of the request, as text. item: of a pair. left, right: of two lists, best first.
    """

    kind: Kind
    request: str
    about: dict[str, str]
    item: ShownItem | None
    left: list[ShownItem]
    right: list[ShownItem]

    @classmethod
    def of(cls, question: Question, judging: Judging) -> Self:
        """A question with the names of its items."""

        def shown(item: str) -> ShownItem:
            return ShownItem(id=item, name=judging.names.get(item))

        return cls(
            kind=question.kind, request=question.request,
            about={retell(name): words.level(value, name) for name, value in question.about.items()},
            item=None if question.item is None else shown(question.item),
            left=[shown(item) for item in question.left], right=[shown(item) for item in question.right],
        )  # fmt: skip


class Far(Part):
    """own: answers of this judge. judged, of: pairs (or requests) that somebody judged, and all that matter.

    confidence: the probability that the system that looks better is; null for lists.
    """

    own: int
    judged: int
    of: int
    confidence: float | None

    @classmethod
    def by(cls, progress: Progress) -> Self:
        """Progress as it is answered."""
        return cls(**progress._asdict())


class NextAsked(Part):
    """question: null when nothing is left that would change the verdict. highest: the best grade; the lowest is 0."""

    question: Asked | None
    highest: int
    progress: Far


class Kept(Part):
    """The judgement is on the disk. when: ISO 8601, UTC."""

    when: str
    progress: Far


class JudgesAgree(Part):
    """Krippendorff's alpha, ordinal, of the pairs that two or more judged, with its 95 % interval.

    problem: why a number is null.
    """

    alpha: float | None
    low: float | None
    high: float | None
    units: int
    ratings: int
    judges: int
    problem: str


class ListsPreferred(Part):
    """Requests whose lists were judged: won by the first system and by the second, alike.

    share: of the second's wins, with its 95 % interval; p: of the sign test. Null where no request was won.
    """

    wins: tuple[int, int]
    alike: int
    share: float | None
    low: float | None
    high: float | None
    p: float | None


class JudgedSoFar(Part):
    """What was judged so far, and what it tells.

    pairs: with a grade. judges: answers by name. damaged: lines that cannot be read. difference: the second system's mean minus
    the first's in the measure, as it is expected when all pairs that matter are judged; deviation: the standard deviation that
    open grades leave. confidence: the probability that the system that looks better is.
    """

    benchmark: str
    systems: tuple[str, str]
    measure: str
    pairs: int
    difference: float
    deviation: float
    confidence: float
    agreement: JudgesAgree
    preference: ListsPreferred
    judges: dict[str, int]
    damaged: int

    @classmethod
    def of(cls, results: Results, label: str) -> Self:
        """Results as they are answered."""
        return cls(
            benchmark=label, systems=results.systems, measure=results.measure, pairs=results.pairs,
            difference=results.open.mean, deviation=results.open.deviation, confidence=results.open.confidence,
            agreement=JudgesAgree(**finite(results.agreement._asdict())),
            preference=ListsPreferred(**finite(results.preference._asdict())),
            judges=results.judges, damaged=results.damaged,
        )  # fmt: skip


def router(
    judging: Judging, page: Callable[..., Response], responses: dict[int | str, dict[str, Any]] | None = None
) -> APIRouter:
    """The page /judge and /api/judgements.

    Parameters
    ----------
    judging : Judging
        What is judged, and where judgements are kept.
    page : callable
        `page(request, template, **content)` renders a template that extends base.html.j2.
    responses : dict, optional
        How the API refuses, as OpenAPI says it. An InputError of `judging` must become an answer of 400 where the routes are
        installed.
    """
    routes = APIRouter(tags=["judgements"], responses=responses)

    @routes.get("/judge", include_in_schema=False)
    def judge(request: Request) -> Response:
        """The page: all else is asked by its script."""
        return page(request, "judge.html.j2", highest=judging.highest, words=WORDS)

    @routes.get("/api/judgements/next")
    def next_asked(judge: Annotated[str, Query(max_length=200), AfterValidator(judge_name)], kind: Kind = "pair") -> NextAsked:
        """What this judge is asked next: what would change the verdict most."""
        question = judging.next(judge, kind)
        shown = None if question is None else Asked.of(question, judging)
        return NextAsked(question=shown, highest=judging.highest, progress=Far.by(judging.progress(judge, kind)))

    @routes.post("/api/judgements")
    def keep(answer: Answer) -> Kept:
        """Keep an answer, on the disk before this returns. A second answer to the same question stands in place of the first."""
        if isinstance(answer, PairAnswer):
            when = judging.grade(answer.judge, answer.request, answer.item, answer.grade).when
        else:
            when = judging.choose(answer.judge, answer.request, answer.better).when
        return Kept(when=when, progress=Far.by(judging.progress(answer.judge, answer.kind)))

    @routes.get("/api/judgements")
    def so_far() -> JudgedSoFar:
        """What was judged so far, how far judges agree, and which system looks better."""
        return JudgedSoFar.of(judging.results(), judging.label)

    return routes
