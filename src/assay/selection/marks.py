"""Marks that people put on training samples: keep, halve, drop, wrong label.

A run keeps them in marks.jsonl, a line for each mark or undo, to which lines are only added. No stage makes the file, so that no
run deletes it. A line counts once it is whole; what a killed writer left of one is cut off by the next. Many processes may add.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Annotated, Self, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError

from assay.errors import InputError, NotThereError
from assay.language import english
from assay.pages.serving import Decision
from assay.runs.pages import Part
from assay.runs.store import Folder
from assay.shown import one_line

FILE = "marks.jsonl"
DECISIONS: tuple[Decision, ...] = get_args(Decision)
NAME_LENGTH = 80  # characters of a person's name
SampleId = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
Asked = dict[str, str | float]
KEEP, HALVE, DROP, WRONG_LABEL = range(len(DECISIONS))  # their positions


class Mark(Part):
    """What somebody said of some samples. number: from 1, rising.

    asked: the filter that selected them when they were marked; empty where each was named.
    """

    number: int
    who: str
    when: datetime
    decision: Decision
    samples: list[SampleId]
    asked: Asked = Field(default_factory=dict)


class Undo(Part):
    """That a mark does not count any more. undoes: its number."""

    number: int
    who: str
    when: datetime
    undoes: int


Line = Mark | Undo
L = TypeVar("L", Mark, Undo)
_LINE: TypeAdapter[Line] = TypeAdapter(Line)


class NotKeptError(InputError):
    """A mark could not be written to the disk; it does not count."""


@dataclass(frozen=True)
class Standing:
    """What stands of each marked sample: its last mark that is not undone.

    sample_id (m,): rising. decision (m,): positions in DECISIONS.
    """

    sample_id: NDArray[np.int64]
    decision: NDArray[np.int8]

    @classmethod
    def after(cls, lines: Sequence[Line]) -> Self:
        """What stands after these lines, in their order."""
        undone = {line.undoes for line in lines if isinstance(line, Undo)}
        marks = [line for line in lines if isinstance(line, Mark) and line.number not in undone]
        ids = np.concatenate([np.empty(0, np.int64), *(np.array(mark.samples, np.int64) for mark in marks)])
        said = np.repeat([DECISIONS.index(mark.decision) for mark in marks], [len(mark.samples) for mark in marks])
        distinct, last = np.unique(ids[::-1], return_index=True)
        return cls(distinct, said[::-1][last].astype(np.int8))

    @classmethod
    def of_content(cls, content: object) -> Self:
        """What `content` told."""
        assert isinstance(content, Mapping)
        ids = np.concatenate([np.empty(0, np.int64), *(np.array(content[name], np.int64) for name in content)])
        said = np.concatenate([np.empty(0, np.int8), *(np.full(len(content[n]), DECISIONS.index(n), np.int8) for n in content)])
        order = np.argsort(ids)
        return cls(ids[order], said[order])

    def content(self) -> dict[str, list[int]]:
        """As JSON holds it: decision -> ids, rising; decisions that nobody made are left out."""
        by_name = {name: self.sample_id[self.decision == k].tolist() for k, name in enumerate(DECISIONS)}
        return {name: ids for name, ids in by_name.items() if ids}

    def of(self, sample_id: NDArray[np.int64]) -> NDArray[np.int8]:
        """(n,) the decision of each sample (n,), as a position in DECISIONS; -1: none."""
        if not len(self.sample_id):
            return np.full(len(sample_id), -1, np.int8)
        place = np.minimum(np.searchsorted(self.sample_id, sample_id), len(self.sample_id) - 1)
        return np.where(self.sample_id[place] == sample_id, self.decision[place], np.int8(-1))


@dataclass(frozen=True)
class Treated:
    """What marks make of n training samples: which are dropped, get half their weight, and have their label turned round.

    others: marks that stand, of samples that are none of these.
    """

    dropped: NDArray[np.bool_]
    halved: NDArray[np.bool_]
    turned: NDArray[np.bool_]
    kept: NDArray[np.bool_]
    others: int

    @classmethod
    def of(cls, marks: Standing, sample_id: NDArray[np.int64], *, can_turn: bool) -> Self:
        """can_turn: labels are 0 and 1; of other labels nobody knows the right one, so that a wrong one is dropped."""
        said = marks.of(sample_id)
        wrong, nobody = said == WRONG_LABEL, np.zeros(len(said), np.bool_)
        dropped = said == DROP if can_turn else (said == DROP) | wrong
        others = len(marks.sample_id) - int(np.count_nonzero(said >= 0))
        return cls(dropped, said == HALVE, wrong if can_turn else nobody, said == KEEP, others)


def person(name: str) -> str:
    """A person's name on one line. InputError: it is empty, or too long."""
    line = one_line(name).strip()
    if not line or len(line) > NAME_LENGTH:
        raise InputError(english("who: give the name of whoever marks, 1 to {number} characters", number=NAME_LENGTH))
    return line


