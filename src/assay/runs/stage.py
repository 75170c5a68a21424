"""Stages: what one declares, and what it gets to work with.

A stage is a function from declared artefacts and a declared view of the config to artefacts. Whoever reads or writes
something else gets an UndeclaredError, so that what the graph knows of a stage is all that there is.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from assay.config import Config
from assay.errors import UndeclaredError
from assay.progress import Report
from assay.runs.manifest import Entry
from assay.runs.pages import Page
from assay.runs.store import Folder, missing, write_json, write_parquet

T = TypeVar("T")
P = TypeVar("P", bound=Page)


def always(_config: Config) -> bool:
    """Whether a stage has something to do: every config's does, unless its declaration says otherwise."""
    return True


def nothing(_config: Config, _folder: Folder) -> object:
    """What a stage reads outside of the run's folder: nothing, unless its declaration says otherwise."""
    return None


@dataclass(frozen=True)
class Stage:
    """A stage's declaration.

    name: as the command line and the manifest call it. words: what it does, as a sentence for people. follows: stages whose
    artefacts it reads. reads: keys of the config that it reads ("evaluate", "samples.period_days"). makes: names or patterns
    ("samples/*") of the artefacts that it makes, its alone. pages: classes of the pages among them. work: what it does.
    outside: fingerprint of what it reads that no stage makes, in the folder or outside. applies: whether it has something to
    do under a config. check: raises what can be said of the config before any work is done. settles: the config with what it
    leaves open decided by what the stage made, for the stages after it.
    """

    name: str
    words: str
    follows: tuple[str, ...]
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    work: Callable[["Work"], None]
    pages: tuple[type[Page], ...] = ()
    outside: Callable[[Config, Folder], object] = nothing
    applies: Callable[[Config], bool] = always
    check: Callable[[Config], None] | None = None
    settles: Callable[[Config, Folder], Config] | None = None

    def owns(self, name: str) -> bool:
        """Whether an artefact is one that this stage makes."""
        return ".." not in name.split("/") and any(fnmatchcase(name, pattern) for pattern in self.makes)


def stage(
    *,
    follows: tuple[str, ...],
    reads: tuple[str, ...],
    makes: tuple[str, ...],
    pages: tuple[type[Page], ...] = (),
    outside: Callable[[Config, Folder], object] = nothing,
    applies: Callable[[Config], bool] = always,
    check: Callable[[Config], None] | None = None,
    settles: Callable[[Config, Folder], Config] | None = None,
) -> Callable[[Callable[["Work"], None]], Stage]:
    """Declare a function of Work to be a stage: named after it, its words the first line of its module's docstring."""

    def declared(work: Callable[["Work"], None]) -> Stage:
        words = (sys.modules[work.__module__].__doc__ or "").partition("\n")[0]
        own = (*makes, *(page.path for page in pages))
        return Stage(work.__name__, words, follows, reads, own, work, pages, outside, applies, check, settles)

    return declared


class StageFolder(Folder):
    """A run's folder as one stage sees it: what stages that it follows made, and what it makes itself.

    followed: the stages that it follows; inputs: the entries of those that apply. written: what it has made so far.
    """

    def __init__(self, folder: Path, stage: Stage, followed: Sequence[Stage], inputs: Mapping[str, Entry]) -> None:
        super().__init__(folder)
        self.stage, self.written = stage, set[str]()
        self._followed, self._inputs = followed, inputs
        self._readable = {name for entry in inputs.values() for name in entry.artefacts}

    def path(self, name: str) -> Path:
        """Full path of an artefact; UndeclaredError for one that the stage neither makes nor follows."""
        if name not in self._readable and not self.stage.owns(name):
            self._declared(name)
            raise missing(self.folder / name)
        return self.folder / name

    def directory(self, name: str) -> Path:
        """Full path of a directory of artefacts; errors as `path`."""
        if not any(file.startswith(f"{name}/") for file in self._readable):
            return self.path(name)
        return self.folder / name

    def exists(self, name: str) -> bool:
        """Whether the stage has made the artefact, or one that it follows; UndeclaredError for one that none of them makes."""
        if self.stage.owns(name):
            return name in self.written
        self._declared(name)
        return name in self._readable

    def _declared(self, name: str) -> None:
        if not any(stage.owns(name) for stage in self._followed):
            follows = ", ".join(stage.name for stage in self._followed) or "none"
            raise UndeclaredError(f"stage {self.stage.name!r} reads {name}, which no stage makes that it follows ({follows})")

    def write(self, page: Page) -> None:
        """Write a page, whole or not at all. UndeclaredError: it is none of the stage's."""
        if type(page) not in self.stage.pages:
            raise UndeclaredError(f"stage {self.stage.name!r} does not declare the page {type(page).__name__}")
        write_json(self._own(page.path), page.content())
        self.written.add(page.path)

    def write_table(self, name: str, table: pa.Table | Iterable[pa.RecordBatch], schema: pa.Schema | None = None) -> int:
        """Write a table or a stream of batches as Parquet, whole or not at all; return its rows."""
        rows = write_parquet(self._own(name), table, schema)
        self.written.add(name)
        return rows

    def keep(self, files: Iterable[Path | str]) -> None:
        """Files that code wrote by their paths, or that stay as they are: they are the stage's artefacts now."""
        for file in files:
            name = str(file.relative_to(self.folder)) if isinstance(file, Path) else file
            self._own(name)
            self.written.add(name)

    def _own(self, name: str) -> Path:
        if not self.stage.owns(name):
            raise UndeclaredError(f"stage {self.stage.name!r} writes {name}, which it does not declare")
        return self.folder / name

    def output(self, stage: str) -> str:
        """Digest of everything that a followed stage made."""
        if stage not in self._inputs:
            raise UndeclaredError(f"stage {self.stage.name!r} does not follow {stage!r}")
        return self._inputs[stage].output


@dataclass
class Memory:
    """What stages of one process keep at hand for each other, by the digests of what it was made from.

    It saves time and decides nothing: without it the same would be made again.
    """

    _kept: dict[tuple[object, ...], object] = field(default_factory=dict)

    def get(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """What is kept under a key, made at first."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: Any = self._kept[key]
        return kept  # type: ignore[no-any-return]

    def forget(self, name: str) -> None:
        """Free what is kept under keys that begin with a name."""
        self._kept = {key: value for key, value in self._kept.items() if key[0] != name}


@dataclass
class Work:
    """What a stage gets: its view of the config, its folder, somebody to tell how far it is, and what is at hand.

    costs: seconds and the like that the stage wants kept in cost.json; they differ from run to run and are no artefact.
    outside: what the stage's declaration said of what no stage makes, as its fingerprint has it.
    """

    stage: Stage
    config: Config
    folder: StageFolder
    progress: Report
    memory: Memory
    costs: dict[str, object] = field(default_factory=dict)
    earlier_costs: Mapping[str, Any] = field(default_factory=dict)
    outside: object = None

    def report(self, done: int, total: int | None, what: str = "") -> None:
        """Tell how far the stage is; what: what it is at."""
        self.progress(f"{self.stage.name}: {what}" if what else self.stage.name, done, total)

    def at_hand(self, name: str, of: tuple[str, ...], make: Callable[[], T], *settings: object) -> T:
        """What `make` gives, made once for the same settings and the same artefacts of the stages `of`, which it follows."""
        return self.memory.get((name, *settings, *(self.folder.output(stage) for stage in of)), make)
