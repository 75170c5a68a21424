"""Marks that people put on training samples."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field, model_validator

from assay.app.server.api.asked import ID, REFUSALS, Page, RunName, Size
from assay.app.server.site import Asked
from assay.language import english
from assay.pages.serving import Decision, MarkMade, MarksPage, Refusal
from assay.selection.marks import NotKeptError, SampleId
from assay.serving import marking
from assay.serving.samples import Filter

MOST = 10_000  # samples that are named in one mark
_KEPT: dict[int | str, dict[str, Any]] = {503: {"model": Refusal, "description": "It could not be written to the disk."}}
router = APIRouter(prefix="/api", tags=["marks"], responses=REFUSALS)
Who = Annotated[str, Field(max_length=200, description="The name of whoever marks.")]
Text = Annotated[str | None, Field(max_length=ID)]
End = Annotated[float | None, Field(allow_inf_nan=False)]


class Slice(BaseModel):
    """Training samples that fit all that is given, as /api/samples takes it."""

    model_config = ConfigDict(extra="forbid")

    user: Text = None
    item: Text = None
    category: Text = None
    week: date | None = None
    label: Annotated[int | None, Field(ge=0, le=1)] = None
    value_min: End = None
    value_max: End = None
    z_min: End = None
    z_max: End = None
    rule: Annotated[str | None, Field(max_length=2_000)] = None

    def filter(self) -> Filter:
        """As samples are asked for."""
        ends = (self.value_min, self.value_max), (self.z_min, self.z_max)
        return Filter(self.user, self.item, self.category, self.week, self.label, *ends, self.rule)


class ToMark(BaseModel):
    """Samples by their ids, or all that a filter selects: then expected is how many these are, as /api/samples says (total).

    valuer: of the filter's values and z; default: the one that the run selects by.
    """

    model_config = ConfigDict(extra="forbid")

    who: Who
    decision: Decision
    samples: Annotated[list[SampleId] | None, Field(min_length=1, max_length=MOST)] = None
    filter: Slice | None = None
    expected: Annotated[int | None, Field(ge=0)] = None
    valuer: Annotated[str | None, Field(max_length=200)] = None

    @model_validator(mode="after")
    def _one_way(self) -> "ToMark":
        if (self.samples is None) == (self.filter is None):
            raise ValueError("give samples, or filter and expected")
        if (self.filter is None) != (self.expected is None):
            raise ValueError("expected goes with filter: how many samples it selects")
        return self


class ToUndo(BaseModel):
    """number: of the mark."""

    model_config = ConfigDict(extra="forbid")

    who: Who
    number: Annotated[int, Field(ge=1, lt=1 << 63)]


@router.get("/marks")
def marks(site: Asked, page: Page = 1, size: Size = 50, run: RunName = None) -> MarksPage:
    """What was marked, the latest first, and how many samples each decision holds for now."""
    return marking.marks(site.living(run), page, size)


@router.post("/marks", responses=_KEPT)
def mark(asked: ToMark, site: Asked, run: RunName = None) -> MarkMade:
    """Mark training samples: keep, halve, drop, or wrong_label. It is on the disk when the answer comes.

    Nothing is changed by it: the marks become an arm of the next run's selection, which is judged as any other.
    """
    living = site.living(run)
    try:
        if asked.samples is not None:
            return marking.mark_samples(living, asked.who, asked.decision, asked.samples)
        assert asked.filter is not None
        assert asked.expected is not None
        chosen = asked.filter.filter()
        return marking.mark_slice(living, asked.who, asked.decision, chosen, expected=asked.expected, valuer=asked.valuer)
    except NotKeptError:
        raise _not_kept() from None


@router.post("/marks/undo", responses=_KEPT)
def undo(asked: ToUndo, site: Asked, run: RunName = None) -> MarkMade:
    """Let a mark count no more: what was said before it of its samples stands again."""
    try:
        return marking.undo(site.living(run), asked.who, asked.number)
    except NotKeptError:
        raise _not_kept() from None


def _not_kept() -> HTTPException:
    return HTTPException(503, english("the mark cannot be written to the disk now; send it again later"))
