"""Marking training samples of a served run, singly or all that a filter selects; and what was marked."""

from collections.abc import Sequence

import numpy as np
import pyarrow.compute as pc

from assay.errors import InputError, NotThereError
from assay.finished import Finished
from assay.language import english
from assay.pages.selection import Curve, Rules
from assay.pages.serving import Decision, MarkMade, MarksPage
from assay.selection.arms import MARKS
from assay.selection.marks import DECISIONS, Mark, Undo
from assay.serving.living import Living
from assay.serving.samples import Filter, Training, fitting
from assay.serving.stored import HASHED

COMMAND = "assay run CONFIG --folder FOLDER"


def mark_samples(living: Living, who: str, decision: Decision, sample_ids: Sequence[int]) -> MarkMade:
    """Mark some samples. NotThereError: one is no training sample of the run; nothing is marked then. Errors as Marks.add."""
    known = living.run.at_hand(Training).sample_id
    unknown = np.setdiff1d(np.array(sample_ids, np.int64), known)
    if len(unknown):
        raise NotThereError(english("the run has no training sample {number}; /api/samples lists them", number=unknown[0]))
    return _told(living.marks.add(who, decision, sample_ids))


def mark_slice(
    living: Living, who: str, decision: Decision, chosen: Filter, *, expected: int, valuer: str | None = None
) -> MarkMade:
    """Mark all samples that a filter selects now. InputError: it selects others than were expected, or asks for nothing."""
    asked = chosen.told()
    if not asked:
        raise InputError(english("filter: it selects every training sample; ask for something"))
    ids = fitting(living.run, chosen, valuer)
    if len(ids) != expected:
        raise InputError(
            english(
                "expected: the filter selects {number} samples now, not {number_expected}; look at them again",
                number=f"{len(ids):,}",
                number_expected=f"{expected:,}",
            )
        )
    if valuer is not None:
        asked["valuer"] = valuer
    if living.run.config.show.hash_ids and len(ids):
        asked |= {name: shown for name, shown in _shown(living.run, int(ids[0])).items() if name in asked}
    return _told(living.marks.add(who, decision, ids.tolist(), asked))


def undo(living: Living, who: str, number: int) -> MarkMade:
    """Let a mark count no more; the mark. Errors as Marks.undo."""
    living.marks.undo(who, number)
    return made(living, number)


def made(living: Living, number: int) -> MarkMade:
    """A mark by its number. NotThereError: there is none."""
    for one in _all(living):
        if one.number == number:
            return one
    raise NotThereError(english("there is no mark {number}; /api/marks lists them", number=number))


def marks(living: Living, page: int = 1, size: int = 50) -> MarksPage:
    """What was marked, the latest first."""
    every, now = _all(living)[::-1], living.marks.standing()
    counts = np.bincount(now.decision, minlength=len(DECISIONS)).tolist()
    curve = Curve.read(living.run) if living.run.exists(Curve.path) else None
    return MarksPage(
        total=len(every),
        page=page,
        size=size,
        marks=every[(page - 1) * size : page * size],
        standing=dict(zip(DECISIONS, counts, strict=True)),
        command=COMMAND,
        tried=curve is not None and any(arm.arm == MARKS for arm in curve.arms),
        chosen=curve is not None and curve.chosen == MARKS,
    )


def rules(run: Finished) -> list[str]:
    """Sentences of the run's rules for low values."""
    return [line.rule for line in Rules.read(run).lines] if run.exists(Rules.path) else []


def _shown(run: Finished, sample_id: int) -> dict[str, str]:
    """A sample's user and item as they may be shown, where ids are hashed: a filter may have had them as the log has them."""
    keys = run.at_hand(Training).keys
    row = pc.index(keys.column("sample_id"), sample_id).as_py()
    return {name: HASHED.ident(keys.column(f"{name}_id")[row].as_py()) for name in ("user", "item")}


def _all(living: Living) -> list[MarkMade]:
    lines = living.marks.lines()
    undone = {line.undoes for line in lines if isinstance(line, Undo)}
    return [_told(line, undone=line.number in undone) for line in lines if isinstance(line, Mark)]


def _told(mark: Mark, *, undone: bool = False) -> MarkMade:
    about = mark.model_dump(exclude={"samples"})
    return MarkMade(**about, samples=len(mark.samples), undone=undone)
