"""The graph of stages and its runner. It knows no stage by name.

A stage is done again unless its entry in the manifest is of the same fingerprint: the config keys that it declares, what it
reads outside of the folder, and the digests of what the stages before it made. Before any work the entries that do not hold
are dropped, durably; so a kill at any moment leaves nothing that would be taken for something else.
"""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assay import __version__
from assay.config import Config
from assay.errors import ConfigError, InputError, did_you_mean
from assay.progress import Report, silent
from assay.runs.costs import Cost, Meter, of_stages, read_costs, with_stage, write_costs
from assay.runs.manifest import Entry, Manifest, alone
from assay.runs.stage import Memory, Stage, StageFolder, Work
from assay.runs.store import Folder, digest, file_digest, whole_name, write_json
from assay.runs.view import values, view, without_passwords

State = Literal["fresh", "stale", "missing"]
CONFIG = "config.json"
_CACHE = "cache"


@dataclass(frozen=True)
class Done:
    """What a call of the runner did: the folder, and the stages that ran and that were there already, in order."""

    folder: Path
    ran: tuple[str, ...]
    reused: tuple[str, ...]


class Graph:
    """Stages in an order in which each follows only earlier ones.

    beside: stages that are no part of a run, and are done only when asked for. views: files that others make of artefacts.
    """

    def __init__(self, stages: Sequence[Stage], beside: Sequence[Stage] = (), *, views: Iterable[str] = ()) -> None:
        self.stages = {stage.name: stage for stage in (*stages, *beside)}
        self._beside = {stage.name for stage in beside}
        self._views = tuple(views)
        before: set[str] = set()
        for stage in self.stages.values():
            unknown = set(stage.follows) - before
            assert not unknown, f"stage {stage.name} follows {unknown}, which do not come before it"
            before.add(stage.name)

    def of(self, config: Config, *, beside: bool = False) -> list[Stage]:
        """The stages that have something to do under a config, in order; those beside the run too on request."""
        return [stage for stage in self.stages.values() if stage.applies(config) and (beside or stage.name not in self._beside)]

    def run(self, config: Config, folder: Path, report: Report, *, until: str | None = None, held: bool = False) -> Done:
        """Do the stages of a run, or those that one of them needs, in a folder; what stands is not done again.

        The folder keeps the config without its passwords. held: the caller keeps other processes out of the folder already.
        ConfigError: no such stage. The stages that have to work check what they can before any of them works.
        """
        wanted = self._wanted(config, until)
        with nullcontext() if held else alone(folder):
            runner = _Runner(self, config, Folder(folder), report)
            runner.settle_config()
            stale = runner.stale()
            waiting = (stage for stage in wanted if stage.name in stale or stage.name not in runner.manifest.entries)
            _check(waiting, runner.config)
            runner.drop_stale(stale, self._views)
            runner.keep_config()
            for stage in wanted:
                runner.do(stage)
                runner.settle_by(stage)
            if until is None:
                runner.settle()
            return runner.done()

    def check(self, config: Config, until: str | None = None) -> None:
        """Raise what can be said of a run before it: ConfigError where no stage is called `until`, and what its stages check."""
        _check(self._wanted(config, until), config)

    def add(self, config: Config, folder: Path, name: str, report: Report) -> Done:
        """Do a stage beside a finished run, of what the run's stages made; the log is not looked at.

        ConfigError: no such stage stands beside a run. InputError: a stage that it follows has not run.
        """
        if name not in self._beside:
            beside = [other for other in self.stages if other in self._beside]
            raise ConfigError(f"no stage {name!r} stands beside a run{did_you_mean(name, beside)}; these do: {', '.join(beside)}")
        stage = self.stages[name]
        _check([stage], config)
        with alone(folder):
            runner = _Runner(self, config, Folder(folder), report)
            for other in stage.follows:
                if self.stages[other].applies(config) and other not in runner.manifest.entries:
                    raise InputError(f"{folder}: the stage {other!r} has not run there; run it first: assay run CONFIG")
            if not runner.fresh(stage):
                runner.drop({name})
            runner.do(stage)
            return runner.done()

    def states(self, config: Config, folder: Path) -> dict[str, State]:
        """Each stage that applies: fresh (its artefacts are what the config asks for), stale, or missing.

        What reads something that is not there any more, as a log that was moved, is stale.
        """
        runner = _Runner(self, config, Folder(folder), silent)
        runner.settle_config()
        states: dict[str, State] = {}
        for stage in self.of(config, beside=True):
            behind = all(states.get(name, "fresh") == "fresh" for name in stage.follows)
            if stage.name not in runner.manifest.entries:
                states[stage.name] = "stale" if stage.name in runner.manifest.former else "missing"
            else:
                states[stage.name] = "fresh" if behind and runner.surely_fresh(stage) else "stale"
        return states

    def work(self, config: Config, folder: Path, name: str, report: Report = silent) -> Work:
        """What a stage gets to work with in a folder as it stands: for measurements of a finished run."""
        return _Runner(self, config, Folder(folder), report).work(self.stages[name])

    def _wanted(self, config: Config, until: str | None) -> list[Stage]:
        stages = self.of(config)
        if until is None:
            return stages
        names = [stage.name for stage in stages]
        if until not in self.stages or until in self._beside:
            known = ", ".join(name for name in self.stages if name not in self._beside)
            raise ConfigError(f"no stage {until!r}{did_you_mean(until, names)}; the stages are {known}")
        if until not in names:
            raise ConfigError(f"the stage {until!r} has nothing to do for this config; its stages are {', '.join(names)}")
        needed = {until}
        for stage in reversed(stages):
            if stage.name in needed:
                needed.update(stage.follows)
        return [stage for stage in stages if stage.name in needed]