class Marks:
    """The marks in a run's folder; many threads may share one."""

    def __init__(self, folder: Folder | Path | str) -> None:
        self.path = (folder.folder if isinstance(folder, Folder) else Path(folder)) / FILE
        self._lock = RLock()
        self._forget()

    def _forget(self) -> None:
        self._lines: list[Line] = []
        self._standing = Standing.after([])
        self._end = 0  # bytes that were read
        self._place: tuple[int, int] | None = None

    def lines(self) -> list[Line]:
        """Every mark and undo, in their order. InputError: the file holds something else."""
        with self._lock:
            self._read()
            return list(self._lines)

    def standing(self) -> Standing:
        """What stands now; errors as `lines`."""
        with self._lock:
            self._read()
            return self._standing

    def add(self, who: str, decision: Decision, samples: Sequence[int], asked: Asked | None = None) -> Mark:
        """Mark samples; when it returns the mark is on the disk.

        InputError: no samples, no name, or the file holds something else. NotKeptError: it cannot be written.
        """
        name, ids = person(who), sorted(set(samples))
        if not ids:
            raise InputError(english("there are no samples to mark; name some, or widen the filter"))
        return self._append(
            lambda number: Mark(
                number=number, who=name, when=datetime.now(UTC), decision=decision, samples=ids, asked=asked or {}
            )
        )

    def undo(self, who: str, number: int) -> Undo:
        """Let a mark count no more. NotThereError: there is none of this number. InputError: it is undone already."""
        name = person(who)

        def undone(next_number: int) -> Undo:
            if not any(isinstance(line, Mark) and line.number == number for line in self._lines):
                raise NotThereError(english("there is no mark {number}; the page lists them", number=number))
            if any(isinstance(line, Undo) and line.undoes == number for line in self._lines):
                raise InputError(
                    english("mark {number} is undone already; mark the samples again to have it back", number=number)
                )
            return Undo(number=next_number, who=name, when=datetime.now(UTC), undoes=number)

        return self._append(undone)

    def _append(self, make: Callable[[int], L]) -> L:
        """Write the line that `make` gives for its number, durably, while no other process writes; the line."""
        with self._lock:
            try:
                with _held(self.path) as descriptor:
                    self._read()
                    os.ftruncate(descriptor, self._end)  # what a killed writer left
                    line = make(1 + max((one.number for one in self._lines), default=0))
                    left = memoryview(line.model_dump_json().encode() + b"\n")
                    while left:
                        left = left[os.write(descriptor, left) :]
                    os.fsync(descriptor)
                    if self._end == 0:
                        _sync_folder(self.path.parent)
                    self._read()
                    return line
            except OSError as error:
                raise NotKeptError(
                    english(
                        "{name}: cannot keep marks there ({name_error}); check its rights and its free space",
                        name=self.path,
                        name_error=error.strerror or error,
                    )
                ) from None

    def _read(self) -> None:
        """Take up what was added since."""
        try:
            descriptor = _no_link(self.path, os.O_RDONLY)
        except FileNotFoundError:
            self._forget()
            return
        except OSError as error:
            raise InputError(
                english(
                    "{name}: cannot be read ({name_error}); it must be a file of its own",
                    name=self.path,
                    name_error=error.strerror,
                )
            ) from None
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            os.close(descriptor)
            raise InputError(english("{name}: is no file; take it away", name=self.path))
        with os.fdopen(descriptor, "rb") as stream:
            place = about.st_dev, about.st_ino
            if place != self._place or about.st_size < self._end:
                self._forget()
            self._place = place
            if about.st_size == self._end:
                return
            stream.seek(self._end)
            self._take_up(stream.read())

    def _take_up(self, content: bytes) -> None:
        """Take up lines that are whole; the last one may be what a killed writer left."""
        *whole, _unended = content.split(b"\n")
        for k, text in enumerate(whole):
            try:
                line = _LINE.validate_json(text)
            except ValidationError:
                if k == len(whole) - 1:
                    break
                raise InputError(
                    english(
                        "{name}: line {number} is no mark; mend it from a copy, or delete the line",
                        name=self.path,
                        number=len(self._lines) + 1,
                    )
                ) from None
            self._lines.append(line)
            self._end += len(text) + 1
        self._standing = Standing.after(self._lines)


def _no_link(path: Path | str, flags: int) -> int:
    """A descriptor of what is at the path itself: a link would lead out of the run's folder, and a pipe would make us wait."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)


@contextmanager
def _held(path: Path) -> Iterator[int]:
    """A descriptor that adds to the file, which is made where it is not there; nobody else has one meanwhile."""
    while True:
        descriptor = _no_link(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise OSError(0, "is no file")
            if _still(path, about):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _still(path: Path, about: os.stat_result) -> bool:
    """Whether the file is the one at its path: while one waits, it may be replaced."""
    try:
        return os.path.samestat(os.stat(path), about)
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    """Let a new file's name survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
