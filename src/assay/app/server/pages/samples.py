"""Samples: training samples by their values, why each has its value, and marks that people put on them."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.responses import HTMLResponse, RedirectResponse

from assay.app import words
from assay.app.sections.facts import Facts
from assay.app.server import errors, views
from assay.app.server.api.marks import Slice
from assay.app.server.site import Asked
from assay.errors import InputError, NotThereError
from assay.language import english, later, paragraph, say
from assay.language.retelling import retell
from assay.pages.serving import Decision, MarkMade
from assay.pages.values import RequestPart, Why
from assay.selection.arms import MARKS
from assay.selection.marks import DECISIONS
from assay.serving import marking, stored
from assay.serving.items import Items
from assay.serving.living import Living
from assay.serving.samples import MarkedAs, Sort, fitting
from assay.serving.samples import samples as valued

SIZE = 50  # samples of a page
_FIELDS = 40  # of a form
router = APIRouter(include_in_schema=False)
PAGE = views.Page(later("Samples"), "/samples", router)
SAID: dict[Decision, str] = {
    "keep": later("keep"), "halve": later("half weight"), "drop": later("drop"), "wrong_label": later("wrong label"),
}  # fmt: skip
SORTS: dict[Sort, str] = {
    "value": later("most harmful first"), "-value": later("most useful first"), "z": later("lowest z first"),
    "-z": later("highest z first"), "-period": later("latest first"), "period": later("earliest first"),
}  # fmt: skip
MARKED = dict[str, str](any=later("marked"), none=later("not marked"), **SAID)
COLUMNS = {
    "user": later("user {value}"), "item": later("item {value}"), "category": later("category {value}"),
    "week": later("time {value}"), "label": later("label {value}"), "value_min": later("value from {value}"),
    "value_max": later("value to {value}"), "z_min": later("z from {value}"), "z_max": later("z to {value}"),
    "rule": later("rule {value}"), "valuer": later("values by {value}"),
}  # fmt: skip
WORDS = {
    "away": later("The server does not answer; the mark was not made."),
    "made": later("Mark {number}: {decision}. u undoes it."),
    "undone": later("Mark {number} is undone."),
}  # what the page's script says
RunName = Annotated[str | None, Query(max_length=200)]
Name = Annotated[str, Field(max_length=200)]


def _given(value: object) -> object:
    """None for a field that was left empty."""
    return None if value == "" else value


class Look(Slice):
    """What the page is asked for. who: the name of whoever marks. done: the number of the mark that was just made."""

    model_config = ConfigDict(extra="ignore")

    who: Name = ""
    sort: Sort = "value"
    mark: MarkedAs | None = None
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    done: Annotated[int | None, Field(ge=1, lt=1 << 63)] = None
    run: Annotated[str | None, Field(max_length=200)] = None

    def fields(self, **others: object) -> dict[str, str]:
        """As an address has it, with some fields put otherwise; what is not asked for is left out."""
        kept = {**self.model_dump(mode="json", exclude_defaults=True, exclude={"done"}), **others}
        return {name: str(value) for name, value in kept.items() if value not in (None, "")}


class Said(Look):
    """A form that marks. say: a decision, of a single sample with its id: "drop:17"; expected: samples of the whole filter."""

    say: Annotated[str, Field(max_length=60)] = ""
    expected: Annotated[int | None, BeforeValidator(_given), Field(ge=0)] = None
    number: Annotated[int | None, BeforeValidator(_given), Field(ge=1, lt=1 << 63)] = None


def _read(kind: type[BaseModel], content: Mapping[str, str]) -> Any:
    """Fields as `kind` has them; empty ones are not given. InputError names the first that cannot be."""
    try:
        return kind.model_validate({name: value for name, value in content.items() if value != ""})
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(errors.of_value(first, first["loc"])) from None


def _look(request: Request) -> Look:
    look: Look = _read(Look, dict(request.query_params))
    return look


async def _said(request: Request) -> Said:
    """A form's fields; no file is taken."""
    body = await request.body()
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        raise InputError(english("the form cannot be read; send it from the page")) from None
    said: Said = _read(Said, dict(pairs))
    return said


Looked = Annotated[Look, Depends(_look)]
Posted = Annotated[Said, Depends(_said)]