def _check(stages: Iterable[Stage], config: Config) -> None:
    for stage in stages:
        if stage.check is not None:
            stage.check(config)


class _Runner:
    """One call of the runner: the manifest as it is kept on disk, and what was done."""

    def __init__(self, graph: Graph, config: Config, folder: Folder, report: Report) -> None:
        self.graph, self.folder, self.report = graph, folder, report
        self.asked = self.config = config  # as it came, and with what stages settled of it
        self.manifest = Manifest.read(folder)
        self.memory = Memory()
        self._ran: list[str] = []
        self._reused: list[str] = []
        self._outside: dict[str, object] = {}

    def settle_config(self) -> None:
        """Settle what the config leaves open by the stages that stand."""
        for stage in self.graph.of(self.asked):
            if stage.settles is not None and self.surely_fresh(stage):
                self.config = stage.settles(self.asked, self.folder)

    def settle_by(self, stage: Stage) -> None:
        """Settle what the config leaves open by a stage that stands, and keep that."""
        before = self.config
        if stage.settles is not None:
            self.config = stage.settles(self.asked, self.folder)
        if self.config != before and (self.folder.folder / CONFIG).exists():
            self.keep_config()

    def keep_config(self) -> None:
        """Write the config into the folder, without passwords."""
        content = without_passwords(self.config.model_dump(mode="json", exclude_none=True))
        write_json(self.folder.folder / CONFIG, content)

    def inputs(self, stage: Stage) -> dict[str, Entry]:
        """Entries of the stages that a stage follows, as far as they apply."""
        return {name: self.manifest.entries[name] for name in stage.follows if name in self.manifest.entries}

    def outside(self, stage: Stage) -> object:
        """What a stage reads that no stage makes, looked at once: what comes later is the next run's."""
        if stage.name not in self._outside:
            self._outside[stage.name] = stage.outside(self.config, self.folder)
        return self._outside[stage.name]

    def fingerprint(self, stage: Stage) -> str:
        """Digest of all that a stage reads."""
        read = {
            "version": __version__,
            "stage": stage.name,
            "config": values(self.config, stage.reads),
            "outside": self.outside(stage),
            "inputs": {name: entry.output for name, entry in self.inputs(stage).items()},
        }
        return digest(read)

    def fresh(self, stage: Stage) -> bool:
        """Whether a stage's entry is of what it would read now, and its files are there."""
        entry = self.manifest.entries.get(stage.name)
        return entry is not None and entry.fingerprint == self.fingerprint(stage) and entry.there(self.folder)

    def surely_fresh(self, stage: Stage) -> bool:
        """The same; not where what the stage reads outside of the folder is not there."""
        try:
            return self.fresh(stage)
        except InputError:
            return False

    def stale(self) -> set[str]:
        """Names of the stages whose entries do not hold under the config, and of those that follow from them."""
        applies = {stage.name for stage in self.graph.of(self.config, beside=True)}
        stale = {name for name in self.manifest.entries if name not in applies}
        for stage in self.graph.stages.values():
            if stage.name not in self.manifest.entries or stage.name in stale:
                continue
            awaited = {name for name in stage.follows if name in applies and name not in self.manifest.entries}
            if awaited or stale & set(stage.follows) or not self.fresh(stage):
                stale.add(stage.name)
        return stale

    def drop_stale(self, stale: set[str], views: Iterable[str]) -> None:
        """Drop entries that do not hold, and with them the files that others made of artefacts."""
        if stale:
            self.drop(stale)
            for name in views:
                (self.folder.folder / name).unlink(missing_ok=True)

    def drop(self, names: set[str]) -> None:
        """Drop entries, durably, with what is kept of their costs."""
        if not names & self.manifest.entries.keys():
            return
        self.manifest = self.manifest.dropped(names)
        self.manifest.write(self.folder)

    def do(self, stage: Stage) -> None:
        """Do a stage, unless its artefacts stand, or those of a former time turn out to be of the same."""
        fingerprint = self.fingerprint(stage)
        entry = self.manifest.entries.get(stage.name)
        if entry is not None and entry.fingerprint == fingerprint:
            self._reused.append(stage.name)
            return
        if self._taken_up(stage, fingerprint):
            self._reused.append(stage.name)
            return
        meter = Meter()
        work = self.work(stage)
        stage.work(work)
        artefacts = {name: file_digest(self.folder.folder / name) for name in sorted(work.folder.written)}
        self._stand(stage, Entry(fingerprint, artefacts))
        self._record(stage, meter.read(), artefacts, work.costs)
        self._ran.append(stage.name)

    def work(self, stage: Stage) -> Work:
        """What a stage gets to work with."""
        followed = [self.graph.stages[name] for name in stage.follows]
        folder = StageFolder(self.folder.folder, stage, followed, self.inputs(stage))
        seen, outside = view(self.config, stage.reads), self.outside(stage)
        return Work(stage, seen, folder, self.report, self.memory, earlier_costs=self.costs(), outside=outside)

    def _taken_up(self, stage: Stage, fingerprint: str) -> bool:
        """Whether a former entry turns out to hold; its files must have the bytes that they had."""
        former = self.manifest.former.get(stage.name)
        if former is None or former.fingerprint != fingerprint or not former.intact(self.folder):
            return False
        self._stand(stage, former)
        return True

    def _stand(self, stage: Stage, entry: Entry) -> None:
        """Keep an entry, durably, then delete what the stage left of other times."""
        self.manifest = self.manifest.with_entry(stage.name, entry)
        self.manifest.write(self.folder)
        self._tidy(stage, set(entry.artefacts))

    def _tidy(self, stage: Stage, kept: set[str]) -> None:
        """Delete the files that a stage owns, but for some, and folders that are empty then."""
        for path in sorted(self.folder.folder.rglob("*"), reverse=True):
            name = str(path.relative_to(self.folder.folder))
            if name.split("/")[0] == _CACHE:
                continue
            if path.is_dir() and not path.is_symlink():
                if stage.owns(f"{name}/") and not any(path.iterdir()):
                    path.rmdir()
            elif stage.owns(whole_name(name)) and name not in kept:
                path.unlink()

    def settle(self) -> None:
        """After a whole run: take up stages beside it that still hold, and delete what no entry names."""
        for stage in self.graph.of(self.config, beside=True):
            behind = all(name in self.manifest.entries for name in stage.follows if self._applies(name))
            if stage.name in self.manifest.former and behind:
                self._taken_up(stage, self.fingerprint(stage))
        for stage in self.graph.stages.values():
            if stage.name not in self.manifest.entries:
                self._tidy(stage, set())
        self.manifest = Manifest(self.manifest.entries)
        if self.manifest != Manifest.read(self.folder) or not self.manifest.entries:
            self.manifest.write(self.folder)
        write_costs(self.folder.folder, of_stages(self.costs(), self.manifest.entries))

    def _applies(self, name: str) -> bool:
        return self.graph.stages[name].applies(self.config)

    def costs(self) -> dict[str, Any]:
        """What cost.json holds."""
        return read_costs(self.folder.folder)

    def _record(self, stage: Stage, cost: Cost, artefacts: Iterable[str], more: dict[str, object]) -> None:
        written = [self.folder.folder / name for name in artefacts]
        write_costs(self.folder.folder, with_stage(self.costs(), stage.name, cost, written) | more)

    def done(self) -> Done:
        """What was done."""
        return Done(self.folder.folder, tuple(self._ran), tuple(self._reused))
