"""A run that stays open while others make it again: answers come from the run as it was, until the new one is whole and read.

So do kept benchmarks on which others score systems.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event, Lock, RLock, Thread
from typing import TypeVar

import pyarrow as pa

from assay.benchmark.keep.folder import RESULTS, Kept
from assay.errors import InputError
from assay.finished import Finished
from assay.pages.evaluation import Recommended
from assay.pages.serving import AboutRun
from assay.recommend import SCORES, Candidates, Lists
from assay.runs.manifest import FILE
from assay.search.searcher import Searcher
from assay.selection.marks import Marks
from assay.serving.boards import Test
from assay.serving.items import Items
from assay.serving.lists import Likeness, Sessions
from assay.serving.suggest import Suggester

T = TypeVar("T")
SECONDS = 1.0  # between two looks


class Served(Finished):
    """A finished run that many threads ask: each part of it is read once."""

    def __init__(self, folder: Path | str) -> None:
        super().__init__(folder)
        self._locks: dict[object, RLock] = {}
        self._locking = Lock()

    def at_hand(self, make: Callable[[Finished], T]) -> T:
        """As Finished; who comes while another thread makes it waits for it."""
        if make not in self._at_hand:
            with self._locking:
                lock = self._locks.setdefault(make, RLock())
            with lock:
                return super().at_hand(make)
        kept: T = self._at_hand[make]
        return kept

    def warm(self) -> None:
        """Read what the usual questions need, the quickest and most frequent first."""
        if self.log is None:
            return
        if self.exists("recommendations.parquet"):
            self.at_hand(Lists)
        self.at_hand(Items).warm()
        if self.exists("search/account.json"):
            self.at_hand(Searcher)
        self.at_hand(Suggester)
        if self.exists(SCORES):
            self.at_hand(Candidates)
        if self.exists("samples/takings.parquet"):
            self.at_hand(Likeness)
            self.at_hand(Sessions)
        with suppress(InputError):  # it ranks nothing, or nothing was scored
            self.at_hand(Test.of_run).board()


class Living:
    """A run under a name, taken up again when it was made again. InputError where no run is, or one that is not finished.

    marks: by people, on its training samples. run: as it is now. searching: the last that could search: a run that is made again
    has no search until it is asked for.
    """

    def __init__(self, folder: Path | str, name: str) -> None:
        self.name, self._folder = name, Path(folder)
        self.marks = Marks(folder)
        self._seen = self._signature()
        self.run = self.searching = Served(folder)
        if left := _left(self.run):
            raise InputError(
                f"{folder}: the run is not finished, the stages {', '.join(left)} have not run; finish it first: assay run CONFIG"
            )
        self._warmed: Served | None = None

    def about(self) -> AboutRun:
        """What the run is."""
        run = self.run
        show, log = run.config.show, run.log
        return AboutRun(
            name=self.name,
            title=show.title,
            about=show.about,
            request=run.config.request or "table",
            users=None if log is None else len(log.users),
            items=None if log is None else len(log.items),
            model=Recommended.read(run).model if run.exists(Recommended.path) else None,
            stages=list(run.stages),
        )

    def look(self) -> None:
        """Take the run up where it was made again and is whole; read ahead what is not read yet."""
        if self._warmed is not self.run:
            self._warmed = self.run
            with suppress(InputError):  # of a kind that cannot answer all; or it is being made again
                self.run.warm()
        signature = self._signature()
        if signature == self._seen:
            return
        new = Served(self._folder)
        if new.stages == self.run.stages:
            self._seen = signature
        elif not _left(new):
            new.warm()
            self.run = self._warmed = new
            if "search" in new.stages or "search" not in self.searching.stages:
                self.searching = new
            self._seen = signature

    def _signature(self) -> tuple[int, int, int] | None:
        """What of the manifest's file changes when it is written; None where it is not there."""
        try:
            about = (self._folder / FILE).stat()
        except OSError:
            return None
        return about.st_mtime_ns, about.st_size, about.st_ino


def _left(run: Finished) -> list[str]:
    """Last stages of a run that have not done their work; when they have, so have all others."""
    return [name for name in ("trust", "summary") if name not in run.stages]


class LivingKept:
    """A kept benchmark, taken up again when more was scored on it: answers have the former scores until all are read.

    runs: which it is shown with. predictions: see Test. make: its test, of a run; the run's at_hand knows it again.
    """

    def __init__(self, kept: Kept, runs: Sequence[Living], predictions: Mapping[str, pa.Table]) -> None:
        self.kept, self._runs, self._predictions = kept, runs, predictions
        self._seen = self._signature()
        self.make = self._maker()

    def look(self) -> None:
        """Take up what was scored since; InputError: it cannot be read, or goes not with the other scores."""
        signature = self._signature()
        if signature == self._seen:
            return
        self._seen = signature  # first: files appear whole, so that what cannot be read now is the same at the next look
        make = self._maker()
        for living in self._runs:
            test = living.run.at_hand(make)
            if test.benchmark.scores is not None:
                test.board()
        self.make = make

    def _maker(self) -> Callable[[Finished], Test]:
        return partial(Test.of_kept, self.kept, predictions=self._predictions)

    def _signature(self) -> list[tuple[str, int, int]]:
        """What of the results' files changes when one is written."""
        about = [(path.name, path.stat()) for path in (self.kept.folder / RESULTS).glob("*.parquet")]
        return sorted((name, stat.st_mtime_ns, stat.st_ino) for name, stat in about)


class Watch:
    """Looks at what lives from time to time in a thread of its own, from `start` until `stop`."""

    def __init__(self, living: Sequence[Living | LivingKept]) -> None:
        self._living, self._end = living, Event()
        self._thread = Thread(target=self._work, name="assay-watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the look that is being made."""
        self._end.set()

    def _work(self) -> None:
        while True:
            for living in self._living:
                try:
                    living.look()
                except (InputError, OSError):  # it is being written: the next look may find it whole
                    continue
            if self._end.wait(SECONDS):
                return