@router.get("/samples")
def samples(request: Request, site: Asked, look: Looked) -> HTMLResponse:
    """Training samples that fit, a page of them."""
    living = site.living(look.run)
    run = living.run
    marks = living.marks.standing()
    answer = valued(run, look.filter(), sort=look.sort, page=look.page, size=SIZE, marks=marks, mark=look.mark)
    last = max(1, -(-answer.total // SIZE))
    facts = Facts(run)
    return views.page(
        request,
        "samples.html.j2",
        run=look.run,
        look=look,
        asked=look.filter().told(),
        answer=answer,
        last=last,
        first=(answer.page - 1) * SIZE + 1,
        said=SAID,
        words=WORDS,
        sorts=SORTS,
        marked=MARKED,
        rules=marking.rules(run),
        categories=run.at_hand(Items).categories if run.log is not None else [],
        unit=run.task.label.unit,
        period=facts.task.period,
        done=None if look.done is None else _sentence(living, look.done),
        kept=look.fields(page=None),
        whole=look.mark is None,
    )


@router.get("/samples/why")
def why(request: Request, site: Asked, sample: Annotated[str, Query(max_length=40)], run: RunName = None) -> HTMLResponse:
    """What a sample's value is made of."""
    living = site.living(run)
    finished = living.run
    with site.alone():
        answer = stored.explain(finished, sample_id=sample)
    assert isinstance(answer, Why)
    facts = Facts(finished, hash_ids=False)
    sides = [
        (say("Validation requests that it helped"), _requests(answer.helped, facts)),
        (say("Validation requests that it hurt"), _requests(answer.hurt, facts)),
    ]
    return views.page(
        request,
        "sample.html.j2",
        run=run,
        why=answer,
        chance=words.percent(answer.probability) if finished.task.label.is_chance else words.figure(answer.probability),
        label=words.plain(answer.label),
        value=words.figure(answer.value, sign=True),
        unit=finished.task.label.unit,
        sides=sides,
        neighbours=[(one.sentence, words.plain(one.label), str(one.sample_id)) for one in answer.neighbours],
        columns=[(line.column, words.figure(line.part, sign=True)) for line in answer.columns],
        said=SAID,
        mark=_standing(living, answer.sample_id),
    )


@router.get("/samples/slice")
def confirm(request: Request, site: Asked, look: Looked, say: Annotated[str, Query(max_length=60)] = "") -> HTMLResponse:
    """How many samples would be marked, before they are."""
    decision = _decision(say)
    chosen = look.filter()
    if not (asked := chosen.told()):
        raise InputError(
            english("this would mark every training sample: ask for something first, as a user, a category, a span of values")
        )
    count = len(fitting(site.living(look.run).run, chosen))
    return views.page(
        request, "slice.html.j2", run=look.run, look=look, asked=asked, count=count, decision=decision, said=SAID,
        columns=COLUMNS,        kept=look.fields(page=None, mark=None), back=look.fields(page=None),
    )  # fmt: skip


@router.post("/samples/mark")
def mark(site: Asked, said: Posted) -> RedirectResponse:
    """Mark a sample, or all that the filter selects; then back to the list."""
    living = site.living(said.run)
    decision, _, sample = said.say.partition(":")
    if sample:
        try:
            number = int(sample)
        except ValueError:
            raise NotThereError(english("there is no such training sample")) from None
        if not -(1 << 63) <= number < 1 << 63:
            raise NotThereError(english("there is no such training sample"))
        made = marking.mark_samples(living, said.who, _decision(decision), [number])
    else:
        if said.expected is None:
            raise InputError(english("expected: say how many samples the filter selects; the page does"))
        made = marking.mark_slice(living, said.who, _decision(decision), said.filter(), expected=said.expected)
    return _back(said, made.number)


@router.post("/samples/undo")
def undo(site: Asked, said: Posted) -> RedirectResponse:
    """Let a mark count no more; then back to the list."""
    if said.number is None:
        raise InputError(english("number: say which mark; the page lists them"))
    marking.undo(site.living(said.run), said.who, said.number)
    return _back(said, said.number)


@router.get("/samples/marks")
def marks(request: Request, site: Asked, look: Looked) -> HTMLResponse:
    """What was marked, and what makes an arm of it."""
    living = site.living(look.run)
    answer = marking.marks(living, look.page, SIZE)
    return views.page(
        request,
        "marks.html.j2",
        run=look.run,
        look=look,
        answer=answer,
        last=max(1, -(-answer.total // SIZE)),
        said=SAID,
        columns=COLUMNS,
        arms=living.run.config.select.marks,
        tried=_tried(is_chance=living.run.task.label.is_chance),
    )


def _back(said: Said, done: int) -> RedirectResponse:
    """To the list as it was, whatever page it was on."""
    fields = Look.model_validate(said.model_dump(include=set(Look.model_fields))).fields()
    return RedirectResponse(f"/samples?{urlencode({**fields, 'done': done})}", 303)


def _decision(say: str) -> Decision:
    for decision in DECISIONS:
        if say == decision:
            return decision
    raise InputError(english("say: one of {names}", names=", ".join(DECISIONS)))


def _standing(living: Living, sample_id: int) -> str | None:
    """What was said of a sample last; None where nobody marked it."""
    [said] = living.marks.standing().of(np.array([sample_id], np.int64)).tolist()
    return say(SAID[DECISIONS[said]]) if said >= 0 else None


def _tried(*, is_chance: bool) -> str:
    """How the next run tries marks, in sentences."""
    weights = later("Selection then has one more arm, “{arm}”. What is marked drop gets no weight, half weight gets half.")
    wrong = say("A wrong label is turned round.")
    if not is_chance:
        wrong = say("A wrong amount is dropped, as nobody knows the right one.")
    judged = say(
        "Keep means as it was. The model is retrained on it and judged on the tuning set, like every other arm; it is chosen "
        "only if it is the best beyond chance. The test set is read once, as ever."
    )
    return paragraph([say(weights, arm=retell(MARKS)), wrong, judged])


def _sentence(living: Living, number: int) -> MarkMade | None:
    """The mark that was just made or undone; None where an old address names one that is not there."""
    try:
        return marking.made(living, number)
    except NotThereError:
        return None


def _requests(parts: list[RequestPart], facts: Facts) -> list[tuple[str, str]]:
    return [(facts.mark(one.user, one.period), words.figure(one.part, sign=True)) for one in parts]
