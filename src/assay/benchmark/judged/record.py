"""What people judged, kept as it came: a file of JSON lines that only grows, beside a benchmark or a run.

A line begins and ends with the end of a line, and is written at once: one that a kill cut short spoils no other, and several
processes may append. It is on the disk before it is acknowledged. A judge may change their mind: the last line stands.
"""

import json
import os
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from assay.errors import InputError
from assay.language import english
from assay.shown import one_line

FILE = "judgements.jsonl"
MOST_GRADE = 9  # that has a key, a digit's
_LONGEST = 100  # characters of a judge's name


def judge_name(text: str) -> str:
    """A judge's name as it is kept: in Unicode's composed form, without blanks around it or twice.

    ValueError: it is empty, long, or no line of text.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or len(name) > _LONGEST or one_line(name) != name:
        raise ValueError(english("a judge's name is one line of 1 to {number} characters", number=_LONGEST))
    return name


def _encodable(text: str) -> str:
    """Text that UTF-8 can hold. ValueError: it has half of a character (a lone surrogate)."""
    text.encode()
    return text


Text = Annotated[str, AfterValidator(_encodable)]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


class _Judged(BaseModel):
    """Who judged which request when (ISO 8601, UTC), and on which version of the benchmark (Kept.label)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    judge: Annotated[str, AfterValidator(judge_name)]
    when: str = Field(default_factory=_now)
    benchmark: Text
    request: Text


class PairJudged(_Judged):
    """A grade of an item for a request, from 0 to `highest`; null: the judge cannot tell."""

    kind: Literal["pair"] = "pair"
    item: Text
    grade: Annotated[int, Field(ge=0)] | None
    highest: int = Field(ge=1, le=MOST_GRADE)

    @model_validator(mode="after")
    def _on_scale(self) -> Self:
        if self.grade is not None and self.grade > self.highest:
            raise ValueError(f"grade {self.grade} is above the highest, {self.highest}")
        return self


class ListsJudged(_Judged):
    """Which of two lists is better: of which systems they were, what they held, and which side was chosen."""

    kind: Literal["lists"] = "lists"
    left: Text
    right: Text
    left_items: tuple[Text, ...]
    right_items: tuple[Text, ...]
    better: Literal["left", "right", "alike"]

    @property
    def winner(self) -> str | None:
        """The better system; None if they are alike."""
        return {"left": self.left, "right": self.right, "alike": None}[self.better]


Judged = Annotated[PairJudged | ListsJudged, Field(discriminator="kind")]
_LINE: TypeAdapter[PairJudged | ListsJudged] = TypeAdapter(Judged)


class Standing(NamedTuple):
    """What stands. pairs: by (request, item) and judge. lists: by (request, the two systems in order of name) and judge."""

    pairs: dict[tuple[str, str], dict[str, PairJudged]]
    lists: dict[tuple[str, str, str], dict[str, ListsJudged]]

    def add(self, judged: PairJudged | ListsJudged) -> None:
        """Let a judgement stand in place of what the judge said before."""
        if isinstance(judged, PairJudged):
            self.pairs.setdefault((judged.request, judged.item), {})[judged.judge] = judged
        else:
            one, other = sorted((judged.left, judged.right))
            self.lists.setdefault((judged.request, one, other), {})[judged.judge] = judged


class Record:
    """Judgements in a file of a folder. Threads and processes may append and read at the same time.

    standing: what stands, as of the last `refresh` or `append`. lines: judgements read, those replaced too. damaged: lines that
    cannot be read, as a kill leaves them.
    """

    def __init__(self, folder: Path | str) -> None:
        self.path = Path(folder) / FILE
        self.standing = Standing({}, {})
        self.lines = 0
        self.damaged = 0
        self._read = 0  # bytes
        self._lock = threading.RLock()
        self.refresh()

    def append(self, judged: PairJudged | ListsJudged) -> None:
        """Write a judgement, durably. InputError: it cannot be written; then it does not stand."""
        line = f"\n{json.dumps(judged.model_dump())}\n".encode()  # all but ASCII is escaped, line ends of any kind too
        with self._lock:
            try:
                is_new = not self.path.exists()
                file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
                try:
                    written = os.write(file, line)
                    os.fsync(file)
                finally:
                    os.close(file)
                if is_new:
                    _sync_folder(self.path.parent)
            except OSError as error:
                raise InputError(
                    english(
                        "{name}: cannot write ({name_error}), so the judgement is not kept",
                        name=self.path,
                        name_error=error.strerror,
                    )
                ) from None
            if written < len(line):
                raise InputError(
                    english("{name}: cannot write (the disk is full), so the judgement is not kept; free space", name=self.path)
                )
            self.refresh()

    def refresh(self) -> bool:
        """Read what was appended since; return whether anything was."""
        with self._lock:
            try:
                with self.path.open("rb") as stream:
                    stream.seek(self._read)
                    content = stream.read()
            except FileNotFoundError:
                return False
            except OSError as error:
                raise InputError(
                    english("{name}: cannot read ({name_error}); make it readable", name=self.path, name_error=error.strerror)
                ) from None
            whole = content[: content.rfind(b"\n") + 1]  # the rest may be on its way
            self._read += len(whole)
            lines = [line for line in whole.split(b"\n") if line]
            for line in lines:
                try:
                    self.standing.add(_LINE.validate_json(line))
                    self.lines += 1
                except ValidationError:
                    self.damaged += 1
            return bool(lines)

    def graded(self) -> list[PairJudged]:
        """Pairs that have a grade, as they stand, in order of request, item and judge."""
        with self._lock:
            standing = [one for by_judge in self.standing.pairs.values() for one in by_judge.values() if one.grade is not None]
        return sorted(standing, key=lambda one: (one.request, one.item, one.judge))

    def preferences(self, systems: Sequence[str]) -> list[ListsJudged]:
        """Which lists of two systems were better, as it stands, in order of request and judge."""
        wanted = tuple(sorted(systems))
        with self._lock:
            standing = [one for key, by in self.standing.lists.items() if key[1:] == wanted for one in by.values()]
        return sorted(standing, key=lambda one: (one.request, one.judge))


def judges_of(judged: Iterable[PairJudged | ListsJudged]) -> dict[str, int]:
    """Judges in order of name, with how many of these judgements are theirs."""
    names = [one.judge for one in judged]
    return {name: names.count(name) for name in sorted(set(names))}


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
