"""What is served: runs by name, kept benchmarks, and how the server may be reached."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Annotated

import pyarrow as pa
from fastapi import Depends, Request

from assay.benchmark.judged.asking import Judging
from assay.benchmark.keep.folder import Kept
from assay.errors import BusyError, InputError, NotThereError, did_you_mean
from assay.language import english
from assay.serving.boards import Test
from assay.serving.giving import Giving
from assay.serving.kept import Shelf
from assay.serving.living import Living, LivingKept, Served

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SHORTEST = 16  # characters of a token
_NOTHING = english("Nothing is served to be judged.")
_WAITING = 4  # requests for what takes long, that are answered one after another; more are refused


@dataclass(frozen=True)
class Reach:
    """How the server is reached. names: hosts that a request may name besides the address itself. token: who has it may ask."""

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.token is None and self.host not in LOOPBACK:
            raise InputError(
                f"--host {self.host} can be reached from other machines, so that a token is needed: put one into an environment"
                " variable and name it with --token-env"
            )
        if self.token is not None and len(self.token) < _SHORTEST:
            raise InputError(f"--token-env: the token has {len(self.token)} characters; give it {_SHORTEST} or more")

    @property
    def hosts(self) -> frozenset[str]:
        """Names that a request's Host may have, without the port."""
        return frozenset(name.lower() for name in (*LOOPBACK, self.host, *self.names))


@dataclass
class Site:
    """All that the server answers from.

    benchmarks: kept ones by their names. predictions: rankings from files on these, by system. giving: how lists are given out.
    judging: what people judge; else a sentence that says what it takes. kept: the benchmarks by their labels, as they are now.
    """

    runs: Sequence[Living]
    reach: Reach = field(default_factory=Reach)
    benchmarks: Sequence[Kept] = ()
    predictions: Mapping[str, pa.Table] = field(default_factory=dict)
    giving: Giving = field(default_factory=Giving)
    judging: Judging | str = _NOTHING

    def __post_init__(self) -> None:
        self._turn, self._working, self._waiting = Lock(), Lock(), BoundedSemaphore(_WAITING)
        self.kept = {kept.label: LivingKept(kept, self.runs, self.predictions) for kept in self.benchmarks}

    def living(self, name: str | None) -> Living:
        """The run of a name, by default the first. NotThereError: none has it."""
        if name is None:
            return self.runs[0]
        for living in self.runs:
            if living.name == name:
                return living
        names = [living.name for living in self.runs]
        close = did_you_mean(name, names)
        raise NotThereError(english("no run is called {name}{hint}; /api/runs lists them", name=repr(name[:80]), hint=close))

    def run(self, name: str | None) -> Served:
        """The run of a name, as it is now; see `living`."""
        return self.living(name).run

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """One at a time works within, for milliseconds: threads of Python that compute side by side only hinder each other."""
        with self._turn:
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One at a time works within: what reads all training samples or all candidates. BusyError: several wait already."""
        if not self._waiting.acquire(blocking=False):
            raise BusyError(english("several wait for answers that take long; ask once more in some seconds"))
        try:
            with self._working:
                yield
        finally:
            self._waiting.release()

    def test(self, run: str | None, benchmark: str | None) -> Test:
        """A kept benchmark by its label; by default the first, or the run's own test where none is served or "" is asked for.

        NotThereError: no benchmark of this label.
        """
        finished = self.run(run)
        if benchmark is None:
            benchmark = next(iter(self.kept), "")
        if benchmark == "":
            return finished.at_hand(Test.of_run)
        if benchmark not in self.kept:
            raise NotThereError(f"no benchmark is called {benchmark[:80]!r}; /api/runs lists them")
        return finished.at_hand(self.kept[benchmark].make)

    def places(self, first: str | None = None) -> dict[str, tuple[Test, ...]]:
        """All tests: of each run that ranks something by its name, and of each kept benchmark, with every run, by its label.

        first: the run that comes first. NotThereError: no run of that name.
        """
        tests: dict[str, tuple[Test, ...]] = {}
        front = self.living(first)
        for living in (front, *(one for one in self.runs if one is not front)):
            with suppress(InputError):  # it ranks nothing
                tests[living.name] = (living.run.at_hand(Test.of_run),)
        for label, kept in self.kept.items():
            make = kept.make
            every = [living.run.at_hand(make) for living in self.runs]
            tests[label] = tuple(sorted(every, key=lambda test: not test.run.config.show.hash_ids))  # ids as the strictest shows
        return tests

    def shelf(self) -> Shelf:
        """The kept benchmarks."""
        places, kept = self.places(), {one.label: one for one in self.benchmarks}
        runs = {living.name: places[living.name][0] for living in self.runs if living.name in places}
        return Shelf(kept, {label: places[label][0] for label in kept}, runs)

    @property
    def folders(self) -> list[Path]:
        """Where runs and benchmarks lie, which no answer says."""
        return [*(living.run.folder for living in self.runs), *(kept.folder for kept in self.benchmarks)]


def named(folders: Sequence[Path]) -> list[Living]:
    """Runs under the names of their folders; a name that is there already gets a number. InputError as Living."""
    runs: list[Living] = []
    for folder in folders:
        name = base = folder.resolve().name
        taken = {living.name for living in runs}
        number = 2
        while name in taken:
            name, number = f"{base}-{number}", number + 1
        runs.append(Living(folder, name))
    return runs


def of_request(request: Request) -> Site:
    """The site that a request asks."""
    site = request.app.state.site
    assert isinstance(site, Site)
    return site


Asked = Annotated[Site, Depends(of_request)]
